// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_bind.c - dmctl bind, unbind, ps: what the host agent is asked to do.
 */
#include <getopt.h>
#include <string.h>

#include "cli/agent_client.h"
#include "cli/cmd.h"
#include "client/keyd_client.h"
#include "volume/luks.h"
#include "cli/output.h"
#include "volume/probe.h"

/* Name of the volume with @uuid, malloced, NULL on error. */
static char *name_of(const char *uuid, struct cc_error *err)
{
	cc_auto_json json_t *answer = NULL;
	json_t *volumes;
	json_t *v;
	size_t i;

	if (keyd_list("/v1/volumes", "volumes", &answer, &volumes, err))
		return NULL;
	json_array_foreach(volumes, i, v) {
		const char *s = json_string_value(json_object_get(v, "uuid"));
		char *name = NULL;

		if (!s || strcmp(s, uuid))
			continue;
		cc_json_str(v, "volume", "name", true, &name, err);
		return name;
	}
	cc_fail(err, CC_E_NOTFOUND, "keyd has no volume %s; was it deleted?", uuid);
	return NULL;
}

/* @what is the name of a volume or the path of its LUN. Both out strings are malloced. */
static int find_volume(const char *what, char **volume, char **device, struct cc_error *err)
{
	char uuid[37];

	if (!strchr(what, '/')) {
		if (keyd_name(what, "volume", err))
			return -1;
		*volume = strdup(what);
		return *volume ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	if (luks_read_uuid(what, uuid, err))
		return -1;
	*volume = name_of(uuid, err);
	*device = *volume ? probe_stable_name(what, err) : NULL;
	return *device ? 0 : -1;
}

static void print_text(const json_t *answer)
{
	const char *s = json_string_value(json_object_get(answer, "text"));

	if (s)
		fprintf(stderr, "dmctl: %s\n", s);
}

static int ask(const struct global_options *g, json_t *request, json_t **answer)
{
	struct cc_error err;

	if (!request) {
		cc_fail(&err, CC_E_NOMEM, "out of memory");
		return cmd_fail(g, &err);
	}
	if (agent_request(g->agent, request, answer, &err))
		return cmd_fail_as(g, &err, *answer);
	return CC_OK;
}

int cmd_bind(int argc, char **argv, const struct global_options *g)
{
	static const struct option options[] = {
		{"engine", required_argument, NULL, 'e'},
		{"dry-run", no_argument, NULL, 'n'},
		{0},
	};
	static const char *const names[] = {"VOLUME or DEVICE", "CONTAINER", NULL};
	cc_auto_free char *volume = NULL;
	cc_auto_free char *device = NULL;
	cc_auto_json json_t *request = NULL;
	cc_auto_json json_t *answer = NULL;
	const char *engine = NULL;
	struct cc_error err;
	int dry = 0;
	int c;

	while ((c = getopt_long(argc, argv, "n", options, NULL)) != -1) {
		if (c == '?')
			return cmd_bad_option(g, argv);
		if (c == 'e')
			engine = optarg;
		else
			dry = 1;
	}
	if (cmd_engine(g, argv[0], engine) || cmd_arguments(g, argc, argv, names))
		return CC_E_USAGE;
	if (find_volume(argv[optind], &volume, &device, &err))
		return cmd_fail(g, &err);
	request = json_pack("{s:s, s:s, s:s?, s:s, s:s?, s:b}", "op", "bind", "volume", volume,
			    "device", device, "container", argv[optind + 1], "engine", engine,
			    "dryRun", dry);
	c = ask(g, request, &answer);
	if (c)
		return c;
	if (g->json)
		output_json(answer);
	print_text(answer);
	return CC_OK;
}

int cmd_unbind(int argc, char **argv, const struct global_options *g)
{
	static const struct option options[] = {{"force", no_argument, NULL, 'f'}, {0}};
	static const char *const names[] = {"VOLUME", NULL};
	cc_auto_json json_t *request = NULL;
	cc_auto_json json_t *answer = NULL;
	struct cc_error err;
	int force = 0;
	int rc;

	while ((rc = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (rc == '?')
			return cmd_bad_option(g, argv);
		force = 1;
	}
	if (cmd_arguments(g, argc, argv, names))
		return CC_E_USAGE;
	if (keyd_name(argv[optind], "volume", &err))
		return cmd_fail(g, &err);
	/* an agent of before refuses what it does not know */
	request = json_pack("{s:s, s:s, s:o*}", "op", "unbind", "volume", argv[optind], "force",
			    force ? json_true() : NULL);
	rc = ask(g, request, &answer);
	if (rc)
		return rc;
	if (g->json)
		output_json(answer);
	print_text(answer);
	return CC_OK;
}
