// SPDX-License-Identifier: Apache-2.0
#include "custodian/quarantine.h"

#include <inttypes.h>
#include <string.h>

#include "custodian/call.h"
#include "custodian/lease.h"
#include "log.h"

#define SYNC_MS 1000
#define LONGEST_MIN_MS UINT64_C(600000) /* a volume's, when nothing else was said */
#define FENCES_MORE 1000		/* given out after the last mark that was synced */
#define FOREVER INT64_MAX
#define FENCES_UNKNOWN (UINT64_C(1) << 32) /* more than any keyd gives out */

/* ---- its time ---- */

bool quarantine_for_good(const struct custodian *c)
{
	return quarantine_on(c) && c->mark.mark.quarantine_end_ms == FOREVER;
}

int64_t quarantine_left(const struct custodian *c)
{
	int64_t left = c->mark.mark.quarantine_end_ms - c->clock.boot_ms();

	return quarantine_on(c) && left > 0 ? left : 0;
}

/* What the rows were that keyd left is not known; "" where it is. */
static const char *rows_unknown(const struct custodian *c)
{
	if (store_rows_misfit(c->store)[0])
		return store_rows_misfit(c->store);
	return c->mark.was_counted ? "it is of before rows were counted, which keyd has done since"
				   : "";
}

/*
 * What a host had is over in time; who counts and who does not is not known again by waiting, nor
 * by anything that is done to the database meanwhile.
 */
static void set_end(struct custodian *c)
{
	struct mark *m = &c->mark.mark;
	bool for_good = quarantine_for_good(c) || rows_unknown(c)[0];

	memcpy(m->quarantine_boot, c->boot_id, sizeof(m->quarantine_boot));
	m->quarantine_end_ms = for_good ? FOREVER : lease_end(c->clock.boot_ms(), m->longest_ms);
}

static void clear_end(struct custodian *c)
{
	c->mark.mark.quarantine_boot[0] = '\0';
	c->mark.mark.quarantine_end_ms = 0;
}

static int write_mark(struct custodian *c, struct cc_error *err)
{
	return mark_take_head(&c->mark, c->store, err) ||
			       mark_write(&c->mark, true, c->clock.boot_ms(), err)
		       ? -1
		       : 0;
}

static int audit(struct custodian *c, const char *event, const char *detail, struct cc_error *err)
{
	struct note note = {.event = event};

	NOTE(note.detail, detail);
	return note_write(c, &note, "allow", "", err);
}

/* ---- how it begins ---- */

static int raise_fences(struct store *st, uint64_t by, struct cc_error *err)
{
	struct store_volume v = {0};
	size_t bad = 0;
	int rc;

	while ((rc = store_volume_next(st, v.rec.name, &v, &bad, err)) > 0) {
		v.fence += by;
		if (store_volume_update(st, &v, err))
			return -1;
	}
	return rc < 0 ? -1 : store_tombstones_raise(st, by, err);
}

/* Each lease that was ever granted has a row in the audit log. */
static uint64_t fences_lost(const struct custodian *c, enum mark_fit fit)
{
	return fit == MARK_LOST ? FENCES_UNKNOWN : c->mark.mark.seq + FENCES_MORE;
}

static int doubt(struct custodian *c, enum mark_fit fit, const char *event, struct cc_error *err)
{
	const char *misfit = rows_unknown(c);
	char detail[CC_TEXT_MAX];
	struct store_audit_head head;
	size_t unsure;

	if (store_audit_head(c->store, &head, err) ||
	    lease_doubt(c->store, c->boot_id, c->clock.boot_ms(), &unsure, err) ||
	    raise_fences(c->store, fences_lost(c, fit), err) || mark_record(c->store, err))
		return -1;
	snprintf(detail, sizeof(detail),
		 "%s: its last audit row is %" PRIu64 ", the mark is at %" PRIu64
		 "; %zu leases are unsure%s%s",
		 mark_fit_text(fit), head.seq, c->mark.mark.seq, unsure, misfit[0] ? "; " : "",
		 misfit);
	cc_log(LOG_WARNING, "%s: %s", event, detail);
	return audit(c, event, detail, err);
}

static int doubt_all(struct custodian *c, enum mark_fit fit, const char *event,
		     struct cc_error *err)
{
	if (store_begin(c->store, err))
		return -1;
	if (doubt(c, fit, event, err) || store_commit(c->store, err)) {
		store_rollback(c->store);
		return -1;
	}
	return 0;
}

static void log_begin(const struct custodian *c)
{
	if (quarantine_for_good(c))
		cc_log(LOG_ERR,
		       "quarantine: somebody may have removed rows of the database, or put older "
		       "ones in their place (%s); nobody gets a volume who did not have it until "
		       "keyd accept. Look at agents, signers, identities and leases first. See "
		       "keyd(8)",
		       rows_unknown(c)[0] ? rows_unknown(c) : "as was found before");
	else
		cc_log(LOG_WARNING,
		       "quarantine: the database is not the one that keyd served last; for %" PRId64
		       " s nobody gets a volume who did not have it. Revocations and removals of "
		       "after the copy was made are to be made again. See keyd(8)",
		       quarantine_left(c) / 1000);
}

static int quarantine_begin(struct custodian *c, enum mark_fit fit, struct cc_error *err)
{
	uint64_t longest;

	if (mark_longest(c->store, &longest, err))
		return -1;
	quarantine_promise(c, longest);
	quarantine_promise(c, LONGEST_MIN_MS);
	if (doubt_all(c, fit, "quarantine", err))
		return -1;
	set_end(c);
	log_begin(c);
	return write_mark(c, err);
}

/* One that was on when keyd ended goes on. */
static int go_on(struct custodian *c, struct cc_error *err)
{
	uint64_t longest;

	if (quarantine_for_good(c) || strcmp(c->mark.mark.quarantine_boot, c->boot_id) != 0)
		set_end(c);
	if (mark_longest(c->store, &longest, err))
		return -1;
	quarantine_promise(c, longest);
	if (quarantine_for_good(c))
		cc_log(LOG_WARNING, "quarantine: goes on until keyd accept");
	else
		cc_log(LOG_WARNING, "quarantine: goes on for %" PRId64 " s",
		       quarantine_left(c) / 1000);
	return write_mark(c, err);
}

static int judge(struct custodian *c, const char *dir, enum mark_fit *fit, struct cc_error *err)
{
	if (anchor_make(dir, err))
		return -1;
	c->marked = true;
	if (mark_open(&c->mark, dir, true, err))
		return -1;
	if (mark_judge(c->store, &c->mark, fit, err))
		return -1;
	if ((*fit == MARK_NONE || *fit == MARK_FITS) && store_rows_misfit(c->store)[0])
		*fit = MARK_ROWS;
	return 0;
}

static int open_judged(struct custodian *c, enum mark_fit fit, struct cc_error *err)
{
	if (fit == MARK_ROWS && quarantine_for_good(c))
		return go_on(c, err);
	if (fit != MARK_NONE && fit != MARK_FITS)
		return quarantine_begin(c, fit, err);
	if (quarantine_on(c))
		return go_on(c, err);
	return mark_longest(c->store, &c->mark.mark.longest_ms, err) || write_mark(c, err) ||
			       mark_record(c->store, err)
		       ? -1
		       : 0;
}

int quarantine_open(struct custodian *c, const char *dir, struct cc_error *err)
{
	enum mark_fit fit;

	if (judge(c, dir, &fit, err) || (!c->mark.was_counted && mark_settle(c->store, err)) ||
	    open_judged(c, fit, err))
		return -1;
	return c->mark.was_counted ? mark_settle(c->store, err) : 0;
}

/* ---- how it ends ---- */

static int end(struct custodian *c, struct cc_error *err)
{
	if (store_begin(c->store, err))
		return -1;
	if (audit(c, "quarantine", "over", err) || store_commit(c->store, err)) {
		store_rollback(c->store);
		return -1;
	}
	clear_end(c);
	return write_mark(c, err);
}

/*
 * Another process wrote, and what it left has not all rows, or older ones. What was remembered
 * counts on until it begins; that those rows were loaded is not the same.
 */
static bool rows_doubted(const struct custodian *c)
{
	return c->marked && (store_rows_doubted(c->store) ||
			     (store_rows_misfit(c->store)[0] && !quarantine_for_good(c)));
}

static int begin_for_rows(struct custodian *c, struct cc_error *err)
{
	if (store_rows_doubted(c->store) && store_rows_load(c->store, err))
		return -1;
	return store_rows_misfit(c->store)[0] ? quarantine_begin(c, MARK_ROWS, err) : 0;
}

int quarantine_tick(struct custodian *c, struct cc_error *err)
{
	if (rows_doubted(c) && begin_for_rows(c, err))
		return cc_prefix(err, "quarantine: cannot begin");
	if (!quarantine_on(c) || quarantine_left(c))
		return 0;
	if (end(c, err))
		return cc_prefix(err, "quarantine: cannot be ended");
	cc_log(LOG_NOTICE, "quarantine: over");
	return 0;
}

static int accept_rows(struct custodian *c, struct cc_error *err)
{
	if (!store_rows_misfit(c->store)[0])
		return 0;
	if (store_begin(c->store, err))
		return -1;
	if (store_rows_accept(c->store, err) == 0 && store_commit(c->store, err) == 0)
		return 0;
	store_rollback(c->store);
	return -1;
}

int quarantine_accept(struct custodian *c, const char *dir, bool *was, struct cc_error *err)
{
	enum mark_fit fit;

	if (judge(c, dir, &fit, err))
		return -1;
	*was = quarantine_on(c) || (fit != MARK_NONE && fit != MARK_FITS);
	if (!*was)
		return 0;
	if (fit == MARK_FITS ? audit(c, "accept", "the quarantine is ended", err)
			     : doubt_all(c, fit, "accept", err))
		return -1;
	if (accept_rows(c, err) || mark_settle(c->store, err))
		return -1;
	clear_end(c);
	return mark_longest(c->store, &c->mark.mark.longest_ms, err) || write_mark(c, err) ? -1 : 0;
}

/* ---- the mark ---- */

void quarantine_promise(struct custodian *c, uint64_t ms)
{
	if (ms <= c->mark.mark.longest_ms)
		return;
	c->mark.mark.longest_ms = ms;
	c->promised = true;
}

int quarantine_follow(struct custodian *c, struct cc_error *err)
{
	struct mark *m = &c->mark.mark;
	uint64_t seq, ver = store_rows_ver(c->store);
	int64_t now_ms = c->clock.boot_ms();
	unsigned char hash[32];

	if (!c->marked)
		return 0;
	store_audit_committed(c->store, &seq, hash);
	if (seq <= m->seq && ver <= m->ver && !c->promised)
		return 0;
	m->ver = ver > m->ver ? ver : m->ver;
	if (seq > m->seq) {
		m->seq = seq;
		memcpy(m->hash, hash, sizeof(m->hash));
	}
	if (mark_write(&c->mark, c->promised || now_ms - c->mark.synced_ms >= SYNC_MS, now_ms, err))
		return -1;
	c->promised = false;
	return 0;
}
