/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_watch.h - what agent_watch.c and agent_lease.c know together of a bound volume.
 */
#ifndef CC_AGENT_WATCH_H
#define CC_AGENT_WATCH_H

#include "agent/agent.h"
#include "bind/binding.h"
#include "host/proc.h"

/**
 * struct watch - one binding.
 * @proc: the container's process; its pidfd is readable when it ends
 * @ended: waits for that
 * @retry: runs while the binding has to be undone
 * @tries: how often that was started since the last success
 * @lapse: runs out when the container is to be frozen, and at the end of its lease
 * @held: bound, with a lease that is to be renewed
 * @lease_ms, @terms: of that lease
 * @lapsed: the kernel has locked it, and that was said
 * @renewals: that fail
 */
struct watch {
	TAILQ_ENTRY(watch) entry;
	struct agent *agent;
	char name[BINDING_NAME_LEN];
	struct proc_ref proc;
	struct event *ended, *retry, *lapse;
	unsigned int tries;
	bool held;
	uint64_t lease_ms;
	struct cc_lease_terms terms;
	bool lapsed;
	struct failure_streak renewals;
};

/* The lease of @w is that of @b, whose container lives and is watched. */
void lease_watch(struct watch *w, const struct binding *b);
/* It is not any more. */
void lease_unwatch(struct watch *w);

/* The container of @w has ended, or is dying and waits for us: what is left is undone. */
void watch_ended(struct watch *w);

#endif
