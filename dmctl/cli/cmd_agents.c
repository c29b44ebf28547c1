// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_agents.c - dmctl agents enroll, invite, certificate, ls, set, rm: host agents whose evidence
 * keyd believes.
 */
#include <getopt.h>
#include <string.h>

#include "cli/cmd.h"
#include "client/key_file.h"
#include "client/keyd_client.h"
#include "cli/output.h"
#include "cli/rows.h"
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

/* What a POST of @body for agent @name answers, of which @members are for a human. */
static int post(const struct global_options *g, const char *name, const char *what,
		const json_t *body, const char *const members[])
{
	cc_auto_json json_t *answer = NULL;
	struct cc_error err;
	char path[128];

	if (keyd_name(name, "agent", &err))
		return cmd_fail(g, &err);
	snprintf(path, sizeof(path), "/v1/agents/%s/%s", name, what);
	if (keyd_request("POST", path, body, &answer, &err))
		return cmd_fail(g, &err);
	if (g->json)
		output_json(answer);
	for (size_t i = 0; !g->json && members[i]; i++) {
		const char *text = json_string_value(json_object_get(answer, members[i])) ?: "";
		size_t len = strlen(text);

		printf("%s%s", text, len && text[len - 1] == '\n' ? "" : "\n");
	}
	return CC_OK;
}

int cmd_agents_invite(int argc, char **argv, const struct global_options *g)
{
	static const struct option options[] = {
		{"for", required_argument, NULL, 'f'},
		{"volumes", required_argument, NULL, 'v'},
		{0},
	};
	static const char *const names[] = {"NAME", NULL}, *const shown[] = {"token", NULL};
	cc_auto_json json_t *body = NULL;
	const char *volumes = NULL;
	int64_t seconds = 3600;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return cmd_bad_option(g, argv);
		if (c == 'f' && row_span(optarg, &seconds))
			return cmd_usage(g, argv[0], "--for takes a time like 10m or 1h");
		if (c == 'v' && scope_take(g, argv[0], optarg, &volumes))
			return CC_E_USAGE;
	}
	if (cmd_arguments(g, argc, argv, names))
		return CC_E_USAGE;
	body = json_pack("{s:I, s:s*}", "seconds", (json_int_t)seconds, "volumes", volumes);
	return post(g, argv[optind], "invite", body, shown);
}

int cmd_agents_certificate(int argc, char **argv, const struct global_options *g)
{
	static const struct option none[] = {{0}};
	static const char *const names[] = {"NAME", NULL};
	static const char *const shown[] = {"certificate", "ca", NULL};
	cc_auto_json json_t *body = json_object();

	if (getopt_long(argc, argv, "", none, NULL) != -1)
		return cmd_bad_option(g, argv);
	if (cmd_arguments(g, argc, argv, names))
		return CC_E_USAGE;
	return post(g, argv[optind], "certificate", body, shown);
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
