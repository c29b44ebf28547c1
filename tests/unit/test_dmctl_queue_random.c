// SPDX-License-Identifier: Apache-2.0
/*
 * The order of the agent's queue, whatever comes: against what this test knows of it by itself.
 */
#include "queue_world.h"

#define REQUESTS 3000

/**
 * struct asked - a request of the random test, which knows by itself what may be started.
 */
struct asked {
	enum agent_op op;
	const char *binding;
	enum { WAITS, RUNS, ENDED } state;
};

/* All that was submitted. */
static struct asked asked[REQUESTS];
static size_t n_asked;

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

static bool has_place(const struct asked *a)
{
	enum job_lane lane = job_kind(a->op)->lane;
	unsigned int n = 0;

	for (size_t i = 0; i < n_asked; i++)
		n += asked[i].state == RUNS && job_kind(asked[i].op)->lane == lane;
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

static bool may_start(const struct asked *a)
{
	if (a->state != WAITS || !has_place(a))
		return false;
	for (size_t i = 0; i < n_asked; i++) {
		const struct asked *other = &asked[i];

		if (other != a && excludes(a, other) &&
		    (other->state == RUNS || (other->state == WAITS && goes_before(other, a))))
			return false;
	}
	return true;
}

/* What is to be started next: undoing first, else what came first; NULL: nothing. */
static struct asked *best(void)
{
	struct asked *first = NULL;

	for (size_t i = 0; i < n_asked; i++) {
		struct asked *a = &asked[i];

		if (!may_start(a))
			continue;
		if (is_first(a))
			return a;
		if (!first)
			first = a;
	}
	return first;
}

static void on_run(struct world *w, struct job *j)
{
	(void)w;
	assert_ptr_equal(j->arg, best());
	best()->state = RUNS;
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
	struct asked *a = &asked[n_asked++];

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
	struct asked *a = &asked[(size_t)random() % n_asked];

	if (a->state != WAITS)
		return;
	queue_cancel(w->q, a);
	a->state = ENDED;
}

static void whatever_comes_nothing_is_done_out_of_order_and_no_place_stays_empty(void **state)
{
	struct world *w = *state;

	w->on_run = on_run;
	srandom(10);
	while (n_asked < REQUESTS || w->n_running) {
		/* now more come than go, now fewer */
		long what = random() % 100, come = n_asked / 100 % 2 ? 60 : 30;

		if (what < come && n_asked < REQUESTS)
			submit_any(w);
		else if (what < come + 3 && n_asked)
			cancel_any(w);
		else if (w->n_running)
			succeed(take(w, (size_t)random() % w->n_running));
		assert_null(best());
	}
	for (size_t i = 0; i < REQUESTS; i++)
		assert_int_equal(asked[i].state, ENDED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		queue_test(whatever_comes_nothing_is_done_out_of_order_and_no_place_stays_empty),
	};

	cc_log_init("test", LOG_EMERG);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
