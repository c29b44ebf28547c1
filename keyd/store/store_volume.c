// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <stdio.h>
#include <string.h>

#include "store/store_sql.h"

#define VALUES "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"

/* A word the terms do not know was not written by keyd. */
static int read_terms(struct stmt *q, struct cc_lease_terms *t, struct cc_error *err)
{
	char lapse[16], revoke[16];

	t->shared_read = sqlite3_column_int(q->q, 18);
	if (sql_u64(q, 17, &t->lease_ms, err) || sql_text(q, 19, lapse, sizeof(lapse), err) ||
	    sql_text(q, 20, revoke, sizeof(revoke), err) || sql_u64(q, 21, &t->queue_ms, err))
		return -1;
	if (cc_on_lapse_parse(lapse, &t->on_lapse) || cc_on_revoke_parse(revoke, &t->on_revoke) ||
	    t->lease_ms < CC_LEASE_MS_MIN || t->lease_ms > CC_LEASE_MS_MAX ||
	    t->queue_ms > CC_QUEUE_MS_MAX)
		return cc_fail(err, CC_E_INTERNAL, "keyd's database is damaged: terms of a volume");
	return 0;
}

/*
 * The column mount_options: a list as after "mount -o". The last word is DISCARD, where that is a term
 * of the volume.
 */
#define DISCARD "discard"
#define WORDS_LEN (CC_MOUNT_OPTIONS_TEXT + sizeof("," DISCARD))

static void words_of(const struct cc_volume *v, char out[static WORDS_LEN])
{
	char mount[CC_MOUNT_OPTIONS_TEXT];

	cc_mount_options_text(&v->mount, mount);
	snprintf(out, WORDS_LEN, "%s%s%s", mount, v->terms.discard && mount[0] ? "," : "",
		 v->terms.discard ? DISCARD : "");
}

static int read_words(struct stmt *q, struct cc_volume *v, struct cc_error *err)
{
	char text[WORDS_LEN], *last;

	v->mount = (struct cc_mount_options){0};
	if (sql_text(q, 22, text, sizeof(text), err))
		return -1;
	last = strrchr(text, ',');
	v->terms.discard = strcmp(last ? last + 1 : text, DISCARD) == 0;
	if (v->terms.discard)
		*(last ?: text) = '\0';
	if (cc_mount_options_parse(text, &v->mount, err))
		return cc_fail(err, CC_E_INTERNAL,
			       "keyd's database is damaged: mount options of a volume");
	return 0;
}

static int read_row(struct store *st, struct stmt *q, struct store_volume *v, struct cc_error *err)
{
	if (sql_check(st, q, SEALED_VOLUME, err))
		return -1;
	v->id = sqlite3_column_int64(q->q, 0);
	v->rec.realm[0] = v->rec.creator[0] = '\0';
	v->rec.ready = sqlite3_column_int(q->q, 10);
	v->rec.created = sqlite3_column_int64(q->q, 11);
	if (sql_text(q, 1, v->rec.name, sizeof(v->rec.name), err) ||
	    sql_text(q, 2, v->rec.uuid, sizeof(v->rec.uuid), err) ||
	    sql_text(q, 3, v->rec.cipher, sizeof(v->rec.cipher), err) ||
	    sql_u32(q, 4, &v->rec.key_bytes, err) || sql_u32(q, 5, &v->rec.sector_size, err) ||
	    sql_u64(q, 6, &v->rec.offset, err) || sql_u64(q, 7, &v->rec.sectors, err) ||
	    sql_text(q, 8, v->rec.fs, sizeof(v->rec.fs), err) ||
	    sql_u64(q, 9, &v->rec.generation, err) ||
	    sql_text(q, 12, v->kek_id, sizeof(v->kek_id), err) ||
	    sql_blob(q, 13, v->wrapped, sizeof(v->wrapped), &v->wrapped_len, err) ||
	    sql_u64(q, 14, &v->fence, err) || sql_u64(q, 15, &v->serial_floor, err) ||
	    sql_u32(q, 16, &v->wrap_format, err) ||
	    sql_text(q, 23, v->creator, sizeof(v->creator), err))
		return -1;
	return read_terms(q, &v->rec.terms, err) || read_words(q, &v->rec, err) ? -1 : 0;
}

/* The columns of SEALED_VOLUME_FIELDS, and what is bound to them. */
#define FIELD_TYPES "tttiiuutuiitbuuiuittutt"
#define FIELD_VALUES(v, words)                                                                  \
	(v)->rec.name, (v)->rec.uuid, (v)->rec.cipher, (int64_t)(v)->rec.key_bytes,             \
		(int64_t)(v)->rec.sector_size, (v)->rec.offset, (v)->rec.sectors, (v)->rec.fs,  \
		(v)->rec.generation, (int64_t)(v)->rec.ready, (v)->rec.created, (v)->kek_id,    \
		(const void *)(v)->wrapped, (v)->wrapped_len, (v)->fence, (v)->serial_floor,    \
		(int64_t)(v)->wrap_format, (v)->rec.terms.lease_ms,                             \
		(int64_t)(v)->rec.terms.shared_read, cc_on_lapse_name((v)->rec.terms.on_lapse), \
		cc_on_revoke_name((v)->rec.terms.on_revoke), (v)->rec.terms.queue_ms, words,    \
		(v)->creator

/* @sql: takes VALUES, the MAC and the id */
static int write_row(struct store *st, const char *sql, const struct store_volume *v,
		     struct cc_error *err)
{
	const struct row_at at = {SEALED_VOLUME, .number = v->id,
				  .value = v->rec.ready ? COUNT_READY : COUNT_CREATING};
	char words[WORDS_LEN];
	unsigned char mac[STORE_MAC_LEN];
	int n;

	words_of(&v->rec, words);
	if (sql_mac(st, mac, err, SEALED_VOLUME, "i" FIELD_TYPES, v->id, FIELD_VALUES(v, words)))
		return -1;
	n = sql_write(st, err, &at, mac, sql, FIELD_TYPES "bi", FIELD_VALUES(v, words),
		      (const void *)mac, sizeof(mac), v->id);
	return n < 0 ? cc_prefix(err, "volume %s (%s)", v->rec.name, v->rec.uuid) : 0;
}

/* Random, so that what belonged to a deleted volume is not found under the next one's. */
int store_volume_add(struct store *st, struct store_volume *v, struct cc_error *err)
{
	sqlite3_randomness(sizeof(v->id), &v->id);
	v->id = (v->id & INT64_MAX) | 1;
	return write_row(st,
			 "INSERT INTO volume (" SEALED_VOLUME_FIELDS ", mac, id) "
			 "VALUES (" VALUES ", ?, ?)",
			 v, err);
}

int store_volume_update(struct store *st, const struct store_volume *v, struct cc_error *err)
{
	return write_row(st,
			 "UPDATE volume SET (" SEALED_VOLUME_FIELDS ", mac) = (" VALUES ", ?) "
			 "WHERE id = ?",
			 v, err);
}

static int row_get(struct store *st, const char *sql, const char *key, struct store_volume *v,
		   struct cc_error *err)
{
	sql_auto struct stmt *q = sql_prepare(st, err, sql, "t", key);
	int rc = q ? sql_step(st, q, err) : -1;

	if (rc < 0)
		return -1;
	if (rc == 0) {
		cc_fail(err, CC_E_NOTFOUND, "there is no volume %s; see \"dmctl volume ls\"", key);
		return cc_set_fact(err, "volume");
	}
	return read_row(st, q, v, err);
}

int store_volume_get(struct store *st, const char *name, struct store_volume *v,
		     struct cc_error *err)
{
	return row_get(st, SELECT_VOLUME "WHERE name = ?", name, v, err);
}

int store_volume_by_uuid(struct store *st, const char *uuid, struct store_volume *v,
			 struct cc_error *err)
{
	return row_get(st, SELECT_VOLUME "WHERE uuid = ?", uuid, v, err);
}

int store_volume_each(struct store *st, store_volume_fn *fn, void *arg, struct cc_error *err)
{
	return store_volume_page(st, "", fn, arg, err);
}

int store_volume_page(struct store *st, const char *after, store_volume_fn *fn, void *arg,
		      struct cc_error *err)
{
	sql_auto struct stmt *q =
		sql_prepare(st, err, SELECT_VOLUME "WHERE name > ? ORDER BY name", "t", after);
	int rc;

	if (!q)
		return -1;
	while ((rc = sql_step(st, q, err)) > 0) {
		struct store_volume v;

		if (read_row(st, q, &v, err) == 0)
			rc = fn(arg, &v, err);
		else
			rc = store_is_bad_row(err) ? 0 : -1;
		if (rc)
			break;
	}
	return rc;
}

int store_volume_next(struct store *st, const char *after, struct store_volume *v, size_t *bad,
		      struct cc_error *err)
{
	sql_auto struct stmt *q =
		sql_prepare(st, err, SELECT_VOLUME "WHERE name > ? ORDER BY name", "t", after);
	int rc = q ? sql_step(st, q, err) : -1;

	for (; rc > 0; rc = sql_step(st, q, err)) {
		if (read_row(st, q, v, err) == 0)
			return 1;
		if (!store_is_bad_row(err))
			return -1;
		++*bad;
	}
	return rc;
}

int store_volume_delete(struct store *st, int64_t id, struct cc_error *err)
{
	const struct row_at at = {SEALED_VOLUME, .number = id};

	if (store_identity_delete(st, id, err))
		return -1;
	return sql_write(st, err, &at, NULL, "DELETE FROM volume WHERE id = ?", "i", id) < 0 ? -1
											     : 0;
}

static int tombstone_absent(struct store *st, const char *name, struct cc_error *err)
{
	const struct row_at at = {SEALED_TOMBSTONE, .text = name};
	char what[96];

	snprintf(what, sizeof(what), "tombstone %s", name);
	return sql_is_absent(st, &at, what, err);
}

/* 1: it is there, and raises @v's. */
static int tombstone_read(struct store *st, struct store_volume *v, uint64_t *ver,
			  struct cc_error *err)
{
	sql_auto struct stmt *q =
		sql_prepare(st, err, SELECT_TOMBSTONE "WHERE name = ?", "t", v->rec.name);
	int rc = q ? sql_step(st, q, err) : -1;
	uint64_t fence, floor;

	*ver = 0;
	if (rc < 0)
		return -1;
	if (rc == 0)
		return tombstone_absent(st, v->rec.name, err);
	if (sql_check(st, q, SEALED_TOMBSTONE, err) || sql_u64(q, 1, &fence, err) ||
	    sql_u64(q, 2, &floor, err) || sql_u64(q, 3, ver, err))
		return -1;
	v->fence = v->fence > fence ? v->fence : fence;
	v->serial_floor = v->serial_floor > floor ? v->serial_floor : floor;
	return 1;
}

int store_tombstone_put(struct store *st, const struct store_volume *v, struct cc_error *err)
{
	const struct row_at at = {SEALED_TOMBSTONE, .text = v->rec.name};
	struct store_volume top = *v;
	unsigned char mac[STORE_MAC_LEN];
	uint64_t ver;
	int n;

	if (tombstone_read(st, &top, &ver, err) < 0 ||
	    sql_mac(st, mac, err, SEALED_TOMBSTONE, "tuuu", v->rec.name, top.fence,
		    top.serial_floor, ver + 1))
		return -1;
	n = sql_write(st, err, &at, mac,
		      "INSERT OR REPLACE INTO tombstone (name, fence, serial_floor, ver, mac) "
		      "VALUES (?, ?, ?, ?, ?)",
		      "tuuub", v->rec.name, top.fence, top.serial_floor, ver + 1, (const void *)mac,
		      sizeof(mac));
	return n < 0 ? cc_prefix(err, "tombstone of volume %s", v->rec.name) : 0;
}

int store_tombstone_get(struct store *st, struct store_volume *v, struct cc_error *err)
{
	uint64_t ver;

	return tombstone_read(st, v, &ver, err) < 0 ? -1 : 0;
}

/* The next by name, above @v's: its name and fence. Return: 1; 0 for none; -1. */
static int tombstone_next(struct store *st, struct store_volume *v, struct cc_error *err)
{
	sql_auto struct stmt *q = sql_prepare(
		st, err, SELECT_TOMBSTONE "WHERE name > ? ORDER BY name", "t", v->rec.name);
	int rc = q ? sql_step(st, q, err) : -1;

	for (; rc > 0; rc = sql_step(st, q, err)) {
		if (sql_check(st, q, SEALED_TOMBSTONE, err) == 0)
			return sql_text(q, 0, v->rec.name, sizeof(v->rec.name), err) ||
					       sql_u64(q, 1, &v->fence, err)
				       ? -1
				       : 1;
		if (!store_is_bad_row(err))
			return -1;
	}
	return rc;
}

int store_tombstones_raise(struct store *st, uint64_t by, struct cc_error *err)
{
	struct store_volume v = {0};
	int rc;

	while ((rc = tombstone_next(st, &v, err)) > 0) {
		v.fence += by;
		if (store_tombstone_put(st, &v, err))
			return -1;
	}
	return rc;
}
