// SPDX-License-Identifier: Apache-2.0
/*
 * The head: one row under a MAC that says where the audit log begins and ends, of which schema the
 * database is, and what rows there are (store_rows.c).
 */
#include "store/store.h"

#include <inttypes.h>
#include <string.h>

#include "store/store_sql.h"

int sql_audit_fail(struct cc_error *err, enum cc_code code, uint64_t seq, const char *what)
{
	cc_fail(err, code,
		"audit log: row %" PRIu64 " %s; keep the database and find out who wrote to it",
		seq, what);
	return cc_set_fact(err, "audit");
}

int sql_audit_hash(struct stmt *q, int col, uint64_t seq, unsigned char hash[static 32],
		   struct cc_error *err)
{
	size_t len;

	if (sql_blob(q, col, hash, 32, &len, err) || len != 32)
		return sql_audit_fail(err, CC_E_INVALID, seq, "is damaged");
	return 0;
}

/* ---- reading ---- */

/* One that only looks may be of before rows were counted. */
static enum sealed_table layout(const struct store *st)
{
	return sql_counts(st) ? SEALED_AUDIT_HEAD : SEALED_AUDIT_HEAD_5;
}

static int read_sums(struct stmt *q, struct sums *s, struct cc_error *err)
{
	size_t counts, nonce, sum;

	if (sql_u64(q, 6, &s->ver, err) ||
	    sql_blob(q, 7, s->counts, sizeof(s->counts), &counts, err) ||
	    sql_blob(q, 8, s->nonce, sizeof(s->nonce), &nonce, err) ||
	    sql_blob(q, 9, s->sum, sizeof(s->sum), &sum, err))
		return -1;
	return counts == sizeof(s->counts) && nonce == sizeof(s->nonce) && sum == sizeof(s->sum)
		       ? 0
		       : cc_fail(err, CC_E_INTERNAL, "keyd's database is damaged: sums of rows");
}

static int read_head(struct store *st, enum sealed_table table, struct head *head,
		     struct cc_error *err)
{
	sql_auto struct stmt *q = sql_prepare(st, err, sealed_tables[table].select, "");
	int rc = q ? sql_step(st, q, err) : -1;

	*head = (struct head){0};
	if (rc < 0)
		return -1;
	if (rc == 0) {
		cc_fail(err, CC_E_INTERNAL,
			"audit log: its head has been removed; keep the database and find out who "
			"wrote to it");
		return cc_set_fact(err, "audit");
	}
	if (st->seal && sql_check(st, q, table, err)) {
		cc_prefix(err, "audit log");
		return store_is_bad_row(err) ? cc_set_fact(err, "audit") : -1;
	}
	if (sql_u64(q, 1, &head->at.seq, err) || sql_u64(q, 3, &head->at.start_seq, err) ||
	    sql_u64(q, 5, &head->schema, err) ||
	    sql_audit_hash(q, 2, head->at.seq, head->at.hash, err) ||
	    sql_audit_hash(q, 4, head->at.start_seq, head->at.start_hash, err))
		return -1;
	if (table == SEALED_AUDIT_HEAD && read_sums(q, &head->sums, err))
		return -1;
	head->at.ver = head->sums.ver;
	return 0;
}

int sql_head_read(struct store *st, struct head *head, struct cc_error *err)
{
	return read_head(st, layout(st), head, err);
}

static void keep_head(struct store *st, const struct head *head)
{
	st->seen.has_head = st->in_tx;
	st->seen.head = *head;
	st->seen.head.at.ver = head->sums.ver;
}

int sql_head_of_tx(struct store *st, struct head *head, struct cc_error *err)
{
	if (st->seen.has_head) {
		*head = st->seen.head;
		return 0;
	}
	if (sql_head_read(st, head, err))
		return -1;
	keep_head(st, head);
	return 0;
}

int sql_head_read_5(struct store *st, struct head *head, struct cc_error *err)
{
	return read_head(st, SEALED_AUDIT_HEAD_5, head, err);
}

int store_audit_head(struct store *st, struct store_audit_head *at, struct cc_error *err)
{
	struct head head;

	if (sql_head_read(st, &head, err))
		return -1;
	*at = head.at;
	return 0;
}

int store_audit_own_head(struct store *st, struct store_audit_head *at, struct cc_error *err)
{
	struct head head;

	if (sql_head_read(st, &head, err) || sql_audit_own(st, &head, err))
		return -1;
	*at = head.at;
	return 0;
}

/* ---- writing ---- */

int sql_head_write(struct store *st, struct head *head, struct cc_error *err)
{
	const struct store_audit_head *at = &head->at;
	const struct sums *s = &head->sums;
	unsigned char mac[STORE_MAC_LEN];

	if (st->dirty && sql_sums_write(st, &head->sums, err))
		return -1;
	if (sql_mac(st, mac, err, SEALED_AUDIT_HEAD, "iububuubbb", (int64_t)1, at->seq,
		    (const void *)at->hash, sizeof(at->hash), at->start_seq,
		    (const void *)at->start_hash, sizeof(at->start_hash), head->schema, s->ver,
		    (const void *)s->counts, sizeof(s->counts), (const void *)s->nonce,
		    sizeof(s->nonce), (const void *)s->sum, sizeof(s->sum)))
		return -1;
	if (sql_run(st, err,
		    "INSERT OR REPLACE INTO audit_head "
		    "(id, seq, hash, start_seq, start_hash, schema, ver, counts, nonce, sum, mac) "
		    "VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		    "ububuubbbb", at->seq, (const void *)at->hash, sizeof(at->hash), at->start_seq,
		    (const void *)at->start_hash, sizeof(at->start_hash), head->schema, s->ver,
		    (const void *)s->counts, sizeof(s->counts), (const void *)s->nonce,
		    sizeof(s->nonce), (const void *)s->sum, sizeof(s->sum), (const void *)mac,
		    sizeof(mac)) < 0)
		return -1;
	st->dirty = false;
	keep_head(st, head);
	return 0;
}

/* ---- the schema ---- */

static int check_schema(struct store *st, const struct head *head, struct cc_error *err)
{
	sql_auto struct stmt *q = sql_prepare(st, err, "PRAGMA user_version", "");
	int64_t says;

	if (!q || sql_step(st, q, err) < 0)
		return -1;
	says = sqlite3_column_int64(q->q, 0);
	if (says == (int64_t)head->schema)
		return 0;
	cc_fail(err, CC_E_INVALID,
		"keyd's database says that it has schema %" PRId64 ", keyd made it %" PRIu64
		": restore a backup, and find out who wrote to it",
		says, head->schema);
	return cc_set_fact(err, "schema");
}

int sql_head_verify(struct store *st, struct head *head, struct cc_error *err)
{
	if (sql_head_read(st, head, err) == 0)
		return check_schema(st, head, err);
	if (!strcmp(err->fact, "audit"))
		err->code = CC_E_INVALID;
	return -1;
}

int sql_audit_head_schema(struct store *st, int from, int to, struct cc_error *err)
{
	struct head head;

	if (sql_head_read(st, &head, err))
		return -1;
	if (head.schema != 0 && head.schema != (uint64_t)from)
		return cc_fail(err, CC_E_INVALID,
			       "keyd's database was made to look older than it is (schema %" PRIu64
			       "): restore a backup, and find out who wrote to it",
			       head.schema);
	head.schema = (uint64_t)to;
	return sql_head_write(st, &head, err);
}
