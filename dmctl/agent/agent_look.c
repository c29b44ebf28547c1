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
#include "host/boottime.h"
#include "host/proc.h"
#include "host/proc_exec.h"
#include "host/seccomp_read.h"
#include "host/tracee.h"
#include "log.h"

#define PAUSE_MS 1000	   /* after which is asked again, then twice that */
#define PAUSE_MS_MAX 32000 /* and so on */

TAILQ_HEAD(look_list, look);

/**
 * struct looks - those that have not been done.
 * @freezer: what stops their groups
 * @child: SIGCHLD: something happened to a tracee, or a worker has ended
 */
struct looks {
	struct event_base *base;
	struct queue *queue;
	struct leases *leases;
	const struct look_freezer *freezer;
	struct event *child;
	struct look_list list;
};

/**
 * struct look - one container.
 * @runtime: of struct binding
 * @traced: the kernel tells us of its process
 * @stands: it stands because of us
 * @frozen: its group is frozen because of us
 * @executed: its program has been; from now on it is looked at
 * @leaving: it goes on without us as soon as it can be let go
 * @forgotten: freed in a while, when it is no longer traced
 * @asked: a job of it waits or is done
 * @complete: it was looked at and is right
 * @over: refused; it will not go on
 * @filter: of its program, once that stands; @unread: it cannot be read
 * @said: that it could not be looked at was logged
 * @since_ms: CLOCK_BOOTTIME when it was seen to be executed
 * @pause_ms: the next one
 */
struct look {
	TAILQ_ENTRY(look) entry;
	struct looks *all;
	char name[BINDING_NAME_LEN];
	pid_t pid;
	uint64_t start_time;
	char runtime[PROC_EXE_LEN];
	bool traced, stands, frozen, executed, leaving, forgotten, asked, complete, over, said;
	bool unread;
	struct seccomp_seen filter;
	struct event *timer;
	uint64_t since_ms;
	unsigned int pause_ms;
};

static void look_free(struct look *l)
{
	TAILQ_REMOVE(&l->all->list, l, entry);
	if (l->timer)
		event_free(l->timer);
	seccomp_seen_clear(&l->filter);
	free(l);
}

static void set_timer(struct look *l, unsigned int ms)
{
	const struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	event_add(l->timer, &tv);
}

static unsigned int next_pause(struct look *l)
{
	unsigned int ms = l->pause_ms;

	l->pause_ms = ms < PAUSE_MS_MAX ? ms * 2 : PAUSE_MS_MAX;
	return ms;
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

/* ---- freezing ------------------------------------------------------------------------------ */

static const struct look_freezer real_freezer = {
	.freeze = freezer_freeze,
	.thaw = freezer_thaw,
	.holds = freezer_holds,
	.after_ms = LOOK_STANDS_MS,
};

/* It stands still also when we are gone. One that somebody else has paused is asked again. */
static void freeze(struct look *l)
{
	struct cc_error err;
	bool paused = false;

	if (l->frozen)
		return;
	if (l->all->freezer->freeze(l->name, l->pid, FREEZER_LOOK, &paused, &err)) {
		cc_log(LOG_ERR, "volume %s: its container cannot be frozen: %s", l->name, err.text);
		return;
	}
	l->frozen = !paused;
	if (l->frozen)
		cc_log(LOG_WARNING, "volume %s: its container is frozen until it can be looked at",
		       l->name);
}

static int thaw(const struct looks *all, const char *name)
{
	struct cc_error err;

	if (all->freezer->thaw(name, FREEZER_LOOK, &err) == 0)
		return 0;
	cc_log(LOG_ERR, "volume %s: its container cannot be thawed: %s", name, err.text);
	return -1;
}

/* It was looked at and is right. */
static void let_go(struct look *l)
{
	l->complete = true;
	if (l->frozen && thaw(l->all, l->name)) {
		set_timer(l, next_pause(l));
		return;
	}
	if (l->said)
		cc_log(LOG_INFO, "volume %s: its container was looked at, its program goes on",
		       l->name);
	drop(l);
}

/* ---- measuring ----------------------------------------------------------------------------- */

static void say_failure(struct look *l, const char *text)
{
	if (!l->said)
		cc_log(LOG_WARNING, "volume %s: its container cannot be looked at yet: %s", l->name,
		       text ? text : "it was not measured");
	l->said = true;
}

/* Measured, and renewed with that. */
static bool is_complete(const json_t *answer)
{
	return json_integer_value(json_object_get(answer, "renewed")) > 0 &&
	       json_integer_value(json_object_get(answer, "failed")) == 0;
}

static const char *failure_in(const json_t *answer)
{
	const json_t *one = json_array_get(json_object_get(answer, "failures"), 0);

	return json_string_value(json_object_get(one, "text"));
}

/* The next time to ask, or to freeze it. */
static void wait_on(struct look *l)
{
	uint64_t stood_ms = boottime_ms() - l->since_ms, all_ms = l->all->freezer->after_ms;
	unsigned int pause_ms = next_pause(l);

	if (!l->frozen && stood_ms < all_ms && all_ms - stood_ms < pause_ms)
		pause_ms = (unsigned int)(all_ms - stood_ms);
	set_timer(l, pause_ms);
}

static bool on_looked(void *arg, const struct job_end *end)
{
	struct look *l = arg;

	l->asked = false;
	l->over = json_array_size(json_object_get(end->answer, "refused")) > 0;
	/* what is killed or frozen now does not get to its first instruction */
	leases_take_look(l->all->leases, l->name, end->answer);
	if (l->over || l->forgotten)
		return true; /* the timer goes on: killing it may fail */
	if (is_complete(end->answer)) {
		let_go(l);
		return true;
	}
	say_failure(l, end->err ? end->err->text : failure_in(end->answer));
	wait_on(l);
	return true;
}

/*
 * What is installed now is what the program begins with; only its tracer is told. Where that cannot
 * be on this machine, it is said once, and the look goes on without. -1: not now.
 */
static int read_filter(struct look *l)
{
	struct cc_error err;

	if (!l->stands || l->filter.read || l->unread ||
	    seccomp_read(l->pid, &l->filter, &err) == 0 || err.code == CC_E_NOTFOUND)
		return 0;
	if (err.code != CC_E_PERM && err.code != CC_E_DEVICE) {
		say_failure(l, err.text);
		return -1;
	}
	l->unread = true;
	cc_log(LOG_WARNING,
	       "volume %s: its program's seccomp filter cannot be read, and is not compared with "
	       "that of config.json: %s",
	       l->name, err.text);
	return 0;
}

/* The timer asks again where it cannot be now. */
static void ask_for_look(struct look *l)
{
	agent_auto_message struct agent_message m = {0};
	struct cc_error err;

	if (l->asked || l->over || read_filter(l))
		return;
	if (agent_message_look(l->name, &l->filter, &m, &err)) {
		cc_log(LOG_ERR, "volume %s: %s", l->name, err.text);
		return;
	}
	l->asked = true;
	if (queue_submit_made(l->all->queue, &m, on_looked, l))
		l->asked = false;
}

/* Its program has been executed, and stands, or runs where nobody could keep it from that. */
static void begin_asking(struct look *l)
{
	if (!l->executed) {
		l->executed = true;
		l->since_ms = boottime_ms();
		l->pause_ms = PAUSE_MS;
	}
	wait_on(l);
	ask_for_look(l);
}

/* ---- what happens to the process ----------------------------------------------------------- */

static bool has_executed(const struct look *l)
{
	struct cc_error ignored;
	bool yes = false;

	return proc_executed(l->pid, l->runtime, &yes, &ignored) == 0 && yes;
}

/* What a former agent froze stands where that left it. */
static void on_stands(struct look *l)
{
	l->stands = l->leaving || l->frozen;
	if (l->leaving)
		leave(l);
	else if (l->frozen)
		begin_asking(l);
	else
		tracee_go_on(l->pid);
}

/*
 * Whatever it has executed is the program: between its hooks and that a runtime's process executes
 * nothing for itself.
 */
static void on_executed(struct look *l)
{
	if (l->leaving) {
		on_stands(l);
		return;
	}
	l->stands = true;
	begin_asking(l);
}

/* It has ended, or another thread of it has executed the program. */
static void on_gone(struct look *l)
{
	l->traced = l->stands = false;
	if (!l->forgotten && proc_alive(l->pid, l->start_time))
		begin_asking(l);
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
 * One that is no longer needed; one that was looked at and could not be thawed; one that has waited
 * for its look; one that is not traced and may have gone on.
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
	if (l->complete) {
		let_go(l);
		return;
	}
	if (!l->executed && !has_executed(l)) {
		set_timer(l, next_pause(l));
		return;
	}
	if (l->executed && boottime_ms() - l->since_ms >= l->all->freezer->after_ms)
		freeze(l);
	begin_asking(l);
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
	memcpy(l->runtime, b->runtime, sizeof(l->runtime));
	l->pause_ms = PAUSE_MS;
	TAILQ_INSERT_TAIL(&all->list, l, entry);
	return l;
}

static int trace(struct look *l)
{
	struct cc_error err;

	l->traced = tracee_seize(l->pid, &err) == 0;
	if (!l->traced)
		cc_log(LOG_WARNING,
		       "volume %s: %s; it is looked at some time after its program was executed",
		       l->name, err.text);
	return l->traced ? 0 : -1;
}

/* A former agent has frozen it; it has not got to its first instruction and is to stand again. */
static void take_over(struct look *l)
{
	l->frozen = true;
	if (trace(l))
		begin_asking(l);
	else
		tracee_interrupt(l->pid);
}

/* It may execute its program at any moment of this, or have done so. */
static void look_begin(struct look *l)
{
	if (l->all->freezer->holds(l->name, l->pid, FREEZER_LOOK)) {
		take_over(l);
		return;
	}
	if (has_executed(l)) {
		begin_asking(l);
		return;
	}
	if (trace(l)) {
		on_timer(-1, 0, l);
		return;
	}
	if (!proc_alive(l->pid, l->start_time)) {
		leave(l);
	} else if (has_executed(l)) {
		follow_process(l); /* it stands already, or was executed before we were told */
		if (!l->stands) {
			leave(l);
			begin_asking(l);
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

	thaw(all, name); /* also what a former agent froze, looked at and did not come to thaw */
	if (!l)
		return;
	if (l->asked)
		queue_cancel(all->queue, l);
	l->asked = false;
	drop(l);
}

void looks_hurry(struct looks *all)
{
	struct look *l;

	TAILQ_FOREACH(l, &all->list, entry)
		if (!l->forgotten && l->executed && !l->complete && !l->over) {
			l->pause_ms = PAUSE_MS;
			ask_for_look(l);
		}
}

struct looks *looks_new(struct event_base *base, struct queue *queue, struct leases *leases,
			const struct look_freezer *freezer, struct cc_error *err)
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
	all->freezer = freezer ? freezer : &real_freezer;
	TAILQ_INIT(&all->list);
	return all;
}

/* What stands because of us would go on when we have ended. */
void looks_free(struct looks *all)
{
	struct look *l;

	if (!all)
		return;
	while ((l = TAILQ_FIRST(&all->list))) {
		if (l->stands && !l->complete && !l->forgotten)
			freeze(l);
		look_free(l);
	}
	if (all->child)
		event_free(all->child);
	free(all);
}
