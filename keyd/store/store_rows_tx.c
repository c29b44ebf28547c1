// SPDX-License-Identifier: Apache-2.0
/*
 * What is remembered of the rows follows the transaction in which they are written, and the part
 * of it that may be undone by itself.
 */
#include "store/store.h"

#include <inttypes.h>

#include "store/store_sql.h"

static void nothing_undone(struct store *st)
{
	rows_keep(&st->rows);
	st->was = st->part = st->tally;
	st->part_undo = 0;
	st->dirty = st->part_dirty = st->counted = false;
	st->seen.has_head = st->seen.has_end = false;
}

int sql_rows_begin(struct store *st, struct cc_error *err)
{
	struct head head;

	sql_rows_undone(st);
	nothing_undone(st);
	st->in_tx = true;
	if (!st->started || !st->loaded)
		return 0;
	if (sql_head_of_tx(st, &head, err))
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
	return sql_head_of_tx(st, &head, err) || sql_audit_own(st, &head, err) ||
			       sql_head_write(st, &head, err)
		       ? -1
		       : 0;
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
	st->seen.has_head = st->seen.has_end = false;
}
