// SPDX-License-Identifier: Apache-2.0
/* Invitations to enrol, each a setting "invite/ID". */
#include "store/store.h"

#include <inttypes.h>
#include <string.h>

#include "hex.h"
#include "store/store_sql.h"

#define PREFIX "invite/"
#define KEY_LEN (sizeof(PREFIX) + STORE_INVITE_ID_LEN)
#define HASH_DIGITS 64

static void invite_key(const char *id, char key[static KEY_LEN])
{
	snprintf(key, KEY_LEN, PREFIX "%.*s", STORE_INVITE_ID_LEN - 1, id);
}

/* "EXPIRES HASH NAME VOLUMES" */
static char *to_text(const struct store_invite *v)
{
	char hash[HASH_DIGITS + 1];
	char *text;

	cc_hex_encode(v->hash, sizeof(v->hash), hash);
	if (asprintf(&text, "%" PRId64 " %s %s %s", v->expires, hash, v->name, v->volumes.text) < 0)
		return NULL;
	return text;
}

static int damaged(const char *id, struct cc_error *err)
{
	return cc_fail(err, CC_E_INTERNAL, "keyd's database is damaged: invitation %s", id);
}

static int from_text(const char *id, char *text, struct store_invite *v, struct cc_error *err)
{
	const char *expires = strsep(&text, " "), *hash = strsep(&text, " "),
		   *name = strsep(&text, " ");
	char *end;

	*v = (struct store_invite){0};
	snprintf(v->id, sizeof(v->id), "%s", id);
	if (!expires || !hash || !name || !text || !cc_is_name(name) ||
	    strlen(hash) != HASH_DIGITS || cc_hex_decode(hash, v->hash, sizeof(v->hash)))
		return damaged(id, err);
	memcpy(v->name, name, strlen(name) + 1);
	v->expires = strtoll(expires, &end, 10);
	if (*end || cc_scope_parse(text, &v->volumes, err))
		return damaged(id, err);
	return 0;
}

static int none(struct cc_error *err)
{
	cc_fail(err, CC_E_NOTFOUND,
		"the token is not one of this keyd, was used already, or is over: make another with "
		"\"dmctl agents invite\"");
	return cc_set_fact(err, "token");
}

int store_invite_get(struct store *st, const char *id, struct store_invite *v, struct cc_error *err)
{
	cc_auto_free char *text = NULL;
	char key[KEY_LEN];

	invite_key(id, key);
	if (store_setting_get(st, key, &text, err))
		return -1;
	return text ? from_text(id, text, v, err) : none(err);
}

int store_invite_drop(struct store *st, const char *id, struct cc_error *err)
{
	char key[KEY_LEN];
	const struct row_at at = {SEALED_SETTING, .text = key};
	int n;

	invite_key(id, key);
	n = sql_write(st, err, &at, NULL, "DELETE FROM setting WHERE key = ?", "t", key);
	if (n < 0)
		return -1;
	return n ? 0 : none(err);
}

/* ---- all of them ---- */

struct ids {
	size_t n;
	char at[STORE_INVITES_MAX][STORE_INVITE_ID_LEN];
};

static int list(struct store *st, struct ids *ids, struct cc_error *err)
{
	sql_auto struct stmt *q =
		sql_prepare(st, err, SELECT_SETTING "WHERE key GLOB '" PREFIX "*'", "");
	int rc;

	if (!q)
		return -1;
	while ((rc = sql_step(st, q, err)) > 0) {
		const char *key = (const char *)sqlite3_column_text(q->q, 0);

		if (!key || ids->n == STORE_INVITES_MAX)
			break;
		snprintf(ids->at[ids->n++], STORE_INVITE_ID_LEN, "%s", key + sizeof(PREFIX) - 1);
	}
	return rc < 0 ? -1 : 0;
}

/* One that keyd did not write stays, as evidence; it counts. Return: whether it went; -1 */
static int drop_old(struct store *st, const char *id, const char *name, int64_t now,
		    struct cc_error *err)
{
	struct store_invite old;

	if (store_invite_get(st, id, &old, err))
		return store_is_bad_row(err) ? 0 : -1;
	if (old.expires > now && strcmp(old.name, name) != 0)
		return 0;
	return store_invite_drop(st, id, err) ? -1 : 1;
}

static int drop_others(struct store *st, const struct store_invite *v, int64_t now,
		       struct cc_error *err)
{
	struct ids ids = {0};
	size_t left;

	if (list(st, &ids, err))
		return -1;
	left = ids.n;
	for (size_t i = 0; i < ids.n; i++) {
		int rc = drop_old(st, ids.at[i], v->name, now, err);

		if (rc < 0)
			return -1;
		left -= (size_t)rc;
	}
	if (left == STORE_INVITES_MAX)
		return cc_fail(err, CC_E_BUSY,
			       "%d invitations are open: wait until they are used or over",
			       STORE_INVITES_MAX);
	return 0;
}

int store_invite_add(struct store *st, const struct store_invite *v, int64_t now,
		     struct cc_error *err)
{
	cc_auto_free char *text = to_text(v);
	char key[KEY_LEN];

	if (!text)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	invite_key(v->id, key);
	return drop_others(st, v, now, err) || store_setting_put(st, key, text, err) ? -1 : 0;
}
