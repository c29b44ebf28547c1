// SPDX-License-Identifier: Apache-2.0
#include "store_sql.h"

#define COLUMNS                                                                                  \
	"id, name, uuid, cipher, key_bytes, sector_size, data_offset, sectors, fs, generation, " \
	"ready, created, kek_id, wrapped, fence, serial_floor"

static int read_row(sqlite3_stmt *q, struct store_volume *v, struct cc_error *err)
{
	v->id = sqlite3_column_int64(q, 0);
	v->ready = sqlite3_column_int(q, 10);
	v->created = sqlite3_column_int64(q, 11);
	if (sql_text(q, 1, v->name, sizeof(v->name), err) ||
	    sql_text(q, 2, v->uuid, sizeof(v->uuid), err) ||
	    sql_text(q, 3, v->cipher, sizeof(v->cipher), err) ||
	    sql_u32(q, 4, &v->key_bytes, err) || sql_u32(q, 5, &v->sector_size, err) ||
	    sql_u64(q, 6, &v->offset, err) || sql_u64(q, 7, &v->sectors, err) ||
	    sql_text(q, 8, v->fs, sizeof(v->fs), err) || sql_u64(q, 9, &v->generation, err) ||
	    sql_text(q, 12, v->kek_id, sizeof(v->kek_id), err) ||
	    sql_blob(q, 13, v->wrapped, sizeof(v->wrapped), &v->wrapped_len, err) ||
	    sql_u64(q, 14, &v->fence, err) || sql_u64(q, 15, &v->serial_floor, err))
		return -1;
	return 0;
}

int store_volume_add(struct store *st, struct store_volume *v, struct cc_error *err)
{
	int n = sql_run(st, err,
			"INSERT INTO volume (name, uuid, cipher, key_bytes, sector_size, "
			"data_offset, sectors, fs, generation, ready, created, kek_id, wrapped, "
			"fence, serial_floor) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			"tttiiuutuiitbuu", v->name, v->uuid, v->cipher, (int64_t)v->key_bytes,
			(int64_t)v->sector_size, v->offset, v->sectors, v->fs, v->generation,
			(int64_t)v->ready, v->created, v->kek_id, v->wrapped, v->wrapped_len,
			v->fence, v->serial_floor);

	if (n < 0)
		return cc_prefix(err, "volume %s (%s)", v->name, v->uuid);
	v->id = sqlite3_last_insert_rowid(st->db);
	return 0;
}

int store_volume_update(struct store *st, const struct store_volume *v, struct cc_error *err)
{
	int n = sql_run(st, err,
			"UPDATE volume SET uuid = ?, cipher = ?, key_bytes = ?, sector_size = ?, "
			"data_offset = ?, sectors = ?, fs = ?, generation = ?, ready = ?, "
			"created = ?, kek_id = ?, wrapped = ?, fence = ?, serial_floor = ? "
			"WHERE id = ?",
			"ttiiuutuiitbuui", v->uuid, v->cipher, (int64_t)v->key_bytes,
			(int64_t)v->sector_size, v->offset, v->sectors, v->fs, v->generation,
			(int64_t)v->ready, v->created, v->kek_id, v->wrapped, v->wrapped_len,
			v->fence, v->serial_floor, v->id);

	return n < 0 ? cc_prefix(err, "volume %s (%s)", v->name, v->uuid) : 0;
}

static int get(struct store *st, const char *sql, const char *key, struct store_volume *v,
	       struct cc_error *err)
{
	sql_auto sqlite3_stmt *q = sql_prepare(st, err, sql, "t", key);
	int rc = q ? sql_step(st, q, err) : -1;

	if (rc < 0)
		return -1;
	if (rc == 0) {
		cc_fail(err, CC_E_NOTFOUND, "no volume %s", key);
		return cc_set_fact(err, "volume");
	}
	return read_row(q, v, err);
}

int store_volume_get(struct store *st, const char *name, struct store_volume *v,
		     struct cc_error *err)
{
	return get(st, "SELECT " COLUMNS " FROM volume WHERE name = ?", name, v, err);
}

int store_volume_by_uuid(struct store *st, const char *uuid, struct store_volume *v,
			 struct cc_error *err)
{
	return get(st, "SELECT " COLUMNS " FROM volume WHERE uuid = ?", uuid, v, err);
}

int store_volume_each(struct store *st, store_volume_fn *fn, void *arg, struct cc_error *err)
{
	sql_auto sqlite3_stmt *q =
		sql_prepare(st, err, "SELECT " COLUMNS " FROM volume ORDER BY name", "");
	int rc;

	if (!q)
		return -1;
	while ((rc = sql_step(st, q, err)) > 0) {
		struct store_volume v;

		rc = read_row(q, &v, err) ? -1 : fn(arg, &v, err);
		if (rc)
			break;
	}
	return rc;
}

int store_volume_delete(struct store *st, int64_t id, struct cc_error *err)
{
	return sql_run(st, err, "DELETE FROM volume WHERE id = ?", "i", id) < 0 ? -1 : 0;
}
