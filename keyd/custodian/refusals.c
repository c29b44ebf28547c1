// SPDX-License-Identifier: Apache-2.0
#include "custodian/refusals.h"

#include <string.h>
#include <openssl/evp.h>

#include "digest.h"
#include "error.h"
#include "name.h"

#define LIFE_MS 600000 /* at least, whatever the lease is; and between two sweeps */

/* What a key is of. */
enum kind { OF_FACT, OF_LEASE, OF_LOOK, OF_AGENT };

/* ---- what is remembered ---- */

/*
 * What keyd found of a lease counts until that is renewed: its version is then another. What the
 * agent says does not, as it renews when it likes. By SHA-256, as an agent chooses what goes into
 * it, and shall find nothing that falls together with what is another agent's.
 */
static uint64_t key_of(enum kind kind, const struct refusal *r)
{
	char text[CC_TEXT_MAX];
	unsigned char md[EVP_MAX_MD_SIZE];
	uint64_t key = 0;
	bool until_renewed = kind == OF_FACT && r->lease && !r->reported;
	int n = kind == OF_AGENT
			? snprintf(text, sizeof(text), "%s", r->enrolment)
			: snprintf(text, sizeof(text), "%s %s %d %llu %d %s", r->enrolment, r->id,
				   (int)kind, until_renewed ? (unsigned long long)r->lease->ver : 0,
				   r->reported, kind == OF_LEASE ? "" : r->fact);

	if (n >= (int)sizeof(text))
		n = (int)sizeof(text) - 1;
	if (EVP_Digest(text, (size_t)n, md, NULL, cc_md_sha256(), NULL) == 1)
		memcpy(&key, md, sizeof(key));
	return key ? key : 1;
}

/* Remembered until @value; nothing of before counts. */
static struct row remembered(const struct refusals *rs, uint64_t key, int64_t now_ms)
{
	const struct row *row = rows_get(&rs->rows, key);

	return row && row->value > (uint64_t)now_ms ? *row : (struct row){.key = key};
}

static uint64_t life_of(const struct refusal *r, int64_t now_ms)
{
	int64_t ms = r->lease && r->lease->ms > LIFE_MS ? (int64_t)r->lease->ms : LIFE_MS;
	int64_t end = now_ms + ms;

	return (uint64_t)(r->lease && r->lease->end_ms > end ? r->lease->end_ms : end);
}

/* An agent that is forgotten has all it may have; so it is when it has not asked for that long. */
static void sweep(struct refusals *rs, int64_t now_ms)
{
	struct rows left = {0};

	if (now_ms < rs->sweep_ms || rs->rows.undo_n)
		return;
	rs->sweep_ms = now_ms + LIFE_MS;
	for (size_t i = 0; i < rs->rows.size; i++) {
		const struct row *row = &rs->rows.at[i];

		if (!row->key || row->value <= (uint64_t)now_ms)
			continue;
		if (rows_put(&left, row)) {
			rows_clear(&left);
			return;
		}
		rows_keep(&left);
	}
	rows_clear(&rs->rows);
	rs->rows = left;
}

/* ---- what an agent has left ---- */

/**
 * struct budget - of one agent, in a row of its own: tokens in the low byte of the tag, above that
 * the moment from which on the next one comes.
 * @held: since its last row
 */
struct budget {
	uint64_t key, held;
	unsigned int tokens;
	int64_t since_ms;
};

static struct budget budget_of(const struct refusals *rs, const struct refusal *r, int64_t now_ms)
{
	struct budget b = {key_of(OF_AGENT, r), 0, REFUSALS_BURST, now_ms};
	const struct row *row = rows_get(&rs->rows, b.key);
	int64_t more;

	if (!row)
		return b;
	b.held = row->group;
	b.tokens = (unsigned int)(row->tag & 0xff);
	b.since_ms = (int64_t)(row->tag >> 8);
	more = (now_ms - b.since_ms) / REFUSALS_REFILL_MS;
	if (more <= 0)
		return b;
	b.tokens = more >= REFUSALS_BURST - (int64_t)b.tokens ? REFUSALS_BURST
							      : b.tokens + (unsigned int)more;
	b.since_ms += more * REFUSALS_REFILL_MS;
	return b;
}

/* With something held it is not forgotten. */
static int budget_put(struct refusals *rs, const struct budget *b, int64_t now_ms)
{
	const struct row row = {
		.key = b->key,
		.group = b->held,
		.value = b->held ? INT64_MAX
				 : (uint64_t)(now_ms + REFUSALS_BURST * REFUSALS_REFILL_MS),
		.tag = (uint64_t)b->since_ms << 8 | b->tokens,
	};

	return rows_put(&rs->rows, &row);
}

/* ---- */

/* How many rows there were of this lease; one more, unless there are too many. */
static bool is_among_first(struct refusals *rs, const struct refusal *r, int64_t now_ms)
{
	struct row rows = remembered(rs, key_of(OF_LEASE, r), now_ms);

	if (rows.tag == REFUSALS_OF_LEASE)
		return false;
	rows.tag++;
	rows.value = life_of(r, now_ms);
	return rows_put(&rs->rows, &rows) == 0;
}

static bool may_have_row(struct refusals *rs, const struct refusal *r, struct budget *b,
			 int64_t now_ms)
{
	if (r->lease && is_among_first(rs, r, now_ms))
		return true;
	if ((r->lease && r->reported) || b->tokens == 0)
		return false;
	b->tokens--;
	return true;
}

bool refusals_note(struct refusals *rs, const struct refusal *r, int64_t now_ms, uint64_t *held)
{
	struct budget b;
	struct row fact;
	bool row;

	sweep(rs, now_ms);
	b = budget_of(rs, r, now_ms);
	fact = remembered(rs, key_of(OF_FACT, r), now_ms);
	row = !fact.value && may_have_row(rs, r, &b, now_ms);
	*held = row ? b.held : 0;
	b.held = row ? 0 : b.held + 1;
	if (row) {
		fact.value = life_of(r, now_ms);
		rows_put(&rs->rows, &fact);
	}
	budget_put(rs, &b, now_ms);
	return row;
}

bool refusals_look(struct refusals *rs, const struct refusal *r, int64_t now_ms)
{
	struct row look = remembered(rs, key_of(OF_LOOK, r), now_ms);
	bool is_first = !look.value;

	sweep(rs, now_ms);
	look.value = life_of(r, now_ms);
	rows_put(&rs->rows, &look);
	return is_first;
}

size_t refusals_at(const struct refusals *rs)
{
	return rs->rows.undo_n;
}

void refusals_undo(struct refusals *rs, size_t at)
{
	rows_undo(&rs->rows, at);
}

void refusals_keep(struct refusals *rs)
{
	rows_keep(&rs->rows);
}

void refusals_clear(struct refusals *rs)
{
	rows_clear(&rs->rows);
	*rs = (struct refusals){0};
}
