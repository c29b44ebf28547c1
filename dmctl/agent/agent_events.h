/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_events.h - what happens to this host's bindings, kept for a while and told to whoever
 * follows it (docs/api.md, "The agent's socket", `events`).
 *
 * The last EVENTS_KEPT are kept, and each follower has a place in them: one that does not read is
 * overtaken, and told how many it has lost. It costs the agent no memory and no time of its own:
 * nothing is ever waited for, and nothing is sent but from the loop.
 *
 * They are for people and scripts, and are no record: that is keyd's audit log. They are gone when
 * the agent ends.
 */
#ifndef CC_AGENT_EVENTS_H
#define CC_AGENT_EVENTS_H

#include <event2/event.h>

#include "bind/binding.h"

#define EVENTS_KEPT 4096
#define FOLLOWERS_MAX 64 /* of the agent's connections */

struct events;
struct follower;

/* Free with events_free(). NULL with CC_E_NOMEM. */
struct events *events_new(struct event_base *base, struct cc_error *err);

/* Nobody follows any more. NULL is fine. */
void events_free(struct events *all);

/* Whom the events of @b are about: volume, binding, engine, container. New reference, or NULL. */
json_t *event_who(const struct binding *b);

/**
 * event_say - something has happened. Without memory it counts as lost, for all.
 * @all: NULL: nobody can hear it
 * @what: its name, one of docs/api.md's
 * @who: members, borrowed; NULL: none
 * @more: members, taken over; NULL: none
 */
void event_say(struct events *all, const char *what, const json_t *who, json_t *more);

/* The last message has been sent, or the other end is gone. It may free the follower. */
typedef void follower_done_fn(void *arg);

/**
 * events_follow - sends {"following":true}, events from then on, and {"lost":N} for those that were
 * overwritten before they could be sent.
 * @fd: borrowed, until follower_free(); of a socket that keeps messages apart
 * @since: seconds since the epoch: those that are kept first, if they are of then or later;
 *         -1: only new ones
 * @stays: goes on with what happens; otherwise {"ok":true} ends it
 * Return: free with follower_free(); NULL with CC_E_BUSY (FOLLOWERS_MAX) or CC_E_NOMEM.
 */
struct follower *events_follow(struct events *all, int fd, int64_t since, bool stays,
			       follower_done_fn *done, void *arg, struct cc_error *err);

/* Nothing is sent any more. NULL is fine. */
void follower_free(struct follower *f);

#endif
