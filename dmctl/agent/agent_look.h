/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_look.h - the look at what a container's runtime has executed. At the hook the process is
 * still the runtime's; who the program runs as, and whether it is the program, only the kernel
 * knows, once it is executed. It then stands before its first instruction until it has been
 * measured and its lease renewed with that, or is over with the lease. Nothing else lets it go:
 * where the look cannot be done (the engine or keyd does not answer, config.json is not there, the
 * volume is worked on) it is asked for again, with growing pauses. After LOOK_STANDS_MS the
 * container is frozen as well, so that it does not begin when the agent ends; the next agent makes
 * it stand again, and goes on looking from there.
 *
 * Where processes cannot be traced (Yama), or the program was executed while there was no agent,
 * the look is later: it says less, because the program may have changed what there is to see, and
 * the binding says so (looked_late). One that cannot be had in LOOK_STANDS_MS freezes it, too.
 */
#ifndef CC_AGENT_LOOK_H
#define CC_AGENT_LOOK_H

#include <event2/event.h>

#include "bind/binding.h"
#include "bind/freezer.h"

#define LOOK_STANDS_MS 20000

struct looks;
struct leases;
struct queue;

/**
 * struct look_freezer - what stops a container's group: as the functions of freezer.h.
 * @after_ms: for how long a program has to stand without a look before that is done
 */
struct look_freezer {
	int (*freeze)(const char *name, pid_t pid, enum freezer_reason why, bool *paused,
		      struct cc_error *err);
	int (*thaw)(const char *name, enum freezer_reason why, struct cc_error *err);
	bool (*holds)(const char *name, pid_t pid, enum freezer_reason why);
	unsigned int after_ms;
};

/* @freezer: borrowed; NULL: that of freezer.h. Free with looks_free(). NULL with CC_E_NOMEM. */
struct looks *looks_new(struct event_base *base, struct queue *queue, struct leases *leases,
			const struct look_freezer *freezer, struct cc_error *err);

/* What stands before its first instruction is frozen. NULL is fine. */
void looks_free(struct looks *all);

/* @b is bound, and its container's process lives: sees to it that it is looked at, once. */
void looks_await(struct looks *all, const struct binding *b);

/* What could not be done may be possible now: asks for all that wait, at once. */
void looks_hurry(struct looks *all);

/* The binding of that name needs no look any more: its container goes on. */
void looks_forget(struct looks *all, const char *name);

#endif
