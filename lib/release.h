/* SPDX-License-Identifier: Apache-2.0 */
/*
 * release.h - a volume key on its way to an agent: a compact JWE (RFC 7516), ECDH-ES + A256GCM
 * pinned, to the agent's one-time P-256 key; its plaintext is the volume key.
 */
#ifndef CC_RELEASE_H
#define CC_RELEASE_H

#include "json.h"
#include "p256.h"
#include "pkey.h"
#include "secret.h"

/* The key of a public one-time JWK that is fit to agree with; cc_auto_point. NULL: CC_E_INVALID. */
EC_POINT *cc_release_recipient(const json_t *jwk, struct cc_error *err);
/* Encrypts @key to @recipient, of cc_release_recipient(); *jwe malloced. */
int cc_release_seal(const struct cc_secret *key, const EC_POINT *recipient, char **jwe,
		    struct cc_error *err);
/*
 * Decrypts into the empty *key; only ECDH-ES + A256GCM is accepted whatever the header says.
 * Return: 0; -1 with CC_E_INVALID fact "release".
 */
int cc_release_open(const char *jwe, size_t len, const json_t *recipient_private,
		    struct cc_secret *key, struct cc_error *err);

#endif
