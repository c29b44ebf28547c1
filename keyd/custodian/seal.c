// SPDX-License-Identifier: Apache-2.0
#include "custodian/seal.h"

#include <stddef.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/params.h>

#include "custodian/upgrade.h"
#include "log.h"

static const char rows_info[] = "container-crypt row mac 1";
static const char head_info[] = "container-crypt audit head 1";

/* ---- keys ---- */

static void mac_free(EVP_MAC **mac)
{
	EVP_MAC_free(*mac);
}

static int make_rows(struct seal *s, struct cc_error *err)
{
	cc_cleanup(mac_free) EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	cc_auto_secret struct cc_secret key = {0};
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_end(),
	};

	if (kek_derive(s->kek, NULL, rows_info, &key, err))
		return -1;
	s->rows = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
	if (!s->rows || EVP_MAC_init(s->rows, key.p, key.len, params) != 1)
		return cc_fail(err, CC_E_INTERNAL, "HMAC cannot be set up");
	return 0;
}

static int make_head(struct seal *s, struct cc_error *err)
{
	cc_auto_secret struct cc_secret seed = {0};

	if (kek_derive(s->kek, NULL, head_info, &seed, err))
		return -1;
	s->head = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed.p, seed.len);
	return s->head ? 0 : cc_fail(err, CC_E_INTERNAL, "Ed25519 cannot be set up");
}

/* ---- what the store asks for ---- */

#define SEAL_OF(ops_) ((struct seal *)((char *)(ops_) - offsetof(struct seal, ops)))

static void mac_ctx_free(EVP_MAC_CTX **ctx)
{
	EVP_MAC_CTX_free(*ctx);
}

/* The kept context has the key in it already: copying it is cheaper than setting one up. */
static int mac(struct store_seal *ops, const void *p, size_t len,
	       unsigned char out[static STORE_MAC_LEN], struct cc_error *err)
{
	cc_cleanup(mac_ctx_free) EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(SEAL_OF(ops)->rows);
	size_t n;

	if (!ctx || EVP_MAC_update(ctx, p, len) != 1 ||
	    EVP_MAC_final(ctx, out, &n, STORE_MAC_LEN) != 1 || n != STORE_MAC_LEN)
		return cc_fail(err, CC_E_INTERNAL, "HMAC failed");
	return 0;
}

static struct seal_bad *remember(struct seal *s, const char *what)
{
	struct seal_bad *bad;

	for (size_t i = 0; i < s->n_bad; i++)
		if (!strcmp(s->bad[i].what, what))
			return &s->bad[i];
	if (s->n_bad == SEAL_BAD_MAX)
		return NULL;
	bad = &s->bad[s->n_bad++];
	snprintf(bad->what, sizeof(bad->what), "%s", what);
	cc_log(LOG_ERR,
	       "%s: this row of the database is not what keyd left there: it counts for nothing",
	       what);
	return bad;
}

static void found_bad(struct store_seal *ops, const char *what)
{
	struct seal *s = SEAL_OF(ops);
	struct seal_bad *bad = remember(s, what);

	s->n_seen++;
	if (bad)
		bad->now = true;
}

static int accept(struct store_seal *ops, struct store *st, struct cc_error *err)
{
	return upgrade_accept(st, SEAL_OF(ops)->kek, err);
}

/* ---- */

int seal_check_kek(struct store *st, const struct kek *kek, struct cc_error *err)
{
	cc_auto_free char *id = NULL;

	if (store_setting_peek(st, "kek_id", &id, err))
		return -1;
	if (id && strcmp(id, kek->id) != 0)
		return cc_fail(
			err, CC_E_INVALID,
			"the key-encryption key is %s, the database's is %s: give the right one "
			"with --kek",
			kek->id, id);
	return 0;
}

int seal_derive(struct seal *s, const struct kek *kek, struct cc_error *err)
{
	*s = (struct seal){.ops = {mac, found_bad, accept}, .kek = kek};
	return make_rows(s, err) || make_head(s, err) ? -1 : 0;
}

void seal_clear(struct seal *s)
{
	EVP_MAC_CTX_free(s->rows);
	EVP_PKEY_free(s->head);
	s->rows = NULL;
	s->head = NULL;
}

void seal_bad_reset(struct seal *s)
{
	for (size_t i = 0; i < s->n_bad; i++)
		s->bad[i].now = false;
}
