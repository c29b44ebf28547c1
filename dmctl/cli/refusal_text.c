// SPDX-License-Identifier: Apache-2.0
#include "cli/refusal_text.h"

static const char *text_of(const json_t *obj, const char *key)
{
	return json_string_value(json_object_get(obj, key)) ?: "?";
}

void refusal_text_facts(FILE *f, const char *prefix, const json_t *error)
{
	const json_t *list = json_object_get(error, "facts"), *one;
	json_int_t n = json_integer_value(json_object_get(error, "factCount"));
	size_t i;

	if (json_array_size(list) == 0)
		fprintf(f, "%s%s\n", prefix, text_of(error, "message"));
	json_array_foreach(list, i, one)
		fprintf(f, "%s%s\n", prefix, text_of(one, "text"));
	if (n > (json_int_t)json_array_size(list))
		fprintf(f, "%sand %d more\n", prefix, (int)n - (int)json_array_size(list));
}

static void print_left(FILE *f, const json_t *left)
{
	const json_t *one;
	size_t i;

	if (json_array_size(left) == 0)
		return;
	fprintf(f, "\nNo predicate allows:\n");
	json_array_foreach(left, i, one)
		fprintf(f, "%s\n", json_string_value(one) ?: "?");
}

void refusal_text_patch(FILE *f, const json_t *error)
{
	const json_t *patch = json_object_get(error, "patch");
	const json_t *of = json_object_get(json_object_get(error, "patchOf"), "serial");
	cc_auto_free char *text = NULL;
	char whose[48] = "";

	if (json_object_size(patch)) {
		text = json_dumps(patch, JSON_INDENT(2));
		if (json_is_integer(of))
			snprintf(whose, sizeof(whose), " of serial %" JSON_INTEGER_FORMAT,
				 json_integer_value(of));
		fprintf(f,
			"\nThis merge patch (RFC 7396) of the predicate%s would allow it; look at "
			"it before you sign:\n%s\n",
			whose, text ? text : "?");
	}
	print_left(f, json_object_get(error, "left"));
}
