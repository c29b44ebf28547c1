// SPDX-License-Identifier: Apache-2.0
/*
 * agent_watch.c - bound containers: notices their end, and sees to it that what is half done is
 * undone.
 */
#include <string.h>
#include <syslog.h>

#include "agent/agent_watch.h"
#include "log.h"
#include "strv.h"

#define RETRY_SECONDS_MAX 60

static void stop_watching(struct watch *w)
{
	if (w->ended)
		event_free(w->ended);
	w->ended = NULL;
	lease_unwatch(w);
	proc_close(&w->proc);
}

static void watch_free(struct watch *w)
{
	TAILQ_REMOVE(&w->agent->watches, w, entry);
	stop_watching(w);
	event_free(w->retry);
	free(w);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	(void)fd;
	(void)what;
	job_submit_internal(w->agent, AGENT_REAP, w->name);
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

void watch_ended(struct watch *w)
{
	stop_watching(w);
	cc_log(LOG_INFO, "volume %s: its container has ended", w->name);
	undo_later(w);
}

static void on_ended(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	watch_ended(arg);
}

static struct watch *find_or_make(struct agent *a, const char *name)
{
	struct watch *w;

	TAILQ_FOREACH(w, &a->watches, entry)
		if (strcmp(w->name, name) == 0)
			return w;
	w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->agent = a;
	w->proc.pidfd = -1;
	snprintf(w->name, sizeof(w->name), "%s", name);
	w->retry = evtimer_new(a->base, on_retry, w);
	if (!w->retry) {
		free(w);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&a->watches, w, entry);
	return w;
}

/* Bound, and its process is the one that was bound: waits for the end of it. */
static bool watch_process(struct watch *w, const struct binding *b)
{
	struct cc_error err;

	if (!binding_settled(b) || proc_open(&w->proc, (pid_t)b->pid, &err))
		return false;
	if (w->proc.start_time == b->start_time)
		w->ended = event_new(w->agent->base, w->proc.pidfd, EV_READ, on_ended, w);
	if (w->ended && event_add(w->ended, NULL) == 0) {
		lease_watch(w, b);
		return true;
	}
	stop_watching(w);
	return false;
}

static void settle(struct agent *a, const char *name)
{
	struct watch *w = find_or_make(a, name);
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
		watch_free(w);
		return;
	}
	if (rc || !watch_process(w, &b))
		undo_later(w);
	else if (w->ended) /* it was not found to be dying */
		w->tries = 0;
}

void watch_settle(struct agent *a, const char *volume)
{
	cc_cleanup(cc_strv_clear) struct cc_strv names = {0};
	const struct watch *w;
	struct cc_error err;

	if (binding_list(volume, &names, &err))
		cc_log(LOG_ERR, "%s", err.text);
	/* those that are gone, too */
	TAILQ_FOREACH(w, &a->watches, entry)
		if ((!volume || binding_is_of(w->name, volume)) && !cc_strv_has(&names, w->name) &&
		    cc_strv_push(&names, w->name, &err))
			cc_log(LOG_ERR, "%s", err.text);
	for (size_t i = 0; i < names.n; i++)
		settle(a, names.v[i]);
}

void watch_clear(struct agent *a)
{
	struct watch *w;

	while ((w = TAILQ_FIRST(&a->watches)))
		watch_free(w);
}
