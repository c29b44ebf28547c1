// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_identity_measure.c - dmctl identity measure, draft: what a container is, or would be that a
 * file starts, and predicates made of that: pinned to it, or the smallest that lets it in.
 */
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "cli/agent_client.h"
#include "cli/cmd.h"
#include "client/keyd_client.h"
#include "client/keyd_identities.h"
#include "cli/output.h"
#include "cli/identity_draft.h"
#include "draft/draft_file.h"

#define SERIAL_MAX ((1ull << 53) - 1)

/**
 * struct request - what the user asked for.
 * @container: of a draft also a file that would start it
 * @env_file: variables for that file, NULL for none
 * @engine: NULL for any
 * @rootfs: with the digest of the root file system
 * @values: a draft's variables have their values
 * @serial: 0 for the next one
 */
struct request {
	const char *container;
	const char *env_file;
	const char *engine;
	bool rootfs, predicate, values;
	const char *volume;
	const char *mount_point;
	uint64_t serial;
};

static int check_request(const struct global_options *g, const char *argv0, const struct request *r)
{
	struct cc_error err;

	if (cmd_engine(g, argv0, r->engine))
		return CC_E_USAGE;
	if (!r->predicate) {
		if (r->volume || r->mount_point || r->serial)
			return cmd_usage(g, argv0,
					 "--volume, --mount-point and --serial go with "
					 "--predicate");
		return CC_OK;
	}
	if (!r->volume || !r->mount_point)
		return cmd_usage(g, argv0, "--predicate needs --volume and --mount-point");
	return keyd_name(r->volume, "volume", &err) ? cmd_fail(g, &err) : CC_OK;
}

static int parse_measure(int argc, char **argv, const struct global_options *g, struct request *r)
{
	static const struct option options[] = {
		{"engine", required_argument, NULL, 'e'},
		{"rootfs", no_argument, NULL, 'r'},
		{"predicate", no_argument, NULL, 'p'},
		{"volume", required_argument, NULL, 'v'},
		{"mount-point", required_argument, NULL, 'm'},
		{"serial", required_argument, NULL, 's'},
		{0},
	};
	static const char *const names[] = {"CONTAINER", NULL};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'e')
			r->engine = optarg;
		else if (c == 'r')
			r->rootfs = true;
		else if (c == 'p')
			r->predicate = true;
		else if (c == 'v')
			r->volume = optarg;
		else if (c == 'm')
			r->mount_point = optarg;
		else if (c == 's' && !cmd_number(optarg, 1, SERIAL_MAX, &r->serial))
			return cmd_usage(g, argv[0], "--serial must be a number from 1");
		else if (c == '?')
			return cmd_bad_option(g, argv);
	}
	if (cmd_arguments(g, argc, argv, names))
		return CC_E_USAGE;
	r->container = argv[optind];
	return check_request(g, argv[0], r);
}

/* The agent's measurement, new reference. */
static json_t *measure(const struct global_options *g, const struct request *r,
		       struct cc_error *err)
{
	cc_auto_json json_t *request =
		json_pack("{s:s, s:s, s:s?, s:b}", "op", "measure", "container", r->container,
			  "engine", r->engine, "rootfs", (int)r->rootfs);
	cc_auto_json json_t *answer = NULL;
	json_t *m;

	if (!request) {
		cc_fail(err, CC_E_USAGE, "\"%.80s\" is not a valid name of a container",
			r->container);
		return NULL;
	}
	if (agent_request(g->agent, request, &answer, err) ||
	    cc_json_obj(answer, "the agent's answer", "measurement", true, &m, err))
		return NULL;
	return json_incref(m);
}

/* One above the last that the volume has seen, 1 when it has none or keyd cannot be asked. */
static uint64_t next_serial(const char *volume)
{
	auto_keyd_identities list = {0};
	struct cc_error err;

	if (keyd_identities_get(volume, false, &list, &err) == 0) {
		uint64_t shown = list.v[0].id->serial;

		return (list.last > shown ? list.last : shown) + 1;
	}
	if (err.code != CC_E_NOTFOUND)
		fprintf(stderr, "dmctl: serial 1 is a guess: %s\n", err.text);
	return 1;
}

static void print_subject(const struct cc_measurement *m)
{
	if (m->manifests.n)
		fprintf(stderr, "dmctl: sign it with \"dmctl identity sign --subject %s …\"\n",
			m->manifests.v[0]);
	else
		fprintf(stderr,
			"dmctl: the engine has no manifest digest of this image; push it to a "
			"registry to get one\n");
}

static void print_hint(const struct cc_measurement *m)
{
	char left[DRAFT_LEFT_LEN];

	if (identity_draft_left(m, left)[0])
		fprintf(stderr,
			"dmctl: it pins all that was measured, but for %s: whatever an engine does "
			"there by itself is admitted, on each host; see container-crypt-identity(5)\n",
			left);
	print_subject(m);
}

static int print_predicate(const struct request *r, const json_t *obj, struct cc_error *err)
{
	cc_auto_measurement struct cc_measurement *m = cc_measurement_from_json(obj, err);
	cc_auto_json json_t *predicate = NULL;
	uint64_t serial;

	if (!m)
		return -1;
	serial = r->serial ? r->serial : next_serial(r->volume);
	predicate = identity_draft_from_measurement(m, r->volume, r->mount_point, serial);
	if (!predicate)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (identity_draft_check(predicate, m, err)) {
		if (err->code != CC_E_REFUSED)
			return -1;
		fprintf(stderr, "dmctl: even so this container would be refused: %s\n", err->text);
	}
	output_json(predicate);
	print_hint(m);
	return 0;
}

int cmd_identity_measure(int argc, char **argv, const struct global_options *g)
{
	cc_auto_json json_t *m = NULL;
	struct request r = {0};
	struct cc_error err;
	int rc = parse_measure(argc, argv, g, &r);

	if (rc)
		return rc;
	m = measure(g, &r, &err);
	if (!m)
		return cmd_fail(g, &err);
	if (!r.predicate)
		output_json(m);
	else if (print_predicate(&r, m, &err))
		return cmd_fail(g, &err);
	return CC_OK;
}

/* ---- draft --------------------------------------------------------------------------------- */

static int parse_draft(int argc, char **argv, const struct global_options *g, struct request *r)
{
	static const struct option options[] = {
		{"from", required_argument, NULL, 'f'},
		{"env-file", required_argument, NULL, 'E'},
		{"engine", required_argument, NULL, 'e'},
		{"volume", required_argument, NULL, 'v'},
		{"mount-point", required_argument, NULL, 'm'},
		{"serial", required_argument, NULL, 's'},
		{"values", no_argument, NULL, 'V'},
		{0},
	};
	static const char *const nothing[] = {NULL};
	int c;

	r->predicate = true;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'f')
			r->container = optarg;
		else if (c == 'E')
			r->env_file = optarg;
		else if (c == 'e')
			r->engine = optarg;
		else if (c == 'v')
			r->volume = optarg;
		else if (c == 'm')
			r->mount_point = optarg;
		else if (c == 'V')
			r->values = true;
		else if (c == 's' && !cmd_number(optarg, 1, SERIAL_MAX, &r->serial))
			return cmd_usage(g, argv[0], "--serial must be a number from 1");
		else if (c == '?')
			return cmd_bad_option(g, argv);
	}
	if (cmd_arguments(g, argc, argv, nothing))
		return CC_E_USAGE;
	if (!r->container || !r->volume || !r->mount_point)
		return cmd_usage(g, argv[0], "--from, --volume and --mount-point are needed");
	if (r->env_file && !draft_is_file(r->container))
		return cmd_usage(g, argv[0], "--env-file goes with --from FILE");
	return check_request(g, argv[0], r);
}

/* What is measured of the container, or would be of the one that the file starts. */
static struct cc_measurement *draft_measurement(const struct global_options *g,
						const struct request *r, struct cc_error *err)
{
	const struct draft_file file = {.from = r->container,
					.env_file = r->env_file,
					.engine = r->engine,
					.volume = r->volume};
	cc_auto_json json_t *obj = NULL;
	struct cc_measurement *m;
	bool asks = true;

	if (!draft_is_file(r->container)) {
		obj = measure(g, r, err);
		return obj ? cc_measurement_from_json(obj, err) : NULL;
	}
	m = draft_file_measure(&file, &asks, err);
	if (m && !asks)
		fprintf(stderr,
			"dmctl: %s does not ask for the device container-crypt/volume=%s; see "
			"container-crypt-plugin(8)\n",
			r->container, r->volume);
	return m;
}

static int print_draft(const struct request *r, const struct cc_measurement *m,
		       struct cc_error *err)
{
	cc_auto_json json_t *predicate = NULL;
	struct cc_facts left;

	predicate = identity_draft_smallest(m, r->volume, r->mount_point,
					    r->serial ? r->serial : next_serial(r->volume),
					    r->values, &left, err);
	if (!predicate)
		return -1;
	output_json(predicate);
	for (size_t i = 0; i < left.n; i++)
		fprintf(stderr, "dmctl: even so this container would be refused: %s\n",
			left.v[i].text);
	if (!r->values && json_object_get(json_object_get(predicate, "process"), "env"))
		fprintf(stderr, "dmctl: its variables may have any value; --values names those of "
				"this container\n");
	print_subject(m);
	return 0;
}

int cmd_identity_draft(int argc, char **argv, const struct global_options *g)
{
	cc_auto_measurement struct cc_measurement *m = NULL;
	struct request r = {0};
	struct cc_error err;
	int rc = parse_draft(argc, argv, g, &r);

	if (rc)
		return rc;
	m = draft_measurement(g, &r, &err);
	if (!m || print_draft(&r, m, &err))
		return cmd_fail(g, &err);
	return CC_OK;
}
