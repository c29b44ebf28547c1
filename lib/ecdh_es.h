/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ecdh_es.h - the key that two P-256 keys agree on directly, RFC 7518 section 4.6: ECDH, then the
 * concatenation KDF of NIST SP 800-56A (5.8.2.1) with SHA-256.
 */
#ifndef CC_ECDH_ES_H
#define CC_ECDH_ES_H

#include <openssl/evp.h>

#include "p256.h"
#include "secret.h"

/**
 * struct cc_ecdh_info - what the key is bound to.
 * @enc: the algorithm it is for, "A256GCM"
 * @apu, @apv: producer and consumer, decoded; "" for none
 */
struct cc_ecdh_info {
	const char *enc, *apu, *apv;
};

/**
 * cc_ecdh_es_derive - the KDF alone.
 * @z: what the keys agreed on
 * @out: empty; gets a key of @len bytes
 */
int cc_ecdh_es_derive(const struct cc_secret *z, const struct cc_ecdh_info *info, size_t len,
		      struct cc_secret *out, struct cc_error *err);

/* Both: private key @mine, public key @theirs, no producer and consumer, a key of A256GCM. */
int cc_ecdh_es_agree(EVP_PKEY *mine, EVP_PKEY *theirs, struct cc_secret *cek, struct cc_error *err);
/* The same with a private key that is made for it, of the point @mine; cc_p256_agree_once(). */
int cc_ecdh_es_agree_once(const EC_POINT *theirs, unsigned char mine[static CC_P256_POINT],
			  struct cc_secret *cek, struct cc_error *err);

#endif
