/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_layout.h - the signed images in a directory: an OCI image layout (image specification 1.1,
 * image-layout.md), as `cosign save` makes one, or `skopeo copy` of an image and of the tag
 * sha256-DIGEST.sig that cosign 2 keeps its signatures under, or of what refers to it (cosign 3:
 * `subject` of a manifest, and the index under the tag sha256-DIGEST).
 *
 * What signs what is found by content: whatever tag or subject it was under, what has a layer of
 * cosign's simple signing, a Sigstore bundle or an envelope is a signature or a statement, and what
 * it is of stands in that layer (layer_signature.h). What refers to an image is found among the
 * blobs, too, where no index names it, as `cosign save` of version 3 leaves it. Each blob that is
 * used is compared with its digest. No signature is verified here, as only keyd knows who may sign.
 */
#ifndef CC_IMAGE_LAYOUT_H
#define CC_IMAGE_LAYOUT_H

#include "error.h"
#include "image_proof.h"

#define IMAGE_LAYOUT_MAX 64 /* images, indexes, signatures: of each */

/**
 * struct signed_image - one that was found.
 * @config: digest of the image's configuration, its id
 * @proof: with the newest of its signatures and the newest provenance first, as many as evidence
 *         has room for
 * @left_out: how many it has no room for
 */
struct signed_image {
	const char *config;
	const struct cc_image_proof *proof;
	size_t left_out;
};

/* Anything but 0 ends the walk. */
typedef int signed_image_fn(void *arg, const struct signed_image *image, struct cc_error *err);

/**
 * image_layout_each - the images that are signed, each with up to CC_IMAGE_SIGNATURES_MAX
 * signatures. Of several indexes that name an image, it comes with one that is signed.
 * @passed_over: out, before the first of @fn; signatures that are none, of all images: they cannot
 *               be read, or there are more than IMAGE_LAYOUT_MAX
 * Return: 0; what @fn returned; -1 with CC_E_NOTFOUND when there is no layout, CC_E_INVALID when it
 * is malformed, a blob is not what its digest says, or no image in it is signed.
 */
int image_layout_each(const char *dir, signed_image_fn *fn, void *arg, size_t *passed_over,
		      struct cc_error *err);

#endif
