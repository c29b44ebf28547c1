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
#include <openssl/ec.h>
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
/* As cc_p256_public(), for cc_p256_agree_once(); free with cc_auto_point. */
EC_POINT *cc_p256_point(const unsigned char point[static CC_P256_POINT]);
static inline void cc_point_free_ptr(EC_POINT **p)
{
	EC_POINT_free(*p);
}
#define cc_auto_point cc_cleanup(cc_point_free_ptr)

/*
 * True if @sig, r and s (RFC 7518 section 3.4), is @key's of @data. Some of the keys that were used
 * last are kept as they are for this.
 */
bool cc_p256_verify(EVP_PKEY *key, const void *data, size_t len,
		    const unsigned char sig[static 2 * CC_P256_LEN]);

/**
 * cc_p256_agree_once - makes a private key, agrees with it and forgets it (SP 800-56A, 6.2.2).
 * @mine: out, its point
 * @z: empty; the x coordinate
 */
int cc_p256_agree_once(const EC_POINT *theirs, unsigned char mine[static CC_P256_POINT],
		       struct cc_secret *z, struct cc_error *err);
/* The x coordinate that private key @mine and public key @theirs agree on, into the empty *z. */
int cc_p256_agree(EVP_PKEY *mine, EVP_PKEY *theirs, struct cc_secret *z, struct cc_error *err);

#endif
