// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_agents.c - dmctl agents enroll, ls, set, rm: host agents whose evidence keyd believes.
 */
#include <getopt.h>
#include <string.h>

#include "cli/cmd.h"
#include "client/key_file.h"
#include "client/keyd_client.h"
#include "cli/output.h"
#include "cli/scope_option.h"

int cmd_agents_enroll(int argc, char **argv, const struct global_options *g)
{
	static const char *const names[] = {"NAME", "FILE.jwk", NULL};
	cc_auto_json json_t *body = NULL;
	cc_auto_json json_t *answer = NULL;
	cc_auto_json json_t *jwk = NULL;
	const char *volumes;
	struct cc_error err;

	if (scope_option(argc, argv, g, names, &volumes))
		return CC_E_USAGE;
	if (keyd_name(argv[optind], "agent", &err))
		return cmd_fail(g, &err);
	jwk = key_file_jwk(argv[optind + 1], &err);
	if (!jwk)
		return cmd_fail(g, &err);
	body = json_pack("{s:s, s:O, s:s*}", "name", argv[optind], "jwk", jwk, "volumes", volumes);
	if (keyd_request("POST", "/v1/agents", body, &answer, &err))
		return cmd_fail(g, &err);
	if (g->json)
		output_json(answer);
	else
		puts(json_string_value(json_object_get(answer, "thumbprint")) ?: "");
	return CC_OK;
}

int cmd_agents_ls(int argc, char **argv, const struct global_options *g)
{
	static const struct column columns[] = {
		{"NAME", "name"},
		{"KEY", "thumbprint"},
		{"VOLUMES", "volumes"},
		{NULL, NULL},
	};

	return cmd_list(argc, argv, g, "/v1/agents", "agents", columns);
}

int cmd_agents_set(int argc, char **argv, const struct global_options *g)
{
	return scope_set(argc, argv, g, "/v1/agents", "agent");
}

int cmd_agents_rm(int argc, char **argv, const struct global_options *g)
{
	return cmd_delete(argc, argv, g, "/v1/agents", "agent");
}
