// SPDX-License-Identifier: Apache-2.0
#include "store/store_sql.h"

#include <stdarg.h>
#include <string.h>

#define KEPT_MAX 128 /* more statements than there are */

/**
 * struct kept - a compiled statement.
 * @lent: somebody has it
 */
struct kept {
	const struct store *store; /* NULL: free */
	const char *sql;
	sqlite3_stmt *q;
	bool lent;
};

/* Of all stores of the process, usually one. */
static struct kept kept[KEPT_MAX];

int sql_fail(struct store *st, struct cc_error *err)
{
	if (sqlite3_errcode(st->db) == SQLITE_BUSY)
		return cc_fail(err, CC_E_INTERNAL,
			       "keyd's database: another process has had it locked for %d s",
			       STORE_BUSY_MS / 1000);
	return cc_fail(err, CC_E_INTERNAL, "keyd's database: %s", sqlite3_errmsg(st->db));
}

int sql_exec(struct store *st, const char *sql, struct cc_error *err)
{
	return sqlite3_exec(st->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : sql_fail(st, err);
}

static int bind(sqlite3_stmt *q, const char *types, va_list ap)
{
	int rc = SQLITE_OK;

	for (int i = 1; *types && rc == SQLITE_OK; types++, i++) {
		if (*types == 't') {
			rc = sqlite3_bind_text(q, i, va_arg(ap, const char *), -1, SQLITE_STATIC);
		} else if (*types == 'i') {
			rc = sqlite3_bind_int64(q, i, va_arg(ap, int64_t));
		} else if (*types == 'u') {
			uint64_t v = va_arg(ap, uint64_t);

			rc = v > INT64_MAX ? SQLITE_RANGE : sqlite3_bind_int64(q, i, (int64_t)v);
		} else {
			const void *p = va_arg(ap, const void *);

			rc = sqlite3_bind_blob64(q, i, p, va_arg(ap, size_t), SQLITE_STATIC);
		}
	}
	return rc;
}

/* The place of @sql, compiled or not yet; NULL: it is lent, or there are too many. */
static struct kept *place_for(const struct store *st, const char *sql)
{
	struct kept *free_place = NULL;

	for (struct kept *k = kept; k < kept + KEPT_MAX; k++) {
		if (k->store == st && k->sql == sql)
			return k->lent || strcmp(sqlite3_sql(k->q), sql) != 0 ? NULL : k;
		if (!k->store && !free_place)
			free_place = k;
	}
	return free_place;
}

static sqlite3_stmt *compile(struct store *st, const char *sql, struct cc_error *err)
{
	struct kept *k = place_for(st, sql);
	sqlite3_stmt *q = NULL;

	if (k && k->store) {
		k->lent = true;
		return k->q;
	}
	if (sqlite3_prepare_v3(st->db, sql, -1, k ? SQLITE_PREPARE_PERSISTENT : 0, &q, NULL) !=
	    SQLITE_OK) {
		sql_fail(st, err);
		return NULL;
	}
	if (k && q)
		*k = (struct kept){st, sql, q, true};
	return q;
}

void sql_done(sqlite3_stmt *q)
{
	for (struct kept *k = kept; q && k < kept + KEPT_MAX; k++) {
		if (k->q != q)
			continue;
		sqlite3_reset(q);
		sqlite3_clear_bindings(q);
		k->lent = false;
		return;
	}
	sqlite3_finalize(q);
}

void sql_forget(const struct store *st)
{
	for (struct kept *k = kept; k < kept + KEPT_MAX; k++) {
		if (k->store != st)
			continue;
		sqlite3_finalize(k->q);
		*k = (struct kept){0};
	}
}

sqlite3_stmt *sql_prepare_va(struct store *st, struct cc_error *err, const char *sql,
			     const char *types, va_list ap)
{
	sqlite3_stmt *q = compile(st, sql, err);
	int rc;

	if (!q)
		return NULL;
	rc = bind(q, types, ap);
	if (rc != SQLITE_OK) {
		cc_fail(err, CC_E_INTERNAL, "keyd's database: %s", sqlite3_errstr(rc));
		sql_done(q);
		return NULL;
	}
	return q;
}

sqlite3_stmt *sql_prepare(struct store *st, struct cc_error *err, const char *sql,
			  const char *types, ...)
{
	sqlite3_stmt *q;
	va_list ap;

	va_start(ap, types);
	q = sql_prepare_va(st, err, sql, types, ap);
	va_end(ap);
	return q;
}

int sql_step(struct store *st, sqlite3_stmt *q, struct cc_error *err)
{
	switch (sqlite3_step(q)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	case SQLITE_CONSTRAINT:
		if (sqlite3_extended_errcode(st->db) == SQLITE_CONSTRAINT_UNIQUE ||
		    sqlite3_extended_errcode(st->db) == SQLITE_CONSTRAINT_PRIMARYKEY)
			return cc_fail(err, CC_E_EXISTS, "it exists already");
		return sql_fail(st, err);
	default:
		return sql_fail(st, err);
	}
}

int sql_run(struct store *st, struct cc_error *err, const char *sql, const char *types, ...)
{
	sql_auto sqlite3_stmt *q = NULL;
	va_list ap;

	va_start(ap, types);
	q = sql_prepare_va(st, err, sql, types, ap);
	va_end(ap);
	if (!q || sql_step(st, q, err) < 0)
		return -1;
	return sqlite3_changes(st->db);
}

static int damaged(sqlite3_stmt *q, int col, struct cc_error *err)
{
	return cc_fail(err, CC_E_INTERNAL, "keyd's database is damaged: column %s does not fit",
		       sqlite3_column_name(q, col));
}

int sql_text(sqlite3_stmt *q, int col, char *buf, size_t size, struct cc_error *err)
{
	const char *text = (const char *)sqlite3_column_text(q, col);
	size_t len = (size_t)sqlite3_column_bytes(q, col);

	if (!text || len >= size || strlen(text) != len)
		return damaged(q, col, err);
	memcpy(buf, text, len + 1);
	return 0;
}

int sql_dup(sqlite3_stmt *q, int col, char **text, size_t *len, struct cc_error *err)
{
	const void *p = sqlite3_column_blob(q, col);
	size_t n = (size_t)sqlite3_column_bytes(q, col);
	char *copy;

	if (!p)
		return damaged(q, col, err);
	copy = malloc(n + 1);
	if (!copy)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	memcpy(copy, p, n);
	copy[n] = '\0';
	*text = copy;
	if (len)
		*len = n;
	return 0;
}

int sql_u64(sqlite3_stmt *q, int col, uint64_t *v, struct cc_error *err)
{
	int64_t i = sqlite3_column_int64(q, col);

	if (i < 0)
		return damaged(q, col, err);
	*v = (uint64_t)i;
	return 0;
}

int sql_u32(sqlite3_stmt *q, int col, uint32_t *v, struct cc_error *err)
{
	int64_t i = sqlite3_column_int64(q, col);

	if (i < 0 || i > UINT32_MAX)
		return damaged(q, col, err);
	*v = (uint32_t)i;
	return 0;
}

int sql_blob(sqlite3_stmt *q, int col, unsigned char *buf, size_t size, size_t *len,
	     struct cc_error *err)
{
	const void *p = sqlite3_column_blob(q, col);
	size_t n = (size_t)sqlite3_column_bytes(q, col);

	if (!p || n > size)
		return damaged(q, col, err);
	memcpy(buf, p, n);
	*len = n;
	return 0;
}
