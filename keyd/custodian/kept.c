// SPDX-License-Identifier: Apache-2.0
#include "custodian/kept.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "evidence.h"
#include "pkey.h"

enum kind { SIGNER_KEY, AGENT_KEY, IDENTITY };

/* @value: NULL is free; @used: by the count of uses, 0 for never */
struct entry {
	struct kept_proof id;
	void *value;
	uint64_t used;
};

struct table {
	uint64_t uses;
	struct entry v[KEPT_SETS][KEPT_WAYS];
};

struct kept {
	struct table keys, identities;
};

/* ---- the tables ---- */

/* The parts' lengths are hashed as well, so that no byte can move from one to the other. */
static struct kept_proof id_of(enum kind kind, const void *a, size_t a_len, const void *b,
			       size_t b_len)
{
	const uint64_t head[] = {kind, a_len, b_len};
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct kept_proof id;

	/* Fails only without memory; a made-up id is no way on. */
	if (!ctx || EVP_DigestInit_ex(ctx, cc_md_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(ctx, head, sizeof(head)) != 1 ||
	    EVP_DigestUpdate(ctx, a, a_len) != 1 || EVP_DigestUpdate(ctx, b, b_len) != 1 ||
	    EVP_DigestFinal_ex(ctx, id.id, NULL) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
	return id;
}

static struct entry *set_of(struct table *t, const struct kept_proof *id)
{
	uint32_t n;

	memcpy(&n, id->id, sizeof(n));
	return t->v[n % KEPT_SETS];
}

static void *find(struct table *t, const struct kept_proof *id)
{
	struct entry *set = set_of(t, id);

	for (size_t i = 0; i < KEPT_WAYS; i++) {
		if (!set[i].value || memcmp(&set[i].id, id, sizeof(*id)) != 0)
			continue;
		set[i].used = ++t->uses;
		return set[i].value;
	}
	return NULL;
}

/* Puts @value in the place of what was used longest ago, which is returned; NULL for nothing. */
static void *put(struct table *t, const struct kept_proof *id, void *value)
{
	struct entry *oldest = set_of(t, id);
	void *before;

	for (struct entry *e = oldest + 1; e < set_of(t, id) + KEPT_WAYS; e++)
		if (e->used < oldest->used)
			oldest = e;
	before = oldest->value;
	*oldest = (struct entry){*id, value, ++t->uses};
	return before;
}

struct kept *kept_new(struct cc_error *err)
{
	struct kept *k = calloc(1, sizeof(*k));

	if (!k)
		cc_fail(err, CC_E_NOMEM, "out of memory");
	return k;
}

void kept_free(struct kept *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < KEPT_SETS; i++) {
		for (size_t way = 0; way < KEPT_WAYS; way++) {
			EVP_PKEY_free(k->keys.v[i][way].value);
			cc_identity_free(k->identities.v[i][way].value);
		}
	}
	free(k);
}

/* ---- keys ---- */

/* The table has a reference of its own. */
static EVP_PKEY *keep_key(struct kept *k, const struct kept_proof *id, EVP_PKEY *key)
{
	if (key) {
		EVP_PKEY_free(put(&k->keys, id, key));
		EVP_PKEY_up_ref(key);
	}
	return key;
}

static EVP_PKEY *find_key(struct kept *k, const struct kept_proof *id)
{
	EVP_PKEY *key = find(&k->keys, id);

	if (key)
		EVP_PKEY_up_ref(key);
	return key;
}

EVP_PKEY *kept_signer_key(struct kept *k, const char *pem, struct cc_error *err)
{
	const struct kept_proof id = id_of(SIGNER_KEY, pem, strlen(pem), "", 0);
	EVP_PKEY *key = find_key(k, &id);

	return key ? key : keep_key(k, &id, cc_pubkey_parse(pem, strlen(pem), err));
}

EVP_PKEY *kept_agent_key(struct kept *k, const char *jwk, struct cc_error *err)
{
	const struct kept_proof id = id_of(AGENT_KEY, jwk, strlen(jwk), "", 0);
	EVP_PKEY *key = find_key(k, &id);
	cc_auto_json json_t *obj = NULL;

	if (key)
		return key;
	obj = cc_json_parse(jwk, strlen(jwk), "agent's key", err);
	return obj ? keep_key(k, &id, cc_evidence_key(obj, err)) : NULL;
}

/* ---- identities ---- */

struct kept_proof kept_proof(const char *pem, const char *envelope, size_t len)
{
	return id_of(IDENTITY, pem, strlen(pem), envelope, len);
}

struct cc_identity *kept_identity(struct kept *k, const struct kept_proof *proof)
{
	struct cc_identity *id = find(&k->identities, proof);

	return id ? cc_identity_ref(id) : NULL;
}

void kept_identity_put(struct kept *k, const struct kept_proof *proof, struct cc_identity *id,
		       size_t len)
{
	if (len <= KEPT_IDENTITY_MAX)
		cc_identity_free(put(&k->identities, proof, cc_identity_ref(id)));
}
