// SPDX-License-Identifier: Apache-2.0
/*
 * agent_watch.c - bound containers.
 */
#include "agent/agent_watch.h"

#include <string.h>
#include <syslog.h>

#include "agent/agent_events.h"
#include "agent/agent_lease.h"
#include "agent/agent_look.h"
#include "agent/queue.h"
#include "host/proc.h"
#include "log.h"
#include "strv.h"

#define RETRY_SECONDS_MAX 60

TAILQ_HEAD(watch_list, watch);

struct watches {
	struct event_base *base;
	struct queue *queue;
	struct leases *leases;
	struct looks *looks;
	struct events *events;
	struct watch_list list;
};

/**
 * struct watch - one binding, named by its lease.
 * @proc: the container's process; its pidfd is readable when it ends
 * @ended: waits for that
 * @retry: runs while the binding has to be undone
 * @who: of its events, from when it was found to be bound until it is gone; NULL: it was not
 * @bound: the start time of the container that it was told to be bound to; 0: of none
 * @tries: how often that was started since the last success
 */
struct watch {
	TAILQ_ENTRY(watch) entry;
	struct watches *all;
	struct lease lease;
	struct proc_ref proc;
	struct event *ended, *retry;
	json_t *who;
	uint64_t bound;
	unsigned int tries;
};

static void stop_watching(struct watch *w)
{
	if (w->ended)
		event_free(w->ended);
	w->ended = NULL;
	lease_release(&w->lease);
	proc_close(&w->proc);
}

static void watch_free(struct watch *w)
{
	TAILQ_REMOVE(&w->all->list, w, entry);
	stop_watching(w);
	event_free(w->retry);
	json_decref(w->who);
	free(w);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	(void)fd;
	(void)what;
	queue_submit_own(w->all->queue, AGENT_REAP, w->lease.name, NULL, NULL);
}

/* Undoes it: the first time at once, then after 1, 2, 4 … seconds. */
static void undo_later(struct watch *w)
{
	struct timeval pause = {0};

	if (w->tries)
		pause.tv_sec = w->tries > 6 ? RETRY_SECONDS_MAX : 1 << (w->tries - 1);
	w->tries++;
	event_add(w->retry, &pause);
}

static void note_end(const struct watch *w, const struct seen_end *at)
{
	agent_auto_message struct agent_message m = {0};
	struct cc_error err;

	if (agent_message_ended(w->lease.name, at, &m, &err))
		cc_log(LOG_ERR, "volume %s: what its container left is not noted: %s",
		       w->lease.name, err.text);
	else
		queue_submit_made(w->all->queue, &m, NULL, NULL);
}

static void has_ended(void *arg)
{
	struct seen_end at = seen_end_now(); /* before anything else takes its time */
	struct watch *w = arg;

	stop_watching(w);
	looks_forget(w->all->looks, w->lease.name);
	cc_log(LOG_INFO, "volume %s: its container has ended", w->lease.name);
	event_say(w->all->events, "end", w->who, NULL);
	note_end(w, &at);
	undo_later(w);
}

static void on_ended(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	has_ended(arg);
}

static struct watch *watch_of(struct watches *all, const char *name)
{
	struct watch *w;

	TAILQ_FOREACH(w, &all->list, entry)
		if (strcmp(w->lease.name, name) == 0)
			return w;
	w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->all = all;
	w->proc.pidfd = -1;
	snprintf(w->lease.name, sizeof(w->lease.name), "%s", name);
	w->lease.dying = has_ended;
	w->lease.arg = w;
	w->retry = evtimer_new(all->base, on_retry, w);
	if (!w->retry) {
		free(w);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&all->list, w, entry);
	return w;
}

/* What is said of a binding's key and place. */
static json_t *event_lease(const struct binding *b)
{
	return json_pack("{s:s*, s:I, s:s*, s:b}", "lease", b->lease[0] ? b->lease : NULL, "fence",
			 (json_int_t)b->fence, "mountPoint", b->mount_point, "readOnly",
			 b->read_only);
}

/* It is told once that it is bound. */
static void tell_bound(struct watch *w, const struct binding *b, bool adopt)
{
	if (w->bound == b->start_time)
		return;
	w->bound = b->start_time;
	json_decref(w->who);
	w->who = event_who(b);
	w->lease.who = w->who;
	if (!adopt)
		event_say(w->all->events, "release", w->who, event_lease(b));
	event_say(w->all->events, adopt ? "adopt" : "bind", w->who, event_lease(b));
}

/* Bound, and its process is the one that was bound: waits for the end of it. */
static bool watch_process(struct watch *w, const struct binding *b, bool adopt)
{
	struct cc_error err;

	if (!binding_settled(b) || proc_open(&w->proc, (pid_t)b->pid, &err))
		return false;
	if (w->proc.start_time == b->start_time)
		w->ended = event_new(w->all->base, w->proc.pidfd, EV_READ, on_ended, w);
	if (w->ended && event_add(w->ended, NULL) == 0) {
		tell_bound(w, b, adopt);
		lease_hold(w->all->leases, &w->lease, b);
		return true;
	}
	stop_watching(w);
	return false;
}

/*
 * Bound and alive, and not measured since its program was executed. What stands until it is looked
 * at goes on only when that is known not to be needed.
 */
static void see_to_look(const struct watch *w, const struct binding *b)
{
	bool needed = b->state == BINDING_BOUND && b->lease[0] && !binding_looked_at(b);

	if (!needed || !binding_alive(b))
		looks_forget(w->all->looks, w->lease.name);
	else
		looks_await(w->all->looks, b);
}

static void settle(struct watches *all, const char *name, bool adopt)
{
	struct watch *w = watch_of(all, name);
	binding_auto struct binding b = {0};
	struct cc_error err;
	int rc;

	if (!w) {
		cc_log(LOG_ERR, "volume %s: out of memory, it is not watched", name);
		return;
	}
	event_del(w->retry);
	stop_watching(w);
	rc = binding_load(name, &b, &err);
	if (rc && err.code == CC_E_NOTFOUND) {
		/*
		 * what a worker that died while it wrote its intent leaves; it had done nothing
		 * else
		 */
		if (binding_remove(name, &err))
			cc_log(LOG_WARNING, "%s", err.text);
		looks_forget(all->looks, name);
		if (w->who)
			event_say(all->events, "undo", w->who, NULL);
		watch_free(w);
		return;
	}
	if (rc || !watch_process(w, &b, adopt))
		undo_later(w);
	else if (w->ended) /* it was not found to be dying */
		w->tries = 0;
	if (rc == 0)
		see_to_look(w, &b);
}

void watches_settle(struct watches *all, const char *volume, bool adopt)
{
	cc_cleanup(cc_strv_clear) struct cc_strv names = {0};
	const struct watch *w;
	struct cc_error err;

	if (binding_list(volume, &names, &err))
		cc_log(LOG_ERR, "%s", err.text);
	/* those that are gone, too */
	TAILQ_FOREACH(w, &all->list, entry)
		if ((!volume || binding_is_of(w->lease.name, volume)) &&
		    !cc_strv_has(&names, w->lease.name) &&
		    cc_strv_push(&names, w->lease.name, &err))
			cc_log(LOG_ERR, "%s", err.text);
	for (size_t i = 0; i < names.n; i++)
		settle(all, names.v[i], adopt);
}

struct watches *watches_new(struct event_base *base, struct queue *queue, struct leases *leases,
			    struct looks *looks, struct events *events, struct cc_error *err)
{
	struct watches *all = calloc(1, sizeof(*all));

	if (!all) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	all->base = base;
	all->queue = queue;
	all->leases = leases;
	all->looks = looks;
	all->events = events;
	TAILQ_INIT(&all->list);
	return all;
}

void watches_free(struct watches *all)
{
	struct watch *w;

	while (all && (w = TAILQ_FIRST(&all->list)))
		watch_free(w);
	free(all);
}
