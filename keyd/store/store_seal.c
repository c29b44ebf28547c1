// SPDX-License-Identifier: Apache-2.0
/* The MACs of rows: over what they are, and who looks at them. */
#include "store/store.h"

#include <endian.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <openssl/crypto.h>

#include "store/store_sql.h"

#define UPDATE(table, key) "UPDATE " table " SET mac = ? WHERE " key " = ?"
const struct sealed sealed_tables[SEALED_END] = {
	[SEALED_SETTING] = {"setting", SELECT_SETTING, UPDATE("setting", "key"), 2, 0},
	[SEALED_VOLUME] = {"volume", SELECT_VOLUME, UPDATE("volume", "id"), 24, 1},
	[SEALED_TOMBSTONE] = {"tombstone", SELECT_TOMBSTONE, UPDATE("tombstone", "name"), 4, 0},
	[SEALED_IDENTITY] = {"identity", SELECT_IDENTITY, UPDATE("identity", "id"), 9, 10},
	[SEALED_SIGNER] = {"signer", SELECT_SIGNER, UPDATE("signer", "name"), 4, 0},
	[SEALED_AGENT] = {"agent", SELECT_AGENT, UPDATE("agent", "name"), 5, 0},
	[SEALED_LEASE] = {"lease", SELECT_LEASE, UPDATE("lease", "id"), 18, 0},
	[SEALED_KEK] = {"kek", SELECT_KEK, UPDATE("kek", "number"), 5, 0},
	[SEALED_AUDIT] = {"audit", SELECT_AUDIT, UPDATE("audit", "seq"), 11, 0},
	[SEALED_AUDIT_HEAD] = {"audit_head", SELECT_AUDIT_HEAD, UPDATE("audit_head", "id"), 10, 0},
	[SEALED_AUDIT_HEAD_5] = {"audit_head", SELECT_AUDIT_HEAD_5, NULL, 6, 0},
};

/* Those of before a volume could have several identities. */
static const struct sealed identity_6 = {"identity", SELECT_IDENTITY_6,
					 UPDATE("identity", "volume"), 6, 7};
static const struct sealed lease_6 = {"lease", SELECT_LEASE_6, UPDATE("lease", "id"), 17, 0};

const struct sealed *sql_sealed(const struct store *st, enum sealed_table table)
{
	if (st->layout_6 && table == SEALED_IDENTITY)
		return &identity_6;
	if (st->layout_6 && table == SEALED_LEASE)
		return &lease_6;
	return &sealed_tables[table];
}

/* ---- what is sealed ---- */

/* The next @len bytes of what a MAC is made of, NULL without memory. */
static unsigned char *grow(struct store *st, size_t *at, size_t len)
{
	unsigned char *more;

	if (st->scratch_size - *at < len) {
		size_t size = (*at + len) * 2;

		more = realloc(st->scratch, size);
		if (!more)
			return NULL;
		st->scratch = more;
		st->scratch_size = size;
	}
	*at += len;
	return st->scratch + *at - len;
}

static int put_bytes(struct store *st, size_t *at, char type, const void *p, size_t len)
{
	unsigned char *to = len > UINT32_MAX ? NULL : grow(st, at, 5 + len);
	uint32_t be = htobe32((uint32_t)len);

	if (!to)
		return -1;
	to[0] = (unsigned char)type;
	memcpy(to + 1, &be, sizeof(be));
	if (len)
		memcpy(to + 5, p, len);
	return 0;
}

static int put_int(struct store *st, size_t *at, int64_t v)
{
	unsigned char *to = grow(st, at, 9);
	uint64_t be = htobe64((uint64_t)v);

	if (!to)
		return -1;
	to[0] = 'i';
	memcpy(to + 1, &be, sizeof(be));
	return 0;
}

static int put_name(struct store *st, size_t *at, const char *name)
{
	return put_bytes(st, at, 't', name, strlen(name));
}

static int put_args(struct store *st, size_t *at, const char *types, va_list ap)
{
	int rc = 0;

	for (; *types && rc == 0; types++) {
		if (*types == 't') {
			const char *text = va_arg(ap, const char *);

			rc = put_bytes(st, at, 't', text, strlen(text));
		} else if (*types == 'i') {
			rc = put_int(st, at, va_arg(ap, int64_t));
		} else if (*types == 'u') {
			rc = put_int(st, at, (int64_t)va_arg(ap, uint64_t));
		} else {
			const void *p = va_arg(ap, const void *);

			rc = put_bytes(st, at, 'b', p, va_arg(ap, size_t));
		}
	}
	return rc;
}

/* What keyd did not write may also be of no type. */
static int put_column(struct store *st, size_t *at, struct stmt *q, int col)
{
	const void *p;

	switch (sqlite3_column_type(q->q, col)) {
	case SQLITE_INTEGER:
		return put_int(st, at, sqlite3_column_int64(q->q, col));
	case SQLITE_TEXT:
		p = sqlite3_column_text(q->q, col);
		return put_bytes(st, at, 't', p, (size_t)sqlite3_column_bytes(q->q, col));
	case SQLITE_BLOB:
		p = sqlite3_column_blob(q->q, col);
		return put_bytes(st, at, 'b', p, (size_t)sqlite3_column_bytes(q->q, col));
	default:
		return put_bytes(st, at, 'n', NULL, 0);
	}
}

/* ---- MACs ---- */

static int make_mac(struct store *st, size_t len, unsigned char mac[static STORE_MAC_LEN],
		    struct cc_error *err)
{
	if (!st->seal)
		return cc_fail(err, CC_E_INTERNAL, "the database's rows cannot be verified yet");
	return st->seal->mac(st->seal, st->scratch, len, mac, err);
}

static int mac_of(struct store *st, unsigned char mac[static STORE_MAC_LEN], struct cc_error *err,
		  const char *name, const char *types, va_list ap)
{
	size_t len = 0;

	if (put_name(st, &len, name) || put_args(st, &len, types, ap))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return make_mac(st, len, mac, err);
}

int sql_mac(struct store *st, unsigned char mac[static STORE_MAC_LEN], struct cc_error *err,
	    enum sealed_table table, const char *types, ...)
{
	va_list ap;
	int rc;

	va_start(ap, types);
	rc = mac_of(st, mac, err, sealed_tables[table].table, types, ap);
	va_end(ap);
	return rc;
}

int sql_mac_of(struct store *st, unsigned char mac[static STORE_MAC_LEN], struct cc_error *err,
	       const char *what, const char *types, ...)
{
	va_list ap;
	int rc;

	va_start(ap, types);
	rc = mac_of(st, mac, err, what, types, ap);
	va_end(ap);
	return rc;
}

static int mac_of_row(struct store *st, struct stmt *q, enum sealed_table table,
		      unsigned char mac[static STORE_MAC_LEN], struct cc_error *err)
{
	size_t len = 0;
	int rc = put_name(st, &len, sql_sealed(st, table)->table);

	for (int col = 0; col < sql_sealed(st, table)->n && rc == 0; col++)
		rc = put_column(st, &len, q, col);
	return rc ? cc_fail(err, CC_E_NOMEM, "out of memory") : make_mac(st, len, mac, err);
}

int sql_is_sealed(struct store *st, struct stmt *q, enum sealed_table table, struct cc_error *err)
{
	unsigned char want[STORE_MAC_LEN];
	const void *have;
	int col = sql_sealed(st, table)->n;

	if (mac_of_row(st, q, table, want, err))
		return -1;
	have = sqlite3_column_blob(q->q, col);
	return have && sqlite3_column_bytes(q->q, col) == STORE_MAC_LEN &&
	       CRYPTO_memcmp(have, want, STORE_MAC_LEN) == 0;
}

int sql_bad_row(struct store *st, const struct store_bad *row, const char *why,
		struct cc_error *err)
{
	char name[SQL_WHAT_LEN];
	const struct store_bad clean = {name, row->id, row->ours};

	snprintf(name, sizeof(name), "%s", row->what);
	cc_text_clean(name);
	st->seal->bad(st->seal, &clean);
	cc_fail(err, CC_E_INTERNAL,
		"%s: its row %s: restore a backup, and find out who wrote to the database", name,
		why);
	return cc_set_fact(err, STORE_FACT_ROW);
}

void sql_good_row(struct store *st, const char *what, const char *id)
{
	char name[SQL_WHAT_LEN];

	if (!st->seal->watches(st->seal))
		return;
	snprintf(name, sizeof(name), "%s", what);
	cc_text_clean(name);
	st->seal->good(st->seal, name, id);
}

const char *sql_row_id(const char *text, int64_t number, char buf[static SQL_ID_LEN])
{
	snprintf(buf, SQL_ID_LEN, "%" PRId64, number);
	return text ? text : buf;
}

/* Of the row of @q: what people call it, and its primary key. */
static void name_row(const struct store *st, struct stmt *q, enum sealed_table table,
		     char what[static SQL_WHAT_LEN], char id[static SQL_ID_LEN])
{
	const struct sealed *t = sql_sealed(st, table);
	bool number = sqlite3_column_type(q->q, 0) == SQLITE_INTEGER;
	const char *name;

	if (number)
		sql_row_id(NULL, sqlite3_column_int64(q->q, 0), id);
	else
		snprintf(id, SQL_ID_LEN, "%s", (const char *)sqlite3_column_text(q->q, 0) ?: "");
	name = number && t->name == 0 ? id : (const char *)sqlite3_column_text(q->q, t->name);
	snprintf(what, SQL_WHAT_LEN, "%s%s%s", t->table,
		 table == SEALED_IDENTITY ? " of volume " : " ", name ? name : "?");
}

static int good_row(struct store *st, struct stmt *q, enum sealed_table table)
{
	char what[SQL_WHAT_LEN], id[SQL_ID_LEN];

	if (!st->seal->watches(st->seal))
		return 0;
	name_row(st, q, table, what, id);
	sql_good_row(st, what, id);
	return 0;
}

int sql_check(struct store *st, struct stmt *q, enum sealed_table table, struct cc_error *err)
{
	int sealed = sql_is_sealed(st, q, table, err);
	int current = sealed > 0 ? sql_is_current(st, q, table, err) : sealed;
	char what[SQL_WHAT_LEN], id[SQL_ID_LEN];
	struct store_bad bad = {what, id, false};

	if (current)
		return current < 0 ? -1 : good_row(st, q, table);
	/* One that keyd removed is not its any more: whoever kept many brings back as many. */
	bad.ours = sql_is_known(st, q, table);
	name_row(st, q, table, what, id);
	return sql_bad_row(st, &bad,
			   sealed ? "is one that keyd has replaced or removed since, and counts "
				    "for nothing"
				  : "in the database was not written by keyd, and counts for "
				    "nothing",
			   err);
}

bool store_is_bad_row(const struct cc_error *err)
{
	return err->code == CC_E_INTERNAL && !strcmp(err->fact, STORE_FACT_ROW);
}

/* ---- all of them ---- */

static int check_table(struct store *st, enum sealed_table table, size_t *bad, struct cc_error *err)
{
	sql_auto struct stmt *q = sql_prepare(st, err, sql_sealed(st, table)->select, "");
	int rc = q ? 0 : -1;

	while (rc == 0 && (rc = sql_step(st, q, err)) > 0) {
		rc = sql_check(st, q, table, err);
		if (rc && store_is_bad_row(err)) {
			++*bad;
			rc = 0;
		}
	}
	return rc;
}

int store_check_rows(struct store *st, size_t *bad, struct cc_error *err)
{
	*bad = 0;
	for (enum sealed_table t = 0; t < SEALED_AUDIT; t++)
		if ((t != SEALED_KEK || sql_counts(st)) && check_table(st, t, bad, err))
			return -1;
	return 0;
}

/* Of the row of @row. */
static int put_mac(struct store *st, struct stmt *row, enum sealed_table table, const void *mac,
		   size_t len, struct cc_error *err)
{
	sql_auto struct stmt *q =
		sql_prepare(st, err, sql_sealed(st, table)->update, "b", mac, len);

	if (!q)
		return -1;
	if (sqlite3_bind_value(q->q, 2, sqlite3_column_value(row->q, 0)) != SQLITE_OK)
		return sql_fail(st, err);
	return sql_step(st, q, err) < 0 ? -1 : 0;
}

static int write_mac(struct store *st, struct stmt *row, enum sealed_table table,
		     struct cc_error *err)
{
	unsigned char mac[STORE_MAC_LEN];

	return mac_of_row(st, row, table, mac, err)
		       ? -1
		       : put_mac(st, row, table, mac, sizeof(mac), err);
}

int sql_seal_table(struct store *st, enum sealed_table table, struct cc_error *err)
{
	sql_auto struct stmt *q = sql_prepare(st, err, sql_sealed(st, table)->select, "");
	int rc = q ? 0 : -1;

	while (rc == 0 && (rc = sql_step(st, q, err)) > 0)
		rc = write_mac(st, q, table, err);
	return rc ? cc_prefix(err, "table %s", sql_sealed(st, table)->table) : 0;
}

int sql_unseal_bad(struct store *st, enum sealed_table table, struct cc_error *err)
{
	sql_auto struct stmt *q = sql_prepare(st, err, sql_sealed(st, table)->select, "");
	int rc = q ? 0 : -1;

	while (rc == 0 && (rc = sql_step(st, q, err)) > 0) {
		rc = sql_is_sealed(st, q, table, err);
		if (rc < 0)
			return -1;
		rc = rc ? 0 : put_mac(st, q, table, "", 0, err);
	}
	return rc;
}

int sql_seal_again(struct store *st, enum sealed_table table, struct cc_error *err)
{
	sql_auto struct stmt *q = sql_prepare(st, err, sql_sealed(st, table)->select, "");
	int rc = q ? 0 : -1;

	while (rc == 0 && (rc = sql_step(st, q, err)) > 0)
		rc = sqlite3_column_bytes(q->q, sql_sealed(st, table)->n) == STORE_MAC_LEN
			     ? write_mac(st, q, table, err)
			     : 0;
	return rc;
}

int sql_seal_all(struct store *st, struct cc_error *err)
{
	for (enum sealed_table t = 0; t <= SEALED_AUDIT; t++)
		if (sql_seal_table(st, t, err))
			return -1;
	return sql_rows_count(st, err);
}
