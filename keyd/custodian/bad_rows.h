/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad_rows.h - rows of the database that are not what keyd left there: which of them an answer
 * names, and which are in the audit log. That they count for nothing is not decided here.
 *
 * Whoever writes to the database makes up as many as he likes, or brings back as many as keyd has
 * deleted. So what keyd has, and is changed, removed or an older version, has places of its own: no
 * other row takes one. All are counted.
 */
#ifndef KEYD_BAD_ROWS_H
#define KEYD_BAD_ROWS_H

#include "store/rows.h"
#include "store/store_types.h"

#define BAD_ROW_LEN 160	    /* "volume pgdata", and a NUL */
#define BAD_ROWS_NAMED 1000 /* in one answer, of keyd's and of others each */
#define BAD_ROWS_OTHER 64   /* others' that have audit rows of their own */
#define BAD_ROWS_TELL 128   /* new in one group; the rest is found by the next request */
#define BAD_ROWS_AND_MORE "more rows that keyd did not write"

/* Names that were seen. @more: for which there was no place */
struct bad_names {
	char (*at)[BAD_ROW_LEN];
	size_t n, size;
	uint64_t more;
};

/* One for the audit log. @ours: as of struct store_bad */
struct bad_told {
	char what[BAD_ROW_LEN];
	uint64_t key;
	bool ours;
};

/**
 * struct bad_rows - all of it.
 * @ours, @others: seen since bad_rows_reset()
 * @told: in the audit log, by key
 * @n_others: of @told and @tell together that are not keyd's
 * @tell: not in it yet; @more: that there are more is to be told, @more_told: it was
 * @n_seen: how often one was read
 */
struct bad_rows {
	struct bad_names ours, others;
	struct rows told;
	struct bad_told tell[BAD_ROWS_TELL];
	size_t n_tell, n_others;
	bool more, more_told;
	uint64_t n_seen;
};

/* @key: secret to whoever writes to the database, so that no two fall together by intent. */
void bad_rows_found(struct bad_rows *b, const struct store_bad *row, uint64_t key);
/* It is what keyd left there, or gone by keyd: its place is free again. */
void bad_rows_good(struct bad_rows *b, uint64_t key);
/* There is one to be forgotten by bad_rows_good(). */
bool bad_rows_any(const struct bad_rows *b);

/* From here on what is seen is the next request's. */
void bad_rows_reset(struct bad_rows *b);

/* The next one to be written to the audit log, NULL for none; and it has been. */
const char *bad_rows_next(const struct bad_rows *b);
void bad_rows_recorded(struct bad_rows *b);

void bad_rows_clear(struct bad_rows *b);

#endif
