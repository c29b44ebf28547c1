// SPDX-License-Identifier: Apache-2.0
/* Generations of the domain key. */
#include "store/store.h"

#include <string.h>

#include "store/store_sql.h"

static const char *const states[] = {"active", "retired", "destroyed"};

static int read_state(sqlite3_stmt *q, int col, enum store_kek_state *state, struct cc_error *err)
{
	char text[16];

	if (sql_text(q, col, text, sizeof(text), err))
		return -1;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (!strcmp(text, states[i])) {
			*state = (enum store_kek_state)i;
			return 0;
		}
	return cc_fail(err, CC_E_INTERNAL, "keyd's database is damaged: state of a generation");
}

static int read_generation(sqlite3_stmt *q, struct store_kek *k, struct cc_error *err)
{
	k->created = sqlite3_column_int64(q, 3);
	if (sql_u64(q, 0, &k->number, err) || read_state(q, 1, &k->state, err) ||
	    sql_text(q, 2, k->id, sizeof(k->id), err))
		return -1;
	return sql_blob(q, 4, k->wrapped, sizeof(k->wrapped), &k->wrapped_len, err);
}

int store_kek_add(struct store *st, const struct store_kek *k, struct cc_error *err)
{
	int n = sql_run(
		st, err,
		"INSERT INTO kek (number, state, id, created, wrapped) VALUES (?, ?, ?, ?, ?)",
		"uttib", k->number, states[k->state], k->id, k->created, k->wrapped,
		k->wrapped_len);

	return n < 0 ? cc_prefix(err, "key generation") : 0;
}

int store_kek_each(struct store *st, store_kek_fn *fn, void *arg, struct cc_error *err)
{
	sql_auto sqlite3_stmt *q = sql_prepare(
		st, err, "SELECT number, state, id, created, wrapped FROM kek ORDER BY number", "");
	int rc;

	if (!q)
		return -1;
	while ((rc = sql_step(st, q, err)) > 0) {
		struct store_kek k;

		rc = read_generation(q, &k, err) ? -1 : fn(arg, &k, err);
		if (rc)
			break;
	}
	return rc;
}

int store_kek_retire(struct store *st, struct cc_error *err)
{
	return sql_run(st, err, "UPDATE kek SET state = 'retired' WHERE state = 'active'", "") < 0
		       ? -1
		       : 0;
}

int store_kek_destroy(struct store *st, struct cc_error *err)
{
	return sql_run(st, err,
		       "UPDATE kek SET state = 'destroyed', wrapped = zeroblob(length(wrapped)) "
		       "WHERE state = 'retired'",
		       "");
}
