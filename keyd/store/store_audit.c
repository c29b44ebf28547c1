// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <inttypes.h>
#include <string.h>

#include "store/store_sql.h"
#include "timestamp.h"

#define HASH_LEN 32

/**
 * struct link - where the chain stands.
 */
struct link {
	uint64_t seq;
	unsigned char hash[HASH_LEN];
};

static int audit_fail(struct cc_error *err, enum cc_code code, uint64_t seq, const char *what)
{
	cc_fail(err, code,
		"audit log: row %" PRIu64 " %s; keep the database and find out who wrote to it",
		seq, what);
	return cc_set_fact(err, "audit");
}

int store_audit_hash_of(struct store *st, uint64_t seq, unsigned char hash[static HASH_LEN],
			struct cc_error *err)
{
	sql_auto sqlite3_stmt *q =
		sql_prepare(st, err, "SELECT hash FROM audit WHERE seq = ?", "u", seq);
	int rc = q ? sql_step(st, q, err) : -1;
	size_t len;

	if (rc <= 0)
		return rc;
	memset(hash, 0, HASH_LEN);
	return sql_blob(q, 0, hash, HASH_LEN, &len, err) ? -1 : 1;
}

/* The row this process wrote last must still be there as it was. */
static int check_own_row(struct store *st, struct cc_error *err)
{
	unsigned char hash[HASH_LEN];
	int rc;

	if (st->next_seq == 0)
		return 0;
	rc = store_audit_hash_of(st, st->next_seq, hash, err);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return audit_fail(err, CC_E_INTERNAL, st->next_seq, "has been removed");
	if (memcmp(hash, st->next_hash, HASH_LEN) != 0)
		return audit_fail(err, CC_E_INTERNAL, st->next_seq, "has been changed");
	return 0;
}

static int last_link(struct store *st, struct link *last, struct cc_error *err)
{
	sql_auto sqlite3_stmt *q =
		sql_prepare(st, err, "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", "");
	int rc = q ? sql_step(st, q, err) : -1;
	size_t len;

	memset(last, 0, sizeof(*last));
	if (rc <= 0)
		return rc;
	if (sql_u64(q, 0, &last->seq, err) || sql_blob(q, 1, last->hash, HASH_LEN, &len, err))
		return -1;
	return len == HASH_LEN ? 0 : audit_fail(err, CC_E_INTERNAL, last->seq, "is damaged");
}

int store_audit_last(struct store *st, uint64_t *seq, unsigned char hash[static HASH_LEN],
		     struct cc_error *err)
{
	struct link last;

	if (last_link(st, &last, err))
		return -1;
	*seq = last.seq;
	memcpy(hash, last.hash, HASH_LEN);
	return 0;
}

void store_audit_committed(const struct store *st, uint64_t *seq,
			   unsigned char hash[static HASH_LEN])
{
	*seq = st->head_seq;
	memcpy(hash, st->head_hash, HASH_LEN);
}

int store_audit_append(struct store *st, struct cc_audit_row *row, struct cc_error *err)
{
	unsigned char hash[HASH_LEN];
	struct link last;
	int n;

	if (sqlite3_get_autocommit(st->db)) {
		st->next_seq = st->head_seq;
		memcpy(st->next_hash, st->head_hash, sizeof(st->next_hash));
	}
	if (check_own_row(st, err) || last_link(st, &last, err))
		return -1;
	row->seq = last.seq + 1;
	if (cc_audit_hash(last.hash, row, hash, err))
		return -1;
	n = sql_run(st, err,
		    "INSERT INTO audit (seq, time, event, outcome, agent, volume, container, fact, "
		    "detail, prev, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		    "uttttttttbb", row->seq, row->time, row->event, row->outcome, row->agent,
		    row->volume, row->container, row->fact, row->detail, last.hash,
		    sizeof(last.hash), hash, sizeof(hash));
	if (n < 0)
		return cc_prefix(err, "audit log");

	st->next_seq = row->seq;
	memcpy(st->next_hash, hash, sizeof(hash));
	/* Outside a transaction the row is committed now. */
	if (sqlite3_get_autocommit(st->db)) {
		st->head_seq = st->next_seq;
		memcpy(st->head_hash, st->next_hash, sizeof(st->head_hash));
	}
	return 0;
}

int store_audit_add(struct store *st, const struct cc_audit_row *what, int64_t now,
		    struct cc_error *err)
{
	char when[CC_TIME_LEN];
	struct cc_audit_row row = {
		.time = when,
		.event = what->event,
		.outcome = what->outcome,
		.agent = what->agent ?: "",
		.volume = what->volume ?: "",
		.container = what->container ?: "",
		.fact = what->fact ?: "",
		.detail = what->detail ?: "",
	};

	cc_time_format(now, when);
	return store_audit_append(st, &row, err);
}

int store_audit_last_time(struct store *st, int64_t *t, struct cc_error *err)
{
	sql_auto sqlite3_stmt *q =
		sql_prepare(st, err, "SELECT seq, time FROM audit ORDER BY seq DESC LIMIT 1", "");
	int rc = q ? sql_step(st, q, err) : -1;
	char when[CC_TIME_LEN];
	uint64_t seq;

	*t = 0;
	if (rc <= 0)
		return rc;
	if (sql_u64(q, 0, &seq, err) || sql_text(q, 1, when, sizeof(when), err))
		return -1;
	return cc_time_parse(when, t) ? audit_fail(err, CC_E_INTERNAL, seq, "is damaged") : 0;
}

static const char *text(sqlite3_stmt *q, int col)
{
	const char *s = (const char *)sqlite3_column_text(q, col);

	return s ? s : "";
}

static int read_row(sqlite3_stmt *q, struct cc_audit_row *row, unsigned char prev[static HASH_LEN],
		    unsigned char hash[static HASH_LEN], struct cc_error *err)
{
	size_t prev_len, hash_len;

	if (sql_u64(q, 0, &row->seq, err) || sql_blob(q, 9, prev, HASH_LEN, &prev_len, err) ||
	    sql_blob(q, 10, hash, HASH_LEN, &hash_len, err))
		return -1;
	if (prev_len != HASH_LEN || hash_len != HASH_LEN)
		return audit_fail(err, CC_E_INVALID, row->seq, "is damaged");
	row->time = text(q, 1);
	row->event = text(q, 2);
	row->outcome = text(q, 3);
	row->agent = text(q, 4);
	row->volume = text(q, 5);
	row->container = text(q, 6);
	row->fact = text(q, 7);
	row->detail = text(q, 8);
	return 0;
}

static int each(struct store *st, uint64_t after, int64_t limit, store_audit_fn *fn, void *arg,
		struct cc_error *err)
{
	sql_auto sqlite3_stmt *q = sql_prepare(
		st, err,
		"SELECT seq, time, event, outcome, agent, volume, container, fact, detail, prev, hash "
		"FROM audit WHERE seq > ? ORDER BY seq LIMIT ?",
		"ui", after, limit);
	int rc;

	if (!q)
		return -1;
	while ((rc = sql_step(st, q, err)) > 0) {
		unsigned char prev[HASH_LEN], hash[HASH_LEN];
		struct cc_audit_row row;

		rc = read_row(q, &row, prev, hash, err) ? -1 : fn(arg, &row, prev, hash, err);
		if (rc)
			break;
	}
	return rc;
}

int store_audit_each(struct store *st, uint64_t after, store_audit_fn *fn, void *arg,
		     struct cc_error *err)
{
	return each(st, after, STORE_AUDIT_PAGE, fn, arg, err);
}

static int verify_row(void *arg, const struct cc_audit_row *row,
		      const unsigned char prev[static HASH_LEN],
		      const unsigned char hash[static HASH_LEN], struct cc_error *err)
{
	struct link *last = arg;
	unsigned char want[HASH_LEN];

	if (row->seq != last->seq + 1)
		return audit_fail(err, CC_E_INVALID, last->seq + 1, "is missing");
	if (memcmp(prev, last->hash, HASH_LEN) != 0)
		return audit_fail(err, CC_E_INVALID, row->seq,
				  "does not continue the row before it");
	if (cc_audit_hash(last->hash, row, want, err))
		return -1;
	if (memcmp(hash, want, HASH_LEN) != 0)
		return audit_fail(err, CC_E_INVALID, row->seq, "was changed after it was written");
	last->seq = row->seq;
	memcpy(last->hash, hash, HASH_LEN);
	return 0;
}

int store_audit_verify(struct store *st, uint64_t *rows, struct cc_error *err)
{
	struct link last = {0};

	if (each(st, 0, -1, verify_row, &last, err))
		return -1;
	*rows = last.seq;
	return 0;
}
