// SPDX-License-Identifier: Apache-2.0
/* YAML: what is taken is JSON, within its bounds, and is the same when it is read again as YAML. */
#include <string.h>

#include "dmctl/state/yaml.h"
#include "fuzz.h"

static size_t depth_of(const json_t *value)
{
	size_t deepest = 0, i;
	const char *key;
	json_t *one;

	json_object_foreach((json_t *)(uintptr_t)value, key, one) {
		size_t depth = depth_of(one);

		deepest = depth > deepest ? depth : deepest;
	}
	json_array_foreach(value, i, one) {
		size_t depth = depth_of(one);

		deepest = depth > deepest ? depth : deepest;
	}
	return deepest + (json_is_object(value) || json_is_array(value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cc_error err = {0};
	cc_auto_json json_t *value = yaml_parse((const char *)data, size, "f", &err), *again = NULL;
	cc_auto_free char *text = NULL;

	if (!value) {
		REQUIRE(err.code == CC_E_INVALID && err.text[0] && !strchr(err.text, '\n'));
		return 0;
	}
	REQUIRE(depth_of(value) <= YAML_DEPTH_MAX);
	/*
	 * whatever is JSON is YAML; but a key may be too long for a simple one there, and a
	 * character is not escaped as a pair of surrogates
	 */
	text = json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	REQUIRE(text);
	if (size > 512 || strstr(text, "\\uD8") || strstr(text, "\\uD9") || strstr(text, "\\uDA") ||
	    strstr(text, "\\uDB"))
		return 0;
	again = yaml_parse(text, strlen(text), "f", &err);
	REQUIRE(again && json_equal(value, again));
	return 0;
}
