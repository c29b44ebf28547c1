// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_identity_offer.c - dmctl identity offer: the signatures of images, for identities that name
 * who signs them.
 */
#include "cli/cmd.h"
#include "cli/output.h"
#include "client/image_layout.h"
#include "client/image_proofs.h"
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

int cmd_identity_offer(int argc, char **argv, const struct global_options *g)
{
	static const char *const names[] = {"DIRECTORY", NULL};
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

	if (cmd_only_arguments(g, argc, argv, names))
		return CC_E_USAGE;
	if (image_layout_each(argv[optind], keep, kept, &passed_over, &err))
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
