/* SPDX-License-Identifier: Apache-2.0 */
/*
 * domain.h - domain keys: what volume keys are wrapped under, one generation after the other, so
 * that a volume's key can be erased.
 *
 *     KEK (file or credential) ─┐
 *     secret of generation N ───┴─HKDF─▶ wraps domain key N (table kek) ─▶ wraps volume keys
 *
 * The secret, 32 random bytes, is outside of the database, in the file "generation" of the anchor
 * directory (store/slots.h). To erase what was deleted is to destroy a generation: a new one is
 * made, all other volume keys are wrapped under it, and the old secret is overwritten. No copy of
 * the database opens that key then, not even with the KEK; nor any other volume's key in a copy of
 * before: make a new one.
 *
 * Each step can be broken off, and whoever opens the database next goes on with it:
 *
 *     1. the deletion's own transaction retires the active generation
 *     2. the file gets the secret of the new generation beside the old one's, synced
 *     3. the new generation is added, active
 *     4. volume keys are wrapped under it, some hundred a transaction
 *     5. when none is left under a retired one, its row says destroyed, its wrapped key is zeros
 *     6. the file gets the secret of the active generation only, both slots, synced
 *     7. the database's write-ahead log is overwritten
 *
 * A secret without a row (2 without 3) and one whose row says destroyed (5 without 6) go in step 6;
 * but not while it is not sure that the database is the newest, whose secrets these may be: nothing
 * is wrapped again or destroyed then. A generation is not destroyed while a volume is under it
 * whose key does not open.
 */
#ifndef KEYD_DOMAIN_H
#define KEYD_DOMAIN_H

#include "custodian/kek.h"
#include "store/slots.h"
#include "store/store.h"

#define DOMAIN_FILE "generation"
#define DOMAIN_SECRET_LEN 32
#define DOMAIN_MAX 8 /* generations that are not destroyed */

/**
 * struct generation - one that can be used.
 * @key: the domain key; its id is what volumes have as kek_id
 * @secret: what it is wrapped under, with the KEK
 */
struct generation {
	uint64_t number;
	enum store_kek_state state;
	struct kek key;
	struct cc_secret secret;
};

/**
 * struct domain - the generations.
 * @n: 0 where there is no domain (tests): volume keys are under the KEK itself then
 * @sure: the database is the newest: set by who knows, before domain_erase()
 * @created: when the first one was made; what was wrapped before is under the KEK in old copies
 */
struct domain {
	struct slots slots;
	size_t n;
	struct generation gen[DOMAIN_MAX];
	bool known[DOMAIN_MAX]; /* in the database */
	bool sure;
	int64_t created;
};

/**
 * struct erased - what domain_erase() did.
 * @generation: number of the newest generation that was destroyed; 0 for none
 * @rewrapped: volume keys that were wrapped again; @stuck: that do not open
 * @log: the write-ahead log was overwritten
 */
struct erased {
	uint64_t generation;
	uint64_t rewrapped, stuck;
	bool log;
};

/**
 * domain_open - reads file and database; changes nothing.
 * @dir: the anchor directory, which is there
 * CC_E_INVALID, fact "generation", when the secret of a generation in the database is gone: it was
 * erased after this copy was made. Close with domain_close(), also after an error. domain_erase()
 * makes the first generation, and goes on with what was broken off.
 */
int domain_open(struct domain *d, struct store *st, const struct kek *kek, const char *dir,
		struct cc_error *err);
void domain_close(struct domain *d);

/* What a new volume key is wrapped under: the newest generation, or @kek. */
const struct kek *domain_active(const struct domain *d, const struct kek *kek);

/* What a volume of that kek_id is under: CC_E_INTERNAL, fact "wrapped-key", where it is unknown. */
const struct kek *domain_find(const struct domain *d, const struct kek *kek, const char *kek_id,
			      struct cc_error *err);

/*
 * Step 1, inside the transaction of the deletion. Nothing where there is no domain, and where there
 * are too many generations already: they wait for domain_erase().
 */
int domain_retire(const struct domain *d, struct store *st, struct cc_error *err);

/**
 * domain_erase - steps 2 to 7. Outside of a transaction.
 * @e: out; what was done, also on error
 * On error nothing is lost, and it is gone on with by the next call.
 */
int domain_erase(struct domain *d, struct store *st, const struct kek *kek, int64_t now,
		 struct erased *e, struct cc_error *err);

/* The secrets in a file's bytes. Pure; the secrets are in the secure heap. */
int domain_parse(struct domain *d, const unsigned char *bytes, size_t len, struct cc_error *err);

#endif
