// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_why.c - dmctl why: what the agent kept of a container that did not get its volume.
 */
#include <getopt.h>
#include <string.h>

#include "bind/refusal.h"
#include "cli/cmd.h"
#include "cli/output.h"
#include "cli/refusal_text.h"
#include "paths.h"

static void print_record(const json_t *record)
{
	static const struct column fields[] = {
		{"Container", "container"}, {"Name", "name"}, {"Engine", "engine"},
		{"Volume", "volume"},	    {"Time", "time"}, {NULL, NULL},
	};
	const json_t *error = json_object_get(record, "error");

	output_record(stdout, record, fields);
	puts("");
	refusal_text_facts(stdout, "", error);
	refusal_text_patch(stdout, error);
}

int cmd_why(int argc, char **argv, const struct global_options *g)
{
	static const char *const names[] = {"CONTAINER or VOLUME", NULL};
	cc_auto_json json_t *record = NULL;
	struct cc_error err;

	if (cmd_only_arguments(g, argc, argv, names))
		return CC_E_USAGE;
	record = refusal_find(CC_REFUSALS_DIR, argv[optind], &err);
	if (!record)
		return cmd_fail(g, &err);
	if (g->json)
		output_json(record);
	else
		print_record(record);
	return CC_OK;
}
