/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease.h - who may hold a volume's key, and until when. docs/leases.md is the argument why there
 * are never two.
 *
 * All times are CLOCK_BOOTTIME of keyd's host: setting the clock changes nothing, and time goes on
 * in suspend. lease_judge() and lease_end() are pure.
 */
#ifndef KEYD_LEASE_H
#define KEYD_LEASE_H

#include "store/store.h"

/**
 * struct lease_ask - who wants the volume.
 * @agent: its name, for people; @enrolment is who it is
 * @shared: beside others, all @read_only
 * @only_own: its own lease again, or nothing: a quarantine
 * @serial: of the identity that lets it in
 * @kernel_left_ms: for how long its kernel has the key, by its evidence; 0 is not said
 */
struct lease_ask {
	const char *agent, *enrolment, *boot_id, *container;
	bool shared, read_only, only_own;
	uint64_t serial;
	uint64_t kernel_left_ms;
};

/* What is in place of a container's id in the lease of a maintenance, before its UUID. */
#define LEASE_MAINTENANCE "maintenance-"

/* Evidence is at most 30 s old (its nonce), by a clock that may be slewed by an eighth. */
#define LEASE_PROOF_MS 36000

/**
 * enum lease_verdict - what a lease means to who asks.
 * @LEASE_MINE: it is the asker's own, nobody wrote since: it goes on
 * @LEASE_BESIDE: both only read and may hold the volume together, also when its time is over: only
 * somebody who writes takes away that it may go on
 * @LEASE_OVER: it no longer counts: its time is over, or the kernel that held its key was
 * booted again
 * @LEASE_CONFLICT: the asker has to wait for its end
 */
enum lease_verdict { LEASE_MINE, LEASE_BESIDE, LEASE_OVER, LEASE_CONFLICT };

enum lease_verdict lease_judge(const struct store_lease *l, const struct lease_ask *ask,
			       int64_t now_ms);

/**
 * lease_end - from when on others may have the volume.
 *
 * Later than now + @ms by a slack of 2 s and one eighth: this host's clock may be slewed, by one
 * twelfth with chrony's defaults and one tenth at most, and the holder's kernel had handed sectors
 * to the LUN when its lease ended.
 */
int64_t lease_end(int64_t now_ms, uint64_t ms);

/* Milliseconds until @l ends, 0 when it has; -1 without an end. */
int64_t lease_left(const struct store_lease *l, int64_t now_ms);

/**
 * lease_grant - the lease for a release that was decided.
 * @v: the volume; its fence is raised, here and in the store, with a new lease
 * @host_boot: boot id of this host
 * @real: seconds since the epoch, UTC
 *
 * The asker's own lease is prolonged; leases that are over are forgotten; without a conflict there
 * is a new one, with the next fence. Else CC_E_BUSY fact "lease" that names the holder, but not its
 * lease. With @ask->only_own there is no new one: CC_E_BUSY fact "quarantine". Context: inside a
 * transaction.
 */
int lease_grant(struct store *st, struct store_volume *v, const struct lease_ask *ask,
		const char *host_boot, int64_t now_ms, int64_t real, struct store_lease *lease,
		struct cc_error *err);

/**
 * lease_mine - the lease @id of volume @uuid, if it is the asker's own: of this enrolment, boot
 * and container, not revoked. One whose time is over counts as long as nobody else got the volume;
 * when somebody did, the row is gone. @ask->shared and @ask->read_only do not count.
 * Return: 0; -1 with CC_E_REFUSED, fact "lease" or "revoked", or, of an unsure one that did not run
 * when it became so and whose kernel has the key for less than LEASE_PROOF_MS, CC_E_BUSY fact
 * "quarantine". @l is "" where there is no
 * such lease.
 */
int lease_mine(struct store *st, const char *id, const char *uuid, const struct lease_ask *ask,
	       struct store_lease *l, struct cc_error *err);

/**
 * lease_prolong - @l lasts @ms from now on; writes it.
 *
 * It ends for others no earlier than it did: the answer that says how long may be lost, and the
 * kernel goes by what it was told before. So a shorter length counts when the longer one is over.
 */
int lease_prolong(struct store *st, struct store_lease *l, uint64_t ms, const char *host_boot,
		  int64_t now_ms, struct cc_error *err);

/**
 * lease_settle - after a start. The end of a lease counts in the boot in which it was written. Of
 * one from before, the longest promise may still run whole, so that is waited out.
 * @boot_ms: this host's clock; it is looked at when the leases have been read, no earlier
 */
int lease_settle(struct store *st, const char *host_boot, int64_t (*boot_ms)(void),
		 struct cc_error *err);

/*
 * An older database was put back: each of its leases may have been returned since, and its volume
 * be somebody else's now. Such a lease is unsure: it is waited out, no release goes on with it, and
 * a renewal, by its id, makes it sure again. Who returned it does not renew it; so one that still
 * runs by this host's clock in this boot, LEASE_RUNNING, may be renewed: whoever asked for the
 * volume had to wait for its end. Of any other somebody else may have waited for the end: it is
 * renewed only where the kernel still has the key.
 */
#define LEASE_RUNNING "running" /* in place of host_boot; "" for the others */

static inline bool lease_unsure(const struct store_lease *l)
{
	return !cc_is_uuid(l->host_boot);
}

/* Makes all unsure; *@n: how many are not LEASE_RUNNING. */
int lease_doubt(struct store *st, const char *host_boot, int64_t now_ms, size_t *n,
		struct cc_error *err);

/* The lease that keeps others from the volume: CC_E_NOTFOUND when there is none. */
int lease_live(struct store *st, int64_t volume, int64_t now_ms, struct store_lease *l,
	       struct cc_error *err);

#endif
