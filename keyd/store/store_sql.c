// SPDX-License-Identifier: Apache-2.0
#include "store/store_sql.h"

#include <stdarg.h>
#include <string.h>

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
static struct stmt *place_for(struct store *st, const char *sql)
{
	struct stmt *s = st->kept;

	for (; s < st->kept + SQL_KEPT_MAX && s->q; s++)
		if (s->text == sql)
			return s->lent || strcmp(sqlite3_sql(s->q), sql) != 0 ? NULL : s;
	return s < st->kept + SQL_KEPT_MAX ? s : NULL;
}

/* In its place, or where that is NULL for this once. */
static struct stmt *compile(struct store *st, struct stmt *place, const char *sql,
			    struct cc_error *err)
{
	cc_auto_free struct stmt *once = place ? NULL : calloc(1, sizeof(*once));
	unsigned int flags = place ? SQLITE_PREPARE_PERSISTENT : 0;
	struct stmt *s = place ?: once;

	if (!s) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	if (sqlite3_prepare_v3(st->db, sql, -1, flags, &s->q, NULL) != SQLITE_OK) {
		sql_fail(st, err);
		return NULL;
	}
	s->text = sql;
	s->kept = place;
	once = NULL;
	return s;
}

void sql_done(struct stmt *s)
{
	if (!s)
		return;
	if (!s->kept) {
		sqlite3_finalize(s->q);
		free(s);
		return;
	}
	sqlite3_reset(s->q);
	sqlite3_clear_bindings(s->q);
	s->lent = false;
}

void sql_forget(struct store *st)
{
	for (struct stmt *s = st->kept; s < st->kept + SQL_KEPT_MAX && s->q; s++) {
		sqlite3_finalize(s->q);
		*s = (struct stmt){0};
	}
}

struct stmt *sql_prepare_va(struct store *st, struct cc_error *err, const char *sql,
			    const char *types, va_list ap)
{
	struct stmt *place = place_for(st, sql);
	struct stmt *s = place && place->q ? place : compile(st, place, sql, err);
	int rc;

	if (!s)
		return NULL;
	s->lent = true;
	rc = bind(s->q, types, ap);
	if (rc != SQLITE_OK) {
		cc_fail(err, CC_E_INTERNAL, "keyd's database: %s", sqlite3_errstr(rc));
		sql_done(s);
		return NULL;
	}
	return s;
}

struct stmt *sql_prepare(struct store *st, struct cc_error *err, const char *sql, const char *types,
			 ...)
{
	struct stmt *q;
	va_list ap;

	va_start(ap, types);
	q = sql_prepare_va(st, err, sql, types, ap);
	va_end(ap);
	return q;
}

int sql_step(struct store *st, struct stmt *q, struct cc_error *err)
{
	switch (sqlite3_step(q->q)) {
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
	sql_auto struct stmt *q = NULL;
	va_list ap;

	va_start(ap, types);
	q = sql_prepare_va(st, err, sql, types, ap);
	va_end(ap);
	if (!q || sql_step(st, q, err) < 0)
		return -1;
	return sqlite3_changes(st->db);
}

static int damaged(struct stmt *q, int col, struct cc_error *err)
{
	return cc_fail(err, CC_E_INTERNAL, "keyd's database is damaged: column %s does not fit",
		       sqlite3_column_name(q->q, col));
}

int sql_text(struct stmt *q, int col, char *buf, size_t size, struct cc_error *err)
{
	const char *text = (const char *)sqlite3_column_text(q->q, col);
	size_t len = (size_t)sqlite3_column_bytes(q->q, col);

	if (!text || len >= size || strlen(text) != len)
		return damaged(q, col, err);
	memcpy(buf, text, len + 1);
	return 0;
}

int sql_dup(struct stmt *q, int col, char **text, size_t *len, struct cc_error *err)
{
	const void *p = sqlite3_column_blob(q->q, col);
	size_t n = (size_t)sqlite3_column_bytes(q->q, col);
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

int sql_u64(struct stmt *q, int col, uint64_t *v, struct cc_error *err)
{
	int64_t i = sqlite3_column_int64(q->q, col);

	if (i < 0)
		return damaged(q, col, err);
	*v = (uint64_t)i;
	return 0;
}

int sql_u32(struct stmt *q, int col, uint32_t *v, struct cc_error *err)
{
	int64_t i = sqlite3_column_int64(q->q, col);

	if (i < 0 || i > UINT32_MAX)
		return damaged(q, col, err);
	*v = (uint32_t)i;
	return 0;
}

int sql_blob(struct stmt *q, int col, unsigned char *buf, size_t size, size_t *len,
	     struct cc_error *err)
{
	const void *p = sqlite3_column_blob(q->q, col);
	size_t n = (size_t)sqlite3_column_bytes(q->q, col);

	if (!p || n > size)
		return damaged(q, col, err);
	memcpy(buf, p, n);
	*len = n;
	return 0;
}
