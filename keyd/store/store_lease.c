// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <inttypes.h>

#include "store/store_sql.h"

#define STALE_AT_A_TIME 500

static int read_row(struct store *st, struct stmt *q, struct store_lease *l, struct cc_error *err)
{
	if (sql_check(st, q, SEALED_LEASE, err))
		return -1;
	l->granted = sqlite3_column_int64(q->q, 7);
	l->shared = sqlite3_column_int(q->q, 9);
	l->read_only = sqlite3_column_int(q->q, 10);
	l->revoked = sqlite3_column_int(q->q, 11);
	l->end_ms = sqlite3_column_int64(q->q, 13);
	if (sql_text(q, 0, l->id, sizeof(l->id), err) ||
	    sql_text(q, 1, l->volume, sizeof(l->volume), err) ||
	    sql_text(q, 2, l->volume_uuid, sizeof(l->volume_uuid), err) ||
	    sql_text(q, 3, l->agent, sizeof(l->agent), err) ||
	    sql_text(q, 4, l->container, sizeof(l->container), err) ||
	    sql_text(q, 5, l->boot_id, sizeof(l->boot_id), err) || sql_u64(q, 6, &l->fence, err) ||
	    sql_u64(q, 8, &l->ms, err) ||
	    sql_text(q, 12, l->host_boot, sizeof(l->host_boot), err) ||
	    sql_u64(q, 14, &l->cover_ms, err) || sql_u64(q, 15, &l->ver, err) ||
	    sql_text(q, 16, l->enrolment, sizeof(l->enrolment), err) ||
	    sql_u64(q, 17, &l->serial, err))
		return -1;
	return 0;
}

/* With the version @ver. */
static int make_mac(struct store *st, const struct store_lease *l, uint64_t ver,
		    unsigned char mac[static STORE_MAC_LEN], struct cc_error *err)
{
	return sql_mac(st, mac, err, SEALED_LEASE, "ttttttuiuiiitiuutu", l->id, l->volume,
		       l->volume_uuid, l->agent, l->container, l->boot_id, l->fence, l->granted,
		       l->ms, (int64_t)l->shared, (int64_t)l->read_only, (int64_t)l->revoked,
		       l->host_boot, l->end_ms, l->cover_ms, ver, l->enrolment, l->serial);
}

int store_lease_add(struct store *st, int64_t volume, const struct store_lease *l,
		    struct cc_error *err)
{
	const struct row_at at = {SEALED_LEASE, .text = l->id, .group = volume,
				  .value = lease_value(l->ms, l->end_ms)};
	unsigned char mac[STORE_MAC_LEN];
	int n;

	if (make_mac(st, l, l->ver, mac, err))
		return -1;
	n = sql_write(
		st, err, &at, mac,
		"INSERT INTO lease (id, volume, agent, container, boot_id, fence, granted, ms, "
		"shared, read_only, revoked, host_boot, end_ms, cover_ms, ver, enrolment, serial, mac) "
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		"titttuiuiiitiuutub", l->id, volume, l->agent, l->container, l->boot_id, l->fence,
		l->granted, l->ms, (int64_t)l->shared, (int64_t)l->read_only, (int64_t)l->revoked,
		l->host_boot, l->end_ms, l->cover_ms, l->ver, l->enrolment, l->serial,
		(const void *)mac, sizeof(mac));
	return n < 0 ? cc_prefix(err, "lease") : 0;
}

/* @n: rows that were written */
static int one_row(int n, const struct store_lease *l, struct cc_error *err)
{
	if (n < 0)
		return cc_prefix(err, "lease");
	if (n != 1)
		return cc_fail(err, CC_E_INTERNAL,
			       "lease %s is no longer the one that was read (version %" PRIu64 ")",
			       l->id, l->ver);
	return 0;
}

static int write_row(struct store *st, const struct store_lease *l, uint64_t ver,
		     struct cc_error *err)
{
	const struct row_at at = {SEALED_LEASE, .text = l->id,
				  .value = lease_value(l->ms, l->end_ms)};
	unsigned char mac[STORE_MAC_LEN];

	if (make_mac(st, l, ver, mac, err))
		return -1;
	return one_row(
		sql_write(st, err, &at, mac,
			  "UPDATE lease SET ms = ?, cover_ms = ?, read_only = ?, revoked = ?, "
			  "host_boot = ?, end_ms = ?, ver = ?, serial = ?, mac = ? "
			  "WHERE id = ? AND ver = ?",
			  "uuiitiuubtu", l->ms, l->cover_ms, (int64_t)l->read_only,
			  (int64_t)l->revoked, l->host_boot, l->end_ms, ver, l->serial,
			  (const void *)mac, sizeof(mac), l->id, l->ver),
		l, err);
}

int store_lease_renew(struct store *st, struct store_lease *l, struct cc_error *err)
{
	if (write_row(st, l, l->ver + 1, err))
		return -1;
	l->ver++;
	return 0;
}

int store_lease_update(struct store *st, const struct store_lease *l, struct cc_error *err)
{
	return write_row(st, l, l->ver, err);
}

int store_lease_get(struct store *st, const char *id, struct store_lease *l, struct cc_error *err)
{
	sql_auto struct stmt *q = sql_prepare(st, err, SELECT_LEASE "WHERE l.id = ?", "t", id);
	const struct row_at at = {SEALED_LEASE, .text = id};
	int rc = q ? sql_step(st, q, err) : -1;
	char what[64];

	if (rc < 0)
		return -1;
	if (rc == 0) {
		snprintf(what, sizeof(what), "lease %s", id);
		if (sql_is_absent(st, &at, what, err))
			return -1;
		cc_fail(err, CC_E_NOTFOUND, "no such lease");
		return cc_set_fact(err, "lease");
	}
	return read_row(st, q, l, err);
}

/* @rest: a row that is bad is left out, and the rest goes on; else it fails all of it. */
static int each(struct store *st, struct stmt *q, bool rest, store_lease_fn *fn, void *arg,
		struct cc_error *err)
{
	int rc = -1;

	while (q && (rc = sql_step(st, q, err)) > 0) {
		struct store_lease l;

		if (read_row(st, q, &l, err) == 0)
			rc = fn(arg, &l, err);
		else
			rc = rest && store_is_bad_row(err) ? 0 : -1;
		if (rc)
			break;
	}
	return rc;
}

int store_lease_each(struct store *st, store_lease_fn *fn, void *arg, struct cc_error *err)
{
	sql_auto struct stmt *q = sql_prepare(st, err, SELECT_LEASE "ORDER BY v.name, l.fence", "");

	return each(st, q, true, fn, arg, err);
}

int store_lease_page(struct store *st, const char *volume, uint64_t fence, store_lease_fn *fn,
		     void *arg, struct cc_error *err)
{
	sql_auto struct stmt *q =
		sql_prepare(st, err,
			    SELECT_LEASE "WHERE v.name >= ? AND (v.name > ? OR l.fence > ?) "
					 "ORDER BY v.name, l.fence",
			    "ttu", volume, volume, fence);

	return each(st, q, true, fn, arg, err);
}

static int append(void *arg, const struct store_lease *l, struct cc_error *err)
{
	struct store_leases *list = arg;
	struct store_lease *more = realloc(list->v, (list->n + 1) * sizeof(*more));

	if (!more)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	list->v = more;
	list->v[list->n++] = *l;
	return 0;
}

int store_leases_of(struct store *st, int64_t volume, struct store_leases *list,
		    struct cc_error *err)
{
	sql_auto struct stmt *q = sql_prepare(
		st, err, SELECT_LEASE "WHERE l.volume = ? ORDER BY l.fence", "i", volume);

	*list = (struct store_leases){0};
	if (each(st, q, false, append, list, err) == 0 &&
	    sql_is_whole(st, SEALED_LEASE, volume, list->n, err) == 0)
		return 0;
	store_leases_clear(list);
	return -1;
}

int store_leases_all(struct store *st, struct store_leases *list, struct cc_error *err)
{
	*list = (struct store_leases){0};
	if (store_lease_each(st, append, list, err) == 0)
		return 0;
	store_leases_clear(list);
	return -1;
}

static int append_some(void *arg, const struct store_lease *l, struct cc_error *err)
{
	struct store_leases *list = arg;

	if (append(list, l, err))
		return -1;
	return list->n == STALE_AT_A_TIME;
}

/* No LIMIT: bad rows, of which there may be any number, would count. */
int store_leases_stale(struct store *st, const char *host_boot, const char *after,
		       struct store_leases *list, struct cc_error *err)
{
	sql_auto struct stmt *q = sql_prepare(
		st, err,
		SELECT_LEASE "WHERE l.id > ? AND l.ms > 0 AND l.host_boot <> ? ORDER BY l.id", "tt",
		after, host_boot);
	int rc;

	*list = (struct store_leases){0};
	rc = each(st, q, true, append_some, list, err);
	if (rc < 0)
		store_leases_clear(list);
	return rc;
}

int store_lease_delete(struct store *st, const char *id, struct cc_error *err)
{
	const struct row_at at = {SEALED_LEASE, .text = id};

	return sql_write(st, err, &at, NULL, "DELETE FROM lease WHERE id = ?", "t", id) < 0 ? -1
											    : 0;
}
