/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_proofs.h - the signatures of images that an agent has to bring, one file an image, by the
 * digest of its configuration. What is kept is as good as whoever signed it, and no secret; only
 * root writes it, so that nobody else has containers refused.
 */
#ifndef CC_IMAGE_PROOFS_H
#define CC_IMAGE_PROOFS_H

#include "error.h"
#include "image_proof.h"

/* Keeps @proof, in place of what was kept of that image before; makes @dir if it is not there. */
int image_proofs_put(const char *dir, const char *config, const struct cc_image_proof *proof,
		     struct cc_error *err);

/**
 * image_proofs_get - what is kept of the image @config.
 * @proof: out, NULL when there is nothing
 * Return: 0; -1 when there is something that cannot be read, never CC_E_REFUSED.
 */
int image_proofs_get(const char *dir, const char *config, struct cc_image_proof **proof,
		     struct cc_error *err);

#endif
