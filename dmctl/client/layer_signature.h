/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer_signature.h - a layer of a manifest that is a signature of an image, or a statement about
 * one: cosign's simple signing (the signature stands in an annotation), a Sigstore bundle or a DSSE
 * envelope (bundle.h). What it is of stands in what was signed. Nothing is verified here: whom it
 * claims to be for is only where to put it.
 */
#ifndef CC_LAYER_SIGNATURE_H
#define CC_LAYER_SIGNATURE_H

#include "client/bundle.h"
#include "image_proof.h"
#include "json.h"
#include "strv.h"

/**
 * struct layer_signature - one that was read; all owned.
 * @of: the digests of manifests or indexes it says it is for, at least one
 * @provenance: it says how the image was built, and is no signature of the image
 */
struct layer_signature {
	struct cc_strv of;
	struct cc_image_signature sig;
	bool provenance;
};

void layer_signature_clear(struct layer_signature *s);

/* A member that is text; "" where it is none; borrowed. */
const char *layer_text(const json_t *obj, const char *key);

/* By its descriptor. More than BUNDLE_MAX bytes are none: an SBOM, which nobody asks for. */
bool layer_is_signature(const json_t *layer);
bool layers_have_signature(const json_t *manifest);

/**
 * layer_signature_read - reads @text, the blob of @layer.
 * @out: zeroed, to be cleared in any case
 * Return: 0; 1 when it is a statement of a kind that nobody asks for (an SBOM); -1 with
 * CC_E_INVALID or CC_E_NOMEM.
 */
int layer_signature_read(const json_t *layer, const char *text, struct layer_signature *out,
			 struct cc_error *err);

#endif
