// SPDX-License-Identifier: Apache-2.0
#include "store/rows.h"

#include <stdlib.h>
#include <string.h>

#define FNV_BASIS UINT64_C(14695981039346656037)
#define FNV_PRIME UINT64_C(1099511628211)
#define SIZE_MIN 64

static uint64_t mix(uint64_t h, const void *p, size_t len)
{
	const unsigned char *byte = p;

	for (size_t i = 0; i < len; i++)
		h = (h ^ byte[i]) * FNV_PRIME;
	return h;
}

uint64_t rows_key(unsigned int table, const char *text, int64_t number)
{
	uint64_t h = mix(FNV_BASIS, &table, sizeof(table));

	h = text ? mix(h, text, strlen(text)) : mix(h, &number, sizeof(number));
	return h ? h : 1;
}

/* ---- the table ---- */

/* Its low bits alone are not well mixed. */
static size_t home(const struct rows *rows, uint64_t key)
{
	return (size_t)(key ^ key >> 32) & (rows->size - 1);
}

/* Where @key is, or the free place where it would be. */
static size_t place_of(const struct rows *rows, uint64_t key)
{
	size_t i = home(rows, key);

	while (rows->at[i].key && rows->at[i].key != key)
		i = (i + 1) & (rows->size - 1);
	return i;
}

static void store(struct rows *rows, const struct row *row)
{
	size_t i = place_of(rows, row->key);

	rows->n += rows->at[i].key == 0;
	rows->at[i] = *row;
}

/* Those after it that could no longer be found move up (Knuth, TAOCP 3, 6.4, algorithm R). */
static void take_out(struct rows *rows, uint64_t key)
{
	size_t mask = rows->size - 1, hole = place_of(rows, key);

	if (!rows->at[hole].key)
		return;
	for (size_t i = (hole + 1) & mask; rows->at[i].key; i = (i + 1) & mask) {
		size_t from_home = (i - home(rows, rows->at[i].key)) & mask;

		if (from_home < ((i - hole) & mask))
			continue;
		rows->at[hole] = rows->at[i];
		hole = i;
	}
	rows->at[hole] = (struct row){0};
	rows->n--;
}

/* Three quarters are full at most. */
static int make_room(struct rows *rows)
{
	struct rows more = {.size = rows->size ? rows->size * 2 : SIZE_MIN};

	if (rows->n + 1 <= rows->size / 4 * 3)
		return 0;
	more.at = calloc(more.size, sizeof(*more.at));
	if (!more.at)
		return -1;
	for (size_t i = 0; i < rows->size; i++)
		if (rows->at[i].key)
			store(&more, &rows->at[i]);
	free(rows->at);
	rows->at = more.at;
	rows->size = more.size;
	return 0;
}

const struct row *rows_get(const struct rows *rows, uint64_t key)
{
	const struct row *row = rows->size ? &rows->at[place_of(rows, key)] : NULL;

	return row && row->key ? row : NULL;
}

/* ---- changes ---- */

static int make_undo_room(struct rows *rows)
{
	size_t size = rows->undo_size ? rows->undo_size * 2 : SIZE_MIN;
	struct row *more;

	if (rows->undo_n + 2 <= rows->undo_size)
		return 0;
	more = realloc(rows->undo, size * sizeof(*more));
	if (!more)
		return -1;
	rows->undo = more;
	rows->undo_size = size;
	return 0;
}

/* Two entries: what was there, and whose place it is. */
static int note_was(struct rows *rows, uint64_t key)
{
	const struct row *was = rows_get(rows, key);

	if (make_undo_room(rows))
		return -1;
	rows->undo[rows->undo_n++] = was ? *was : (struct row){0};
	rows->undo[rows->undo_n++] = (struct row){.key = key};
	return 0;
}

int rows_put(struct rows *rows, const struct row *row)
{
	if (make_room(rows) || note_was(rows, row->key))
		return -1;
	store(rows, row);
	return 0;
}

int rows_drop(struct rows *rows, uint64_t key)
{
	if (!rows_get(rows, key))
		return 0;
	if (note_was(rows, key))
		return -1;
	take_out(rows, key);
	return 0;
}

/* There is room: there were as many before, and it never shrinks. */
void rows_undo(struct rows *rows, size_t to)
{
	while (rows->undo_n > to) {
		const struct row *was = &rows->undo[rows->undo_n - 2];

		if (was->key)
			store(rows, was);
		else
			take_out(rows, rows->undo[rows->undo_n - 1].key);
		rows->undo_n -= 2;
	}
}

void rows_keep(struct rows *rows)
{
	rows->undo_n = 0;
}

void rows_clear(struct rows *rows)
{
	free(rows->at);
	free(rows->undo);
	*rows = (struct rows){0};
}
