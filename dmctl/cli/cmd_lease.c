// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_lease.c - dmctl lease ls, revoke.
 */
#include <getopt.h>
#include <string.h>

#include "cli/cmd.h"
#include "client/keyd_client.h"
#include "name.h"
#include "cli/output.h"

/* What the table shows beside the API's members. */
static void add_texts(json_t *lease)
{
	const json_t *left = json_object_get(lease, "leftMs");
	const char *state = "held";

	output_add_time(lease, "leftMs", "left");
	if (json_is_integer(left) && json_integer_value(left) == 0)
		state = "ended";
	else if (json_is_true(json_object_get(lease, "revoked")))
		state = "revoked";
	else if (json_is_true(json_object_get(lease, "shared")))
		state = "shared";
	json_object_set_new(lease, "state", json_string(state));
}

int cmd_lease_ls(int argc, char **argv, const struct global_options *g)
{
	static const struct column columns[] = {
		{"LEASE", "id"},	{"VOLUME", "volume"},	    {"AGENT", "agent"},
		{"FENCE", "fence"},	{"STATE", "state"},	    {"LEFT", "left"},
		{"GRANTED", "granted"}, {"CONTAINER", "container"}, {NULL, NULL},
	};
	static const char *const nothing[] = {NULL};
	cc_auto_json json_t *answer = NULL;
	json_t *leases = NULL, *one;
	struct cc_error err;
	size_t i;

	if (cmd_only_arguments(g, argc, argv, nothing))
		return CC_E_USAGE;
	if (keyd_list("/v1/leases", "leases", &answer, &leases, &err))
		return cmd_fail(g, &err);
	cmd_tell_bad_rows(answer);
	if (g->json) {
		output_json(answer);
		return CC_OK;
	}
	json_array_foreach(leases, i, one)
		add_texts(one);
	output_rows(leases, columns);
	return CC_OK;
}

int cmd_lease_revoke(int argc, char **argv, const struct global_options *g)
{
	static const char *const names[] = {"LEASE", NULL};
	cc_auto_json json_t *answer = NULL;
	struct cc_error err;
	json_int_t left;
	char path[96];

	if (cmd_only_arguments(g, argc, argv, names))
		return CC_E_USAGE;
	if (!cc_is_uuid(argv[optind]))
		return cmd_usage(g, argv[0], "\"%.40s\" is not a lease id (see \"dmctl lease ls\")",
				 argv[optind]);
	snprintf(path, sizeof(path), "/v1/leases/%s", argv[optind]);
	if (keyd_request("DELETE", path, NULL, &answer, &err))
		return cmd_fail(g, &err);
	if (g->json) {
		output_json(answer);
		return CC_OK;
	}
	left = json_integer_value(json_object_get(answer, "leftMs"));
	if (left)
		fprintf(stderr,
			"dmctl: it is no longer renewed; nobody else gets the volume before it is "
			"returned, at most %" JSON_INTEGER_FORMAT " s from now\n",
			(left + 999) / 1000);
	return CC_OK;
}
