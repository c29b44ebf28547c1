// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_ps.c - dmctl ps, inspect: which containers have a volume.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "bind/upkeep.h"
#include "cli/agent_client.h"
#include "cli/cmd.h"
#include "cli/output.h"
#include "cli/ps_upkeep.h"
#include "cli/rows.h"

#define SHORT_ID 12 /* digits */

/* "frozen" and "lapsed" say more than "bound". */
static void add_state(json_t *b)
{
	json_t *lease = json_object_get(b, "lease");
	const char *state = json_string_value(json_object_get(lease, "state"));
	const char *bound = json_string_value(json_object_get(b, "state"));

	output_add_time(lease, "leftMs", "left");
	if (state && bound && strcmp(bound, "bound") == 0 && strcmp(state, "active") != 0)
		bound = state;
	if (json_object_get(b, "heldBy"))
		bound = "held";
	json_object_set_new(b, "shown", json_string(bound ? bound : "-"));
}

/* Those lines of the gate that stand: "open,look". */
static void add_lines(json_t *b)
{
	const char *name;
	char text[64] = "";
	json_t *stands;
	size_t len = 0;

	json_object_foreach(json_object_get(b, "gate"), name, stands)
		if (json_is_true(stands) && len < sizeof(text))
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%.20s",
						len ? "," : "", name);
	json_object_set_new(b, "lines", json_string(len ? text : "none"));
}

/* Adds what the table shows: in place of 64 hex digits, of two states, of milliseconds. */
static void add_texts(json_t *bindings, bool whole)
{
	json_t *b;
	size_t i;

	json_array_foreach(bindings, i, b) {
		const char *name = json_string_value(json_object_get(b, "containerName"));
		const char *id = json_string_value(json_object_get(b, "container")) ?: "";
		char text[80];

		snprintf(text, sizeof(text), "%.*s", name && *name ? 79 : SHORT_ID,
			 name && *name ? name : id);
		json_object_set_new(b, "short", json_string(text));
		snprintf(text, sizeof(text), "%.*s", whole ? (int)sizeof(text) - 1 : SHORT_ID, id);
		json_object_set_new(b, "id", json_string(text));
		add_lines(b);
		add_state(b);
	}
}

/* What add_texts() has added is no part of the API's object. */
static void drop_texts(json_t *bindings)
{
	json_t *b;
	size_t i;

	json_array_foreach(bindings, i, b) {
		json_object_del(b, "short");
		json_object_del(b, "id");
		json_object_del(b, "lines");
		json_object_del(b, "shown");
		json_object_del(json_object_get(b, "lease"), "left");
	}
}

static const struct row_key keys[] = {
	{"volume", "volume", false},
	{"name", "containerName", false},
	{"id", "container", true},
	{"engine", "engine", false},
	{"state", "shown", false},
	{"mount", "mountPoint", false},
	{0},
};

/**
 * struct ps_options - what dmctl ps was asked.
 * @whole: nothing is cut
 * @quiet: ids only
 * @format: NULL: a table
 */
struct ps_options {
	struct row_filter filter;
	bool whole, quiet;
	const char *format;
};

static int take_options(int argc, char **argv, struct ps_options *o, const struct global_options *g)
{
	static const struct option options[] = {
		{"filter", required_argument, NULL, 'f'},
		{"format", required_argument, NULL, 'F'},
		{"quiet", no_argument, NULL, 'q'},
		{"no-trunc", no_argument, NULL, 'w'},
		{0},
	};
	static const char *const nothing[] = {NULL};
	struct cc_error err;
	int c;

	while ((c = getopt_long(argc, argv, "f:q", options, NULL)) != -1) {
		if (c == '?')
			return cmd_bad_option(g, argv);
		if (c == 'f' && row_filter_add(&o->filter, keys, optarg, &err))
			return cmd_fail(g, &err);
		if (c == 'F')
			o->format = optarg;
		o->quiet |= c == 'q';
		o->whole |= c == 'w';
	}
	return cmd_arguments(g, argc, argv, nothing);
}

/* Who keeps volumes from being taken away, a line each, below the table. */
static void print_holders(const json_t *bindings)
{
	const json_t *b;
	size_t i;

	json_array_foreach(bindings, i, b) {
		const char *held = json_string_value(json_object_get(b, "heldBy"));

		if (held)
			fprintf(stderr, "dmctl: volume %s is held: %s\n",
				json_string_value(json_object_get(b, "volume")), held);
	}
}

/* What is known less well of a container than of others. */
static void print_doubts(const json_t *bindings)
{
	const json_t *b;
	size_t i;

	json_array_foreach(bindings, i, b) {
		const char *volume = json_string_value(json_object_get(b, "volume"));

		if (json_is_true(json_object_get(b, "lookedLate")))
			fprintf(stderr,
				"dmctl: volume %s: its program had begun when it was looked at; "
				"file, arguments and environment are not known\n",
				volume);
		if (json_is_true(json_object_get(b, "filterUnread")))
			fprintf(stderr,
				"dmctl: volume %s: its program's seccomp filter was not compared "
				"with config.json's; see \"dmctl doctor\"\n",
				volume);
	}
}

static void show_table(json_t *bindings, bool whole)
{
	static const struct column usual[] = {
		{"VOLUME", "volume"},	 {"CONTAINER", "short"}, {"ENGINE", "engine"},
		{"MOUNT", "mountPoint"}, {"STATE", "shown"},	 {"LEFT", "lease.left"},
		{"GATE", "lines"},	 {"SINCE", "since"},	 {NULL, NULL},
	};
	static const struct column with_id[] = {
		{"VOLUME", "volume"},	{"CONTAINER ID", "id"},	 {"CONTAINER", "short"},
		{"ENGINE", "engine"},	{"MOUNT", "mountPoint"}, {"STATE", "shown"},
		{"LEFT", "lease.left"}, {"SINCE", "since"},	 {NULL, NULL},
	};

	if (whole)
		output_table(stdout, bindings, with_id, 0);
	else
		output_rows(bindings, usual);
	print_holders(bindings);
	print_doubts(bindings);
	ps_upkeep_print(stderr, bindings);
}

/* Containers and the programs that work on volumes; new reference. */
static json_t *all_rows(const char *agent, bool whole, struct cc_error *err)
{
	cc_auto_json json_t *rows = NULL, *upkeep = NULL;

	if (agent_bindings(agent, &rows, err) || upkeep_list(CC_UPKEEP_DIR, &upkeep, err))
		return NULL;
	add_texts(rows, whole);
	return ps_upkeep_add(rows, upkeep, err) ? NULL : cc_steal(rows);
}

static void show_json(json_t *rows)
{
	cc_auto_json json_t *upkeep = ps_upkeep_split(rows), *answer = NULL;

	drop_texts(rows);
	answer = json_pack("{s:b, s:O, s:O}", "ok", 1, "bindings", rows, "upkeep", upkeep);
	output_json(answer);
}

/* Ids are those of containers. */
static int show_formatted(json_t *rows, const struct ps_options *o, struct cc_error *err)
{
	if (!o->quiet)
		return row_format(stdout, rows, o->format, err);
	json_decref(ps_upkeep_split(rows));
	return row_format(stdout, rows, "{{.id}}", err);
}

int cmd_ps(int argc, char **argv, const struct global_options *g)
{
	cc_auto_json json_t *rows = NULL;
	struct ps_options o = {0};
	struct cc_error err;
	int rc = take_options(argc, argv, &o, g);

	if (rc)
		return rc;
	rows = all_rows(g->agent, o.whole, &err);
	if (!rows)
		return cmd_fail(g, &err);
	row_filter_apply(&o.filter, rows);
	if (g->json)
		show_json(rows);
	else if (o.quiet || o.format)
		return show_formatted(rows, &o, &err) ? cmd_fail(g, &err) : CC_OK;
	else
		show_table(rows, o.whole);
	return CC_OK;
}

static void keep_container(json_t *bindings, const char *container)
{
	for (size_t i = json_array_size(bindings); i > 0; i--)
		if (!agent_is_of_container(json_array_get(bindings, i - 1), container))
			json_array_remove(bindings, i - 1);
}

int cmd_inspect(int argc, char **argv, const struct global_options *g)
{
	static const struct option options[] = {
		{"format", required_argument, NULL, 'F'},
		{0},
	};
	static const char *const names[] = {"CONTAINER", NULL};
	cc_auto_json json_t *bindings = NULL;
	const char *format = "json";
	struct cc_error err;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return cmd_bad_option(g, argv);
		format = optarg;
	}
	if (cmd_arguments(g, argc, argv, names))
		return CC_E_USAGE;
	if (agent_bindings(g->agent, &bindings, &err))
		return cmd_fail(g, &err);
	keep_container(bindings, argv[optind]);
	if (!json_array_size(bindings)) {
		cc_fail(&err, CC_E_NOTFOUND,
			"no container %.80s has a volume here; see \"dmctl ps\"", argv[optind]);
		return cmd_fail(g, &err);
	}
	return row_format(stdout, bindings, g->json ? "json" : format, &err) ? cmd_fail(g, &err)
									     : CC_OK;
}
