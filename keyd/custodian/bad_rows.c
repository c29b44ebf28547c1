// SPDX-License-Identifier: Apache-2.0
#include "custodian/bad_rows.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"

/* ---- names ---- */

static bool has_name(const struct bad_names *names, const char *what)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->at[i], what))
			return true;
	return false;
}

/* Without memory it is one that is not named. */
static bool room_for_name(struct bad_names *names)
{
	size_t size = names->size ? names->size * 2 : 16;
	void *more;

	if (names->n == BAD_ROWS_NAMED)
		return false;
	if (names->n < names->size)
		return true;
	more = realloc(names->at, size * sizeof(*names->at));
	if (!more)
		return false;
	names->at = more;
	names->size = size;
	return true;
}

static void add_name(struct bad_names *names, const char *what)
{
	if (has_name(names, what))
		return;
	if (room_for_name(names))
		snprintf(names->at[names->n++], BAD_ROW_LEN, "%s", what);
	else
		names->more++;
}

static void clear_names(struct bad_names *names)
{
	free(names->at);
	*names = (struct bad_names){0};
}

/* ---- the audit log ---- */

static struct bad_told *find_tell(struct bad_rows *b, uint64_t key)
{
	for (size_t i = 0; i < b->n_tell; i++)
		if (b->tell[i].key == key)
			return &b->tell[i];
	return NULL;
}

/* In the log by its name; what it is may only now be known. */
static bool is_told(struct bad_rows *b, const struct store_bad *row, uint64_t key)
{
	const struct row *told = rows_get(&b->told, key);
	struct bad_told *tell = find_tell(b, key);

	if (told && row->ours && !told->value) {
		b->n_others--;
		rows_put(&b->told, &(struct row){.key = key, .value = true});
		rows_keep(&b->told);
	}
	if (tell && row->ours && !tell->ours) {
		b->n_others--;
		tell->ours = true;
	}
	return told || tell;
}

static void tell_of(struct bad_rows *b, const struct store_bad *row, uint64_t key)
{
	if (is_told(b, row, key))
		return;
	if (!row->ours && b->n_others == BAD_ROWS_OTHER) {
		b->more = !b->more_told;
		return;
	}
	if (b->n_tell == BAD_ROWS_TELL)
		return;
	b->n_others += !row->ours;
	b->tell[b->n_tell] = (struct bad_told){.key = key, .ours = row->ours};
	snprintf(b->tell[b->n_tell++].what, BAD_ROW_LEN, "%s", row->what);
	cc_log(LOG_ERR,
	       "%s: this row of the database is not what keyd left there: it counts for nothing",
	       row->what);
}

static void drop_tell(struct bad_rows *b, size_t i)
{
	b->n_tell--;
	memmove(&b->tell[i], &b->tell[i + 1], (b->n_tell - i) * sizeof(b->tell[0]));
}

const char *bad_rows_next(const struct bad_rows *b)
{
	if (b->n_tell)
		return b->tell[0].what;
	return b->more ? BAD_ROWS_AND_MORE : NULL;
}

void bad_rows_recorded(struct bad_rows *b)
{
	const struct row row = {.key = b->tell[0].key, .value = b->tell[0].ours};

	if (b->n_tell == 0) {
		b->more = false;
		b->more_told = true;
		return;
	}
	/* Without memory it is in the log once more. */
	if (rows_put(&b->told, &row))
		b->n_others -= !b->tell[0].ours;
	rows_keep(&b->told);
	drop_tell(b, 0);
}

/* ---- */

void bad_rows_found(struct bad_rows *b, const struct store_bad *row, uint64_t key)
{
	b->n_seen++;
	add_name(row->ours ? &b->ours : &b->others, row->what);
	tell_of(b, row, key);
}

bool bad_rows_any(const struct bad_rows *b)
{
	return b->told.n || b->n_tell;
}

void bad_rows_good(struct bad_rows *b, uint64_t key)
{
	const struct row *told = rows_get(&b->told, key);
	struct bad_told *pending = find_tell(b, key);
	bool other = (told && !told->value) || (pending && !pending->ours);

	if (!told && !pending)
		return;
	b->n_others -= other;
	b->more_told = b->more_told && !other;
	rows_drop(&b->told, key);
	rows_keep(&b->told);
	if (pending)
		drop_tell(b, (size_t)(pending - b->tell));
}

void bad_rows_reset(struct bad_rows *b)
{
	b->ours.n = b->others.n = 0;
	b->ours.more = b->others.more = 0;
}

void bad_rows_clear(struct bad_rows *b)
{
	clear_names(&b->ours);
	clear_names(&b->others);
	rows_clear(&b->told);
	*b = (struct bad_rows){0};
}
