// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_identity_check.c - dmctl identity check, diff: what an identity would say of a container, and
 * in what two of them differ.
 */
#include <getopt.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/agent_client.h"
#include "cli/cmd.h"
#include "cli/output.h"
#include "cli/refusal_text.h"
#include "client/identity_diff.h"
#include "client/identity_patch.h"
#include "client/predicate_file.h"

/* ---- check --------------------------------------------------------------------------------- */

/**
 * struct check - what is held against what.
 * @volume: of several identities in the file that of this one; NULL for the only one
 * @values: the patch with values of variables
 */
struct check {
	const char *file, *container, *engine, *volume;
	bool values;
	json_t *predicate, *measured;
	struct cc_measurement *m;
	struct identity_repair repair;
};

static void check_clear(struct check *k)
{
	json_decref(k->predicate);
	json_decref(k->measured);
	cc_measurement_free(k->m);
	identity_repair_clear(&k->repair);
}

/* The digest of the files takes long, and is measured where the identity demands it. */
static int check_measure(const struct global_options *g, struct check *k, struct cc_error *err)
{
	const json_t *image = json_object_get(k->predicate, "image");
	cc_auto_json json_t *request = json_pack(
		"{s:s, s:s, s:s?, s:b}", "op", "measure", "container", k->container, "engine",
		k->engine, "rootfs", json_object_get(image, "rootfsDigest") != NULL);
	json_t *m = NULL;

	if (!request)
		return cc_fail(err, CC_E_USAGE, "\"%.80s\" is not a valid name of a container",
			       k->container);
	if (agent_request(g->agent, request, &k->measured, err) ||
	    cc_json_obj(k->measured, "the agent's answer", "measurement", true, &m, err))
		return -1;
	k->m = cc_measurement_from_json(m, err);
	return k->m ? 0 : -1;
}

/* As keyd would at a start, or for "dmctl bind": one that runs already is let in, too. */
static int check_run(const struct global_options *g, struct check *k, struct cc_error *err)
{
	const struct cc_policy policy = {
		.now = time(NULL), .allow_running = true, .any_signer = true};

	k->predicate = predicate_read(k->file, k->volume, err);
	if (!k->predicate || check_measure(g, k, err))
		return -1;
	return identity_repair_find(k->predicate, k->m, &policy, k->values, &k->repair, err);
}

static int check_print(const struct global_options *g, const struct check *k, struct cc_error *err)
{
	bool allowed = k->repair.facts.found == 0;
	cc_auto_json json_t *obj = json_pack("{s:b}", "allowed", (int)allowed);

	if (!obj || identity_repair_json(&k->repair, obj, err))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (g->json)
		output_json(obj);
	else if (!allowed)
		refusal_text_facts(stdout, "", obj);
	if (!g->json)
		refusal_text_patch(stdout, obj);
	if (allowed)
		fprintf(stderr, "dmctl: container %s would be let in\n", k->container);
	if (json_object_get(json_object_get(k->predicate, "image"), "signedBy"))
		fprintf(stderr, "dmctl: who has signed its image was not looked at, keyd knows\n");
	return 0;
}

int cmd_identity_check(int argc, char **argv, const struct global_options *g)
{
	static const struct option options[] = {
		{"engine", required_argument, NULL, 'e'},
		{"volume", required_argument, NULL, 'v'},
		{"values", no_argument, NULL, 'V'},
		{0},
	};
	static const char *const names[] = {"FILE", "CONTAINER", NULL};
	cc_cleanup(check_clear) struct check k = {0};
	struct cc_error err;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'e')
			k.engine = optarg;
		else if (c == 'v')
			k.volume = optarg;
		else if (c == 'V')
			k.values = true;
		else
			return cmd_bad_option(g, argv);
	}
	if (cmd_engine(g, argv[0], k.engine) || cmd_arguments(g, argc, argv, names))
		return CC_E_USAGE;
	k.file = argv[optind];
	k.container = argv[optind + 1];
	if (check_run(g, &k, &err) || check_print(g, &k, &err))
		return cmd_fail(g, &err);
	return k.repair.facts.found ? CC_E_REFUSED : CC_OK;
}

/* ---- diff ---------------------------------------------------------------------------------- */

/* As "identity show" takes it: a file, or keyd's of a volume. */
static json_t *predicate_named(const char *what, struct cc_error *err)
{
	bool is_file = strcmp(what, "-") == 0 || strchr(what, '/') || access(what, F_OK) == 0;

	return is_file ? predicate_read(what, NULL, err) : predicate_of_volume(what, err);
}

int cmd_identity_diff(int argc, char **argv, const struct global_options *g)
{
	static const char *const names[] = {"A", "B", NULL};
	cc_auto_json json_t *a = NULL, *b = NULL, *list = NULL;
	struct cc_error err;
	const json_t *one;
	size_t i;

	if (cmd_only_arguments(g, argc, argv, names))
		return CC_E_USAGE;
	a = predicate_named(argv[optind], &err);
	b = a ? predicate_named(argv[optind + 1], &err) : NULL;
	list = b ? identity_diff(a, b, &err) : NULL;
	if (!list)
		return cmd_fail(g, &err);
	if (g->json)
		output_json(list);
	else
		json_array_foreach(list, i, one)
			puts(json_string_value(json_object_get(one, "text")) ?: "?");
	return CC_OK;
}
