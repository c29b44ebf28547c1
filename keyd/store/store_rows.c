// SPDX-License-Identifier: Apache-2.0
/*
 * Which rows there are. A MAC says that keyd wrote a row, not that it is still there, nor that no
 * newer version of it was. So the head has a sum over all rows, in the same transaction, and this
 * process remembers each row's MAC: what is read must be what was written last.
 *
 * The sum: MSet-Add-Hash (Clarke, Devadas, van Dijk, Gassend, Suh: Incremental Multiset Hash
 * Functions and Their Application to Memory Integrity Checking, 2003). Of each row HMAC("row tag",
 * the first 8 bytes of its MAC), added modulo 2^256; hidden in the database by HMAC("sum mask",
 * random nonce, version), as whoever saw two sums would have the number of the row between them.
 */
#include "store/store.h"

#include <endian.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <openssl/rand.h>

#include "store/store_sql.h"

#define LEASE_VOLUME 18 /* column of SELECT_LEASE, after the MAC */
#define REMOVED "was removed from the database, but not by keyd"
#define OF_VOLUME SEALED_END /* rows_key() of how many leases a volume has */

bool sql_counts(const struct store *st)
{
	return st->mode != STORE_LOOK || st->schema_was == 0 || st->schema_was >= SCHEMA_COUNTED;
}

/* ---- the sum ---- */

static uint64_t tag_of_mac(const unsigned char mac[static STORE_MAC_LEN])
{
	uint64_t be;

	memcpy(&be, mac, sizeof(be));
	return be64toh(be);
}

/* Big-endian. @less: -1 is subtracted */
static void sum_add(unsigned char sum[static 32], const unsigned char term[static 32], bool less)
{
	int carry = 0;

	for (int i = 31; i >= 0; i--) {
		carry += less ? sum[i] - term[i] : sum[i] + term[i];
		sum[i] = (unsigned char)(carry & 0xff);
		carry = carry < 0 ? -1 : carry >> 8;
	}
}

static int sum_row(struct store *st, struct tally *t, enum sealed_table table,
		   const struct row *row, bool less, struct cc_error *err)
{
	unsigned char term[STORE_MAC_LEN];

	if (sql_mac_of(st, term, err, "row tag", "u", row->tag))
		return -1;
	sum_add(t->sum, term, less);
	t->n[table] += less ? -UINT64_C(1) : 1;
	return 0;
}

static int mask(struct store *st, const struct sums *s, unsigned char sum[static 32],
		struct cc_error *err)
{
	unsigned char m[STORE_MAC_LEN];

	if (sql_mac_of(st, m, err, "sum mask", "bu", (const void *)s->nonce, sizeof(s->nonce),
		       s->ver))
		return -1;
	for (size_t i = 0; i < sizeof(m); i++)
		sum[i] ^= m[i];
	return 0;
}

static int sums_read(struct store *st, const struct sums *s, struct tally *t, struct cc_error *err)
{
	uint64_t be;

	t->ver = s->ver;
	for (size_t i = 0; i < SEALED_AUDIT; i++) {
		memcpy(&be, s->counts + i * sizeof(be), sizeof(be));
		t->n[i] = be64toh(be);
	}
	memcpy(t->sum, s->sum, sizeof(t->sum));
	return mask(st, s, t->sum, err);
}

int sql_sums_write(struct store *st, struct sums *s, struct cc_error *err)
{
	uint64_t be;

	s->ver = st->tally.ver;
	for (size_t i = 0; i < SEALED_AUDIT; i++) {
		be = htobe64(st->tally.n[i]);
		memcpy(s->counts + i * sizeof(be), &be, sizeof(be));
	}
	memcpy(s->sum, st->tally.sum, sizeof(s->sum));
	if (RAND_bytes(s->nonce, sizeof(s->nonce)) != 1)
		return cc_fail(err, CC_E_INTERNAL, "no random numbers");
	return mask(st, s, s->sum, err);
}

/* ---- all rows ---- */

static uint64_t key_of(sqlite3_stmt *q, enum sealed_table table)
{
	const char *text = sqlite3_column_type(q, 0) == SQLITE_TEXT
				   ? (const char *)sqlite3_column_text(q, 0)
				   : NULL;

	return rows_key(table, text, sqlite3_column_int64(q, 0));
}

static uint64_t key_at(const struct row_at *at)
{
	return rows_key(at->table, at->text, at->number);
}

/* One more lease of @volume, or less. */
static int count_lease(struct store *st, uint64_t volume, bool less)
{
	struct row counter = {.key = rows_key(OF_VOLUME, NULL, (int64_t)volume)};
	const struct row *was = rows_get(&st->rows, counter.key);

	counter.tag = (was ? was->tag : 0) + (less ? -UINT64_C(1) : 1);
	return counter.tag ? rows_put(&st->rows, &counter) : rows_drop(&st->rows, counter.key);
}

static int keep_row(struct store *st, const struct row *row)
{
	if (row->group && count_lease(st, row->group, false))
		return -1;
	return rows_put(&st->rows, row);
}

static struct row row_of(sqlite3_stmt *q, enum sealed_table table)
{
	struct row row = {.key = key_of(q, table)};
	const void *mac = sqlite3_column_blob(q, sealed_tables[table].n);

	if (mac && sqlite3_column_bytes(q, sealed_tables[table].n) == STORE_MAC_LEN)
		row.tag = tag_of_mac(mac);
	if (table == SEALED_VOLUME)
		row.value = sqlite3_column_int(q, 10) ? COUNT_READY : COUNT_CREATING;
	if (table == SEALED_LEASE) {
		row.group = (uint64_t)sqlite3_column_int64(q, LEASE_VOLUME);
		row.value = lease_value((uint64_t)sqlite3_column_int64(q, 8),
					sqlite3_column_int64(q, 13));
	}
	return row;
}

/* Those that keyd did not write are not among them. */
static int count_table(struct store *st, struct tally *t, enum sealed_table table,
		       struct cc_error *err)
{
	sql_auto sqlite3_stmt *q = sql_prepare(st, err, sealed_tables[table].select, "");
	int rc = q ? 0 : -1;

	while (rc == 0 && (rc = sql_step(st, q, err)) > 0) {
		struct row row = row_of(q, table);
		int sealed = sql_is_sealed(st, q, table, err);

		if (sealed < 0)
			return -1;
		rc = 0;
		if (!sealed)
			continue;
		if (sum_row(st, t, table, &row, false, err))
			return -1;
		if (keep_row(st, &row))
			return cc_fail(err, CC_E_NOMEM, "out of memory");
		rows_keep(&st->rows);
	}
	return rc;
}

static int count_all(struct store *st, struct tally *t, struct cc_error *err)
{
	*t = (struct tally){0};
	rows_clear(&st->rows);
	st->loaded = false;
	for (enum sealed_table table = 0; table < SEALED_AUDIT; table++)
		if (count_table(st, t, table, err))
			return -1;
	st->loaded = true;
	st->stale = false;
	return 0;
}

int sql_rows_count(struct store *st, struct cc_error *err)
{
	uint64_t ver = st->tally.ver;

	if (count_all(st, &st->tally, err))
		return -1;
	st->tally.ver = ver + 1;
	st->misfit[0] = '\0';
	st->doubted = false;
	st->counted = st->dirty = true;
	return 0;
}

/* "table agent has 2 rows, keyd left 3, …" */
static void describe(char misfit[static STORE_MISFIT_LEN], const struct tally *is,
		     const struct tally *want)
{
	size_t at = 0;

	for (size_t i = 0; i < SEALED_AUDIT && at < STORE_MISFIT_LEN; i++)
		if (is->n[i] != want->n[i])
			at += (size_t)snprintf(
				misfit + at, STORE_MISFIT_LEN - at,
				"%stable %s has %" PRIu64 " rows, keyd left %" PRIu64,
				at ? ", " : "", sealed_tables[i].table, is->n[i], want->n[i]);
	if (!at)
		snprintf(misfit, STORE_MISFIT_LEN,
			 "a row was replaced by an older one, or one by another");
}

/* Into @st->rows. @want: what the head says; @misfit: how it differs, "" for nothing */
static int read_rows(struct store *st, struct tally *want, char misfit[static STORE_MISFIT_LEN],
		     struct cc_error *err)
{
	struct tally is;
	struct head head;

	misfit[0] = '\0';
	if (sql_head_read(st, &head, err) || sums_read(st, &head.sums, want, err) ||
	    count_all(st, &is, err))
		return -1;
	if (memcmp(is.n, want->n, sizeof(is.n)) != 0 ||
	    memcmp(is.sum, want->sum, sizeof(is.sum)) != 0)
		describe(misfit, &is, want);
	return 0;
}

static int refuse_misfit(struct store *st, const char *misfit, struct cc_error *err)
{
	st->doubted = true;
	st->seal->bad(st->seal, "rows of the database");
	cc_fail(err, CC_E_INTERNAL,
		"rows of the database were removed, or older ones put in their place: %s; find out "
		"who wrote to it, see keyd(8)",
		misfit);
	return cc_set_fact(err, STORE_FACT_ROW);
}

/*
 * What does not fit stays so: what keyd changes from then on, it changes in what should be. Where
 * nobody has said that he takes it (@any), what was remembered before is still what counts.
 */
static int load(struct store *st, bool any, struct cc_error *err)
{
	struct rows had = st->rows;
	const bool loaded = st->loaded, stale = st->stale;
	char misfit[STORE_MISFIT_LEN];
	struct tally want;
	int rc;

	st->rows = (struct rows){0};
	rc = read_rows(st, &want, misfit, err);
	if (rc == 0 && misfit[0] && !st->misfit[0] && !any)
		rc = refuse_misfit(st, misfit, err);
	if (rc) {
		rows_clear(&st->rows);
		st->rows = had;
		st->loaded = loaded;
		st->stale = stale;
		return -1;
	}
	rows_clear(&had);
	memcpy(st->misfit, misfit, sizeof(misfit));
	st->doubted = false;
	st->tally = st->was = st->part = want;
	st->part_undo = 0;
	return 0;
}

/* Rows and head of one moment, also beside a keyd that serves. */
static int load_at_once(struct store *st, bool any, struct cc_error *err)
{
	bool own = sqlite3_get_autocommit(st->db);
	int rc;

	if (!sql_counts(st))
		return 0;
	if (own && sql_exec(st, "BEGIN", err))
		return -1;
	rc = load(st, any, err);
	if (own)
		sqlite3_exec(st->db, "COMMIT", NULL, NULL, NULL);
	return rc;
}

int store_rows_load(struct store *st, struct cc_error *err)
{
	return load_at_once(st, true, err);
}

bool store_rows_doubted(const struct store *st)
{
	return st->doubted;
}

const char *store_rows_misfit(const struct store *st)
{
	return st->misfit;
}

uint64_t store_rows_ver(const struct store *st)
{
	return st->tally.ver;
}

int store_rows_accept(struct store *st, struct cc_error *err)
{
	return sql_rows_count(st, err);
}

static int fresh(struct store *st, struct cc_error *err)
{
	return st->loaded && !st->stale ? 0 : load_at_once(st, false, err);
}

/* Another keyd may have written since. Outside a transaction, inside there can be none. */
static int is_newer(struct store *st, struct cc_error *err)
{
	struct head head;

	if (st->in_tx)
		return 0;
	if (sql_head_read(st, &head, err))
		return -1;
	if (head.sums.ver <= st->tally.ver)
		return 0;
	return load_at_once(st, false, err) ? -1 : 1;
}

/* ---- what is read ---- */

static bool has(const struct store *st, const struct row *row)
{
	const struct row *have = rows_get(&st->rows, row->key);

	return have && have->tag == row->tag;
}

int sql_is_current(struct store *st, sqlite3_stmt *q, enum sealed_table table, struct cc_error *err)
{
	struct row row = row_of(q, table);
	int newer;

	if (!st->started || table >= SEALED_AUDIT)
		return 1;
	if (fresh(st, err))
		return -1;
	if (has(st, &row))
		return 1;
	newer = is_newer(st, err);
	return newer <= 0 ? newer : has(st, &row);
}

int sql_is_absent(struct store *st, const struct row_at *at, const char *what, struct cc_error *err)
{
	int newer;

	if (!st->started)
		return 0;
	if (fresh(st, err))
		return -1;
	if (!rows_get(&st->rows, key_at(at)))
		return 0;
	newer = is_newer(st, err);
	if (newer < 0)
		return -1;
	if (newer && !rows_get(&st->rows, key_at(at)))
		return 0;
	return sql_bad_row(st, what, REMOVED, err);
}

static bool is_whole(const struct store *st, int64_t volume, size_t n)
{
	const struct row *counter = rows_get(&st->rows, rows_key(OF_VOLUME, NULL, volume));

	return (counter ? counter->tag : 0) == n;
}

static int lease_is_missing(struct store *st, int64_t volume, struct cc_error *err)
{
	sql_auto sqlite3_stmt *q =
		sql_prepare(st, err, "SELECT name FROM volume WHERE id = ?", "i", volume);
	int rc = q ? sql_step(st, q, err) : -1;
	const char *name;
	char what[160];

	if (rc < 0)
		return -1;
	name = rc ? (const char *)sqlite3_column_text(q, 0) : NULL;
	snprintf(what, sizeof(what), "lease of volume %s", name ? name : "?");
	return sql_bad_row(st, what, REMOVED, err);
}

int sql_is_whole(struct store *st, int64_t volume, size_t n, struct cc_error *err)
{
	int newer;

	if (!st->started)
		return 0;
	if (fresh(st, err))
		return -1;
	if (is_whole(st, volume, n))
		return 0;
	newer = is_newer(st, err);
	if (newer < 0)
		return -1;
	if (newer && is_whole(st, volume, n))
		return 0;
	return lease_is_missing(st, volume, err);
}

/* ---- what is written ---- */

/* @row: NULL where it was removed; it stays in the group that it is in */
static int account(struct store *st, enum sealed_table table, uint64_t key, struct row *row,
		   struct cc_error *err)
{
	const struct row *found = rows_get(&st->rows, key);
	struct row was = found ? *found : (struct row){0};

	if (!was.key && !row)
		return 0;
	if ((was.key && sum_row(st, &st->tally, table, &was, true, err)) ||
	    (row && sum_row(st, &st->tally, table, row, false, err)))
		return -1;
	if (!st->dirty)
		st->tally.ver = st->was.ver + 1;
	st->dirty = true;
	if (row && !row->group)
		row->group = was.group;
	if (was.group && count_lease(st, was.group, true))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (row ? keep_row(st, row) : rows_drop(&st->rows, key))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return 0;
}

static int write_and_account(struct store *st, const struct row_at *at, const unsigned char *mac,
			     sqlite3_stmt *q, struct cc_error *err)
{
	struct row row = {.key = key_at(at), .group = (uint64_t)at->group, .value = at->value};
	bool known = rows_get(&st->rows, row.key);
	int n;

	if (sql_step(st, q, err) < 0)
		return -1;
	n = sqlite3_changes(st->db);
	if (!mac)
		return account(st, at->table, row.key, NULL, err) ? -1 : n + (n == 0 && known);
	if (n == 0)
		return 0;
	row.tag = tag_of_mac(mac);
	return account(st, at->table, row.key, &row, err) ? -1 : n;
}

int sql_write(struct store *st, struct cc_error *err, const struct row_at *at,
	      const unsigned char *mac, const char *sql, const char *types, ...)
{
	bool own = !st->in_tx;
	sqlite3_stmt *q = NULL;
	int n = -1;
	va_list ap;

	if (own && store_begin(st, err))
		return -1;
	if (fresh(st, err) == 0) {
		va_start(ap, types);
		q = sql_prepare_va(st, err, sql, types, ap);
		va_end(ap);
	}
	if (q)
		n = write_and_account(st, at, mac, q, err);
	sql_done(q);
	if (!own)
		return n;
	if (n >= 0 && store_commit(st, err) == 0)
		return n;
	store_rollback(st);
	return -1;
}

/* ---- transactions ---- */

static void nothing_undone(struct store *st)
{
	rows_keep(&st->rows);
	st->was = st->part = st->tally;
	st->part_undo = 0;
	st->dirty = st->part_dirty = st->counted = false;
}

int sql_rows_begin(struct store *st, struct cc_error *err)
{
	struct head head;

	sql_rows_undone(st);
	nothing_undone(st);
	st->in_tx = true;
	if (!st->started || !st->loaded)
		return 0;
	if (sql_head_read(st, &head, err))
		return -1;
	if (head.sums.ver < st->tally.ver) {
		cc_fail(err, CC_E_INTERNAL,
			"audit log: its head is an older one (%" PRIu64 ", it was %" PRIu64
			"); keep the database and find out who wrote to it",
			head.sums.ver, st->tally.ver);
		return cc_set_fact(err, "audit");
	}
	if (head.sums.ver > st->tally.ver)
		st->stale = true;
	return 0;
}

int sql_rows_before_commit(struct store *st, struct cc_error *err)
{
	struct head head;

	if (!st->dirty)
		return 0;
	return sql_head_read(st, &head, err) || sql_head_write(st, &head, err) ? -1 : 0;
}

void sql_rows_committed(struct store *st)
{
	nothing_undone(st);
	st->in_tx = false;
}

void sql_rows_undone(struct store *st)
{
	if (!st->in_tx)
		return;
	rows_undo(&st->rows, 0);
	st->tally = st->was;
	st->stale = st->stale || st->counted;
	nothing_undone(st);
	st->in_tx = false;
}

void sql_rows_part(struct store *st)
{
	st->part = st->tally;
	st->part_undo = st->rows.undo_n;
	st->part_dirty = st->dirty;
}

void sql_rows_part_undone(struct store *st)
{
	rows_undo(&st->rows, st->part_undo);
	st->tally = st->part;
	st->dirty = st->part_dirty;
}

/* ---- counts ---- */

int store_count(struct store *st, int64_t now_ms, struct store_counts *n, struct cc_error *err)
{
	*n = (struct store_counts){0};
	if (fresh(st, err) || is_newer(st, err) < 0)
		return -1;
	for (size_t i = 0; i < st->rows.size; i++) {
		const struct row *row = &st->rows.at[i];

		if (row->group)
			n->held += row->value > (uint64_t)now_ms;
		else if (row->value)
			++*(row->value == COUNT_READY ? &n->ready : &n->creating);
	}
	return 0;
}
