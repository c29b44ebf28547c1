// SPDX-License-Identifier: Apache-2.0
/*
 * The document of dmctl apply: what is taken is the same when it is written and read again. Files
 * that it names are left out, so that nothing else is read.
 */
#include <string.h>

#include "dmctl/state/document.h"
#include "fuzz.h"

static void forget_files(json_t *doc)
{
	static const char *const files[] = {"pemFile", "jwkFile", "envelopeFile"};

	for (int kind = 0; kind < STATE_KINDS; kind++) {
		json_t *list = json_object_get(doc, state_section((enum state_kind)kind)), *entry;
		size_t i;

		json_array_foreach(list, i, entry)
			for (size_t k = 0; k < sizeof(files) / sizeof(files[0]); k++)
				json_object_del(entry, files[k]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct state s = {0}, again = {0};
	struct cc_error err = {0};
	json_t *doc = cc_json_parse((const char *)data, size, "document", &err), *out, *back;

	if (!doc)
		return 0;
	forget_files(doc);
	if (state_document_parse(doc, NULL, &s, &err)) {
		REQUIRE(err.code && err.text[0]);
	} else {
		out = state_to_json(&s);
		REQUIRE(out && !state_document_parse(out, NULL, &again, &err));
		back = state_to_json(&again);
		REQUIRE(back && json_equal(out, back));
		json_decref(out);
		json_decref(back);
		state_clear(&again);
	}
	state_clear(&s);
	json_decref(doc);
	return 0;
}
