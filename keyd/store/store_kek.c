// SPDX-License-Identifier: Apache-2.0
/* Generations of the domain key. */
#include "store/store.h"

#include <inttypes.h>
#include <string.h>

#include "store/store_sql.h"

static const char *const states[] = {"active", "retired", "destroyed"};

static int read_state(struct stmt *q, int col, enum store_kek_state *state, struct cc_error *err)
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

static int read_generation(struct store *st, struct stmt *q, struct store_kek *k,
			   struct cc_error *err)
{
	if (sql_check(st, q, SEALED_KEK, err))
		return -1;
	k->created = sqlite3_column_int64(q->q, 3);
	if (sql_u64(q, 0, &k->number, err) || read_state(q, 1, &k->state, err) ||
	    sql_text(q, 2, k->id, sizeof(k->id), err))
		return -1;
	return sql_blob(q, 4, k->wrapped, sizeof(k->wrapped), &k->wrapped_len, err);
}

/* @sql: takes state, wrapped key, MAC, id, creation and number */
static int write_generation(struct store *st, const char *sql, const struct store_kek *k,
			    struct cc_error *err)
{
	const struct row_at at = {SEALED_KEK, .number = (int64_t)k->number};
	unsigned char mac[STORE_MAC_LEN];
	int n;

	if (sql_mac(st, mac, err, SEALED_KEK, "uttib", k->number, states[k->state], k->id,
		    k->created, (const void *)k->wrapped, k->wrapped_len))
		return -1;
	n = sql_write(st, err, &at, mac, sql, "tbbtiu", states[k->state], (const void *)k->wrapped,
		      k->wrapped_len, (const void *)mac, sizeof(mac), k->id, k->created, k->number);
	return n < 0 ? cc_prefix(err, "key generation %" PRIu64, k->number) : 0;
}

int store_kek_add(struct store *st, const struct store_kek *k, struct cc_error *err)
{
	return write_generation(st,
				"INSERT INTO kek (state, wrapped, mac, id, created, number) "
				"VALUES (?, ?, ?, ?, ?, ?)",
				k, err);
}

int store_kek_each(struct store *st, store_kek_fn *fn, void *arg, struct cc_error *err)
{
	sql_auto struct stmt *q = sql_prepare(st, err, SELECT_KEK "ORDER BY number", "");
	int rc;

	if (!q)
		return -1;
	while ((rc = sql_step(st, q, err)) > 0) {
		struct store_kek k;

		rc = read_generation(st, q, &k, err) ? -1 : fn(arg, &k, err);
		if (rc)
			break;
	}
	return rc;
}

/* ---- changes of state ---- */

/* The first with @state. Return: 1; 0 for none; -1. */
static int first_of(struct store *st, enum store_kek_state state, struct store_kek *k,
		    struct cc_error *err)
{
	sql_auto struct stmt *q = sql_prepare(
		st, err, SELECT_KEK "WHERE state = ? ORDER BY number LIMIT 1", "t", states[state]);
	int rc = q ? sql_step(st, q, err) : -1;

	if (rc <= 0)
		return rc;
	return read_generation(st, q, k, err) ? -1 : 1;
}

/* All that have the state @from get @to. Return: how many, -1. */
static int move_all(struct store *st, enum store_kek_state from, enum store_kek_state to,
		    struct cc_error *err)
{
	struct store_kek k;
	int rc, n = 0;

	while ((rc = first_of(st, from, &k, err)) > 0) {
		k.state = to;
		if (to == STORE_KEK_DESTROYED)
			memset(k.wrapped, 0, k.wrapped_len);
		if (write_generation(st,
				     "UPDATE kek SET state = ?, wrapped = ?, mac = ? "
				     "WHERE id = ? AND created = ? AND number = ?",
				     &k, err))
			return -1;
		n++;
	}
	return rc < 0 ? -1 : n;
}

int store_kek_retire(struct store *st, struct cc_error *err)
{
	return move_all(st, STORE_KEK_ACTIVE, STORE_KEK_RETIRED, err) < 0 ? -1 : 0;
}

int store_kek_destroy(struct store *st, struct cc_error *err)
{
	return move_all(st, STORE_KEK_RETIRED, STORE_KEK_DESTROYED, err);
}
