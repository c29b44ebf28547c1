/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jwk.h - P-256 keys as JWK (RFC 7517): the agents' signing keys and the one-time keys that a
 * release is encrypted to.
 */
#ifndef CC_JWK_H
#define CC_JWK_H

#include <stdbool.h>

#include "json.h"
#include "p256.h"
#include "pkey.h"

/* New P-256 key as private JWK; "kid" is @kid if not NULL. NULL on error. Its use is signing
 * ("ES256", agents) or, with @recipient, a one-time recipient key ("ECDH-ES").
 */
json_t *cc_jwk_new(const char *kid, bool recipient, struct cc_error *err);
/* Public part, new reference. */
json_t *cc_jwk_public(const json_t *jwk, struct cc_error *err);
/* RFC 7638 SHA-256 thumbprint of a P-256 key, base64url, malloced. */
char *cc_jwk_thumbprint(const json_t *jwk, struct cc_error *err);
/*
 * Checks that @jwk is exactly a public P-256 key: kty crv x y, optionally alg (ES256 or ECDH-ES)
 * and kid (a name); no "d", right curve and lengths, a point on the curve.
 */
int cc_jwk_check_public(const json_t *jwk, struct cc_error *err);

/**
 * cc_jwk_bare - the P-256 key of @jwk and nothing else: kty crv x y, with @private also d, and
 * "alg" @alg. Checks lengths, that the point is on the curve, that another "alg" is not claimed,
 * and that there are no members but these and "kid". NULL: CC_E_INVALID.
 */
json_t *cc_jwk_bare(const json_t *jwk, bool private, const char *alg, struct cc_error *err);

/* The same key as OpenSSL has it, checked as that; free with cc_auto_pkey. NULL: CC_E_INVALID. */
EVP_PKEY *cc_jwk_pkey(const json_t *jwk, bool private, const char *alg, struct cc_error *err);
/* The point of a public one, likewise, with cc_auto_point. */
EC_POINT *cc_jwk_point(const json_t *jwk, const char *alg, struct cc_error *err);

#endif
