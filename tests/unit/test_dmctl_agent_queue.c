// SPDX-License-Identifier: Apache-2.0
/*
 * The order of the agent's queue: who comes when, how many at once, who hears of it. The real queue
 * and the real table of operations; a runner that only writes down what it is given.
 */
#include "lib_test.h"

#include <stdlib.h>
#include <syslog.h>

#include "dmctl/agent/queue.h"
#include "log.h"

#define ASKED 8 /* places of what others ask for */
#define ALL 64	/* more than all places */

/**
 * struct world - a queue and what it has done.
 * @said: "#op volume" when a job is abandoned, "+op volume" when a job starts, "=op volume" when the volume may have changed, "!" after
 *        it when nobody was told of the end, "~" when nothing is being done any more; since
 *        expect()
 * @running: started and not ended, in this order
 * @cannot: the runner starts nothing
 * @on_changed: what the hook does besides
 * @asked, @n_asked: of the random test, all that was submitted
 */
struct world {
	struct queue *q;
	char said[16384];
	struct job *running[ALL];
	size_t n_running;
	bool cannot;
	void (*on_changed)(struct world *w, const struct job *j);
	struct asked *asked;
	size_t n_asked;
};

/**
 * struct asked - a request of the random test, which knows by itself what may be started.
 */
struct asked {
	enum agent_op op;
	const char *binding;
	enum { WAITS, RUNS, ENDED } state;
};

static struct asked *best(const struct world *w);

static void say(struct world *w, const char *what, const struct job *j, const char *more)
{
	size_t len = strlen(w->said);

	snprintf(w->said + len, sizeof(w->said) - len, "%s%s%s%s%s%s", len ? ", " : "", what,
		 j ? agent_op_name(j->m.op) : "", j && j->m.binding[0] ? " " : "",
		 j ? j->m.binding : "", more);
}

/* All that was done since the last time. */
static void expect(struct world *w, const char *said)
{
	assert_string_equal(w->said, said);
	w->said[0] = '\0';
}

/* ---- a runner ------------------------------------------------------------------------------ */

static int run(void *arg, struct job *j, struct cc_error *err)
{
	struct world *w = arg;

	if (w->cannot)
		return cc_fail(err, CC_E_INTERNAL, "fork: no more processes");
	assert_true(w->n_running < ALL);
	w->running[w->n_running++] = j;
	if (!w->asked) {
		say(w, "+", j, "");
		return 0;
	}
	assert_ptr_equal(j->arg, best(w));
	best(w)->state = RUNS;
	return 0;
}

static void changed(void *arg, const struct job *j, const struct job_end *end, bool told)
{
	struct world *w = arg;

	assert_true(!end->answer == !!end->err);
	if (!w->asked)
		say(w, "=", j, told ? "" : "!");
	if (w->on_changed)
		w->on_changed(w, j);
}

static void abandoned(void *arg, struct job *j)
{
	struct world *w = arg;

	if (!w->asked)
		say(w, "#", j, "");
}

static void idle(void *arg)
{
	struct world *w = arg;

	assert_int_equal(w->n_running, 0);
	if (!w->asked)
		say(w, "~", NULL, "");
}

static const struct queue_hooks hooks = {.run = run,
					 .changed = changed,
					 .abandoned = abandoned,
					 .idle = idle};

static struct job *take(struct world *w, size_t i)
{
	struct job *j = w->running[i];

	w->n_running--;
	memmove(w->running + i, w->running + i + 1, (w->n_running - i) * sizeof(w->running[0]));
	return j;
}

static struct job *take_named(struct world *w, enum agent_op op, const char *binding)
{
	for (size_t i = 0; i < w->n_running; i++)
		if (w->running[i]->m.op == op && strcmp(w->running[i]->m.binding, binding) == 0)
			return take(w, i);
	fail_msg("%s %s is not being done", agent_op_name(op), binding);
	return NULL;
}

static void succeed(struct job *j)
{
	cc_auto_json json_t *answer = json_of("{'ok':true}");

	queue_ended(j, &(struct job_end){.text = "{\"ok\":true}", .answer = answer});
}

static void fail_it(struct job *j, bool died)
{
	struct cc_error err;

	cc_fail(&err, CC_E_REFUSED, "no");
	queue_ended(j, &(struct job_end){.err = &err, .died = died});
}

/* The job of that operation and volume has been done. */
static void done(struct world *w, enum agent_op op, const char *binding)
{
	succeed(take_named(w, op, binding));
}

/* ---- who asks ------------------------------------------------------------------------------ */

/**
 * struct asker - somebody who asks.
 * @told: how often he was told, @failed: the last time that it failed
 * @deaf: he is there, but does not take the answer
 */
struct asker {
	int told;
	bool failed, deaf;
};

static bool tell(void *arg, const struct job_end *end)
{
	struct asker *who = arg;

	who->told++;
	who->failed = end->err;
	return !who->deaf;
}

static int try_ask(struct world *w, enum agent_op op, const char *volume, struct asker *who,
		   struct cc_error *err)
{
	agent_auto_message struct agent_message m = {.op = op};
	int rc;

	snprintf(m.volume, sizeof(m.volume), "%s", volume);
	snprintf(m.binding, sizeof(m.binding), "%s", volume);
	m.text = strdup("{}");
	rc = queue_submit(w->q, &m, who ? tell : NULL, who, err);
	assert_null(m.text); /* taken over, or freed */
	return rc;
}

static void ask(struct world *w, enum agent_op op, const char *volume, struct asker *who)
{
	struct cc_error err;

	expect_ok(try_ask(w, op, volume, who, &err), &err);
}

static void own(struct world *w, enum agent_op op, const char *binding)
{
	queue_submit_own(w->q, op, binding, NULL, NULL);
}

/* Takes all places of what is asked with requests for volumes of their own. */
static void fill(struct world *w)
{
	char name[16];

	for (int i = 0; i < ASKED; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		ask(w, AGENT_HOOK, name, NULL);
	}
	assert_int_equal(w->n_running, ASKED);
	w->said[0] = '\0';
}

/* ---- the order ----------------------------------------------------------------------------- */

static void one_job_at_a_time_for_a_volume_in_the_order_they_came(void **state)
{
	struct world *w = *state;

	ask(w, AGENT_HOOK, "a", NULL);
	ask(w, AGENT_UNBIND, "a", NULL);
	ask(w, AGENT_GROW, "a", NULL);
	own(w, AGENT_REAP, "a@0123456789ab");
	own(w, AGENT_REVOKE, "a");
	expect(w, "+hook a");
	done(w, AGENT_HOOK, "a");
	expect(w, "=hook a!, +unbind a");
	done(w, AGENT_UNBIND, "a");
	expect(w, "=unbind a!, +grow a");
	done(w, AGENT_GROW, "a");
	expect(w, "=grow a!, +reap a@0123456789ab");
	done(w, AGENT_REAP, "a@0123456789ab");
	expect(w, "=reap a@0123456789ab!, +revoke a");
	done(w, AGENT_REVOKE, "a");
	expect(w, "=revoke a!, ~");
}

static void several_volumes_are_worked_on_at_once(void **state)
{
	struct world *w = *state;

	ask(w, AGENT_HOOK, "a", NULL);
	ask(w, AGENT_HOOK, "a", NULL);
	ask(w, AGENT_HOOK, "b", NULL);
	own(w, AGENT_REAP, "c");
	expect(w, "+hook a, +hook b, +reap c");
}

static void what_concerns_no_volume_waits_for_none(void **state)
{
	struct world *w = *state;

	ask(w, AGENT_HOOK, "a", NULL);
	ask(w, AGENT_MEASURE, "", NULL);
	ask(w, AGENT_MEASURE, "", NULL);
	ask(w, AGENT_PLUGIN, "", NULL);
	ask(w, AGENT_PLUGIN, "", NULL);
	expect(w, "+hook a, +measure, +measure, +plugin, +plugin");
}

static void a_round_of_renewals_waits_for_no_volume_and_only_for_the_round_before(void **state)
{
	struct world *w = *state;

	ask(w, AGENT_HOOK, "a", NULL);
	own(w, AGENT_RENEW, NULL);
	own(w, AGENT_RENEW, NULL);
	own(w, AGENT_REFRESH, NULL);
	ask(w, AGENT_REFRESH, "", NULL);
	expect(w, "+hook a, +renew, +refresh");
	done(w, AGENT_RENEW, "");
	expect(w, "+renew");
	done(w, AGENT_REFRESH, "");
	expect(w, "+refresh");
}

static void a_flush_waits_for_no_job_of_its_volume_and_only_for_one_of_its_binding(void **state)
{
	struct world *w = *state;

	ask(w, AGENT_UNBIND, "a", NULL);
	own(w, AGENT_FLUSH, "a@0123456789ab");
	own(w, AGENT_FLUSH, "a@0123456789ab");
	own(w, AGENT_FLUSH, "a@ba9876543210");
	expect(w, "+unbind a, +flush a@0123456789ab, +flush a@ba9876543210");
	done(w, AGENT_FLUSH, "a@0123456789ab");
	expect(w, "+flush a@0123456789ab");
}

static void eight_are_done_at_once_and_the_next_when_one_has_ended(void **state)
{
	struct world *w = *state;

	fill(w);
	ask(w, AGENT_HOOK, "a", NULL);
	ask(w, AGENT_MEASURE, "", NULL);
	expect(w, "");
	done(w, AGENT_HOOK, "f3");
	expect(w, "=hook f3!, +hook a");
	done(w, AGENT_HOOK, "f0");
	expect(w, "=hook f0!, +measure");
}

static void an_undo_comes_before_what_waits_for_its_volume(void **state)
{
	struct world *w = *state;

	ask(w, AGENT_HOOK, "a", NULL);
	ask(w, AGENT_BIND, "a", NULL);
	own(w, AGENT_UNDO, "a");
	expect(w, "+hook a"); /* but not beside what is being done */
	done(w, AGENT_HOOK, "a");
	expect(w, "=hook a!, +undo a");
	done(w, AGENT_UNDO, "a");
	expect(w, "=undo a!, +bind a");
}

static void however_many_starts_hang_the_agents_own_work_is_done(void **state)
{
	struct world *w = *state;

	fill(w);
	ask(w, AGENT_HOOK, "a", NULL);
	own(w, AGENT_RENEW, NULL);
	own(w, AGENT_LOOK, "f1"); /* nor does a program wait for a round of renewals */
	own(w, AGENT_UNDO, "b");
	own(w, AGENT_REAP, "c");
	own(w, AGENT_REVOKE, "d");
	own(w, AGENT_FLUSH, "f0");
	expect(w, "+renew, +look f1, +undo b, +reap c, +revoke d, +flush f0");
	done(w, AGENT_HOOK, "f0");
	expect(w, "=hook f0!, +hook a");
}

static void however_many_undos_hang_leases_are_renewed_flushed_and_taken_away(void **state)
{
	struct world *w = *state;
	char name[16];

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "v%d", i);
		own(w, AGENT_REAP, name);
	}
	assert_int_equal(w->n_running, job_lane_places(JOB_LANE_UNDO));
	w->said[0] = '\0';
	own(w, AGENT_RENEW, NULL);
	own(w, AGENT_FLUSH, "v0");
	own(w, AGENT_REVOKE, "x");
	ask(w, AGENT_HOOK, "y", NULL);
	expect(w, "+renew, +flush v0, +revoke x, +hook y");
}

static void an_undo_gets_the_first_place_of_its_own_that_is_free(void **state)
{
	struct world *w = *state;

	own(w, AGENT_REAP, "f0");
	own(w, AGENT_REAP, "f1");
	own(w, AGENT_REAP, "f2");
	own(w, AGENT_REAP, "f3");
	own(w, AGENT_REAP, "a");
	own(w, AGENT_UNDO, "b");
	expect(w, "+reap f0, +reap f1, +reap f2, +reap f3");
	done(w, AGENT_REAP, "f2");
	expect(w, "=reap f2!, +undo b");
	done(w, AGENT_UNDO, "b");
	expect(w, "=undo b!, +reap a");
}

static void a_container_is_not_started_before_what_it_left_at_its_end_was_noted(void **state)
{
	struct world *w = *state;
	char name[16];

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "v%d", i);
		own(w, AGENT_UNDO, name);
	}
	w->said[0] = '\0';
	/* undoing that hangs holds up neither */
	own(w, AGENT_ENDED, "a");
	ask(w, AGENT_HOOK, "a", NULL);
	expect(w, "+ended a");
	done(w, AGENT_ENDED, "a");
	expect(w, "+hook a");
	done(w, AGENT_HOOK, "a");
	expect(w, "=hook a!");
	/* where the places of ends are taken, too, the start waits for one */
	for (unsigned int i = 0; i < job_lane_places(JOB_LANE_ENDED); i++) {
		snprintf(name, sizeof(name), "e%u", i);
		own(w, AGENT_ENDED, name);
	}
	w->said[0] = '\0';
	own(w, AGENT_ENDED, "a");
	own(w, AGENT_REAP, "a");
	ask(w, AGENT_HOOK, "a", NULL);
	ask(w, AGENT_HOOK, "b", NULL);
	expect(w, "+hook b");
	done(w, AGENT_ENDED, "e1");
	expect(w, "+ended a");
	done(w, AGENT_ENDED, "a");
	expect(w, "+hook a");
}

static void what_waits_for_a_place_keeps_no_key_from_being_taken_away(void **state)
{
	struct world *w = *state;
	char name[16];

	for (unsigned int i = 0; i < job_lane_places(JOB_LANE_UNDO); i++) {
		snprintf(name, sizeof(name), "v%u", i);
		own(w, AGENT_UNDO, name);
	}
	w->said[0] = '\0';
	own(w, AGENT_UNDO, "a@0123456789ab");
	own(w, AGENT_REVOKE, "a@ba9876543210");
	expect(w, "+revoke a@ba9876543210");
}

static void undo_both(struct world *w, const struct job *j)
{
	if (j->m.op != AGENT_HOOK)
		return;
	own(w, AGENT_UNDO, "a@0123456789ab");
	own(w, AGENT_UNDO, "a@ba9876543210");
	say(w, "queued", NULL, "");
}

static void what_the_end_of_a_job_brings_about_comes_before_what_waited_for_it(void **state)
{
	struct world *w = *state;

	w->on_changed = undo_both;
	ask(w, AGENT_HOOK, "a", NULL);
	ask(w, AGENT_BIND, "a", NULL);
	expect(w, "+hook a");
	done(w, AGENT_HOOK, "a");
	expect(w, "=hook a!, queued, +undo a@0123456789ab");
	done(w, AGENT_UNDO, "a@0123456789ab");
	expect(w, "=undo a@0123456789ab!, +undo a@ba9876543210");
	done(w, AGENT_UNDO, "a@ba9876543210");
	expect(w, "=undo a@ba9876543210!, +bind a");
}

/* ---- the order, at random ------------------------------------------------------------------ */

static bool excludes(const struct asked *a, const struct asked *b)
{
	if (a->op == AGENT_MEASURE || b->op == AGENT_MEASURE)
		return false;
	if (a->op == AGENT_RENEW || b->op == AGENT_RENEW)
		return a->op == b->op;
	if (a->op == AGENT_FLUSH || b->op == AGENT_FLUSH)
		return a->op == b->op && strcmp(a->binding, b->binding) == 0;
	return a->binding[0] == b->binding[0];
}

static bool has_place(const struct world *w, const struct asked *a)
{
	enum job_lane lane = job_kind(a->op)->lane;
	unsigned int n = 0;

	for (size_t i = 0; i < w->n_asked; i++)
		n += w->asked[i].state == RUNS && job_kind(w->asked[i].op)->lane == lane;
	return n < job_lane_places(lane);
}

static bool is_first(const struct asked *a)
{
	return a->op == AGENT_UNDO || a->op == AGENT_ENDED;
}

static bool goes_before(const struct asked *a, const struct asked *b)
{
	return is_first(a) && b->op != AGENT_REVOKE && (!is_first(b) || a < b);
}

static bool may_start(const struct world *w, const struct asked *a)
{
	if (a->state != WAITS || !has_place(w, a))
		return false;
	for (size_t i = 0; i < w->n_asked; i++) {
		const struct asked *other = &w->asked[i];

		if (other != a && excludes(a, other) &&
		    (other->state == RUNS || (other->state == WAITS && goes_before(other, a))))
			return false;
	}
	return true;
}

/* What is to be started next: undoing first, else what came first; NULL: nothing. */
static struct asked *best(const struct world *w)
{
	struct asked *first = NULL;

	for (size_t i = 0; i < w->n_asked; i++) {
		struct asked *a = &w->asked[i];

		if (!may_start(w, a))
			continue;
		if (is_first(a))
			return a;
		if (!first)
			first = a;
	}
	return first;
}

static bool end_of(void *arg, const struct job_end *end)
{
	struct asked *a = arg;

	assert_non_null(end->answer);
	assert_int_equal(a->state, RUNS);
	a->state = ENDED;
	return true;
}

static void submit_any(struct world *w)
{
	static const enum agent_op ops[] = {AGENT_HOOK,	  AGENT_UNBIND, AGENT_REAP,    AGENT_UNDO,
					    AGENT_RENEW,  AGENT_FLUSH,	AGENT_MEASURE, AGENT_HOOK,
					    AGENT_REVOKE, AGENT_ENDED};
	static const char *const bindings[] = {"a", "b", "c@0123456789ab", "c@ba9876543210"};
	struct asked *a = &w->asked[w->n_asked++];

	a->op = ops[(size_t)random() % (sizeof(ops) / sizeof(ops[0]))];
	a->binding =
		a->op == AGENT_RENEW || a->op == AGENT_MEASURE
			? ""
			: bindings[(size_t)random() % (sizeof(bindings) / sizeof(bindings[0]))];
	queue_submit_own(w->q, a->op, a->binding[0] ? a->binding : NULL, end_of, a);
}

/* One that waits is gone then; one that runs goes on, and its end is the test's to know. */
static void cancel_any(struct world *w)
{
	struct asked *a = &w->asked[(size_t)random() % w->n_asked];

	if (a->state != WAITS)
		return;
	queue_cancel(w->q, a);
	a->state = ENDED;
}

static void whatever_comes_nothing_is_done_out_of_order_and_no_place_stays_empty(void **state)
{
	enum { REQUESTS = 3000 };
	struct world *w = *state;

	w->asked = calloc(REQUESTS, sizeof(*w->asked));
	srandom(10);
	while (w->n_asked < REQUESTS || w->n_running) {
		/* now more come than go, now fewer */
		long what = random() % 100, come = w->n_asked / 100 % 2 ? 60 : 30;

		if (what < come && w->n_asked < REQUESTS)
			submit_any(w);
		else if (what < come + 3 && w->n_asked)
			cancel_any(w);
		else if (w->n_running)
			succeed(take(w, (size_t)random() % w->n_running));
		assert_null(best(w));
	}
	for (size_t i = 0; i < REQUESTS; i++)
		assert_int_equal(w->asked[i].state, ENDED);
}

/* ---- who hears of it ----------------------------------------------------------------------- */

static void whoever_asked_is_told_once(void **state)
{
	struct asker a = {0}, b = {0};
	struct world *w = *state;

	ask(w, AGENT_UNBIND, "a", &a);
	ask(w, AGENT_UNBIND, "b", &b);
	done(w, AGENT_UNBIND, "a");
	fail_it(take_named(w, AGENT_UNBIND, "b"), false);
	expect(w, "+unbind a, +unbind b, =unbind a, =unbind b, ~");
	assert_int_equal(a.told, 1);
	assert_false(a.failed);
	assert_int_equal(b.told, 1);
	assert_true(b.failed);
}

static void an_end_that_nobody_takes_is_known_to_be_untold(void **state)
{
	struct asker deaf = {.deaf = true};
	struct world *w = *state;

	ask(w, AGENT_BIND, "a", &deaf);
	done(w, AGENT_BIND, "a");
	expect(w, "+bind a, =bind a!, ~");
}

static void whoever_hangs_up_in_time_takes_his_request_along(void **state)
{
	struct asker a = {0}, b = {0};
	struct world *w = *state;

	ask(w, AGENT_HOOK, "a", &a);
	ask(w, AGENT_UNBIND, "a", &b);
	queue_cancel(w->q, &b);
	done(w, AGENT_HOOK, "a");
	expect(w, "+hook a, =hook a, ~");
	assert_int_equal(b.told, 0);
}

static void what_is_bound_or_measured_for_nobody_is_broken_off_and_all_else_is_done(void **state)
{
	static const struct {
		enum agent_op op;
		const char *volume, *said;
	} rows[] = {
		{AGENT_HOOK, "a", "+hook a, #hook a"},
		{AGENT_BIND, "b", "+bind b, #bind b"},
		{AGENT_MEASURE, "", "+measure, #measure"},
		{AGENT_UNBIND, "c", "+unbind c"},
		{AGENT_GROW, "d", "+grow d"},
		{AGENT_PLUGIN, "", "+plugin"},
	};
	struct asker a = {0};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ask(w, rows[i].op, rows[i].volume, &a);
		queue_cancel(w->q, &a);
		expect(w, rows[i].said);
	}
	fail_it(take_named(w, AGENT_HOOK, "a"), true);
	expect(w, "=hook a!");
	assert_int_equal(a.told, 0);
}

static void whoever_hangs_up_later_is_not_told_and_his_request_is_done(void **state)
{
	struct asker a = {0};
	struct world *w = *state;

	ask(w, AGENT_GROW, "a", &a);
	queue_cancel(w->q, &a);
	ask(w, AGENT_UNBIND, "a", NULL);
	expect(w, "+grow a");
	done(w, AGENT_GROW, "a");
	expect(w, "=grow a!, +unbind a");
	assert_int_equal(a.told, 0);
}

static void of_what_cannot_change_its_bindings_a_volume_does_not_hear(void **state)
{
	agent_auto_message struct agent_message dry = {
		.op = AGENT_BIND, .volume = "a", .binding = "a", .dry_run = true};
	struct world *w = *state;
	struct cc_error err;

	expect_ok(queue_submit(w->q, &dry, NULL, NULL, &err), &err);
	done(w, AGENT_BIND, "a");
	own(w, AGENT_FLUSH, "a");
	done(w, AGENT_FLUSH, "a");
	own(w, AGENT_RENEW, NULL);
	done(w, AGENT_RENEW, "");
	expect(w, "+bind a, ~, +flush a, ~, +renew, ~");
}

static void a_worker_that_dies_may_have_changed_its_volume(void **state)
{
	struct world *w = *state;

	ask(w, AGENT_HOOK, "a", NULL);
	fail_it(take_named(w, AGENT_HOOK, "a"), true);
	expect(w, "+hook a, =hook a!, ~");
}

static void a_round_that_waits_will_see_what_there_is_now_one_that_began_may_not(void **state)
{
	struct world *w = *state;

	own(w, AGENT_RENEW, NULL);
	assert_false(queue_waits(w->q, AGENT_RENEW));
	own(w, AGENT_RENEW, NULL);
	assert_true(queue_waits(w->q, AGENT_RENEW));
	assert_false(queue_waits(w->q, AGENT_REFRESH));
	done(w, AGENT_RENEW, "");
	assert_false(queue_waits(w->q, AGENT_RENEW));
}

/* ---- limits -------------------------------------------------------------------------------- */

static void what_cannot_be_started_fails_and_is_in_nobodys_way(void **state)
{
	struct asker a = {0};
	struct world *w = *state;

	w->cannot = true;
	ask(w, AGENT_HOOK, "a", &a);
	expect(w, "=hook a, ~");
	assert_int_equal(a.told, 1);
	assert_true(a.failed);
	w->cannot = false;
	ask(w, AGENT_HOOK, "a", &a);
	expect(w, "+hook a");
}

static void too_many_requests_are_refused_but_never_the_agents_own(void **state)
{
	struct asker late = {0};
	struct world *w = *state;
	struct cc_error err;

	for (int i = 0; i < QUEUE_JOBS_MAX; i++)
		ask(w, AGENT_HOOK, "a", NULL);
	assert_int_equal(try_ask(w, AGENT_HOOK, "b", &late, &err), -1);
	expect_error(&err, CC_E_BUSY, "", "too much to do");
	assert_int_equal(late.told, 0);
	own(w, AGENT_REAP, "b");
	expect(w, "+hook a, +reap b");
	done(w, AGENT_REAP, "b");
	done(w, AGENT_HOOK, "a");
	expect(w, "=reap b!, =hook a!, +hook a");
	ask(w, AGENT_HOOK, "b", &late);
	expect(w, "+hook b");
}

static void a_stopped_queue_lets_end_what_it_does_and_starts_nothing(void **state)
{
	struct asker a = {0};
	struct world *w = *state;

	ask(w, AGENT_HOOK, "a", NULL);
	ask(w, AGENT_HOOK, "b", NULL);
	ask(w, AGENT_UNBIND, "a", &a);
	queue_stop(w->q);
	own(w, AGENT_UNDO, "c");
	done(w, AGENT_HOOK, "a");
	expect(w, "+hook a, +hook b, =hook a!");
	done(w, AGENT_HOOK, "b");
	expect(w, "=hook b!, ~");
	assert_int_equal(a.told, 0);
}

static void a_queue_that_is_stopped_with_nothing_to_do_is_idle_at_once(void **state)
{
	struct world *w = *state;

	queue_stop(w->q);
	expect(w, "~");
}

/* ---- the table ----------------------------------------------------------------------------- */

static void what_changes_a_volume_excludes_all_else_that_does(void **state)
{
	static const enum agent_op changing[] = {AGENT_HOOK, AGENT_BIND, AGENT_UNBIND, AGENT_GROW,
						 AGENT_REAP, AGENT_UNDO, AGENT_REVOKE};
	size_t n = 0;

	(void)state;
	for (enum agent_op op = 0; op < AGENT_OPS; op++) {
		const struct job_kind *k = job_kind(op);

		assert_true(!k->binds || k->changes);
		assert_true(!k->changes || k->key == JOB_BY_VOLUME);
		n += k->changes;
	}
	for (size_t i = 0; i < sizeof(changing) / sizeof(changing[0]); i++)
		assert_true(job_kind(changing[i])->changes);
	assert_int_equal(n, sizeof(changing) / sizeof(changing[0]));
}

static void every_worker_has_a_time_limit_but_the_one_that_recovers(void **state)
{
	(void)state;
	for (enum agent_op op = 0; op < AGENT_OPS; op++)
		assert_true((job_kind(op)->seconds == 0) == (op == AGENT_RECOVER));
}

/* ---- all of it ----------------------------------------------------------------------------- */

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct cc_error err;

	if (!w)
		return -1;
	w->q = queue_new(&hooks, w, &err);
	*state = w;
	return w->q ? 0 : -1;
}

static int teardown(void **state)
{
	struct world *w = *state;

	queue_free(w->q);
	free(w->asked);
	free(w);
	return 0;
}

#define queue_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		queue_test(one_job_at_a_time_for_a_volume_in_the_order_they_came),
		queue_test(several_volumes_are_worked_on_at_once),
		queue_test(what_concerns_no_volume_waits_for_none),
		queue_test(a_round_of_renewals_waits_for_no_volume_and_only_for_the_round_before),
		queue_test(a_flush_waits_for_no_job_of_its_volume_and_only_for_one_of_its_binding),
		queue_test(eight_are_done_at_once_and_the_next_when_one_has_ended),
		queue_test(an_undo_comes_before_what_waits_for_its_volume),
		queue_test(however_many_starts_hang_the_agents_own_work_is_done),
		queue_test(however_many_undos_hang_leases_are_renewed_flushed_and_taken_away),
		queue_test(an_undo_gets_the_first_place_of_its_own_that_is_free),
		queue_test(a_container_is_not_started_before_what_it_left_at_its_end_was_noted),
		queue_test(what_waits_for_a_place_keeps_no_key_from_being_taken_away),
		queue_test(what_the_end_of_a_job_brings_about_comes_before_what_waited_for_it),
		queue_test(whatever_comes_nothing_is_done_out_of_order_and_no_place_stays_empty),
		queue_test(whoever_asked_is_told_once),
		queue_test(an_end_that_nobody_takes_is_known_to_be_untold),
		queue_test(whoever_hangs_up_in_time_takes_his_request_along),
		queue_test(what_is_bound_or_measured_for_nobody_is_broken_off_and_all_else_is_done),
		queue_test(whoever_hangs_up_later_is_not_told_and_his_request_is_done),
		queue_test(of_what_cannot_change_its_bindings_a_volume_does_not_hear),
		queue_test(a_worker_that_dies_may_have_changed_its_volume),
		queue_test(a_round_that_waits_will_see_what_there_is_now_one_that_began_may_not),
		queue_test(what_cannot_be_started_fails_and_is_in_nobodys_way),
		queue_test(too_many_requests_are_refused_but_never_the_agents_own),
		queue_test(a_stopped_queue_lets_end_what_it_does_and_starts_nothing),
		queue_test(a_queue_that_is_stopped_with_nothing_to_do_is_idle_at_once),
		cmocka_unit_test(what_changes_a_volume_excludes_all_else_that_does),
		cmocka_unit_test(every_worker_has_a_time_limit_but_the_one_that_recovers),
	};

	cc_log_init("test", LOG_EMERG);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
