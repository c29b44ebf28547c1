// SPDX-License-Identifier: Apache-2.0
/*
 * Which rows there are. A MAC says that keyd wrote a row, not that it is still there, nor that no
 * newer version of it was. So the head has a sum over all rows, in the same transaction, and this
 * process remembers each row's MAC: what is read must be what was written last.
 */
#include "store/store.h"

#include <endian.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "store/store_sql.h"

#define ALL_ROWS "rows of the database"
#define REMOVED "was removed from the database, but not by keyd"
#define MISSING "missing"		  /* for a primary key that is not known */
#define OF_VOLUME SEALED_END		  /* rows_key() of how many rows a group has */
#define OF_IDENTITIES (UINT64_C(1) << 63) /* in a group: not of leases; no volume's number has it */

bool sql_counts(const struct store *st)
{
	return st->mode != STORE_LOOK || store_has_sums(st);
}

/* ---- all rows ---- */

static uint64_t tag_of_mac(const unsigned char mac[static STORE_MAC_LEN])
{
	uint64_t be;

	memcpy(&be, mac, sizeof(be));
	return be64toh(be);
}

static uint64_t key_of(struct stmt *q, enum sealed_table table)
{
	const char *text = sqlite3_column_type(q->q, 0) == SQLITE_TEXT
				   ? (const char *)sqlite3_column_text(q->q, 0)
				   : NULL;

	return rows_key(table, text, sqlite3_column_int64(q->q, 0));
}

static uint64_t group_of(enum sealed_table table, int64_t volume)
{
	return volume && table == SEALED_IDENTITY ? (uint64_t)volume | OF_IDENTITIES
						  : (uint64_t)volume;
}

static uint64_t key_at(const struct row_at *at)
{
	return rows_key(at->table, at->text, at->number);
}

/* One more row of @group, or less. */
static int count_in_group(struct store *st, uint64_t group, bool less)
{
	struct row counter = {.key = rows_key(OF_VOLUME, NULL, (int64_t)group)};
	const struct row *was = rows_get(&st->rows, counter.key);

	counter.tag = (was ? was->tag : 0) + (less ? -UINT64_C(1) : 1);
	return counter.tag ? rows_put(&st->rows, &counter) : rows_drop(&st->rows, counter.key);
}

static int keep_row(struct store *st, const struct row *row)
{
	if (row->group && count_in_group(st, row->group, false))
		return -1;
	return rows_put(&st->rows, row);
}

static struct row row_of(const struct store *st, struct stmt *q, enum sealed_table table)
{
	struct row row = {.key = key_of(q, table)};
	int n = sql_sealed(st, table)->n;
	const void *mac = sqlite3_column_blob(q->q, n);

	if (mac && sqlite3_column_bytes(q->q, n) == STORE_MAC_LEN)
		row.tag = tag_of_mac(mac);
	if (table == SEALED_VOLUME)
		row.value = sqlite3_column_int(q->q, 10) ? COUNT_READY : COUNT_CREATING;
	if (table == SEALED_LEASE) {
		row.group = group_of(table, sqlite3_column_int64(q->q, n + 1));
		row.value = lease_value((uint64_t)sqlite3_column_int64(q->q, 8),
					sqlite3_column_int64(q->q, 13));
	}
	if (table == SEALED_IDENTITY && !st->layout_6)
		row.group = group_of(table, sqlite3_column_int64(q->q, 1));
	return row;
}

/* Those that keyd did not write are not among them. */
static int count_table(struct store *st, struct tally *t, enum sealed_table table,
		       struct cc_error *err)
{
	sql_auto struct stmt *q = sql_prepare(st, err, sql_sealed(st, table)->select, "");
	int rc = q ? 0 : -1;

	while (rc == 0 && (rc = sql_step(st, q, err)) > 0) {
		struct row row = row_of(st, q, table);
		int sealed = sql_is_sealed(st, q, table, err);

		if (sealed < 0)
			return -1;
		rc = 0;
		if (!sealed)
			continue;
		if (sql_sum_row(st, t, table, &row, false, err))
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

int sql_rows_misfit(struct store *st, struct tally *lag, struct cc_error *err)
{
	struct tally is;
	struct head head;

	if (sql_head_read(st, &head, err) || sql_sums_read(st, &head.sums, lag, err) ||
	    count_all(st, &is, err))
		return -1;
	sql_sum_add(lag->sum, is.sum, true);
	for (size_t i = 0; i < SEALED_AUDIT; i++)
		lag->n[i] -= is.n[i];
	return 0;
}

int sql_rows_recount(struct store *st, const struct tally *lag, struct cc_error *err)
{
	if (sql_rows_count(st, err))
		return -1;
	sql_sum_add(st->tally.sum, lag->sum, false);
	for (size_t i = 0; i < SEALED_AUDIT; i++)
		st->tally.n[i] += lag->n[i];
	st->tally.ver = lag->ver + 1;
	st->stale = true; /* what does not fit is found when they are loaded */
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
	if (sql_head_read(st, &head, err) || sql_audit_own(st, &head, err) ||
	    sql_sums_read(st, &head.sums, want, err) || count_all(st, &is, err))
		return -1;
	if (memcmp(is.n, want->n, sizeof(is.n)) != 0 ||
	    memcmp(is.sum, want->sum, sizeof(is.sum)) != 0)
		describe(misfit, &is, want);
	return 0;
}

static int refuse_misfit(struct store *st, const char *misfit, struct cc_error *err)
{
	st->doubted = true;
	st->seal->bad(st->seal, &(const struct store_bad){ALL_ROWS, "", true});
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
	if (!misfit[0])
		sql_good_row(st, ALL_ROWS, "");
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

bool sql_is_known(const struct store *st, struct stmt *q, enum sealed_table table)
{
	return table < SEALED_AUDIT && rows_get(&st->rows, key_of(q, table));
}

int sql_is_current(struct store *st, struct stmt *q, enum sealed_table table, struct cc_error *err)
{
	struct row row = row_of(st, q, table);
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
	char buf[SQL_ID_LEN];
	const struct store_bad bad = {what, sql_row_id(at->text, at->number, buf), true};
	int newer = 0;

	if (!st->started)
		return 0;
	if (fresh(st, err))
		return -1;
	if (rows_get(&st->rows, key_at(at)))
		newer = is_newer(st, err);
	if (newer < 0)
		return -1;
	if (rows_get(&st->rows, key_at(at)))
		return sql_bad_row(st, &bad, REMOVED, err);
	sql_good_row(st, what, bad.id);
	return 0;
}

static bool is_whole(const struct store *st, uint64_t group, size_t n)
{
	const struct row *counter = rows_get(&st->rows, rows_key(OF_VOLUME, NULL, (int64_t)group));

	return (counter ? counter->tag : 0) == n;
}

/* "lease of volume pgdata": which ones is not known. */
static int name_group(struct store *st, enum sealed_table table, int64_t volume,
		      char what[static SQL_WHAT_LEN], struct cc_error *err)
{
	sql_auto struct stmt *q =
		sql_prepare(st, err, "SELECT name FROM volume WHERE id = ?", "i", volume);
	int rc = q ? sql_step(st, q, err) : -1;

	if (rc < 0)
		return -1;
	snprintf(what, SQL_WHAT_LEN, "%s of volume %s", sealed_tables[table].table,
		 rc ? (const char *)sqlite3_column_text(q->q, 0) : "?");
	return 0;
}

static int row_is_missing(struct store *st, enum sealed_table table, int64_t volume,
			  struct cc_error *err)
{
	char what[SQL_WHAT_LEN];

	if (name_group(st, table, volume, what, err))
		return -1;
	return sql_bad_row(st, &(const struct store_bad){what, MISSING, true}, REMOVED, err);
}

static int group_is_whole(struct store *st, enum sealed_table table, int64_t volume,
			  struct cc_error *err)
{
	char what[SQL_WHAT_LEN];

	if (!st->seal->watches(st->seal))
		return 0;
	if (name_group(st, table, volume, what, err))
		return -1;
	sql_good_row(st, what, MISSING);
	return 0;
}

int sql_is_whole(struct store *st, enum sealed_table table, int64_t volume, size_t n,
		 struct cc_error *err)
{
	uint64_t group = group_of(table, volume);
	int newer;

	if (!st->started)
		return 0;
	if (fresh(st, err))
		return -1;
	if (is_whole(st, group, n))
		return group_is_whole(st, table, volume, err);
	newer = is_newer(st, err);
	if (newer < 0)
		return -1;
	if (newer && is_whole(st, group, n))
		return group_is_whole(st, table, volume, err);
	return row_is_missing(st, table, volume, err);
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
	if ((was.key && sql_sum_row(st, &st->tally, table, &was, true, err)) ||
	    (row && sql_sum_row(st, &st->tally, table, row, false, err)))
		return -1;
	if (!st->dirty)
		st->tally.ver = st->was.ver + 1;
	st->dirty = true;
	if (row && !row->group)
		row->group = was.group;
	if (was.group && count_in_group(st, was.group, true))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (row ? keep_row(st, row) : rows_drop(&st->rows, key))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return 0;
}

/* Also one of somebody else's that is removed. Others are right when they are read. */
static void written_is_good(struct store *st, const struct row_at *at)
{
	char what[SQL_WHAT_LEN];

	if (!at->text || at->table == SEALED_IDENTITY)
		return;
	snprintf(what, sizeof(what), "%s %s", sealed_tables[at->table].table, at->text);
	sql_good_row(st, what, at->text);
}

static int write_and_account(struct store *st, const struct row_at *at, const unsigned char *mac,
			     struct stmt *q, struct cc_error *err)
{
	struct row row = {
		.key = key_at(at), .group = group_of(at->table, at->group), .value = at->value};
	bool known = rows_get(&st->rows, row.key);
	int n;

	if (sql_step(st, q, err) < 0)
		return -1;
	n = sqlite3_changes(st->db);
	written_is_good(st, at);
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
	struct stmt *q = NULL;
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

/* From the beginning after each: a removal moves others. */
static int forget_group(struct store *st, enum sealed_table table, uint64_t group,
			struct cc_error *err)
{
	for (size_t i = 0; i < st->rows.size; i++) {
		if (!st->rows.at[i].key || st->rows.at[i].group != group)
			continue;
		if (account(st, table, st->rows.at[i].key, NULL, err))
			return -1;
		i = SIZE_MAX;
	}
	return 0;
}

int sql_remove_group(struct store *st, enum sealed_table table, int64_t volume, const char *sql,
		     struct cc_error *err)
{
	bool own = !st->in_tx;
	int rc;

	if ((own && store_begin(st, err)) || fresh(st, err))
		return -1;
	rc = sql_run(st, err, sql, "i", volume);
	rc = rc < 0 ? -1 : forget_group(st, table, group_of(table, volume), err);
	if (!own)
		return rc;
	if (rc == 0 && store_commit(st, err) == 0)
		return 0;
	store_rollback(st);
	return -1;
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
