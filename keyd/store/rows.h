/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.h - in memory: which version of which row is in the database. A hash table with a journal,
 * as a transaction may be undone, or a part of one. 32 bytes a row, at most three quarters full.
 */
#ifndef KEYD_ROWS_H
#define KEYD_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct row - what is remembered of a row.
 * @key: rows_key(); 0 is no row
 * @group: what it is one of, by number; 0 for nothing
 * @value: what else is to be known of it without reading it
 * @tag: of this version: the beginning of its MAC; of a counter how many there are
 */
struct row {
	uint64_t key, group, value, tag;
};

/**
 * struct rows - all of them, each where its key says or after.
 * @size: places, a power of two; @n: rows
 * @undo: what was there before each change, with the key of what was changed, the last one last
 */
struct rows {
	struct row *at, *undo;
	size_t size, n, undo_size, undo_n;
};

/* Of a primary key in table @table: @text, or where that is NULL @number. FNV-1a, never 0. */
uint64_t rows_key(unsigned int table, const char *text, int64_t number);

/* Borrowed until the next change; NULL for none. */
const struct row *rows_get(const struct rows *rows, uint64_t key);

/* @row becomes what is remembered of its key. Return: 0, -1 without memory, nothing changed. */
int rows_put(struct rows *rows, const struct row *row);
/* The same for nothing. */
int rows_drop(struct rows *rows, uint64_t key);

/* Takes back all changes since there were @to of them (@undo_n); cannot fail. */
void rows_undo(struct rows *rows, size_t to);
/* They can no longer be taken back. */
void rows_keep(struct rows *rows);

void rows_clear(struct rows *rows);

#endif
