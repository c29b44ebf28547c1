/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_watch.h - bound containers: notices their end, and sees to it that what is half done is
 * undone.
 */
#ifndef CC_AGENT_WATCH_H
#define CC_AGENT_WATCH_H

#include <event2/event.h>

#include "error.h"

struct events;
struct watches;
struct queue;
struct leases;
struct looks;

/* @events: told what is found; NULL: nobody is. Free with watches_free(). NULL with CC_E_NOMEM. */
struct watches *watches_new(struct event_base *base, struct queue *queue, struct leases *leases,
			    struct looks *looks, struct events *events, struct cc_error *err);

/* NULL is fine. */
void watches_free(struct watches *all);

/**
 * watches_settle - looks at the bindings of @volume, all for NULL: none: forgotten; bound and
 * alive: watched, its lease held, and measured again when its program is executed (agent_look.h);
 * else undone by a AGENT_REAP, again and again with growing pauses until that succeeds. No job of
 * the volume may be running.
 * @adopt: those that are found bound were bound by an agent before us
 */
void watches_settle(struct watches *all, const char *volume, bool adopt);

#endif
