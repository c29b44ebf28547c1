/* SPDX-License-Identifier: Apache-2.0 */
/*
 * p256.h - P-256 (FIPS 186-4, D.1.2.3) by OpenSSL: keys from and to their numbers, ECDSA with
 * SHA-256 as JWS writes it, key agreement. Points are uncompressed (SEC 1, 2.3.3): 4, x, y.
 *
 * Context: one thread; what making keys needs is set up at the first use and kept.
 */
#ifndef CC_P256_H
#define CC_P256_H

#include <stdbool.h>
#include <stddef.h>
#include <openssl/evp.h>

#include "secret.h"

#define CC_P256_LEN 32 /* bytes of a coordinate, a private key, half a signature */
#define CC_P256_POINT (1 + 2 * CC_P256_LEN)

/*
 * Free with EVP_PKEY_free(). A point on the curve is a full public key, as the cofactor is 1 (NIST
 * SP 800-56A, 5.6.2.3). NULL: not on the curve, or no memory.
 */
EVP_PKEY *cc_p256_public(const unsigned char point[static CC_P256_POINT]);
/* NULL also if @point is not that of @d. */
EVP_PKEY *cc_p256_private(const unsigned char point[static CC_P256_POINT],
			  const unsigned char d[static CC_P256_LEN]);
/* A new private key; NULL on error. */
EVP_PKEY *cc_p256_generate(void);
/* The point of @key; false if it is none of P-256. */
bool cc_p256_point(const EVP_PKEY *key, unsigned char point[static CC_P256_POINT]);

/* True if @sig, r and s (RFC 7518 section 3.4), is @key's of @data. */
bool cc_p256_verify(EVP_PKEY *key, const void *data, size_t len,
		    const unsigned char sig[static 2 * CC_P256_LEN]);

/* The x coordinate that private key @mine and public key @theirs agree on, into the empty *z. */
int cc_p256_agree(EVP_PKEY *mine, EVP_PKEY *theirs, struct cc_secret *z, struct cc_error *err);

#endif
