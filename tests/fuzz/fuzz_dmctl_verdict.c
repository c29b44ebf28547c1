// SPDX-License-Identifier: Apache-2.0
/*
 * The hook's own reader of the agent's answer, against jansson: it says yes only where that finds
 * a whole object with "ok": true and no error in it.
 */
#include <string.h>

#include "dmctl/hook/verdict.c"
#include "fuzz.h"
#include "json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cc_auto_free char *text = strndup((const char *)data, size);
	cc_auto_json json_t *doc = NULL;
	struct verdict v;

	if (!text || verdict_parse(text, &v))
		return 0;
	REQUIRE(v.status >= 0 && v.status <= 255 && strlen(v.text) < sizeof(v.text));
	for (const char *c = v.text; *c; c++)
		REQUIRE((unsigned char)*c >= 0x20 && *c != 0x7f);
	REQUIRE(strlen(v.others) < sizeof(v.others));
	for (const char *c = v.others; *c; c++)
		REQUIRE(*c == '\n' || ((unsigned char)*c >= 0x20 && *c != 0x7f));
	doc = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	if (doc && v.final && v.status == 0)
		REQUIRE(json_is_true(json_object_get(doc, "ok")) && !json_object_get(doc, "error"));
	return 0;
}
