// SPDX-License-Identifier: Apache-2.0
#include "custodian/lease.h"

#include <inttypes.h>
#include <string.h>

#include "custodian/random_uuid.h"
#include "timestamp.h"

#define SLACK_MS 2000
#define SLACK_PART 8 /* of the length */

/* ---- the rules ----------------------------------------------------------------------------- */

int64_t lease_end(int64_t now_ms, uint64_t ms)
{
	return now_ms + (int64_t)ms + SLACK_MS + (int64_t)(ms / SLACK_PART);
}

int64_t lease_left(const struct store_lease *l, int64_t now_ms)
{
	if (l->ms == 0)
		return -1;
	return l->end_ms > now_ms ? l->end_ms - now_ms : 0;
}

/* Of this enrolment, boot and container, and for the same use. */
static bool is_holder(const struct store_lease *l, const struct lease_ask *ask)
{
	return strcmp(l->enrolment, ask->enrolment) == 0 && strcmp(l->boot_id, ask->boot_id) == 0 &&
	       strcmp(l->container, ask->container) == 0 && !l->revoked &&
	       l->shared == ask->shared && (l->ms == 0 || l->read_only == ask->read_only);
}

enum lease_verdict lease_judge(const struct store_lease *l, const struct lease_ask *ask,
			       int64_t now_ms)
{
	bool over = lease_left(l, now_ms) == 0;

	/* One enrolment is one host; booted anew, it has no key of before. */
	if (strcmp(l->enrolment, ask->enrolment) == 0 && strcmp(l->boot_id, ask->boot_id) != 0)
		return LEASE_OVER;
	if (is_holder(l, ask) && !lease_unsure(l))
		return LEASE_MINE;
	/* A reader changes nothing: one whose time is over may still go on beside it. */
	if (l->shared && ask->shared && !(over && l->revoked))
		return LEASE_BESIDE;
	return over ? LEASE_OVER : LEASE_CONFLICT;
}

/* ---- the store ----------------------------------------------------------------------------- */

int lease_prolong(struct store *st, struct store_lease *l, uint64_t ms, const char *host_boot,
		  int64_t now_ms, struct cc_error *err)
{
	int64_t end_ms = lease_end(now_ms, ms);

	l->ms = ms;
	if (end_ms >= l->end_ms) {
		l->end_ms = end_ms;
		l->cover_ms = ms;
	}
	snprintf(l->host_boot, sizeof(l->host_boot), "%s", host_boot);
	return store_lease_renew(st, l, err);
}

static int new_lease(struct store *st, struct store_volume *v, const struct lease_ask *ask,
		     const char *host_boot, int64_t now_ms, int64_t real, struct store_lease *lease,
		     struct cc_error *err)
{
	*lease = (struct store_lease){
		.fence = v->fence + 1,
		.granted = real,
		.ms = v->rec.terms.lease_ms,
		.cover_ms = v->rec.terms.lease_ms,
		.ver = 1,
		.serial = ask->serial,
		.shared = ask->shared,
		.read_only = ask->read_only,
		.end_ms = lease_end(now_ms, v->rec.terms.lease_ms),
	};
	if (random_uuid(lease->id, err))
		return -1;
	snprintf(lease->volume, sizeof(lease->volume), "%s", v->rec.name);
	snprintf(lease->volume_uuid, sizeof(lease->volume_uuid), "%s", v->rec.uuid);
	snprintf(lease->agent, sizeof(lease->agent), "%s", ask->agent);
	snprintf(lease->enrolment, sizeof(lease->enrolment), "%s", ask->enrolment);
	snprintf(lease->container, sizeof(lease->container), "%s", ask->container);
	snprintf(lease->boot_id, sizeof(lease->boot_id), "%s", ask->boot_id);
	snprintf(lease->host_boot, sizeof(lease->host_boot), "%s", host_boot);

	v->fence = lease->fence;
	if (store_volume_update(st, v, err))
		return -1;
	return store_lease_add(st, v->id, lease, err);
}

static int held(const struct store_lease *lease, const struct lease_ask *ask, int64_t now_ms,
		struct cc_error *err)
{
	bool namesake = strcmp(lease->agent, ask->agent) == 0 &&
			strcmp(lease->enrolment, ask->enrolment) != 0;
	int64_t left = lease_left(lease, now_ms);
	bool by_hand = strncmp(lease->container, LEASE_MAINTENANCE, strlen(LEASE_MAINTENANCE)) == 0;
	char since[21], until[48] = "until it is returned";

	cc_time_format(lease->granted, since);
	if (left > 0)
		snprintf(until, sizeof(until), "for another %" PRId64 " s", (left + 999) / 1000);
	cc_fail(err, CC_E_BUSY,
		"volume %s is leased to %s%.12s of agent %s%s since %s, %s%s: %s, or revoke the "
		"lease if it is gone (see \"dmctl lease ls\")",
		lease->volume, by_hand ? "" : "container ",
		by_hand ? "maintenance" : lease->container, lease->agent,
		namesake ? " (an earlier one of this name)" : "", since, until,
		lease->revoked ? " (revoked)" : "",
		by_hand ? "wait until \"dmctl volume maintain\" there has ended"
			: "stop that container");
	return cc_set_fact(err, "lease");
}

static int quarantined(const char *volume, struct cc_error *err)
{
	cc_fail(err, CC_E_BUSY,
		"volume %s: keyd is in quarantine, as its database is not the one it served last, "
		"and gives nobody a volume who did not have it (see keyd(8))",
		volume);
	return cc_set_fact(err, "quarantine");
}

/* The first of @list that is @verdict, NULL for none. */
static struct store_lease *lease_find(struct store_leases *list, const struct lease_ask *ask,
				      int64_t now_ms, enum lease_verdict verdict)
{
	for (size_t i = 0; i < list->n; i++)
		if (lease_judge(&list->v[i], ask, now_ms) == verdict)
			return &list->v[i];
	return NULL;
}

static int forget_over(struct store *st, const struct store_leases *list,
		       const struct lease_ask *ask, int64_t now_ms, struct cc_error *err)
{
	for (size_t i = 0; i < list->n; i++)
		if (lease_judge(&list->v[i], ask, now_ms) == LEASE_OVER &&
		    store_lease_delete(st, list->v[i].id, err))
			return -1;
	return 0;
}

int lease_grant(struct store *st, struct store_volume *v, const struct lease_ask *ask,
		const char *host_boot, int64_t now_ms, int64_t real, struct store_lease *lease,
		struct cc_error *err)
{
	store_auto_leases struct store_leases list = {0};
	const struct store_lease *found;

	if (strlen(ask->container) >= sizeof(lease->container)) {
		cc_fail(err, CC_E_INVALID, "container id is too long");
		return cc_set_fact(err, "evidence");
	}
	if (store_leases_of(st, v->id, &list, err))
		return -1;
	if (ask->only_own && !lease_find(&list, ask, now_ms, LEASE_MINE))
		return quarantined(v->rec.name, err);
	found = lease_find(&list, ask, now_ms, LEASE_CONFLICT);
	if (found)
		return held(found, ask, now_ms, err);
	if (forget_over(st, &list, ask, now_ms, err))
		return -1;
	found = lease_find(&list, ask, now_ms, LEASE_MINE);
	if (!found)
		return new_lease(st, v, ask, host_boot, now_ms, real, lease, err);
	*lease = *found;
	lease->read_only = ask->read_only;
	lease->serial = ask->serial;
	return lease_prolong(st, lease, v->rec.terms.lease_ms, host_boot, now_ms, err);
}

static int doubted(const struct store_lease *l, struct cc_error *err)
{
	cc_fail(err, CC_E_BUSY,
		"lease %s of volume %s is of an older database that was put back, and its kernel "
		"is not known to have the key for another %d s: somebody else may have got the "
		"volume since",
		l->id, l->volume, LEASE_PROOF_MS / 1000);
	return cc_set_fact(err, "quarantine");
}

int lease_mine(struct store *st, const char *id, const char *uuid, const struct lease_ask *ask,
	       struct store_lease *l, struct cc_error *err)
{
	struct lease_ask same = *ask;

	*l = (struct store_lease){0};
	if (store_lease_get(st, id, l, err)) {
		if (err->code != CC_E_NOTFOUND)
			return -1;
		return cc_refuse(err, "lease",
				 "lease %s is no longer held: it was returned, or its time was "
				 "over and somebody else got the volume",
				 id);
	}
	same.shared = l->shared;
	same.read_only = l->read_only;
	if (strcmp(l->enrolment, ask->enrolment) == 0 && strcmp(l->volume_uuid, uuid) == 0 &&
	    l->revoked)
		return cc_refuse(err, "revoked", "lease %s of volume %s was revoked", id,
				 l->volume);
	if (strcmp(l->volume_uuid, uuid) != 0 || !is_holder(l, &same))
		return cc_refuse(err, "lease",
				 "lease %s belongs to another agent, container, boot or volume",
				 id);
	return !l->host_boot[0] && ask->kernel_left_ms < LEASE_PROOF_MS ? doubted(l, err) : 0;
}

/* ---- after a start ------------------------------------------------------------------------- */

/* One transaction, for one sync. */
static int settle(struct store *st, struct store_leases *stale, const char *host_boot,
		  int64_t now_ms, struct cc_error *err)
{
	int rc = store_begin(st, err);

	for (size_t i = 0; i < stale->n && rc == 0; i++) {
		struct store_lease *l = &stale->v[i];

		l->end_ms = lease_end(now_ms, l->cover_ms);
		if (!lease_unsure(l))
			snprintf(l->host_boot, sizeof(l->host_boot), "%s", host_boot);
		rc = store_lease_update(st, l, err);
	}
	if (rc == 0 && store_commit(st, err) == 0)
		return 0;
	store_rollback(st);
	return -1;
}

/* Some at a time, however many there are. The clock is read after they were. */
int lease_settle(struct store *st, const char *host_boot, int64_t (*boot_ms)(void),
		 struct cc_error *err)
{
	char after[CC_UUID_LEN] = "";
	int rc;

	do {
		store_auto_leases struct store_leases stale = {0};

		rc = store_leases_stale(st, host_boot, after, &stale, err);
		if (rc < 0 || stale.n == 0)
			return rc;
		memcpy(after, stale.v[stale.n - 1].id, sizeof(after));
		if (settle(st, &stale, host_boot, boot_ms(), err))
			return -1;
	} while (rc > 0);
	return 0;
}

static bool runs(const struct store_lease *l, const char *host_boot, int64_t now_ms)
{
	return strcmp(l->host_boot, host_boot) == 0 && lease_left(l, now_ms) != 0;
}

int lease_doubt(struct store *st, const char *host_boot, int64_t now_ms, size_t *n,
		struct cc_error *err)
{
	store_auto_leases struct store_leases list = {0};
	int rc = store_leases_all(st, &list, err);

	*n = 0;
	for (size_t i = 0; i < list.n && rc == 0; i++) {
		struct store_lease *l = &list.v[i];

		if (runs(l, host_boot, now_ms)) {
			strcpy(l->host_boot, LEASE_RUNNING);
		} else {
			l->end_ms = l->ms ? lease_end(now_ms, l->cover_ms) : l->end_ms;
			l->host_boot[0] = '\0';
			++*n;
		}
		rc = store_lease_update(st, l, err);
	}
	return rc;
}

/* ---- who has it ---------------------------------------------------------------------------- */

int lease_live(struct store *st, int64_t volume, int64_t now_ms, struct store_lease *l,
	       struct cc_error *err)
{
	store_auto_leases struct store_leases list = {0};

	if (store_leases_of(st, volume, &list, err))
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		if (lease_left(&list.v[i], now_ms) == 0)
			continue;
		*l = list.v[i];
		return 0;
	}
	cc_fail(err, CC_E_NOTFOUND, "nobody holds the volume");
	return cc_set_fact(err, "lease");
}
