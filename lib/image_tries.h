/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_tries.h - the verifications of images' signatures that one request costs. Several
 * identities, and several leases of a renewal, hold the same signatures against the same keys: each
 * is verified once, and all of them together are bounded, as keyd serves one request at a time.
 */
#ifndef CC_IMAGE_TRIES_H
#define CC_IMAGE_TRIES_H

#include <openssl/evp.h>

#include "error.h"
#include "image_proof.h"

/*
 * All signatures of one image under all the signers that keyd enrols (64): a release never gets
 * there.
 */
#define CC_IMAGE_TRIES_MAX (CC_IMAGE_SIGNATURES_MAX * 64)

/* @id: SHA-256 of the key's id, the payload, the signature and how it was made */
struct cc_image_try {
	unsigned char id[32];
	bool verifies;
};

/* Empty when zeroed. @v: owned */
struct cc_image_tries {
	size_t n;
	struct cc_image_try *v;
};

void cc_image_tries_clear(struct cc_image_tries *t);
#define auto_image_tries cc_cleanup(cc_image_tries_clear) struct cc_image_tries

/**
 * cc_image_tries_verify - whether a signature of an image verifies under a key.
 * @keyid: of @key (cc_pubkey_id())
 *
 * Return: 0; -1 as cc_simplesigning_check(), or with CC_E_REFUSED fact "imageSignatures" when the
 * request has had its CC_IMAGE_TRIES_MAX verifications.
 */
int cc_image_tries_verify(struct cc_image_tries *t, const struct cc_image_signature *sig,
			  const char *keyid, EVP_PKEY *key, struct cc_error *err);

#endif
