/* SPDX-License-Identifier: Apache-2.0 */
/*
 * custodian.h - what the process that decides holds: the KEK, the store, the nonces it gave out,
 * and what it counts.
 */
#ifndef KEYD_CUSTODIAN_H
#define KEYD_CUSTODIAN_H

#include <stdbool.h>
#include <stdint.h>

#include "custodian/ca.h"
#include "custodian/domain.h"
#include "custodian/kek.h"
#include "custodian/kept.h"
#include "custodian/mark.h"
#include "name.h"
#include "custodian/nonce.h"
#include "custodian/refusals.h"
#include "custodian/seal.h"
#include "store/store.h"

/*
 * Facts of refusals that are counted, the last one for all that are left: no peer decides how many
 * there are, or what they are called.
 */
#define CUSTODIAN_FACTS 96
#define FACT_OTHER "other"
#define FACT_REPORTED "agent-refused" /* that agents say, whatever they call it */

/**
 * struct custodian_clock - where time comes from.
 * @real: seconds since the epoch, UTC
 * @boot_ms: CLOCK_BOOTTIME of the boot that struct custodian.boot_id names
 */
struct custodian_clock {
	int64_t (*real)(void);
	int64_t (*boot_ms)(void);
};

/**
 * struct custodian_floor - what the wall clock may not go behind.
 * @time: the latest it has said, as far as the audit log and this process know
 * @known: @time has been read from the audit log
 * @behind: the clock is behind it, which has been logged
 */
struct custodian_floor {
	int64_t time;
	bool known, behind;
};

/**
 * struct custodian_counters - what happened since the start.
 * @unverified: requests whose evidence did not verify
 */
struct custodian_counters {
	uint64_t unverified;
	uint64_t requests, challenges, releases, formats, renewals, errors;
	struct {
		char fact[CC_FACT_MAX];
		uint64_t n;
	} refused[CUSTODIAN_FACTS];
};

/*
 * Lines of the log that a peer can cause at will: one in QUIET_MS, which says how many were not
 * written.
 */
#define QUIET_MS 10000
struct custodian_quiet {
	int64_t until_ms;
	uint64_t held;
};

/**
 * struct custodian - all of it.
 * @kept: what was computed from rows of @store before
 * @boot_id: of this host
 * @off_plane_ms: when it was last logged that a front asked for what its plane may not; 0 for never
 * @mark: the high-water mark, where @marked
 * @domain: what volume keys are under, where @has_domain
 * @ca: what signs certificates; without a key where keyd has never served TLS
 * @promised: it has a longer lease than what is written
 * @refusals: which renewals that were refused are in the audit log
 */
struct custodian {
	struct store *store;
	struct kept *kept;
	struct kek kek;
	struct seal seal;
	char realm[CC_NAME_LEN];
	char boot_id[CC_UUID_LEN];
	struct nonce_table nonces;
	struct custodian_counters counters;
	struct custodian_clock clock;
	struct custodian_floor floor;
	int64_t off_plane_ms;
	struct mark_file mark;
	struct domain domain;
	struct ca ca;
	bool marked, promised, has_domain;
	struct custodian_quiet quiet;
	struct refusals refusals;
};

/**
 * custodian_open - opens store and KEK, which must belong together, reads the realm, and brings
 * what an older keyd wrote up to date. To serve there is more to do, see custodian/start.h.
 * @kek_path: as kek_load()
 * cc_secret_init() must have been called. Close with custodian_close(), also after an error.
 */
int custodian_open(struct custodian *c, const char *state_dir, const char *kek_path,
		   enum store_mode mode, struct cc_error *err);
void custodian_close(struct custodian *c);

/**
 * custodian_unlock - @c->store, just opened, and @c->kek: derives what else is needed, and brings
 * up to date what an older keyd wrote.
 */
int custodian_unlock(struct custodian *c, struct cc_error *err);

/**
 * custodian_now - the wall clock, for what is valid from or until a time and for the audit log.
 * @now: seconds since the epoch, UTC; never before the last audit row: a clock that is set back
 *       brings no identity back that is over
 */
int custodian_now(struct custodian *c, int64_t *now, struct cc_error *err);

/* Somebody was told no; otherwise something failed inside keyd. */
bool custodian_is_refusal(const struct cc_error *err);
/* The fact of a failure, or its code when it has none: for the audit log and the metrics. */
const char *custodian_fact(const struct cc_error *err);
/* For the metrics: by fact, or as an error inside keyd; and by a fact that is said. */
void custodian_count_refusal(struct custodian *c, const struct cc_error *err);
void custodian_count_fact(struct custodian *c, const char *fact);

#endif
