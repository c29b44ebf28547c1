/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle.h - a statement and its signature, out of what registries keep them in: a Sigstore bundle
 * (sigstore/protobuf-specs, sigstore_bundle.proto, version 0.1 to 0.3, in the JSON of protobuf) as
 * cosign 3 makes one, or the DSSE envelope alone, as cosign 2 does for attestations.
 *
 * Pure parsers; nothing is verified here, as only keyd knows who may sign. What the bundle says of
 * keys, certificates and logs (verificationMaterial) is passed over: a key counts as keyd's own
 * signers have it.
 */
#ifndef CC_BUNDLE_H
#define CC_BUNDLE_H

#include <stdbool.h>

#include "error.h"
#include "image_proof.h"

#define BUNDLE_MAX (256 * 1024) /* bytes */

/* What a layer's media type says that it is. */
bool bundle_is(const char *media_type);
bool envelope_is(const char *media_type);

/**
 * bundle_open - takes statement and signature out of a bundle or an envelope.
 * @out: zeroed; its texts are malloced, and the caller's in any case
 *
 * Return: 0; -1 with CC_E_INVALID: it is none, or holds a signature of bytes and no statement
 * (messageSignature: that says nothing of what was signed), or has more or less than one signature,
 * or is of another payloadType than in-toto's.
 */
int bundle_open(const char *text, size_t len, struct cc_image_signature *out, struct cc_error *err);

#endif
