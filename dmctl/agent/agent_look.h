/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_look.h - the look at what a container's runtime has executed. At the hook the process is
 * still the runtime's; who the program runs as, and whether it is the program, only the kernel
 * knows, once it is executed. It then stands before its first instruction until it has been
 * measured and its lease renewed, or is over with the lease; no longer than LOOK_STANDS_MS where
 * neither can be done, as the next renewal measures it again.
 *
 * Where processes cannot be traced (Yama), or the program was executed while there was no agent,
 * the look is later: it says less, because the program may have changed what there is to see.
 */
#ifndef CC_AGENT_LOOK_H
#define CC_AGENT_LOOK_H

#include <event2/event.h>

#include "bind/binding.h"

#define LOOK_STANDS_MS 20000

struct looks;
struct leases;
struct queue;

/* Free with looks_free(). NULL with CC_E_NOMEM. */
struct looks *looks_new(struct event_base *base, struct queue *queue, struct leases *leases,
			struct cc_error *err);

/* NULL is fine. */
void looks_free(struct looks *all);

/* @b is bound, and its container's process lives: sees to it that it is looked at, once. */
void looks_await(struct looks *all, const struct binding *b);

/* The binding of that name needs no look any more. */
void looks_forget(struct looks *all, const char *name);

#endif
