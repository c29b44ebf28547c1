/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pkey.h - signers' keys: ECDSA P-256 or Ed25519, as PEM.
 */
#ifndef CC_PKEY_H
#define CC_PKEY_H

#include <stddef.h>
#include <openssl/evp.h>

#include "cleanup.h"
#include "digest.h"
#include "error.h"

#define CC_PRIVKEY_MAX 16384 /* bytes of a private key file */

static inline void cc_pkey_free_ptr(EVP_PKEY **k)
{
	EVP_PKEY_free(*k);
}
#define cc_auto_pkey cc_cleanup(cc_pkey_free_ptr)

/* Reads a SubjectPublicKeyInfo PEM (what `cosign generate-key-pair` writes to cosign.pub). Only
 * P-256 and Ed25519 are accepted. NULL on error.
 */
EVP_PKEY *cc_pubkey_parse(const char *pem, size_t len, struct cc_error *err);

/* Reads a PKCS#8 or SEC1 private key PEM file; @pass (may be NULL) for an encrypted one.
 * Refuses a file that others than its owner may read. cosign's own encrypted format is not read:
 * the error says what to do.
 */
EVP_PKEY *cc_privkey_read(const char *path, const char *pass, struct cc_error *err);

/*
 * keyid: "sha256:<hex>" of the DER SubjectPublicKeyInfo, the curve by name and the point
 * uncompressed, however @key was written: one key has one id. @key is encoded so from then on.
 */
int cc_pubkey_id(EVP_PKEY *key, char out[static 72], struct cc_error *err);

#endif
