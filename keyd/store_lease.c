// SPDX-License-Identifier: Apache-2.0
#include "store_sql.h"

#define SELECT                                                                               \
	"SELECT l.id, v.name, v.uuid, l.agent, l.container, l.boot_id, l.fence, l.granted, " \
	"l.ms FROM lease l JOIN volume v ON v.id = l.volume "

static int read_row(sqlite3_stmt *q, struct store_lease *l, struct cc_error *err)
{
	l->granted = sqlite3_column_int64(q, 7);
	if (sql_text(q, 0, l->id, sizeof(l->id), err) ||
	    sql_text(q, 1, l->volume, sizeof(l->volume), err) ||
	    sql_text(q, 2, l->volume_uuid, sizeof(l->volume_uuid), err) ||
	    sql_text(q, 3, l->agent, sizeof(l->agent), err) ||
	    sql_text(q, 4, l->container, sizeof(l->container), err) ||
	    sql_text(q, 5, l->boot_id, sizeof(l->boot_id), err) || sql_u64(q, 6, &l->fence, err) ||
	    sql_u64(q, 8, &l->ms, err))
		return -1;
	return 0;
}

int store_lease_add(struct store *st, int64_t volume, const struct store_lease *l,
		    struct cc_error *err)
{
	int n = sql_run(st, err,
			"INSERT INTO lease (id, volume, agent, container, boot_id, fence, granted, "
			"ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			"titttuiu", l->id, volume, l->agent, l->container, l->boot_id, l->fence,
			l->granted, l->ms);

	return n < 0 ? cc_prefix(err, "lease") : 0;
}

static int get(struct store *st, sqlite3_stmt *q, struct store_lease *l, struct cc_error *err)
{
	int rc = q ? sql_step(st, q, err) : -1;

	if (rc < 0)
		return -1;
	if (rc == 0) {
		cc_fail(err, CC_E_NOTFOUND, "no such lease");
		return cc_set_fact(err, "lease");
	}
	return read_row(q, l, err);
}

int store_lease_get(struct store *st, const char *id, struct store_lease *l, struct cc_error *err)
{
	sql_auto sqlite3_stmt *q = sql_prepare(st, err, SELECT "WHERE l.id = ?", "t", id);

	return get(st, q, l, err);
}

int store_lease_of(struct store *st, int64_t volume, struct store_lease *l, struct cc_error *err)
{
	sql_auto sqlite3_stmt *q = sql_prepare(st, err, SELECT "WHERE l.volume = ?", "i", volume);

	return get(st, q, l, err);
}

int store_lease_each(struct store *st, store_lease_fn *fn, void *arg, struct cc_error *err)
{
	sql_auto sqlite3_stmt *q = sql_prepare(st, err, SELECT "ORDER BY v.name", "");
	int rc;

	if (!q)
		return -1;
	while ((rc = sql_step(st, q, err)) > 0) {
		struct store_lease l;

		rc = read_row(q, &l, err) ? -1 : fn(arg, &l, err);
		if (rc)
			break;
	}
	return rc;
}

int store_lease_delete(struct store *st, const char *id, struct cc_error *err)
{
	return sql_run(st, err, "DELETE FROM lease WHERE id = ?", "t", id) < 0 ? -1 : 0;
}
