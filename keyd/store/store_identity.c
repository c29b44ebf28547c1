// SPDX-License-Identifier: Apache-2.0
/* The identities of a volume, by serial. */
#include "store/store.h"

#include <inttypes.h>
#include <string.h>

#include "store/store_sql.h"

#define ID_LEN 48

static const char *const states[] = {
	[IDENTITY_LIVE] = "live",
	[IDENTITY_DRAINED] = "drained",
	[IDENTITY_REVOKED] = "revoked",
};

const char *identity_state_name(enum identity_state state)
{
	return states[state];
}

void store_identity_clear(struct store_identity *id)
{
	free(id->envelope);
	free(id->mount_point);
	memset(id, 0, sizeof(*id));
}

void store_identities_clear(struct store_identities *list)
{
	for (size_t i = 0; i < list->n; i++)
		store_identity_clear(&list->v[i]);
	free(list->v);
	*list = (struct store_identities){0};
}

static void row_id(int64_t volume, uint64_t serial, char id[static ID_LEN])
{
	snprintf(id, ID_LEN, "%" PRId64 "/%" PRIu64, volume, serial);
}

int store_identity_put(struct store *st, int64_t volume, const struct store_identity *id,
		       struct cc_error *err)
{
	char row[ID_LEN];
	const struct row_at at = {SEALED_IDENTITY, .text = row, .group = volume};
	unsigned char mac[STORE_MAC_LEN];
	int n;

	row_id(volume, id->serial, row);
	if (sql_mac(st, mac, err, SEALED_IDENTITY, "tiuutbttt", row, volume, id->serial, id->floor,
		    states[id->state], (const void *)id->envelope, id->envelope_len, id->digest,
		    id->signer, id->mount_point))
		return -1;
	n = sql_write(st, err, &at, mac,
		      "INSERT OR REPLACE INTO identity (id, volume, serial, floor, state, "
		      "envelope, digest, signer, mount_point, mac) "
		      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		      "tiuutbtttb", row, volume, id->serial, id->floor, states[id->state],
		      (const void *)id->envelope, id->envelope_len, id->digest, id->signer,
		      id->mount_point, (const void *)mac, sizeof(mac));
	return n < 0 ? cc_prefix(err, "identity") : 0;
}

/* A word that keyd does not know was not written by it. */
static int read_state(struct stmt *q, int col, enum identity_state *state, struct cc_error *err)
{
	char text[16];

	if (sql_text(q, col, text, sizeof(text), err))
		return -1;
	for (*state = IDENTITY_LIVE; *state <= IDENTITY_REVOKED; ++*state)
		if (!strcmp(states[*state], text))
			return 0;
	return cc_fail(err, CC_E_INTERNAL, "keyd's database is damaged: state of an identity");
}

static int identity_read(struct store *st, struct stmt *q, struct store_identity *id,
			 struct cc_error *err)
{
	memset(id, 0, sizeof(*id));
	if (sql_check(st, q, SEALED_IDENTITY, err) || sql_u64(q, 2, &id->serial, err) ||
	    sql_u64(q, 3, &id->floor, err) || read_state(q, 4, &id->state, err) ||
	    sql_dup(q, 5, &id->envelope, &id->envelope_len, err) ||
	    sql_text(q, 6, id->digest, sizeof(id->digest), err) ||
	    sql_text(q, 7, id->signer, sizeof(id->signer), err) ||
	    sql_dup(q, 8, &id->mount_point, NULL, err)) {
		store_identity_clear(id);
		return -1;
	}
	return 0;
}

static int identity_keep(struct store_identities *list, const struct store_identity *id,
			 struct cc_error *err)
{
	struct store_identity *more = realloc(list->v, (list->n + 1) * sizeof(*more));

	if (!more)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	list->v = more;
	list->v[list->n++] = *id;
	return 0;
}

static int identities_read(struct store *st, int64_t volume, struct store_identities *list,
			   struct cc_error *err)
{
	sql_auto struct stmt *q = sql_prepare(
		st, err, SELECT_IDENTITY "WHERE i.volume = ? ORDER BY i.serial DESC", "i", volume);
	int rc = q ? 0 : -1;

	while (rc == 0 && (rc = sql_step(st, q, err)) > 0) {
		struct store_identity id;

		if (identity_read(st, q, &id, err))
			return -1;
		rc = identity_keep(list, &id, err);
		if (rc)
			store_identity_clear(&id);
	}
	return rc ? -1 : sql_is_whole(st, SEALED_IDENTITY, volume, list->n, err);
}

int store_identities_of(struct store *st, int64_t volume, struct store_identities *list,
			struct cc_error *err)
{
	*list = (struct store_identities){0};
	if (identities_read(st, volume, list, err) == 0)
		return 0;
	store_identities_clear(list);
	return -1;
}

int store_identity_get(struct store *st, int64_t volume, struct store_identity *id,
		       struct cc_error *err)
{
	store_auto_identities struct store_identities list = {0};

	memset(id, 0, sizeof(*id));
	if (store_identities_of(st, volume, &list, err))
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		if (list.v[i].state == IDENTITY_REVOKED)
			continue;
		*id = list.v[i];
		memset(&list.v[i], 0, sizeof(list.v[i]));
		return 0;
	}
	cc_fail(err, CC_E_NOTFOUND, "the volume has no identity");
	return cc_set_fact(err, "identity");
}

int store_identity_drop(struct store *st, int64_t volume, uint64_t serial, struct cc_error *err)
{
	char row[ID_LEN];
	const struct row_at at = {SEALED_IDENTITY, .text = row, .group = volume};

	row_id(volume, serial, row);
	return sql_write(st, err, &at, NULL, "DELETE FROM identity WHERE id = ?", "t", row) < 0 ? -1
												: 0;
}

int store_identity_delete(struct store *st, int64_t volume, struct cc_error *err)
{
	return sql_remove_group(st, SEALED_IDENTITY, volume,
				"DELETE FROM identity WHERE volume = ?", err);
}
