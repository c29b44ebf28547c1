// SPDX-License-Identifier: Apache-2.0
/*
 * The audit log: a chain of hashes that anybody can follow, rows with MACs, and a head, which says
 * under a MAC where the log begins and ends.
 */
#include "store/store.h"

#include <inttypes.h>
#include <string.h>

#include "hex.h"
#include "store/store_sql.h"
#include "timestamp.h"

#define HASH_LEN 32
#define PRUNE_ROWS 10000 /* that are removed in one transaction */
#define ORDER_LAST "ORDER BY seq DESC LIMIT 1"

/* ---- a row ---- */

static const char *text(struct stmt *q, int col)
{
	const char *s = (const char *)sqlite3_column_text(q->q, col);

	return s ? s : "";
}

static int read_row(struct store *st, struct stmt *q, struct store_audit_row *r,
		    struct cc_error *err)
{
	int sealed = st->seal ? sql_is_sealed(st, q, SEALED_AUDIT, err) : 0;

	if (sealed < 0 || sql_u64(q, 0, &r->row.seq, err) ||
	    sql_audit_hash(q, 9, r->row.seq, r->prev, err) ||
	    sql_audit_hash(q, 10, r->row.seq, r->hash, err))
		return -1;
	r->sealed = sealed;
	r->row.time = text(q, 1);
	r->row.event = text(q, 2);
	r->row.outcome = text(q, 3);
	r->row.agent = text(q, 4);
	r->row.volume = text(q, 5);
	r->row.container = text(q, 6);
	r->row.fact = text(q, 7);
	r->row.detail = text(q, 8);
	return 0;
}

/* ---- its end ---- */

/* The last row; 0 and zeros when there is none. */
static int read_last(struct store *st, struct store_audit_head *last, struct cc_error *err)
{
	sql_auto struct stmt *q =
		sql_prepare(st, err, "SELECT seq, hash FROM audit " ORDER_LAST, "");
	int rc = q ? sql_step(st, q, err) : -1;

	*last = (struct store_audit_head){0};
	if (rc <= 0)
		return rc;
	if (sql_u64(q, 0, &last->seq, err))
		return -1;
	return sql_audit_hash(q, 1, last->seq, last->hash, err);
}

/* The last row with what is known of who wrote it. */
static int look_at_end(struct store *st, struct log_end *end, struct cc_error *err)
{
	sql_auto struct stmt *q = NULL;
	struct store_audit_row r;
	int rc;

	*end = st->seen.has_end ? st->seen.end : (struct log_end){0};
	if (st->seen.has_end)
		return 0;
	q = sql_prepare(st, err, SELECT_AUDIT ORDER_LAST, "");
	rc = q ? sql_step(st, q, err) : -1;
	if (rc <= 0)
		return rc;
	if (read_row(st, q, &r, err))
		return -1;
	end->seq = r.row.seq;
	memcpy(end->hash, r.hash, HASH_LEN);
	end->ours = r.sealed && cc_time_parse(r.row.time, &end->time) == 0;
	st->seen.end = *end;
	st->seen.has_end = st->in_tx;
	return 0;
}

static int check_end(struct store *st, const struct head *head, enum cc_code code,
		     struct cc_error *err)
{
	struct store_audit_head last;

	if (read_last(st, &last, err))
		return -1;
	if (last.seq < head->at.seq)
		return sql_audit_fail(err, code, head->at.seq, "has been removed");
	if (last.seq > head->at.seq)
		return sql_audit_fail(err, code, last.seq, "was not written by keyd");
	if (memcmp(last.hash, head->at.hash, HASH_LEN) != 0)
		return sql_audit_fail(err, code, last.seq, "has been changed");
	return 0;
}

/* Hash of the row @seq. Return: 1; 0: there is none; 3: keyd did not write it; -1. */
static int find_hash(struct store *st, uint64_t seq, unsigned char hash[static HASH_LEN],
		     struct cc_error *err)
{
	sql_auto struct stmt *q = sql_prepare(st, err, SELECT_AUDIT "WHERE seq = ?", "u", seq);
	int rc = q ? sql_step(st, q, err) : -1;
	int sealed = rc > 0 && st->seal ? sql_is_sealed(st, q, SEALED_AUDIT, err) : 1;

	if (rc <= 0 || sealed < 0)
		return rc <= 0 ? rc : -1;
	if (!sealed)
		return 3;
	return sql_audit_hash(q, 10, seq, hash, err) ? -1 : 1;
}

/* Whether the row @at is in the log as it was: what was pruned before it was there, not itself. */
static int check_row(struct store *st, const struct head *head, const struct store_audit_head *at,
		     struct cc_error *err)
{
	unsigned char hash[HASH_LEN];
	int rc = 1;

	if (at->seq < head->at.start_seq)
		return sql_audit_fail(err, CC_E_INVALID, at->seq, "is not one that may be pruned");
	if (at->seq == head->at.start_seq)
		memcpy(hash, head->at.start_hash, HASH_LEN);
	else
		rc = find_hash(st, at->seq, hash, err);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return sql_audit_fail(err, CC_E_INVALID, at->seq, "has been removed");
	return rc == 1 && memcmp(hash, at->hash, HASH_LEN) == 0
		       ? 0
		       : sql_audit_fail(err, CC_E_INVALID, at->seq, "has been changed");
}

/* ---- writing ---- */

static bool is_broken(const struct cc_error *err)
{
	return err->code == CC_E_INVALID && !strcmp(err->fact, "audit");
}

static int write_row(struct store *st, const struct cc_audit_row *row,
		     const unsigned char prev[static HASH_LEN],
		     const unsigned char hash[static HASH_LEN], struct cc_error *err)
{
	unsigned char mac[STORE_MAC_LEN];

	if (sql_mac(st, mac, err, SEALED_AUDIT, "uttttttttbb", row->seq, row->time, row->event,
		    row->outcome, row->agent, row->volume, row->container, row->fact, row->detail,
		    (const void *)prev, (size_t)HASH_LEN, (const void *)hash, (size_t)HASH_LEN))
		return -1;
	return sql_run(st, err,
		       "INSERT INTO audit (seq, time, event, outcome, agent, volume, container, "
		       "fact, detail, prev, hash, mac) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		       "uttttttttbbb", row->seq, row->time, row->event, row->outcome, row->agent,
		       row->volume, row->container, row->fact, row->detail, (const void *)prev,
		       (size_t)HASH_LEN, (const void *)hash, (size_t)HASH_LEN, (const void *)mac,
		       sizeof(mac)) < 0
		       ? -1
		       : 0;
}

/* It ends with the row that this process wrote, or found, last: the whole check of the others. */
static bool ends_with_own(const struct store *st, const struct head *head,
			  const struct log_end *end)
{
	return st->started && st->in_tx && end->ours && end->seq == head->at.seq &&
	       end->seq == st->next_seq && memcmp(end->hash, head->at.hash, HASH_LEN) == 0 &&
	       memcmp(end->hash, st->next_hash, HASH_LEN) == 0;
}

/* Whether the log is the one that is known, and ends where its head says. */
static int check_own_end(struct store *st, const struct head *head, struct cc_error *err)
{
	struct log_end end;

	if (look_at_end(st, &end, err) == 0)
		return ends_with_own(st, head, &end) ||
				       (sql_audit_own(st, head, err) == 0 &&
					check_end(st, head, CC_E_INTERNAL, err) == 0)
			       ? 0
			       : -1;
	if (is_broken(err))
		err->code = CC_E_INTERNAL;
	return -1;
}

static void keep_end(struct store *st, const struct cc_audit_row *row,
		     const unsigned char hash[static HASH_LEN])
{
	struct log_end *end = &st->seen.end;

	end->seq = row->seq;
	memcpy(end->hash, hash, HASH_LEN);
	end->ours = true;
	st->seen.has_end = st->in_tx && cc_time_parse(row->time, &end->time) == 0;
}

static int append(struct store *st, struct cc_audit_row *row, struct cc_error *err)
{
	unsigned char prev[HASH_LEN];
	struct head head;

	if (sql_head_of_tx(st, &head, err) || check_own_end(st, &head, err))
		return -1;
	row->seq = head.at.seq + 1;
	memcpy(prev, head.at.hash, HASH_LEN);
	if (cc_audit_hash(prev, row, head.at.hash, err))
		return -1;
	head.at.seq = row->seq;
	if (write_row(st, row, prev, head.at.hash, err) || sql_head_write(st, &head, err))
		return cc_prefix(err, "audit log");
	st->next_seq = row->seq;
	memcpy(st->next_hash, head.at.hash, HASH_LEN);
	keep_end(st, row, head.at.hash);
	return 0;
}

void store_audit_committed(const struct store *st, uint64_t *seq,
			   unsigned char hash[static HASH_LEN])
{
	*seq = st->own_seq;
	memcpy(hash, st->own_hash, HASH_LEN);
}

int store_audit_append(struct store *st, struct cc_audit_row *row, struct cc_error *err)
{
	if (!sqlite3_get_autocommit(st->db))
		return append(st, row, err);
	if (store_begin(st, err))
		return -1;
	if (append(st, row, err) == 0 && store_commit(st, err) == 0)
		return 0;
	store_rollback(st);
	return -1;
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
	int64_t last;

	if (store_audit_last_time(st, &last, err))
		return -1;
	cc_time_format(now > last ? now : last, when);
	return store_audit_append(st, &row, err);
}

/* ---- reading ---- */

/* A log that only looks may be of before there were MACs. */
#define SELECT_AUDIT_OLD                                                                   \
	"SELECT seq, time, event, outcome, agent, volume, container, fact, detail, prev, " \
	"hash FROM audit "
#define AFTER "WHERE seq > ? ORDER BY seq LIMIT ?"

static int each(struct store *st, uint64_t after, int64_t limit, store_audit_fn *fn, void *arg,
		struct cc_error *err)
{
	sql_auto struct stmt *q =
		sql_prepare(st, err, st->seal ? SELECT_AUDIT AFTER : SELECT_AUDIT_OLD AFTER, "ui",
			    after, limit);
	int rc;

	if (!q)
		return -1;
	while ((rc = sql_step(st, q, err)) > 0) {
		struct store_audit_row row;

		rc = read_row(st, q, &row, err) ? -1 : fn(arg, &row, err);
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

int store_audit_last_time(struct store *st, int64_t *t, struct cc_error *err)
{
	struct log_end end;

	*t = 0;
	if (look_at_end(st, &end, err))
		return -1;
	*t = end.time;
	return end.seq && !end.ours
		       ? sql_audit_fail(err, CC_E_INTERNAL, end.seq, "was not written by keyd")
		       : 0;
}

/* ---- verifying ---- */

/**
 * struct chain - how far it has been followed.
 * @last: the row reached
 * @sealed: rows must be keyd's
 * @before, @keep: for pruning; @older: @last is from before that, and no later row than @keep
 * @cut: the last row that is, but not the last of all
 */
struct chain {
	struct store_audit_head last, cut;
	bool sealed, older;
	int64_t before;
	uint64_t keep;
};

static int follow(void *arg, const struct store_audit_row *r, struct cc_error *err)
{
	struct chain *chain = arg;
	struct store_audit_head *last = &chain->last;
	unsigned char want[HASH_LEN];
	int64_t t;

	if (r->row.seq != last->seq + 1)
		return sql_audit_fail(err, CC_E_INVALID, last->seq + 1, "is missing");
	if (memcmp(r->prev, last->hash, HASH_LEN) != 0)
		return sql_audit_fail(err, CC_E_INVALID, r->row.seq,
				      "does not continue the row before it");
	if (cc_audit_hash(last->hash, &r->row, want, err))
		return -1;
	if (memcmp(r->hash, want, HASH_LEN) != 0)
		return sql_audit_fail(err, CC_E_INVALID, r->row.seq,
				      "was changed after it was written");
	if (chain->sealed && !r->sealed)
		return sql_audit_fail(err, CC_E_INVALID, r->row.seq, "was not written by keyd");
	if (chain->older)
		chain->cut = *last;
	last->seq = r->row.seq;
	memcpy(last->hash, r->hash, HASH_LEN);
	chain->older = cc_time_parse(r->row.time, &t) == 0 && t < chain->before &&
		       last->seq <= chain->keep;
	return 0;
}

/* From where the head says that it begins, to the last row. */
static int follow_all(struct store *st, struct chain *chain, const struct store_audit_head *head,
		      struct cc_error *err)
{
	chain->last.seq = head->start_seq;
	memcpy(chain->last.hash, head->start_hash, HASH_LEN);
	return each(st, head->start_seq, -1, follow, chain, err);
}

/*
 * From the row @from, which may be somewhere in the middle, to the head. That both are keyd's says
 * nothing: it may have written one of them in a copy of the database that went on by itself.
 */
static int check_link(struct store *st, const struct head *head,
		      const struct store_audit_head *from, struct cc_error *err)
{
	struct chain chain = {.last = *from, .sealed = st->seal};

	if (from->seq > head->at.seq)
		return sql_audit_fail(err, CC_E_INVALID, from->seq, "has been removed");
	if (check_row(st, head, from, err))
		return -1;
	if (from->seq < head->at.seq &&
	    each(st, from->seq, (int64_t)(head->at.seq - from->seq), follow, &chain, err))
		return -1;
	if (chain.last.seq != head->at.seq)
		return sql_audit_fail(err, CC_E_INVALID, head->at.seq, "has been removed");
	return memcmp(chain.last.hash, head->at.hash, HASH_LEN) == 0
		       ? 0
		       : sql_audit_fail(err, CC_E_INVALID, head->at.seq, "has been changed");
}

static int find_link(struct store *st, const struct store_audit_head *from,
		     enum store_audit_link *link, struct cc_error *err)
{
	struct head head;

	if (sql_head_read(st, &head, err))
		return -1;
	*link = AUDIT_ENDS;
	if (from->seq > head.at.seq || head.at.ver < from->ver)
		return 0;
	*link = AUDIT_LEADS;
	if (check_link(st, &head, from, err) == 0)
		return 0;
	*link = AUDIT_ELSEWHERE;
	return is_broken(err) ? 0 : -1;
}

/* Head and rows of one moment, also beside a keyd that prunes. */
int store_audit_link(struct store *st, const struct store_audit_head *from,
		     enum store_audit_link *link, struct cc_error *err)
{
	bool own = sqlite3_get_autocommit(st->db);
	int rc;

	if (own && sql_exec(st, "BEGIN", err))
		return -1;
	rc = find_link(st, from, link, err);
	if (own)
		sqlite3_exec(st->db, "COMMIT", NULL, NULL, NULL);
	return rc;
}

int sql_audit_own(struct store *st, const struct head *head, struct cc_error *err)
{
	struct store_audit_head own = {.seq = st->in_tx ? st->next_seq : st->own_seq};

	if (!st->started)
		return 0;
	memcpy(own.hash, st->in_tx ? st->next_hash : st->own_hash, HASH_LEN);
	if (check_link(st, head, &own, err) == 0)
		return 0;
	if (is_broken(err))
		err->code = CC_E_INTERNAL;
	return -1;
}

int sql_audit_head_check(struct store *st, struct cc_error *err)
{
	struct head head;

	if (sql_head_verify(st, &head, err) || check_end(st, &head, CC_E_INVALID, err))
		return -1;
	st->own_seq = head.at.seq;
	memcpy(st->own_hash, head.at.hash, HASH_LEN);
	return 0;
}

static int verify_log(struct store *st, struct chain *chain, struct head *head,
		      struct cc_error *err)
{
	chain->sealed = st->seal;
	if (sql_head_verify(st, head, err) || follow_all(st, chain, &head->at, err))
		return -1;
	return check_end(st, head, CC_E_INVALID, err);
}

int store_audit_verify(struct store *st, uint64_t *rows, struct cc_error *err)
{
	struct chain chain = {0};
	struct head head = {0};

	/* Before there were MACs there was no head. */
	if (st->seal || st->schema_was == 0 || st->schema_was >= SCHEMA_SEALED) {
		if (verify_log(st, &chain, &head, err))
			return -1;
	} else if (follow_all(st, &chain, &head.at, err)) {
		return -1;
	}
	*rows = chain.last.seq - head.at.start_seq;
	return 0;
}

/* The log as it is taken over; it has no head yet. */
int sql_audit_head_new(struct store *st, struct cc_error *err)
{
	struct chain chain = {0};
	struct head head = {0};

	if (follow_all(st, &chain, &head.at, err) || sql_rows_count(st, err))
		return -1;
	head.at.seq = chain.last.seq;
	memcpy(head.at.hash, chain.last.hash, HASH_LEN);
	return sql_head_write(st, &head, err);
}

int sql_audit_head_5(struct store *st, struct cc_error *err)
{
	struct head head;

	if (sql_head_read_5(st, &head, err) || check_end(st, &head, CC_E_INVALID, err))
		return -1;
	if (head.schema != SCHEMA_SEALED) {
		cc_fail(err, CC_E_INVALID,
			"keyd's database was made to look older than it is: restore a backup, and "
			"find out who wrote to it");
		return cc_set_fact(err, "schema");
	}
	return sql_rows_count(st, err) || sql_head_write(st, &head, err) ? -1 : 0;
}

/* ---- pruning ---- */

/* The row that says what goes, before it goes. */
static int record_prune(struct store *st, const struct store_audit_head *head,
			const struct store_audit_head *cut, int64_t now, struct cc_error *err)
{
	char detail[160];
	const struct cc_audit_row row = {
		.event = "audit.prune", .outcome = "allow", .detail = detail};
	char hash[CC_HEX_32];

	cc_hex_encode(cut->hash, HASH_LEN, hash);
	snprintf(detail, sizeof(detail), "rows %" PRIu64 " to %" PRIu64 ", the last hash %s",
		 head->start_seq + 1, cut->seq, hash);
	return store_audit_add(st, &row, now, err);
}

/* Row @seq becomes the one that the log begins after. Context: inside a transaction. */
static int move_start(struct store *st, uint64_t seq, struct cc_error *err)
{
	sql_auto struct stmt *q = sql_prepare(st, err, SELECT_AUDIT "WHERE seq = ?", "u", seq);
	int rc = q ? sql_step(st, q, err) : -1;
	struct store_audit_row r;
	struct head head;

	if (rc < 0 || sql_head_read(st, &head, err) || (rc && read_row(st, q, &r, err)))
		return -1;
	if (rc == 0 || !r.sealed || seq <= head.at.start_seq)
		return sql_audit_fail(err, CC_E_INTERNAL, seq, "was changed meanwhile");
	head.at.start_seq = seq;
	memcpy(head.at.start_hash, r.hash, HASH_LEN);
	if (sql_run(st, err, "DELETE FROM audit WHERE seq <= ?", "u", seq) < 0)
		return -1;
	return sql_head_write(st, &head, err);
}

/* One transaction; @at: the head before the first */
static int prune_part(struct store *st, const struct store_audit_head *at, uint64_t from,
		      const struct store_audit_head *cut, int64_t now, struct cc_error *err)
{
	uint64_t to = cut->seq - from > PRUNE_ROWS ? from + PRUNE_ROWS : cut->seq;

	if (store_begin(st, err))
		return -1;
	if ((from > at->start_seq || record_prune(st, at, cut, now, err) == 0) &&
	    move_start(st, to, err) == 0 && store_commit(st, err) == 0)
		return 0;
	store_rollback(st);
	return -1;
}

/* A keyd that serves waits for one part only. */
int store_audit_prune(struct store *st, int64_t before, uint64_t keep, int64_t now, uint64_t *rows,
		      struct cc_error *err)
{
	struct chain chain = {.before = before, .keep = keep};
	struct head head;

	*rows = 0;
	if (verify_log(st, &chain, &head, err))
		return -1;
	for (uint64_t at = head.at.start_seq; at < chain.cut.seq; at += PRUNE_ROWS)
		if (prune_part(st, &head.at, at, &chain.cut, now, err))
			return -1;
	if (chain.cut.seq > head.at.start_seq)
		*rows = chain.cut.seq - head.at.start_seq;
	return 0;
}
