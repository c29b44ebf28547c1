// SPDX-License-Identifier: Apache-2.0
/* The error object that keyd and the agent answer with. */
#include <string.h>

#include "fuzz.h"
#include "json.h"

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
	}
	json_decref(doc);
	return 0;
}
