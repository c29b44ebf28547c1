// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_lease.c - dmctl lease ls, revoke.
 */
#include <getopt.h>
#include <string.h>

#include "cmd.h"
#include "keyd_client.h"
#include "output.h"

int cmd_lease_ls(int argc, char **argv, const struct globals *g)
{
	static const struct column columns[] = {
		{"LEASE", "id"},    {"VOLUME", "volume"},   {"AGENT", "agent"},
		{"FENCE", "fence"}, {"GRANTED", "granted"}, {"CONTAINER", "container"},
		{NULL, NULL},
	};

	return cmd_list(argc, argv, g, "/v1/leases", "leases", columns);
}

int cmd_lease_revoke(int argc, char **argv, const struct globals *g)
{
	static const char *const names[] = {"LEASE", NULL};
	cc_auto_json json_t *answer = NULL;
	struct cc_error err;
	char path[96];

	if (cmd_only_arguments(g, argc, argv, names))
		return CC_E_USAGE;
	if (!cc_is_uuid(argv[optind]))
		return cmd_usage(g, argv[0], "\"%.40s\" is no lease id (see \"dmctl lease ls\")",
				 argv[optind]);
	snprintf(path, sizeof(path), "/v1/leases/%s", argv[optind]);
	if (keyd_request("DELETE", path, NULL, &answer, &err))
		return cmd_fail(g, &err);
	if (g->json)
		output_json(answer);
	return CC_OK;
}
