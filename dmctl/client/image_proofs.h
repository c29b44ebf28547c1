/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_proofs.h - the signatures of images that an agent has to bring: a file for each
 * configuration, manifest and index. One configuration may be in several manifests, as layers are
 * compressed in several ways, and one manifest in several repositories, each signed for itself.
 * What is kept is as good as whoever signed it, and no secret; only root writes it, so that nobody
 * else has containers refused.
 */
#ifndef CC_IMAGE_PROOFS_H
#define CC_IMAGE_PROOFS_H

#include "error.h"
#include "feed.h"
#include "image_proof.h"

/* The repository that it says it is for, not verified; new reference, NULL where it says none. */
json_t *image_signature_reference(const struct cc_image_signature *s);

/**
 * image_proofs_put - keeps @proof, with what was kept of the same manifest and index behind it;
 * makes @dir if it is not there.
 * @lost: out, signatures of before for which there is no room
 */
int image_proofs_put(const char *dir, const char *config, const struct cc_image_proof *proof,
		     size_t *lost, struct cc_error *err);

/**
 * image_proofs_get - what is kept of the image @config. Of several manifests the one that is signed
 * for the repository of @feed, of several of these the one that was offered last.
 * @feed: NULL where it is not known
 * @proof: out, NULL when there is nothing
 * Return: 0; -1 when there is something that cannot be read, never CC_E_REFUSED.
 */
int image_proofs_get(const char *dir, const char *config, const struct cc_feed *feed,
		     struct cc_image_proof **proof, struct cc_error *err);

#endif
