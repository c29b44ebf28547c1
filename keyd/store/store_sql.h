/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_sql.h - what the SQLite files of the store share; nobody else includes it.
 */
#ifndef KEYD_STORE_SQL_H
#define KEYD_STORE_SQL_H

#include <stdint.h>
#include <sqlite3.h>
#include <stdint.h>

#include "cleanup.h"
#include "error.h"

#define STORE_BUSY_MS 5000 /* that it waits while another process writes */

/**
 * struct store - an open database.
 * @head_seq, @head_hash: the last audit row this process has committed; 0 when it has none
 * @next_seq, @next_hash: the same of the open transaction
 * @part_seq, @part_hash: the same when its part began
 */
struct store {
	sqlite3 *db;
	uint64_t head_seq, next_seq, part_seq;
	unsigned char head_hash[32], next_hash[32], part_hash[32];
};

/* Gives a statement back; NULL is nothing. */
void sql_done(sqlite3_stmt *q);
/* Forgets the statements that are kept of @st: before it is closed. */
void sql_forget(const struct store *st);

static inline void sql_done_ptr(sqlite3_stmt **q)
{
	sql_done(*q);
}
#define sql_auto cc_cleanup(sql_done_ptr)

/* CC_E_INTERNAL with SQLite's own words for what went wrong. */
int sql_fail(struct store *st, struct cc_error *err);

/**
 * sql_prepare - a statement with its parameters bound. SQLite compiles it once: it is kept.
 * @sql: a literal, which is found again by its address
 * @types: one character a parameter: 't' const char *, 'i' int64_t, 'u' uint64_t (at most
 *         INT64_MAX), 'b' const void * and size_t. Texts and blobs are borrowed until it is
 *         given back.
 * Return: the statement, NULL on error.
 */
sqlite3_stmt *sql_prepare(struct store *st, struct cc_error *err, const char *sql,
			  const char *types, ...);

/* Next row: 1, 0 when there is none, -1 on error. */
int sql_step(struct store *st, sqlite3_stmt *q, struct cc_error *err);

/* Runs a statement without rows, parameters as sql_prepare(). Return: rows changed, or -1; a
 * broken UNIQUE constraint is CC_E_EXISTS. */
int sql_run(struct store *st, struct cc_error *err, const char *sql, const char *types, ...);

/*
 * Columns, checked: a row that does not fit its struct was not written by keyd.
 * Return: 0, or -1 with CC_E_INTERNAL.
 */
int sql_text(sqlite3_stmt *q, int col, char *buf, size_t size, struct cc_error *err);
int sql_dup(sqlite3_stmt *q, int col, char **text, size_t *len, struct cc_error *err);
int sql_u64(sqlite3_stmt *q, int col, uint64_t *v, struct cc_error *err);
int sql_u32(sqlite3_stmt *q, int col, uint32_t *v, struct cc_error *err);
int sql_blob(sqlite3_stmt *q, int col, unsigned char *buf, size_t size, size_t *len,
	     struct cc_error *err);

#endif
