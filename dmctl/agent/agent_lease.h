/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_lease.h - the leases of bound containers: renewed long before they end; when that does not
 * succeed the container is frozen shortly before, so that none of its reads and writes meets a
 * locked mapping, and goes on when there is a key again. The kernel locks by itself, whether
 * anything of this happens or not.
 */
#ifndef CC_AGENT_LEASE_H
#define CC_AGENT_LEASE_H

#include <event2/event.h>
#include <sys/queue.h>

#include "agent/failure_streak.h"
#include "bind/binding.h"

struct leases;
struct queue;

struct events;

/* A container is dying and waits for a key to unmount its file system with: it has ended. */
typedef void lease_dying_fn(void *arg);

/**
 * struct lease - that of one binding.
 * @name: of the binding
 * @dying, @arg: called when its container is found to be dying; it may release the lease then
 *
 * @who: whom its events are about, as event_who()'s; borrowed; NULL: nobody is told
 *
 * The rest is of agent_lease.c.
 */
struct lease {
	char name[BINDING_NAME_LEN];
	lease_dying_fn *dying;
	void *arg;
	const json_t *who;

	struct leases *all;
	TAILQ_ENTRY(lease) entry;
	struct event *lapse;
	bool held, lapsed;
	pid_t pid;
	uint64_t start_time, lease_ms, end_ms;
	struct cc_lease_terms terms;
	struct failure_streak renewals;
};

/*
 * Renews, in @queue, what lease_hold() gives it, and tells @events, NULL for none. Free with
 * leases_free(). NULL with CC_E_NOMEM.
 */
struct leases *leases_new(struct event_base *base, struct queue *queue, struct events *events,
			  struct cc_error *err);

/* All have been released. NULL is fine. */
void leases_free(struct leases *all);

/* Renews all as soon as that can be. */
void leases_renew_now(struct leases *all);

/*
 * The container of binding @name was measured and renewed by itself, which costs nothing for each
 * of the others; @answer is renew()'s, NULL: that failed, and is made good by the next renewal of
 * all, soon.
 */
void leases_take_look(struct leases *all, const char *name, const json_t *answer);

/*
 * @l, with name, dying and arg set and the rest zeroed or released, is that of @b, whose container
 * lives. Looks at it now, which may call dying, and from now on before it ends. One that is not
 * bound any more, or has no lease, is not renewed.
 */
void lease_hold(struct leases *all, struct lease *l, const struct binding *b);

/**
 * lease_has_moved - whether a lease was renewed since it was looked at last.
 * @end_ms: in and out, its end by the clock of leases; 0: not looked at yet
 * @now_ms: by that clock
 * @left_ms: what the kernel says is left of it
 */
bool lease_has_moved(uint64_t *end_ms, uint64_t now_ms, int64_t left_ms);

/* It is not looked at any more. What was said of it is remembered. */
void lease_release(struct lease *l);

#endif
