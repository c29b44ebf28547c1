// SPDX-License-Identifier: Apache-2.0
#include "custodian/seal.h"

#include <stddef.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/params.h>

#include "custodian/upgrade.h"

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

/* The kept context has the key in it already, and begins anew with it. */
static int mac(struct store_seal *ops, const void *p, size_t len,
	       unsigned char out[static STORE_MAC_LEN], struct cc_error *err)
{
	EVP_MAC_CTX *ctx = SEAL_OF(ops)->rows;
	size_t n;

	if (EVP_MAC_init(ctx, NULL, 0, NULL) != 1 || EVP_MAC_update(ctx, p, len) != 1 ||
	    EVP_MAC_final(ctx, out, &n, STORE_MAC_LEN) != 1 || n != STORE_MAC_LEN)
		return cc_fail(err, CC_E_INTERNAL, "HMAC failed");
	return 0;
}

/* By a MAC: whoever writes to the database shall find no two rows of one key. */
static uint64_t bad_key(struct seal *s, const char *what, const char *id)
{
	unsigned char out[STORE_MAC_LEN];
	char text[2 * BAD_ROW_LEN + 16];
	struct cc_error ignored;
	uint64_t key = 0;
	int n = snprintf(text, sizeof(text), "bad row%c%s%c%s", 0, what, 0, id);

	if (n >= (int)sizeof(text))
		n = (int)sizeof(text) - 1;
	if (mac(&s->ops, text, (size_t)n, out, &ignored) == 0)
		memcpy(&key, out, sizeof(key));
	return key ? key : 1;
}

static void found_bad(struct store_seal *ops, const struct store_bad *row)
{
	struct seal *s = SEAL_OF(ops);

	bad_rows_found(&s->bad, row, bad_key(s, row->what, row->id));
}

static bool watches(struct store_seal *ops)
{
	return bad_rows_any(&SEAL_OF(ops)->bad);
}

static void found_good(struct store_seal *ops, const char *what, const char *id)
{
	struct seal *s = SEAL_OF(ops);

	bad_rows_good(&s->bad, bad_key(s, what, id));
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
	*s = (struct seal){.ops = {mac, found_bad, watches, found_good, accept}, .kek = kek};
	return make_rows(s, err) || make_head(s, err) ? -1 : 0;
}

void seal_clear(struct seal *s)
{
	EVP_MAC_CTX_free(s->rows);
	EVP_PKEY_free(s->head);
	bad_rows_clear(&s->bad);
	s->rows = NULL;
	s->head = NULL;
}
