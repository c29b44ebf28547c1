// SPDX-License-Identifier: Apache-2.0
/*
 * agent_look.c - the look at what a container's runtime has executed.
 */
#include "agent/agent_look.h"

#include <signal.h>
#include <string.h>
#include <sys/queue.h>
#include <syslog.h>

#include "agent/agent_lease.h"
#include "agent/queue.h"
#include "host/proc.h"
#include "host/proc_exec.h"
#include "host/tracee.h"
#include "log.h"

#define LATE_MS 1000 /* after which one that cannot be traced is asked after, then twice that */
#define LATE_MS_MAX 32000 /* and so on */

TAILQ_HEAD(look_list, look);

/**
 * struct looks - those that have not been done.
 * @child: SIGCHLD: something happened to a tracee, or a worker has ended
 */
struct looks {
	struct event_base *base;
	struct queue *queue;
	struct leases *leases;
	struct event *child;
	struct look_list list;
};

/**
 * struct look - one container.
 * @traced: the kernel tells us of its process
 * @stands: it stands because of us
 * @leaving: it goes on without us as soon as it can be let go
 * @forgotten: freed in a while, when it is no longer traced
 * @asked: a job of it waits or is done
 * @over: refused; it will not go on
 * @timer: of one that stands, or cannot be traced
 * @late_ms: of the latter, the next pause
 */
struct look {
	TAILQ_ENTRY(look) entry;
	struct looks *all;
	char name[BINDING_NAME_LEN];
	pid_t pid;
	uint64_t start_time;
	bool traced, stands, leaving, forgotten, asked, over;
	struct event *timer;
	unsigned int late_ms;
};

static void look_free(struct look *l)
{
	TAILQ_REMOVE(&l->all->list, l, entry);
	if (l->timer)
		event_free(l->timer);
	free(l);
}

static void set_timer(struct look *l, unsigned int ms)
{
	const struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	event_add(l->timer, &tv);
}

/* Goes on without us, at once or as soon as it stands; or is told to be gone. */
static void leave(struct look *l)
{
	if (!l->traced)
		return;
	l->leaving = true;
	if (!l->stands) {
		tracee_interrupt(l->pid);
		return;
	}
	l->stands = false;
	l->traced = tracee_leave(l->pid) != 0;
}

/*
 * It is no longer needed: freed when its process goes on without us, and not before the loop's next
 * turn, as whoever calls this may still be at it.
 */
static void drop(struct look *l)
{
	l->forgotten = true;
	event_del(l->timer);
	leave(l);
	if (!l->traced)
		set_timer(l, 0);
}

/* ---- measuring ----------------------------------------------------------------------------- */

static bool on_looked(void *arg, const struct job_end *end)
{
	struct look *l = arg;

	l->asked = false;
	l->over = json_array_size(json_object_get(end->answer, "refused")) > 0;
	if (end->err)
		cc_log(LOG_WARNING, "volume %s: its container was not looked at: %s", l->name,
		       end->err->text);
	/* what is killed or frozen now does not get to its first instruction */
	leases_take_look(l->all->leases, end->answer);
	if (l->over)
		event_del(l->timer);
	else
		drop(l);
	return true;
}

static void ask_for_look(struct look *l)
{
	if (l->asked || l->over)
		return;
	l->asked = true;
	queue_submit_own(l->all->queue, AGENT_LOOK, l->name, on_looked, l);
}

/* ---- what happens to the process ----------------------------------------------------------- */

static bool has_executed(const struct look *l)
{
	struct cc_error ignored;
	bool yes = false;

	return proc_executed(l->pid, &yes, &ignored) == 0 && yes;
}

static void on_stands(struct look *l)
{
	l->stands = l->leaving;
	if (l->leaving)
		leave(l);
	else
		tracee_go_on(l->pid);
}

/* One that a runtime executes for itself is not what is waited for. */
static void on_executed(struct look *l)
{
	if (l->leaving || !has_executed(l)) {
		on_stands(l);
		return;
	}
	l->stands = true;
	set_timer(l, LOOK_STANDS_MS);
	ask_for_look(l);
}

/* It has ended, or another thread of it has executed the program. */
static void on_gone(struct look *l)
{
	l->traced = l->stands = false;
	if (!l->forgotten && proc_alive(l->pid, l->start_time))
		ask_for_look(l);
}

static void follow_process(struct look *l)
{
	while (l->traced) {
		switch (tracee_next(l->pid)) {
		case TRACEE_NOTHING:
			return;
		case TRACEE_EXECUTED:
			on_executed(l);
			break;
		case TRACEE_STANDS:
			on_stands(l);
			break;
		case TRACEE_GONE:
			on_gone(l);
			break;
		}
	}
	if (l->forgotten)
		set_timer(l, 0);
}

static void on_child(evutil_socket_t fd, short what, void *arg)
{
	struct looks *all = arg;
	struct look *l;

	(void)fd;
	(void)what;
	TAILQ_FOREACH(l, &all->list, entry)
		if (l->traced)
			follow_process(l);
}

/*
 * One that is no longer needed; one that stands has waited for long enough; one that is not traced
 * may have gone on.
 */
static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct look *l = arg;

	(void)fd;
	(void)what;
	if (l->forgotten) {
		if (!l->traced)
			look_free(l);
		return;
	}
	if (l->stands) {
		cc_log(LOG_WARNING,
		       "volume %s: its container could not be looked at in time; its program runs",
		       l->name);
		leave(l);
	} else if (has_executed(l)) {
		ask_for_look(l);
	} else {
		set_timer(l, l->late_ms);
		l->late_ms = l->late_ms < LATE_MS_MAX ? l->late_ms * 2 : LATE_MS_MAX;
	}
}

/* ---- which ones ---------------------------------------------------------------------------- */

static struct look *look_of(const struct looks *all, const char *name)
{
	struct look *l;

	TAILQ_FOREACH(l, &all->list, entry)
		if (!l->forgotten && strcmp(l->name, name) == 0)
			return l;
	return NULL;
}

static struct look *look_new(struct looks *all, const struct binding *b)
{
	struct look *l = calloc(1, sizeof(*l));

	if (l)
		l->timer = evtimer_new(all->base, on_timer, l);
	if (!l || !l->timer) {
		free(l);
		return NULL;
	}
	l->all = all;
	snprintf(l->name, sizeof(l->name), "%s", b->name);
	l->pid = (pid_t)b->pid;
	l->start_time = b->start_time;
	l->late_ms = LATE_MS;
	TAILQ_INSERT_TAIL(&all->list, l, entry);
	return l;
}

/* It may execute its program at any moment of this, or have done so. */
static void look_begin(struct look *l)
{
	struct cc_error err;

	if (has_executed(l)) {
		ask_for_look(l);
		return;
	}
	if (tracee_seize(l->pid, &err)) {
		cc_log(LOG_WARNING,
		       "volume %s: %s; it is looked at some time after its program was executed",
		       l->name, err.text);
		on_timer(-1, 0, l);
		return;
	}
	l->traced = true;
	if (!proc_alive(l->pid, l->start_time)) {
		leave(l);
	} else if (has_executed(l)) {
		follow_process(l); /* it stands already, or was executed before we were told */
		if (!l->stands) {
			leave(l);
			ask_for_look(l);
		}
	}
}

void looks_await(struct looks *all, const struct binding *b)
{
	struct look *l = look_of(all, b->name);

	if (l && l->pid == (pid_t)b->pid && l->start_time == b->start_time)
		return;
	if (l)
		looks_forget(all, b->name);
	l = look_new(all, b);
	if (l)
		look_begin(l);
	else
		cc_log(LOG_ERR, "volume %s: out of memory, it is not looked at", b->name);
}

void looks_forget(struct looks *all, const char *name)
{
	struct look *l = look_of(all, name);

	if (!l)
		return;
	if (l->asked)
		queue_cancel(all->queue, l);
	l->asked = false;
	drop(l);
}

struct looks *looks_new(struct event_base *base, struct queue *queue, struct leases *leases,
			struct cc_error *err)
{
	struct looks *all = calloc(1, sizeof(*all));

	if (all)
		all->child = evsignal_new(base, SIGCHLD, on_child, all);
	if (!all || !all->child || event_add(all->child, NULL)) {
		looks_free(all);
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	all->base = base;
	all->queue = queue;
	all->leases = leases;
	TAILQ_INIT(&all->list);
	return all;
}

/* What stands because of us goes on when we have ended. */
void looks_free(struct looks *all)
{
	struct look *l;

	if (!all)
		return;
	while ((l = TAILQ_FIRST(&all->list)))
		look_free(l);
	if (all->child)
		event_free(all->child);
	free(all);
}
