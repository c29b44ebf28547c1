/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kept.h - what was computed from rows of the store and is kept in memory, so that it is computed
 * once: parsed keys, and identities whose signature has verified. An entry is found by the SHA-256
 * of all that went into it and by nothing else: a row that changes, or another that takes its name,
 * is another entry, and one that is gone is not asked for. So nothing has to be told of a change.
 *
 * Bounded: an entry has KEPT_WAYS places; a new one takes that of the one used longest ago.
 */
#ifndef KEYD_KEPT_H
#define KEYD_KEPT_H

#include <stddef.h>
#include <openssl/evp.h>

#include "cleanup.h"
#include "error.h"
#include "identity.h"

#define KEPT_SETS 512
#define KEPT_WAYS 4
#define KEPT_IDENTITY_MAX 16384 /* bytes of a signed text; a larger one is not kept */

struct kept;

/* Empty; NULL without memory. */
struct kept *kept_new(struct cc_error *err);
void kept_free(struct kept *k); /* NULL is nothing */

/* The key of a signer's PEM or an agent's JWK, as the store has it, to be freed; NULL on error. */
EVP_PKEY *kept_signer_key(struct kept *k, const char *pem, struct cc_error *err);
EVP_PKEY *kept_agent_key(struct kept *k, const char *jwk, struct cc_error *err);

/* What makes an identity one: the signer's PEM and an envelope that verifies under it. */
struct kept_proof {
	unsigned char id[32];
};

struct kept_proof kept_proof(const char *pem, const char *envelope, size_t len);

/* The identity that was proven so before, a new reference; NULL when it is not kept. */
struct cc_identity *kept_identity(struct kept *k, const struct kept_proof *proof);
/* Keeps @id, made of a signed text of @len bytes, unless that is too large. */
void kept_identity_put(struct kept *k, const struct kept_proof *proof, struct cc_identity *id,
		       size_t len);

#endif
