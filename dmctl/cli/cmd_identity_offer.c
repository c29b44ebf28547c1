// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_identity_offer.c - dmctl identity offer, dmctl identity pull: the signatures of images, for
 * identities that name who signs them, out of a directory or a registry.
 */
#include <errno.h>
#include <getopt.h>
#include <sys/stat.h>

#include "cli/cmd.h"
#include "cli/output.h"
#include "client/image_layout.h"
#include "client/image_proofs.h"
#include "client/image_pull.h"
#include "host/stop_signals.h"
#include "paths.h"

/* Kept at once: what comes before one that cannot be kept stays. */
static int keep(void *arg, const struct signed_image *image, struct cc_error *err)
{
	const struct cc_image_proof *p = image->proof;
	json_t *kept = arg, *one;
	size_t lost;

	if (image_proofs_put(CC_PROOFS_DIR, image->config, p, &lost, err))
		return -1;
	one = json_pack("{s:s, s:o*, s:I, s:I}", "configDigest", image->config, "repository",
			image_signature_reference(&p->v[0]), "signatures", (json_int_t)p->n,
			"leftOut", (json_int_t)image->left_out + (json_int_t)lost);
	return json_array_append_new(kept, one) ? cc_fail(err, CC_E_NOMEM, "out of memory") : 0;
}

/* What is in @dir is kept, and listed. Return: the exit status. */
static int offer(const struct global_options *g, const char *dir)
{
	static const struct column columns[] = {
		{"IMAGE", "configDigest"},
		{"SIGNATURES", "signatures"},
		{"LEFT OUT", "leftOut"},
		{"REPOSITORY", "repository"},
		{NULL, NULL},
	};
	cc_auto_json json_t *answer = json_pack("{s:[]}", "images");
	json_t *kept = json_object_get(answer, "images");
	struct cc_error err;
	size_t passed_over;

	if (image_layout_each(dir, keep, kept, &passed_over, &err))
		return cmd_fail(g, &err);
	if (passed_over)
		fprintf(stderr,
			"dmctl: left out: %zu signatures, which are none or too many for one "
			"directory\n",
			passed_over);
	if (g->json)
		output_json(answer);
	else
		output_rows(kept, columns);
	return CC_OK;
}

int cmd_identity_offer(int argc, char **argv, const struct global_options *g)
{
	static const char *const names[] = {"DIRECTORY", NULL};

	if (cmd_only_arguments(g, argc, argv, names))
		return CC_E_USAGE;
	return offer(g, argv[optind]);
}

/* ---- pull ---------------------------------------------------------------------------------- */

static int make_directory(char *dir, struct cc_error *err)
{
	if (mkdir(CC_RUN_DIR, 0755) && errno != EEXIST)
		return cc_fail_errno(err, CC_E_INTERNAL, CC_RUN_DIR);
	return mkdtemp(dir) ? 0 : cc_fail_errno(err, CC_E_INTERNAL, "cannot make %s", dir);
}

static int pull(const struct global_options *g, const struct image_pull *what)
{
	char dir[] = CC_RUN_DIR "/pull.XXXXXX";
	struct cc_error err;
	int status;

	stop_signals_block(); /* so that nothing is left */
	if (make_directory(dir, &err))
		return cmd_fail(g, &err);
	status = image_pull(what, dir, &err) ? cmd_fail(g, &err) : offer(g, dir);
	image_pull_remove(dir);
	return status;
}

int cmd_identity_pull(int argc, char **argv, const struct global_options *g)
{
	static const struct option options[] = {
		{"ca", required_argument, NULL, 'c'},
		{"auth-file", required_argument, NULL, 'a'},
		{"plain-http", no_argument, NULL, 'p'},
		{0},
	};
	static const char *const names[] = {"IMAGE", NULL};
	struct image_pull what = {0};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'c')
			what.ca = optarg;
		else if (c == 'a')
			what.auth_file = optarg;
		else if (c == 'p')
			what.plain = true;
		else
			return cmd_bad_option(g, argv);
	}
	if (cmd_arguments(g, argc, argv, names))
		return CC_E_USAGE;
	if (what.ca && what.plain)
		return cmd_usage(g, argv[0], "--ca is for https, --plain-http for none");
	what.image = argv[optind];
	return pull(g, &what);
}
