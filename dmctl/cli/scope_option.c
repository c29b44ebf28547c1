// SPDX-License-Identifier: Apache-2.0
/*
 * scope_option.c - the option that says which volumes an agent or a signer is for.
 */
#include "cli/scope_option.h"

#include <getopt.h>

#include "client/keyd_client.h"
#include "cli/output.h"
#include "scope.h"

int scope_take(const struct global_options *g, const char *verb, const char *text,
	       const char **value)
{
	struct cc_scope scope;
	struct cc_error err;

	if (cc_scope_parse(text, &scope, &err))
		return cmd_usage(g, verb, "--volumes: %s", err.text);
	*value = text;
	return 0;
}

int scope_option(int argc, char **argv, const struct global_options *g, const char *const *names,
		 const char **value)
{
	static const struct option options[] = {
		{"volumes", required_argument, NULL, 'v'},
		{0},
	};
	int c;

	*value = NULL;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return cmd_bad_option(g, argv);
		if (scope_take(g, argv[0], optarg, value))
			return CC_E_USAGE;
	}
	return cmd_arguments(g, argc, argv, names);
}

int scope_set(int argc, char **argv, const struct global_options *g, const char *path,
	      const char *what)
{
	static const char *const names[] = {"NAME", NULL};
	cc_auto_json json_t *body = NULL, *answer = NULL;
	struct cc_error err;
	const char *volumes;
	char full[160];

	if (scope_option(argc, argv, g, names, &volumes))
		return CC_E_USAGE;
	if (!volumes)
		return cmd_usage(g, argv[0], "--volumes is missing");
	if (keyd_name(argv[optind], what, &err))
		return cmd_fail(g, &err);
	snprintf(full, sizeof(full), "%s/%s/set", path, argv[optind]);
	body = json_pack("{s:s}", "volumes", volumes);
	if (keyd_request("POST", full, body, &answer, &err))
		return cmd_fail(g, &err);
	if (g->json)
		output_json(answer);
	return CC_OK;
}
