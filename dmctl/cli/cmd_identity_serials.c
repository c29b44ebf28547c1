// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_identity_serials.c - dmctl identity ls, revoke, drain: the identities that keyd has of a
 * volume, by serial.
 */
#include <getopt.h>
#include <string.h>

#include "cli/cmd.h"
#include "client/keyd_client.h"
#include "cli/output.h"

#define SERIAL_MAX ((1ULL << 53) - 1)

/* ---- ls ------------------------------------------------------------------------------------ */

/* Only those of @volume stay. A volume without any must be there all the same. */
static int only_of(const char *volume, json_t *list, struct cc_error *err)
{
	cc_auto_json json_t *answer = NULL;
	char path[96];

	for (size_t i = json_array_size(list); i-- > 0;) {
		const json_t *of = json_object_get(json_array_get(list, i), "volume");

		if (strcmp(json_string_value(of) ?: "", volume) != 0)
			json_array_remove(list, i);
	}
	if (json_array_size(list))
		return 0;
	snprintf(path, sizeof(path), "/v1/volumes/%s", volume);
	return keyd_request("GET", path, NULL, &answer, err);
}

int cmd_identity_ls(int argc, char **argv, const struct global_options *g)
{
	static const struct column columns[] = {
		{"VOLUME", "volume"}, {"SERIAL", "serial"},    {"FLOOR", "floor"},
		{"STATE", "state"},   {"STARTS", "starts"},    {"GOES ON", "goesOn"},
		{"SIGNER", "signer"}, {"MOUNT", "mountPoint"}, {NULL, NULL},
	};
	static const char *const nothing[] = {NULL}, *const one[] = {"VOLUME", NULL};
	cc_auto_json json_t *answer = NULL;
	const char *volume = argc > 1 && argv[argc - 1][0] != '-' ? argv[argc - 1] : NULL;
	json_t *list = NULL;
	struct cc_error err;

	if (cmd_only_arguments(g, argc, argv, volume ? one : nothing))
		return CC_E_USAGE;
	if ((volume && keyd_name(volume, "volume", &err)) ||
	    keyd_list("/v1/identities", "identities", &answer, &list, &err) ||
	    (volume && only_of(volume, list, &err)))
		return cmd_fail(g, &err);
	cmd_tell_bad_rows(answer);
	if (g->json)
		output_json(answer);
	else
		output_rows(list, columns);
	return CC_OK;
}

/* ---- revoke, drain ------------------------------------------------------------------------- */

/* @how: the path's last segment; @means: what it does, for people */
static int set_state(int argc, char **argv, const struct global_options *g, const char *how,
		     const char *means)
{
	static const char *const names[] = {"VOLUME", "SERIAL", NULL};
	cc_auto_json json_t *answer = NULL, *body = NULL;
	struct cc_error err;
	uint64_t serial;
	char path[96];
	const char *is;

	if (cmd_only_arguments(g, argc, argv, names))
		return CC_E_USAGE;
	if (!cmd_number(argv[optind + 1], 1, SERIAL_MAX, &serial))
		return cmd_usage(g, argv[0],
				 "\"%.40s\" is not a serial (see \"dmctl identity ls %.64s\")",
				 argv[optind + 1], argv[optind]);
	if (keyd_name(argv[optind], "volume", &err))
		return cmd_fail(g, &err);
	snprintf(path, sizeof(path), "/v1/identities/%s/%s", argv[optind], how);
	body = json_pack("{s:I}", "serial", (json_int_t)serial);
	if (keyd_request("POST", path, body, &answer, &err))
		return cmd_fail(g, &err);
	if (g->json) {
		output_json(answer);
		return CC_OK;
	}
	is = json_string_value(json_object_get(answer, "state")) ?: "?";
	fprintf(stderr, "dmctl: identity %" JSON_INTEGER_FORMAT " of %s is %s%s\n",
		(json_int_t)serial, argv[optind], is, means);
	return CC_OK;
}

int cmd_identity_revoke(int argc, char **argv, const struct global_options *g)
{
	return set_state(argc, argv, g, "revoke", ": containers that run with it end");
}

int cmd_identity_drain(int argc, char **argv, const struct global_options *g)
{
	return set_state(argc, argv, g, "drain", ": no container starts with it");
}
