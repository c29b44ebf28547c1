// SPDX-License-Identifier: Apache-2.0
/*
 * ps_upkeep.c - programs that work on volumes, among the rows of "dmctl ps".
 */
#include "cli/ps_upkeep.h"

#include <string.h>

#include "cli/output.h"

static const char *string_member(const json_t *obj, const char *key)
{
	return json_string_value(json_object_get(obj, key)) ?: "";
}

/* The binding that is being made of that volume, or NULL. */
static json_t *row_being_bound(const json_t *rows, const char *volume)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		const char *state = string_member(row, "state");

		if (strcmp(string_member(row, "volume"), volume) == 0 &&
		    (strcmp(state, "intent") == 0 || strcmp(state, "asked") == 0 ||
		     strcmp(state, "leased") == 0))
			return row;
	}
	return NULL;
}

/* "e2fsck[1234]": the first word's last name, as logs have it. */
static void name_of(const json_t *one, char name[static 64])
{
	const char *command = string_member(one, "command"), *end = command + strcspn(command, " ");

	for (const char *p = command; p < end; p++)
		if (*p == '/')
			command = p + 1;
	snprintf(name, 64, "%.*s[%lld]", end - command > 40 ? 40 : (int)(end - command), command,
		 (long long)json_integer_value(json_object_get(one, "pid")));
}

static int add_one(json_t *rows, json_t *one)
{
	json_t *row = strcmp(string_member(one, "kind"), "check") == 0
			      ? row_being_bound(rows, string_member(one, "volume"))
			      : NULL;
	char name[64];

	if (row)
		return json_object_set_new(row, "shown", json_string("check")) ||
		       json_object_set(row, "upkeep", one);
	name_of(one, name);
	return json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s, s:s, s:O}", "volume",
						     string_member(one, "volume"), "short", name,
						     "shown", string_member(one, "kind"), "state",
						     string_member(one, "kind"), "since",
						     string_member(one, "since"), "upkeep", one));
}

int ps_upkeep_add(json_t *rows, const json_t *upkeep, struct cc_error *err)
{
	json_t *one;
	size_t i;

	json_array_foreach(upkeep, i, one)
		if (add_one(rows, one))
			return cc_fail(err, CC_E_NOMEM, "out of memory");
	return 0;
}

bool ps_upkeep_is(const json_t *row)
{
	return json_object_get(row, "upkeep") && !json_object_get(row, "container");
}

json_t *ps_upkeep_split(json_t *rows)
{
	json_t *list = json_array(), *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (json_object_get(row, "upkeep"))
			json_array_append(list, json_object_get(row, "upkeep"));
	for (i = json_array_size(rows); i > 0; i--) {
		row = json_array_get(rows, i - 1);
		if (ps_upkeep_is(row))
			json_array_remove(rows, i - 1);
		else
			json_object_del(row, "upkeep");
	}
	return list;
}

static void print_one(FILE *f, json_t *one)
{
	const json_t *progress = json_object_get(one, "progress");
	char line[1024];
	int len;

	output_add_time(one, "elapsedMs", "elapsed");
	len = snprintf(line, sizeof(line),
		       "volume %s: %.512s (process %lld) has been running for %s",
		       string_member(one, "volume"), string_member(one, "command"),
		       (long long)json_integer_value(json_object_get(one, "pid")),
		       string_member(one, "elapsed"));
	json_object_del(one, "elapsed");
	if (json_is_object(progress) && len > 0 && (size_t)len < sizeof(line))
		snprintf(line + len, sizeof(line) - (size_t)len, ": pass %lld of 5, %lld %%",
			 (long long)json_integer_value(json_object_get(progress, "pass")),
			 (long long)json_integer_value(json_object_get(progress, "percent")));
	cc_text_clean(line);
	fprintf(f, "dmctl: %s\n", line);
}

void ps_upkeep_print(FILE *f, const json_t *rows)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (json_object_get(row, "upkeep"))
			print_one(f, json_object_get(row, "upkeep"));
}
