// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_signer.c - dmctl signer add, ls, set, rm: public keys that may sign identities.
 */
#include <getopt.h>
#include <string.h>

#include "cli/cmd.h"
#include "client/key_file.h"
#include "client/keyd_client.h"
#include "cli/output.h"
#include "cli/scope_option.h"

int cmd_signer_add(int argc, char **argv, const struct global_options *g)
{
	static const char *const names[] = {"NAME", "FILE.pem", NULL};
	cc_auto_json json_t *body = NULL;
	cc_auto_json json_t *answer = NULL;
	cc_auto_free char *pem = NULL;
	const char *volumes;
	struct cc_error err;

	if (scope_option(argc, argv, g, names, &volumes))
		return CC_E_USAGE;
	if (keyd_name(argv[optind], "signer", &err))
		return cmd_fail(g, &err);
	pem = key_file_pem(argv[optind + 1], &err);
	if (!pem)
		return cmd_fail(g, &err);
	body = json_pack("{s:s, s:s, s:s*}", "name", argv[optind], "pem", pem, "volumes", volumes);
	if (keyd_request("POST", "/v1/signers", body, &answer, &err))
		return cmd_fail(g, &err);
	if (g->json)
		output_json(answer);
	else
		puts(json_string_value(json_object_get(answer, "keyid")) ?: "");
	return CC_OK;
}

int cmd_signer_ls(int argc, char **argv, const struct global_options *g)
{
	static const struct column columns[] = {
		{"NAME", "name"},
		{"KEY", "keyid"},
		{"VOLUMES", "volumes"},
		{NULL, NULL},
	};

	return cmd_list(argc, argv, g, "/v1/signers", "signers", columns);
}

int cmd_signer_set(int argc, char **argv, const struct global_options *g)
{
	return scope_set(argc, argv, g, "/v1/signers", "signer");
}

int cmd_signer_rm(int argc, char **argv, const struct global_options *g)
{
	return cmd_delete(argc, argv, g, "/v1/signers", "signer");
}
