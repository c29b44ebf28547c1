// SPDX-License-Identifier: Apache-2.0
/*
 * agent_events.c - what happens to this host's bindings, told to whoever follows it.
 */
#include "agent/agent_events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>

#include "timestamp.h"

#define BURST 64 /* messages to one of them before the loop looks after others */
#define HELLO "{\"following\":true}"
#define END "{\"ok\":true}"

TAILQ_HEAD(follower_list, follower);

/**
 * struct kept - one event.
 * @text: its message, malloced; NULL: there was no memory for it
 */
struct kept {
	int64_t at;
	char *text;
};

/**
 * struct events - the last ones, by their number modulo EVENTS_KEPT.
 * @next: number of the next one; the first is 1
 */
struct events {
	struct event_base *base;
	struct kept kept[EVENTS_KEPT];
	uint64_t next;
	struct follower_list list;
	size_t n;
};

/**
 * struct follower - one that is told.
 * @next: number of the event that it is sent next
 * @lost: how many it has lost and was not told of
 * @greeted: it was sent HELLO
 * @writable: waits until it can be sent something; added while there is something
 */
struct follower {
	TAILQ_ENTRY(follower) entry;
	struct events *all;
	int fd;
	int64_t since;
	uint64_t next, lost;
	bool stays, greeted;
	follower_done_fn *done;
	void *arg;
	struct event *writable;
};

/* ---- what has happened --------------------------------------------------------------------- */

json_t *event_who(const struct binding *b)
{
	return json_pack("{s:s, s:s, s:s*, s:s, s:s*}", "volume", b->volume, "binding", b->name,
			 "engine", b->engine, "container", b->container, "containerName",
			 b->container_name);
}

/* Malloced, NULL without memory. */
static char *message_of(const struct events *all, int64_t at, const char *what, const json_t *who,
			const json_t *more)
{
	cc_auto_json json_t *event = NULL, *message = NULL;
	char time[CC_TIME_LEN];

	cc_time_format(at, time);
	event = json_pack("{s:I, s:s, s:s}", "seq", (json_int_t)all->next, "time", time, "event",
			  what);
	if (!event || (who && json_object_update_missing(event, (json_t *)who)) ||
	    (more && json_object_update_missing(event, (json_t *)more)))
		return NULL;
	message = json_pack("{s:O}", "event", event);
	return message ? json_dumps(message, JSON_COMPACT) : NULL;
}

void event_say(struct events *all, const char *what, const json_t *who, json_t *more)
{
	cc_auto_json json_t *members = more;
	int64_t now = (int64_t)time(NULL);
	struct follower *f;
	struct kept *k;

	if (!all)
		return;
	k = &all->kept[all->next % EVENTS_KEPT];
	free(k->text);
	k->at = now;
	k->text = message_of(all, now, what, who, members);
	all->next++;
	TAILQ_FOREACH(f, &all->list, entry)
		event_add(f->writable, NULL);
}

/* ---- telling it ---------------------------------------------------------------------------- */

enum sent { SENT, FULL, NOTHING, GONE };

static enum sent send_message(const struct follower *f, const char *text)
{
	if (send(f->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return SENT;
	return errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ENOMEM ? FULL
											: GONE;
}

/* What was overwritten before it came to it. */
static void count_lost(struct follower *f)
{
	uint64_t oldest = f->all->next > EVENTS_KEPT ? f->all->next - EVENTS_KEPT : 1;

	if (f->next >= oldest)
		return;
	f->lost += oldest - f->next;
	f->next = oldest;
}

static enum sent put_lost(struct follower *f)
{
	char text[48];
	enum sent rc;

	snprintf(text, sizeof(text), "{\"lost\":%llu}", (unsigned long long)f->lost);
	rc = send_message(f, text);
	if (rc == SENT)
		f->lost = 0;
	return rc;
}

static enum sent put_next(struct follower *f)
{
	const struct kept *k;
	enum sent rc = SENT;

	if (!f->greeted) {
		rc = send_message(f, HELLO);
		f->greeted = rc == SENT;
		return rc;
	}
	count_lost(f);
	k = &f->all->kept[f->next % EVENTS_KEPT];
	if (f->lost)
		return put_lost(f);
	if (f->next == f->all->next)
		return NOTHING;
	if (!k->text)
		f->lost++;
	else if (k->at >= f->since)
		rc = send_message(f, k->text);
	if (rc == SENT)
		f->next++;
	return rc;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct follower *f = arg;
	enum sent rc = SENT;

	(void)fd;
	(void)what;
	for (int i = 0; i < BURST && rc == SENT; i++)
		rc = put_next(f);
	if (rc == NOTHING && f->stays)
		return;
	if (rc == NOTHING)
		rc = send_message(f, END) == FULL ? FULL : GONE;
	if (rc == GONE)
		f->done(f->arg); /* it may be gone after that */
	else
		event_add(f->writable, NULL);
}

/* ---- who follows --------------------------------------------------------------------------- */

struct follower *events_follow(struct events *all, int fd, int64_t since, bool stays,
			       follower_done_fn *done, void *arg, struct cc_error *err)
{
	struct follower *f;

	if (all->n == FOLLOWERS_MAX) {
		cc_fail(err, CC_E_BUSY, "%d others follow the agent's events; try again",
			FOLLOWERS_MAX);
		return NULL;
	}
	f = calloc(1, sizeof(*f));
	if (f)
		f->writable = event_new(all->base, fd, EV_WRITE, on_writable, f);
	if (!f || !f->writable || event_add(f->writable, NULL)) {
		if (f && f->writable)
			event_free(f->writable);
		free(f);
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	f->all = all;
	f->fd = fd;
	f->since = since;
	f->next = since < 0 ? all->next : 1;
	if (since >= 0 && all->next > EVENTS_KEPT)
		f->next = all->next - EVENTS_KEPT;
	f->stays = stays;
	f->done = done;
	f->arg = arg;
	TAILQ_INSERT_TAIL(&all->list, f, entry);
	all->n++;
	return f;
}

void follower_free(struct follower *f)
{
	if (!f)
		return;
	TAILQ_REMOVE(&f->all->list, f, entry);
	f->all->n--;
	event_free(f->writable);
	free(f);
}

struct events *events_new(struct event_base *base, struct cc_error *err)
{
	struct events *all = calloc(1, sizeof(*all));

	if (!all) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	all->base = base;
	all->next = 1;
	TAILQ_INIT(&all->list);
	return all;
}

void events_free(struct events *all)
{
	struct follower *f;

	if (!all)
		return;
	while ((f = TAILQ_FIRST(&all->list)))
		follower_free(f);
	for (size_t i = 0; i < EVENTS_KEPT; i++)
		free(all->kept[i].text);
	free(all);
}
