/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quarantine.h - what keyd does when the database is not the one that it served last: an old copy
 * has forgotten leases, so for as long as the longest of them may run nobody gets a volume who did
 * not have it. docs/leases.md has the argument, tests/model/instances.pml the model.
 *
 * When it begins, in one transaction with its audit row: leases that may be somebody else's by now
 * are marked (lease_doubt()), and all fences raised by at least as many as may have been given out
 * since. It goes on over a restart, and starts again with a boot of this host. Then it ends by
 * itself; `keyd accept` ends it at once.
 */
#ifndef KEYD_QUARANTINE_H
#define KEYD_QUARANTINE_H

#include "custodian/custodian.h"

/**
 * quarantine_open - opens the mark in @dir, made when it is missing, and holds the database against
 * it. Context: @c->store is open, no lease has been settled.
 */
int quarantine_open(struct custodian *c, const char *dir, struct cc_error *err);

static inline bool quarantine_on(const struct custodian *c)
{
	return c->mark.mark.quarantine_boot[0];
}

/*
 * It does not end by itself: rows of the database are not those that keyd left, which may be those
 * of agents, signers and identities that were removed.
 */
bool quarantine_for_good(const struct custodian *c);

/* Milliseconds until it ends; 0 when there is none. */
int64_t quarantine_left(const struct custodian *c);

/*
 * Ends it when its time is over; begins one when another process has written and rows are not those
 * that keyd left. On error it goes on, or nothing may be granted before the next call has
 * succeeded. Outside of a transaction.
 */
int quarantine_tick(struct custodian *c, struct cc_error *err);

/* A lease may be as long as @ms from now on. */
void quarantine_promise(struct custodian *c, uint64_t ms);

/*
 * The mark follows the database, before the answer leaves that says what was committed. Nothing
 * where there is no mark (tests).
 */
int quarantine_follow(struct custodian *c, struct cc_error *err);

/**
 * quarantine_accept - `keyd accept`: the database counts from now on, and the quarantine is over.
 * @was: out, whether there was anything to accept
 * Leases stay marked: whose kernel does not show that it has the key does not come back.
 */
int quarantine_accept(struct custodian *c, const char *dir, bool *was, struct cc_error *err);

#endif
