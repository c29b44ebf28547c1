/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jws.h - what an agent signs: claims in a compact JWS (RFC 7515) under its key, ES256, whose
 * header has exactly "alg", "typ", which says what it is, and "kid", the agent's name. No part of
 * it is believed before the signature over the raw bytes has verified.
 */
#ifndef CC_JWS_H
#define CC_JWS_H

#include <stdbool.h>
#include <openssl/evp.h>

#include "jose.h"

/**
 * cc_jws_sign - signs.
 * @what: names it in errors ("evidence")
 * @claims: borrowed
 * @agent_key: private JWK whose kid is the agent's name
 * Return: malloced; NULL on error.
 */
char *cc_jws_sign(const char *what, const char *typ, const json_t *claims, const json_t *agent_key,
		  struct cc_error *err);

/**
 * cc_jws_open - splits @jws and checks its header, which then says nothing but the agent's name.
 * @what: names it in errors, @header the header
 * @kid: out, at most 63 characters
 */
int cc_jws_open(const char *what, const char *header, const char *typ, const char *jws, size_t len,
		struct cc_jose_part parts[static 3], char kid[static 64], struct cc_error *err);

/* Over the raw bytes, the dot between header and claims included (RFC 7515 section 5.2, step 8). */
bool cc_jws_verify(const struct cc_jose_part parts[static 3], EVP_PKEY *key);

#endif
