// SPDX-License-Identifier: Apache-2.0
/* The error object that keyd and the agent answer with. */
#include <string.h>

#include "facts.h"
#include "fuzz.h"
#include "json.h"

/* What is handed on of facts is within the bounds, a line each, and the same when taken again. */
static void take_facts(const json_t *doc)
{
	cc_auto_json json_t *taken = json_object(), *again = json_object();
	const json_t *list, *one;
	struct cc_error err = {0};
	size_t i, bytes = 0;

	REQUIRE(cc_facts_take(taken, json_object_get(doc, "error"), &err) == 0);
	list = json_object_get(taken, "facts");
	REQUIRE(json_array_size(list) <= CC_FACTS_MAX);
	json_array_foreach(list, i, one) {
		const char *text = json_string_value(json_object_get(one, "text"));

		REQUIRE(text && !strchr(text, '\n') && !strchr(text, '\x1b'));
		bytes += strlen(text);
	}
	REQUIRE(bytes <= CC_FACTS_BYTES);
	REQUIRE(cc_facts_take(again, taken, &err) == 0 && json_equal(taken, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cc_error err = {0}, back = {0};
	json_t *doc = cc_json_parse((const char *)data, size, "answer", &err), *out;

	if (doc && cc_error_from_json(&err, doc)) {
		REQUIRE(err.code != CC_OK && !strchr(err.text, '\n') && !strchr(err.text, '\x1b'));
		out = cc_error_to_json(&err);
		REQUIRE(out && cc_error_from_json(&back, out));
		REQUIRE(back.code == err.code && !strcmp(back.text, err.text));
		json_decref(out);
		take_facts(doc);
	}
	json_decref(doc);
	return 0;
}
