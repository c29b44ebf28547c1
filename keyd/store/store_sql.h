/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_sql.h - what the SQLite files of the store share; nobody else includes it.
 */
#ifndef KEYD_STORE_SQL_H
#define KEYD_STORE_SQL_H

#include <stdarg.h>
#include <stdint.h>
#include <sqlite3.h>

#include "cleanup.h"
#include "error.h"
#include "store/rows.h"
#include "store/store_types.h"

#define SCHEMA_SEALED 5	   /* from this schema on all rows have MACs */
#define SCHEMA_COUNTED 6   /* and are counted */
#define SCHEMA_SERIALS 7   /* a volume may have several identities, a lease has its serial */
#define STORE_BUSY_MS 5000 /* that it waits while another process writes */

enum sealed_table {
	SEALED_SETTING,
	SEALED_VOLUME,
	SEALED_TOMBSTONE,
	SEALED_IDENTITY,
	SEALED_SIGNER,
	SEALED_AGENT,
	SEALED_LEASE,
	SEALED_KEK,
	SEALED_AUDIT, /* the first of those that store_check_rows() leaves out */
	SEALED_AUDIT_HEAD,
	SEALED_AUDIT_HEAD_5, /* as it was before rows were counted */
	SEALED_END,
};

/**
 * struct tally - which rows there are, of all tables but the audit log's.
 * @ver: grows with every transaction that changes rows
 * @n: how many, by table
 * @sum: of a secret number for each, made from its MAC, modulo 2^256: without the key nobody can
 *       say what it would be for other rows
 */
struct tally {
	uint64_t ver, n[SEALED_AUDIT];
	unsigned char sum[32];
};

/* The same as it is in the head: big-endian, the sum hidden by a number made for each @nonce. */
struct sums {
	uint64_t ver;
	unsigned char counts[SEALED_AUDIT * 8], nonce[16], sum[32];
};

/* The head. @schema: of the database; 0 in a new one */
struct head {
	struct store_audit_head at;
	uint64_t schema;
	struct sums sums;
};

/**
 * struct log_end - the last row of the audit log; zeros where there is none.
 * @ours: keyd wrote it, @time as well
 */
struct log_end {
	uint64_t seq;
	unsigned char hash[32];
	bool ours;
	int64_t time;
};

/* What the open transaction has read or written: until it ends nobody else writes. */
struct tx_seen {
	bool has_head, has_end;
	struct head head;
	struct log_end end;
};

#define SQL_KEPT_MAX 128 /* more statements than there are */

/**
 * struct stmt - a compiled statement of one store, from sql_prepare() to sql_done().
 * @q: NULL in a free place
 * @text: what it was compiled from, borrowed
 * @kept: its place is in struct store, where it stays until that is closed
 * @lent: somebody has it
 */
struct stmt {
	sqlite3_stmt *q;
	const char *text;
	bool kept, lent;
};

/**
 * struct store - an open database.
 * @kept: its statements, the free places last
 * @seal: NULL before store_start()
 * @schema_was: of the file when it was opened
 * @now: of store_start()
 * @scratch: what a MAC is made of, @scratch_size bytes, kept for the next one
 * @own_seq, @own_hash: the last audit row this process has committed, or the log's last one when it
 *                      was started
 * @next_seq, @next_hash: the same of the open transaction
 * @part_seq, @part_hash: the same when its part began
 * @rows, @tally: which rows there are, that of the open transaction; store_rows.c
 * @was, @part: @tally when the transaction, or its part, began; @part_undo: of @rows then
 * @loaded: @rows and @tally are of this database; @stale: of before another keyd wrote
 * @counted: the open transaction counted all rows anew
 * @dirty: @tally is not in the head yet; @part_dirty: was not when the part began
 * @in_tx: between store_begin() and its end; @seen: of that transaction
 * @layout_6: identities and leases are as before SCHEMA_SERIALS
 * @misfit: what is wrong with the rows that were there when they were loaded; "" for nothing
 * @doubted: something is since another process wrote, and was not loaded: store_rows_doubted()
 */
struct store {
	sqlite3 *db;
	enum store_mode mode;
	struct store_seal *seal;
	int schema_was;
	int64_t now;
	unsigned char *scratch;
	size_t scratch_size;
	uint64_t own_seq, next_seq, part_seq;
	unsigned char own_hash[32], next_hash[32], part_hash[32];
	struct rows rows;
	struct tally tally, was, part;
	size_t part_undo;
	struct tx_seen seen;
	bool started, loaded, stale, counted, dirty, part_dirty, in_tx, doubted, layout_6;
	char misfit[STORE_MISFIT_LEN];
	struct stmt kept[SQL_KEPT_MAX];
};

/* Gives a statement back; NULL is nothing. */
void sql_done(struct stmt *s);
/* Forgets the statements that are kept: before it is closed. Nobody has one of them. */
void sql_forget(struct store *st);

static inline void sql_done_ptr(struct stmt **q)
{
	sql_done(*q);
}
#define sql_auto cc_cleanup(sql_done_ptr)

/* CC_E_INTERNAL with SQLite's own words for what went wrong. */
int sql_fail(struct store *st, struct cc_error *err);

/* Runs statements without parameters and rows. */
int sql_exec(struct store *st, const char *sql, struct cc_error *err);

/* Reads which schema the file has, and refuses one that is none; store_schema.c. */
int sql_schema_look(struct store *st, struct cc_error *err);
/* The tables are made or brought up to date. */
int sql_schema_start(struct store *st, struct cc_error *err);

/**
 * sql_prepare - a statement with its parameters bound. SQLite compiles it once: it is kept.
 * @sql: a literal, found again by its address; another text at the same one is compiled anew
 * @types: one character a parameter: 't' const char *, 'i' int64_t, 'u' uint64_t (at most
 *         INT64_MAX), 'b' const void * and size_t. Texts and blobs are borrowed until it is
 *         given back.
 * Return: the statement, NULL on error.
 */
struct stmt *sql_prepare(struct store *st, struct cc_error *err, const char *sql, const char *types,
			 ...);

struct stmt *sql_prepare_va(struct store *st, struct cc_error *err, const char *sql,
			    const char *types, va_list ap);

/* Next row: 1, 0 when there is none, -1 on error. */
int sql_step(struct store *st, struct stmt *q, struct cc_error *err);

/* Runs a statement without rows, parameters as sql_prepare(). Return: rows changed, or -1; a
 * broken UNIQUE constraint is CC_E_EXISTS. */
int sql_run(struct store *st, struct cc_error *err, const char *sql, const char *types, ...);

/**
 * struct sealed - a table whose rows carry MACs.
 * @select: the columns that are sealed, the primary key first; the MAC; others
 * @update: writes a MAC, by primary key
 * @n: how many are sealed
 * @name: the column that names a row to people
 */
struct sealed {
	const char *table, *select, *update;
	int n, name;
};

extern const struct sealed sealed_tables[SEALED_END];
/* The same, as @st has it. */
const struct sealed *sql_sealed(const struct store *st, enum sealed_table table);

/* How a SELECT on each of them begins. A column more is one more here and where it is written. */
#define SEALED_VOLUME_FIELDS                                                                 \
	"name, uuid, cipher, key_bytes, sector_size, data_offset, sectors, fs, generation, " \
	"ready, created, kek_id, wrapped, fence, serial_floor, wrap_format, lease_ms, "      \
	"shared_read, on_lapse, on_revoke, queue_ms, mount_options, creator"
#define SELECT_SETTING "SELECT key, value, mac FROM setting "
#define SELECT_VOLUME "SELECT id, " SEALED_VOLUME_FIELDS ", mac FROM volume "
#define SELECT_TOMBSTONE "SELECT name, fence, serial_floor, ver, mac FROM tombstone "
#define SELECT_IDENTITY                                                                       \
	"SELECT i.id, i.volume, i.serial, i.floor, i.state, i.envelope, i.digest, i.signer, " \
	"i.mount_point, i.mac, v.name FROM identity i JOIN volume v ON v.id = i.volume "
/* As it was when a volume had one. */
#define SELECT_IDENTITY_6                                                                          \
	"SELECT i.volume, i.envelope, i.serial, i.digest, i.signer, i.mount_point, i.mac, v.name " \
	"FROM identity i JOIN volume v ON v.id = i.volume "
#define SELECT_SIGNER "SELECT name, keyid, pem, volumes, mac FROM signer "
#define SELECT_AGENT "SELECT name, enrolment, thumbprint, jwk, volumes, mac FROM agent "
#define SELECT_LEASE                                                                         \
	"SELECT l.id, v.name, v.uuid, l.agent, l.container, l.boot_id, l.fence, l.granted, " \
	"l.ms, l.shared, l.read_only, l.revoked, l.host_boot, l.end_ms, l.cover_ms, l.ver, " \
	"l.enrolment, l.serial, l.mac, l.volume FROM lease l JOIN volume v ON v.id = l.volume "
/* As it was before leases had serials. */
#define SELECT_LEASE_6                                                                       \
	"SELECT l.id, v.name, v.uuid, l.agent, l.container, l.boot_id, l.fence, l.granted, " \
	"l.ms, l.shared, l.read_only, l.revoked, l.host_boot, l.end_ms, l.cover_ms, l.ver, " \
	"l.enrolment, l.mac, l.volume FROM lease l JOIN volume v ON v.id = l.volume "
#define SELECT_KEK "SELECT number, state, id, created, wrapped, mac FROM kek "
#define SELECT_AUDIT                                                                       \
	"SELECT seq, time, event, outcome, agent, volume, container, fact, detail, prev, " \
	"hash, mac FROM audit "
#define SELECT_AUDIT_HEAD                                                                    \
	"SELECT id, seq, hash, start_seq, start_hash, schema, ver, counts, nonce, sum, mac " \
	"FROM audit_head "
#define SELECT_AUDIT_HEAD_5 \
	"SELECT id, seq, hash, start_seq, start_hash, schema, mac FROM audit_head "

/**
 * sql_mac - the MAC of a row of @table.
 * @types: of the columns in the order in which they are read, and their values: as sql_prepare()
 */
int sql_mac(struct store *st, unsigned char mac[static STORE_MAC_LEN], struct cc_error *err,
	    enum sealed_table table, const char *types, ...);
/* The same of what is no row: @what is no table's name. */
int sql_mac_of(struct store *st, unsigned char mac[static STORE_MAC_LEN], struct cc_error *err,
	       const char *what, const char *types, ...);

/* Whether the row of @q is keyd's: 1, 0, or -1 on error. */
int sql_is_sealed(struct store *st, struct stmt *q, enum sealed_table table, struct cc_error *err);

/*
 * 0 for a row that is, and is the version of it that keyd wrote last; -1 with the fact "row" for
 * one that is not, of which the custodian is told.
 */
int sql_check(struct store *st, struct stmt *q, enum sealed_table table, struct cc_error *err);
#define SQL_WHAT_LEN 160 /* of struct store_bad.what */
#define SQL_ID_LEN 160
/* The custodian is told of @row, which is @why. Return: -1, with the fact "row". */
int sql_bad_row(struct store *st, const struct store_bad *row, const char *why,
		struct cc_error *err);
/* It is told that one which it may have been told of is right. */
void sql_good_row(struct store *st, const char *what, const char *id);
/* A primary key as text: @text, or where that is NULL @number, in @buf. */
const char *sql_row_id(const char *text, int64_t number, char buf[static SQL_ID_LEN]);
/* Whether there is, as far as keyd knows, a row of this one's primary key. */
bool sql_is_known(const struct store *st, struct stmt *q, enum sealed_table table);

/* Gives MACs to all rows that there are, or to those of a table, as they are, and counts them. */
int sql_seal_all(struct store *st, struct cc_error *err);
int sql_seal_table(struct store *st, enum sealed_table table, struct cc_error *err);
/*
 * Around a change of the columns of @table. Before: what keyd did not write loses its MAC; after:
 * what has one gets that of what it is now.
 */
int sql_unseal_bad(struct store *st, enum sealed_table table, struct cc_error *err);
int sql_seal_again(struct store *st, enum sealed_table table, struct cc_error *err);

/* ---- store_rows.c ---- */

/* Whether there are counts in the database. */
bool sql_counts(const struct store *st);

/**
 * struct row_at - where a row is, for what is remembered of it.
 * @text, @number: primary key; the number where @text is NULL
 * @group: of a lease and an identity their volume
 * @value: of a lease lease_value(), of a volume volume_value()
 */
struct row_at {
	enum sealed_table table;
	const char *text;
	int64_t number, group;
	uint64_t value;
};

#define COUNT_CREATING 1 /* values of volumes */
#define COUNT_READY 2
static inline uint64_t lease_value(uint64_t ms, int64_t end_ms)
{
	return ms ? (uint64_t)end_ms : UINT64_MAX;
}

/**
 * sql_write - runs a statement that writes the row @at, or removes it, and keeps account of it.
 * @mac: the row's new one; NULL: it is removed, and so is what was remembered, whether there was
 *       a row in the database or not
 * Return: rows changed, or -1. One for a removal of what only was remembered.
 */
int sql_write(struct store *st, struct cc_error *err, const struct row_at *at,
	      const unsigned char *mac, const char *sql, const char *types, ...);

/* Whether the row of @q is the last version of it: 1, 0, -1. */
int sql_is_current(struct store *st, struct stmt *q, enum sealed_table table, struct cc_error *err);
/* Where no row was found: 0; -1 with the fact "row" when there was one that keyd did not remove. */
int sql_is_absent(struct store *st, const struct row_at *at, const char *what,
		  struct cc_error *err);
/* Whether a volume has @n rows in @table, as far as keyd knows: 0; -1 with the fact "row". */
int sql_is_whole(struct store *st, enum sealed_table table, int64_t volume, size_t n,
		 struct cc_error *err);
/* Runs @sql, which removes all rows in @table that belong to a volume, also what only was
 * remembered. */
int sql_remove_group(struct store *st, enum sealed_table table, int64_t volume, const char *sql,
		     struct cc_error *err);

/* Counts all rows that there are: they are right as they are. Context: in a transaction. */
int sql_rows_count(struct store *st, struct cc_error *err);
/*
 * Around a change of columns, in a transaction: what does not fit of the rows that there are, as
 * one more tally; then all are counted anew, and what did not fit still does not.
 */
int sql_rows_misfit(struct store *st, struct tally *lag, struct cc_error *err);
int sql_rows_recount(struct store *st, const struct tally *lag, struct cc_error *err);
/* ---- store_sum.c ---- */

/* Adds a term to a sum; @less: subtracts it. */
void sql_sum_add(unsigned char sum[static 32], const unsigned char term[static 32], bool less);
/* One more row of @table in @t, or @less. */
int sql_sum_row(struct store *st, struct tally *t, enum sealed_table table, const struct row *row,
		bool less, struct cc_error *err);
/* Reads @s into @t; puts @st->tally into @s. */
int sql_sums_read(struct store *st, const struct sums *s, struct tally *t, struct cc_error *err);
int sql_sums_write(struct store *st, struct sums *s, struct cc_error *err);

/* ---- store_rows_tx.c: what follows a transaction, and a part of one ---- */

int sql_rows_begin(struct store *st, struct cc_error *err);
int sql_rows_before_commit(struct store *st, struct cc_error *err);
void sql_rows_committed(struct store *st);
void sql_rows_undone(struct store *st);
void sql_rows_part(struct store *st);
void sql_rows_part_undone(struct store *st);

/* ---- store_head.c ---- */

/* Fact "audit": the row @seq of the log @what. */
int sql_audit_fail(struct cc_error *err, enum cc_code code, uint64_t seq, const char *what);
int sql_audit_hash(struct stmt *q, int col, uint64_t seq, unsigned char hash[static 32],
		   struct cc_error *err);

/* Without a seal it is what the file says. _5: as it was before rows were counted. */
int sql_head_read(struct store *st, struct head *head, struct cc_error *err);
/* The same in a transaction, which reads it once. */
int sql_head_of_tx(struct store *st, struct head *head, struct cc_error *err);
int sql_head_read_5(struct store *st, struct head *head, struct cc_error *err);
/* Reads it, and the schema must be what it says. What is damaged is so for good: CC_E_INVALID. */
int sql_head_verify(struct store *st, struct head *head, struct cc_error *err);
/* With the tally, when that has changed. */
int sql_head_write(struct store *st, struct head *head, struct cc_error *err);
/* Says that the database is of schema @to now, after it was of @from. */
int sql_audit_head_schema(struct store *st, int from, int to, struct cc_error *err);

/*
 * The audit log's first head, for what is in it; the one of before rows were counted, with them
 * from now on; and whether log and schema are what it says.
 */
int sql_audit_head_new(struct store *st, struct cc_error *err);
int sql_audit_head_5(struct store *st, struct cc_error *err);
int sql_audit_head_check(struct store *st, struct cc_error *err);
/* Whether what this process knows of the log leads to @head; 0 in a store that is not started. */
int sql_audit_own(struct store *st, const struct head *head, struct cc_error *err);

/*
 * Columns, checked: a row that does not fit its struct was not written by keyd.
 * Return: 0, or -1 with CC_E_INTERNAL.
 */
int sql_text(struct stmt *q, int col, char *buf, size_t size, struct cc_error *err);
int sql_dup(struct stmt *q, int col, char **text, size_t *len, struct cc_error *err);
int sql_u64(struct stmt *q, int col, uint64_t *v, struct cc_error *err);
int sql_u32(struct stmt *q, int col, uint32_t *v, struct cc_error *err);
int sql_blob(struct stmt *q, int col, unsigned char *buf, size_t size, size_t *len,
	     struct cc_error *err);

#endif
