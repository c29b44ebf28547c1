// SPDX-License-Identifier: Apache-2.0
/*
 * agent_lease.c - the leases of bound containers: renewed long before they end; when that does not
 * succeed the container is frozen shortly before, so that none of its reads and writes meets a
 * locked mapping, and goes on when there is a key again. The kernel locks by itself, whether
 * anything of this happens or not.
 */
#include <inttypes.h>
#include <string.h>
#include <syslog.h>

#include "agent/agent_watch.h"
#include "host/boottime.h"
#include "bind/freezer.h"
#include "log.h"
#include "volume/mapping.h"

#define RENEW_PART 5	  /* of the shortest lease passes between two renewals */
#define RETRY_PART 20	  /* and of that, after one that failed */
#define RETRY_MS_MAX 5000 /* keyd may be back any moment */
#define PAUSE_MS_MIN 250

/*
 * How long before its end a container is frozen: for its tasks to stop and its data to be written.
 */
static int64_t margin_ms(uint64_t lease_ms)
{
	int64_t part = (int64_t)(lease_ms / 8);

	return part < 500 ? 500 : part > 10000 ? 10000 : part;
}

static void set_timer(struct event *timer, int64_t ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	event_add(timer, &tv);
}

/* ---- renewals ------------------------------------------------------------------------------ */

static uint64_t shortest(const struct agent *a)
{
	const struct watch *w;
	uint64_t ms = 0;

	TAILQ_FOREACH(w, &a->watches, entry)
		if (w->held && (!ms || w->lease_ms < ms))
			ms = w->lease_ms;
	return ms;
}

/* The next renewal is due in a part of the shortest lease, unless it is due earlier already. */
static void schedule(struct agent *a, bool soon)
{
	uint64_t ms = shortest(a) / (soon ? RETRY_PART : RENEW_PART);
	struct timeval due, now;

	if (!shortest(a)) {
		event_del(a->renew);
		return;
	}
	if (soon && ms > RETRY_MS_MAX)
		ms = RETRY_MS_MAX;
	if (ms < PAUSE_MS_MIN)
		ms = PAUSE_MS_MIN;
	if (evtimer_pending(a->renew, &due)) {
		evutil_gettimeofday(&now, NULL);
		evutil_timersub(&due, &now, &due);
		if (due.tv_sec < 0 ||
		    (uint64_t)due.tv_sec * 1000 + (uint64_t)due.tv_usec / 1000 <= ms)
			return;
	}
	set_timer(a->renew, (int64_t)ms);
}

void lease_renew_now(struct agent *a)
{
	event_del(a->renew);
	if (shortest(a) && !job_waits(a, AGENT_RENEW))
		job_submit_internal(a, AGENT_RENEW, NULL);
}

static void on_renew(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	lease_renew_now(arg);
}

int lease_init(struct agent *a, struct cc_error *err)
{
	a->renew = evtimer_new(a->base, on_renew, a);
	return a->renew ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

void lease_end(struct agent *a)
{
	event_free(a->renew);
}

/* ---- one lease ----------------------------------------------------------------------------- */

/* Stopped by us now, or before; one that somebody else paused does not read either. */
static void freeze(struct watch *w)
{
	bool was = freezer_is_ours(w->name), paused;
	struct cc_error err;

	if (freezer_freeze(w->name, w->proc.pid, &paused, &err)) {
		cc_log(LOG_ERR, "volume %s: its container cannot be frozen: %s", w->name, err.text);
		return;
	}
	if (was || paused)
		return;
	cc_log(LOG_WARNING,
	       "volume %s: its lease ends and could not be renewed; its container is frozen until "
	       "there is a key again",
	       w->name);
	job_submit_internal(w->agent, AGENT_FLUSH, w->name);
}

static void thaw(struct watch *w)
{
	struct cc_error err;

	if (!freezer_is_ours(w->name))
		return;
	if (freezer_thaw(w->name, &err)) {
		cc_log(LOG_ERR, "volume %s: its container cannot be thawed: %s", w->name, err.text);
		return;
	}
	cc_log(LOG_INFO, "volume %s: its lease is renewed, its container goes on", w->name);
}

static void say_lapsed(struct watch *w)
{
	if (!w->lapsed)
		cc_log(LOG_WARNING, "volume %s: its lease has lapsed, the kernel has wiped the key",
		       w->name);
	w->lapsed = true;
}

/* Looks at the kernel, which alone knows, and acts on how much is left. */
static void look(struct watch *w)
{
	int64_t margin = margin_ms(w->lease_ms);
	struct mapping_status st;
	struct cc_error err;

	if (mapping_status(w->name, &st, &err) || !st.exists)
		return;
	if (!st.locked && (st.left_ms < 0 || st.left_ms > margin)) {
		if (w->lapsed)
			cc_log(LOG_INFO, "volume %s: it has a key again", w->name);
		w->lapsed = false;
		thaw(w);
		if (st.left_ms > 0)
			set_timer(w->lapse, st.left_ms - margin);
		return;
	}
	/* killed, it waits for a key to unmount its file system, and would be waited for in vain */
	if (st.locked && !proc_alive(w->proc.pid, w->proc.start_time)) {
		watch_ended(w);
		return;
	}
	if (st.locked)
		say_lapsed(w);
	else
		set_timer(w->lapse, st.left_ms + 100);
	if (w->terms.on_lapse == CC_LAPSE_FREEZE)
		freeze(w);
}

static void on_lapse(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	look(arg);
}

void lease_watch(struct watch *w, const struct binding *b)
{
	w->held = b->state == BINDING_BOUND && b->lease[0];
	if (!w->held)
		return;
	w->terms = b->terms;
	/* one without an end is given one by its first renewal */
	w->lease_ms = b->lease_ms ? b->lease_ms : b->terms.lease_ms;
	if (!w->lapse)
		w->lapse = evtimer_new(w->agent->base, on_lapse, w);
	if (w->lapse)
		look(w);
	schedule(w->agent, false);
}

void lease_unwatch(struct watch *w)
{
	w->held = false;
	if (w->lapse)
		event_free(w->lapse);
	w->lapse = NULL;
}

/* ---- after a renewal ----------------------------------------------------------------------- */

/* Why the lease of @binding was not renewed, or NULL. */
static const char *failure_of(const json_t *failures, const char *binding)
{
	json_t *one;
	size_t i;

	json_array_foreach(failures, i, one) {
		const char *name = json_string_value(json_object_get(one, "binding"));

		if (name && strcmp(name, binding) == 0)
			return json_string_value(json_object_get(one, "text"));
	}
	return NULL;
}

/*
 * Each failure once, until it is over. Of so many that they do not fit the answer the rest stay as
 * they were.
 */
static void take_failures(struct agent *a, const json_t *answer)
{
	json_t *failures = json_object_get(answer, "failures");
	bool all = (json_int_t)json_array_size(failures) ==
		   json_integer_value(json_object_get(answer, "failed"));
	uint64_t now = boottime_ms();
	char text[FAILURE_STREAK_TEXT];
	const char *why;
	struct watch *w;

	TAILQ_FOREACH(w, &a->watches, entry) {
		why = w->held ? failure_of(failures, w->name) : NULL;
		if (why && failure_streak_add(&w->renewals, now))
			cc_log(LOG_WARNING, "volume %s: its lease is not renewed: %s", w->name,
			       why);
		else if (!why && all && w->held && failure_streak_end(&w->renewals, now, text))
			cc_log(LOG_INFO, "volume %s: its lease is renewed again, %s", w->name,
			       text);
	}
}

/* keyd did not answer, or no worker could do it. */
static void take_round(struct agent *a, const json_t *answer, const struct cc_error *err)
{
	char text[FAILURE_STREAK_TEXT];

	if (answer && failure_streak_end(&a->renewals, boottime_ms(), text))
		cc_log(LOG_INFO, "leases are renewed again, %s", text);
	else if (!answer && failure_streak_add(&a->renewals, boottime_ms()))
		cc_log(LOG_WARNING, "leases are not renewed: %s", err->text);
}

static void take_refused(struct agent *a, const json_t *answer)
{
	const char *name, *text;
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(answer, "refused"), i, one) {
		name = json_string_value(json_object_get(one, "binding"));
		text = json_string_value(json_object_get(one, "text"));
		cc_log(LOG_WARNING, "volume %s: its lease is over: %s", name ? name : "-",
		       text ? text : "");
		if (name && binding_is_name(name))
			job_submit_internal(a, AGENT_REVOKE, name);
	}
}

void lease_renewed(struct agent *a, const json_t *answer, const struct cc_error *err)
{
	bool soon = !answer || json_integer_value(json_object_get(answer, "failed")) > 0;
	binding_auto struct binding b = {0};
	struct watch *w, *next;
	struct cc_error ignored;

	take_round(a, answer, err);
	if (answer)
		take_failures(a, answer);
	for (w = TAILQ_FIRST(&a->watches); w; w = next) {
		next = TAILQ_NEXT(w, entry);
		binding_clear(&b);
		if (w->held && binding_load(w->name, &b, &ignored) == 0)
			lease_watch(w, &b);
	}
	take_refused(a, answer);
	schedule(a, soon);
}

/* ---- for people ---------------------------------------------------------------------------- */

int lease_show(const char *name, json_t *binding)
{
	json_t *lease = json_object_get(binding, "lease");
	struct mapping_status st;
	struct cc_error err;
	const char *state;

	if (!json_is_object(lease))
		return 0;
	if (mapping_status(name, &st, &err))
		return -1;
	state = freezer_is_ours(name) ? "frozen" : !st.exists || st.locked ? "lapsed" : "active";
	return json_object_set_new(lease, "state", json_string(state)) ||
			       json_object_set_new(lease, "leftMs",
						   st.left_ms < 0 ? json_null()
								  : json_integer(st.left_ms))
		       ? -1
		       : 0;
}
