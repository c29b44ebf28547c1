// SPDX-License-Identifier: Apache-2.0
/*
 * agent_lease.c - the leases of bound containers.
 */
#include "agent/agent_lease.h"

#include <string.h>
#include <syslog.h>

#include "agent/agent_events.h"
#include "agent/queue.h"
#include "bind/freezer.h"
#include "host/boottime.h"
#include "host/proc.h"
#include "log.h"
#include "volume/mapping.h"

#define RENEW_PART 5	  /* of the shortest lease passes between two renewals */
#define RETRY_PART 20	  /* and of that, after one that failed */
#define RETRY_MS_MAX 5000 /* keyd may be back any moment */
#define PAUSE_MS_MIN 250
#define MOVED_MS 50 /* an end that is later by this was moved: the two clocks are read apart */

TAILQ_HEAD(lease_list, lease);

/**
 * struct leases - all that are held, whose containers live.
 * @renew: runs out when they are due
 * @rounds: of renewals, that fail as a whole
 */
struct leases {
	struct event_base *base;
	struct queue *queue;
	struct events *events;
	struct event *renew;
	struct lease_list held;
	struct failure_streak rounds;
};

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

static uint64_t shortest(const struct leases *all)
{
	const struct lease *l;
	uint64_t ms = 0;

	TAILQ_FOREACH(l, &all->held, entry)
		if (!ms || l->lease_ms < ms)
			ms = l->lease_ms;
	return ms;
}

/* The next renewal is due in a part of the shortest lease, unless it is due earlier already. */
static void schedule(struct leases *all, bool soon)
{
	uint64_t ms = shortest(all) / (soon ? RETRY_PART : RENEW_PART);
	struct timeval due, now;

	if (!shortest(all)) {
		event_del(all->renew);
		return;
	}
	if (soon && ms > RETRY_MS_MAX)
		ms = RETRY_MS_MAX;
	if (ms < PAUSE_MS_MIN)
		ms = PAUSE_MS_MIN;
	if (evtimer_pending(all->renew, &due)) {
		evutil_gettimeofday(&now, NULL);
		evutil_timersub(&due, &now, &due);
		if (due.tv_sec < 0 ||
		    (uint64_t)due.tv_sec * 1000 + (uint64_t)due.tv_usec / 1000 <= ms)
			return;
	}
	set_timer(all->renew, (int64_t)ms);
}

static void tell(const struct lease *l, const char *what, json_t *more)
{
	if (l->who)
		event_say(l->all->events, what, l->who, more);
	else
		json_decref(more);
}

/* ---- one lease ----------------------------------------------------------------------------- */

/* Stopped by us now, or before; one that somebody else paused does not read either. */
static void freeze(struct lease *l)
{
	bool was = freezer_has(l->name, FREEZER_LAPSE), paused;
	struct cc_error err;

	if (freezer_freeze(l->name, l->pid, FREEZER_LAPSE, &paused, &err)) {
		cc_log(LOG_ERR, "volume %s: its container cannot be frozen: %s", l->name, err.text);
		return;
	}
	if (was || paused)
		return;
	cc_log(LOG_WARNING,
	       "volume %s: its lease ends and could not be renewed; its container is frozen until "
	       "there is a key again",
	       l->name);
	tell(l, "freeze", NULL);
	queue_submit_own(l->all->queue, AGENT_FLUSH, l->name, NULL, NULL);
}

static void thaw(struct lease *l)
{
	struct cc_error err;

	if (!freezer_has(l->name, FREEZER_LAPSE))
		return;
	if (freezer_thaw(l->name, FREEZER_LAPSE, &err)) {
		cc_log(LOG_ERR, "volume %s: its container cannot be thawed: %s", l->name, err.text);
		return;
	}
	cc_log(LOG_INFO, "volume %s: its lease is renewed, its container goes on", l->name);
	tell(l, "thaw", NULL);
}

static void say_lapsed(struct lease *l)
{
	if (l->lapsed)
		return;
	cc_log(LOG_WARNING, "volume %s: its lease has lapsed, the kernel has wiped the key",
	       l->name);
	tell(l, "lapse", NULL);
	l->lapsed = true;
}

bool lease_has_moved(uint64_t *end_ms, uint64_t now_ms, int64_t left_ms)
{
	uint64_t before = *end_ms;

	*end_ms = now_ms + (uint64_t)left_ms;
	return before && *end_ms > before + MOVED_MS;
}

/* The kernel has the key, with so much of the lease left; below 0: it has no end. */
static void say_prolonged(struct lease *l, int64_t left_ms)
{
	bool moved = left_ms >= 0 && lease_has_moved(&l->end_ms, lease_clock_ms(), left_ms);

	if (l->lapsed) {
		cc_log(LOG_INFO, "volume %s: it has a key again", l->name);
		tell(l, "release", NULL);
	}
	if (moved)
		tell(l, "renew", json_pack("{s:I}", "leftMs", (json_int_t)left_ms));
	l->lapsed = false;
}

/* Looks at the kernel, which alone knows, and acts on how much is left. */
static void look(struct lease *l)
{
	int64_t margin = margin_ms(l->lease_ms);
	struct mapping_status st;
	struct cc_error err;

	if (mapping_status(l->name, &st, &err) || !st.exists)
		return;
	if (!st.locked && (st.left_ms < 0 || st.left_ms > margin)) {
		say_prolonged(l, st.left_ms);
		thaw(l);
		if (st.left_ms > 0)
			set_timer(l->lapse, st.left_ms - margin);
		return;
	}
	/* killed, it waits for a key to unmount its file system, and would be waited for in vain */
	if (st.locked && !proc_alive(l->pid, l->start_time)) {
		l->dying(l->arg);
		return;
	}
	if (st.locked)
		say_lapsed(l);
	else
		set_timer(l->lapse, st.left_ms + 100);
	if (l->terms.on_lapse == CC_LAPSE_FREEZE)
		freeze(l);
}

static void on_lapse(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	look(arg);
}

static void renew_no_more(struct lease *l)
{
	if (l->held)
		TAILQ_REMOVE(&l->all->held, l, entry);
	l->held = false;
}

void lease_release(struct lease *l)
{
	renew_no_more(l);
	if (l->lapse)
		event_free(l->lapse);
	l->lapse = NULL;
}

void lease_hold(struct leases *all, struct lease *l, const struct binding *b)
{
	if (b->state != BINDING_BOUND || !b->lease[0]) {
		renew_no_more(l);
		return;
	}
	if (!l->held)
		TAILQ_INSERT_TAIL(&all->held, l, entry);
	l->held = true;
	l->all = all;
	l->pid = (pid_t)b->pid;
	l->start_time = b->start_time;
	l->terms = b->terms;
	/* one without an end is given one by its first renewal */
	l->lease_ms = b->lease_ms ? b->lease_ms : b->terms.lease_ms;
	if (!l->lapse)
		l->lapse = evtimer_new(all->base, on_lapse, l);
	if (l->lapse)
		look(l);
	schedule(all, false);
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
static void take_failures(struct leases *all, const json_t *answer)
{
	json_t *failures = json_object_get(answer, "failures");
	bool complete = (json_int_t)json_array_size(failures) ==
			json_integer_value(json_object_get(answer, "failed"));
	uint64_t now = boottime_ms();
	char text[FAILURE_STREAK_TEXT];
	const char *why;
	struct lease *l;

	TAILQ_FOREACH(l, &all->held, entry) {
		why = failure_of(failures, l->name);
		if (why && failure_streak_add(&l->renewals, now)) {
			cc_log(LOG_WARNING, "volume %s: its lease is not renewed: %s", l->name,
			       why);
			tell(l, "overdue", json_pack("{s:s}", "text", why));
		} else if (!why && complete && failure_streak_end(&l->renewals, now, text)) {
			cc_log(LOG_INFO, "volume %s: its lease is renewed again, %s", l->name,
			       text);
		}
	}
}

/* keyd did not answer, or no worker could do it. */
static void take_round(struct leases *all, const json_t *answer, const struct cc_error *err)
{
	char text[FAILURE_STREAK_TEXT];

	if (answer && failure_streak_end(&all->rounds, boottime_ms(), text))
		cc_log(LOG_INFO, "leases are renewed again, %s", text);
	else if (!answer && failure_streak_add(&all->rounds, boottime_ms()))
		cc_log(LOG_WARNING, "leases are not renewed: %s", err->text);
}

static struct lease *held_by_name(const struct leases *all, const char *name)
{
	struct lease *l;

	TAILQ_FOREACH(l, &all->held, entry)
		if (strcmp(l->name, name) == 0)
			return l;
	return NULL;
}

static void take_refused(struct leases *all, const json_t *answer)
{
	const char *name, *text;
	const struct lease *l;
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(answer, "refused"), i, one) {
		name = json_string_value(json_object_get(one, "binding"));
		text = json_string_value(json_object_get(one, "text"));
		cc_log(LOG_WARNING, "volume %s: its lease is over: %s", name ? name : "-",
		       text ? text : "");
		if (!name || !binding_is_name(name))
			continue;
		l = held_by_name(all, name);
		if (l)
			tell(l, "revoke", json_pack("{s:s*}", "text", text));
		queue_submit_own(all->queue, AGENT_REVOKE, name, NULL, NULL);
	}
}

/* What was changed is in the binding's file. */
static void look_again(struct lease *l)
{
	binding_auto struct binding b = {0};
	struct cc_error ignored;

	if (binding_load(l->name, &b, &ignored) == 0)
		lease_hold(l->all, l, &b);
}

static void look_at_all(struct leases *all)
{
	struct lease *l, *next;

	for (l = TAILQ_FIRST(&all->held); l; l = next) {
		next = TAILQ_NEXT(l, entry);
		look_again(l);
	}
}

void leases_take_look(struct leases *all, const char *name, const json_t *answer)
{
	bool failed = json_array_size(json_object_get(answer, "failures")) > 0;
	struct lease *l = held_by_name(all, name);

	if (l)
		look_again(l);
	take_refused(all, answer);
	schedule(all, !answer || failed);
}

/* A round has ended; its answer is that of renew(). */
static bool on_renewed(void *arg, const struct job_end *end)
{
	bool soon = !end->answer || json_integer_value(json_object_get(end->answer, "failed")) > 0;
	struct leases *all = arg;

	take_round(all, end->answer, end->err);
	if (end->answer)
		take_failures(all, end->answer);
	look_at_all(all);
	take_refused(all, end->answer);
	schedule(all, soon);
	return true;
}

/* ---- all of them --------------------------------------------------------------------------- */

void leases_renew_now(struct leases *all)
{
	event_del(all->renew);
	if (shortest(all) && !queue_waits(all->queue, AGENT_RENEW))
		queue_submit_own(all->queue, AGENT_RENEW, NULL, on_renewed, all);
}

static void on_renew(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	leases_renew_now(arg);
}

struct leases *leases_new(struct event_base *base, struct queue *queue, struct events *events,
			  struct cc_error *err)
{
	struct leases *all = calloc(1, sizeof(*all));

	if (all)
		all->renew = evtimer_new(base, on_renew, all);
	if (!all || !all->renew) {
		free(all);
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	all->base = base;
	all->queue = queue;
	all->events = events;
	TAILQ_INIT(&all->held);
	return all;
}

void leases_free(struct leases *all)
{
	if (!all)
		return;
	event_free(all->renew);
	free(all);
}
