/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal.h - how the custodian knows what it has written itself: keys derived from the KEK, which
 * whoever writes to the database does not have.
 *
 * HKDF-SHA256 (RFC 5869) without salt, a key for each purpose by its info:
 * "container-crypt row mac 1" - HMAC-SHA256 of rows (store.h says over what), the audit log's too;
 * "container-crypt audit head 1" - the seed of the Ed25519 key that signs the audit log's head.
 */
#ifndef KEYD_SEAL_H
#define KEYD_SEAL_H

#include <stdbool.h>
#include <openssl/evp.h>

#include "audit_head.h"
#include "custodian/bad_rows.h"
#include "custodian/kek.h"
#include "store/store.h"

/**
 * struct seal - the keys, and what did not verify. It stays where it is while a store uses it.
 * @ops: what the store gets
 * @kek: borrowed
 */
struct seal {
	struct store_seal ops;
	const struct kek *kek;
	EVP_MAC_CTX *rows;
	EVP_PKEY *head;
	struct bad_rows bad;
};

/* Whether @st is of this KEK, if it has one yet: with another no row would verify. CC_E_INVALID. */
int seal_check_kek(struct store *st, const struct kek *kek, struct cc_error *err);

/* Fills @s, which seal_clear() clears, also after an error. */
int seal_derive(struct seal *s, const struct kek *kek, struct cc_error *err);
void seal_clear(struct seal *s);

#endif
