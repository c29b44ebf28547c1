// SPDX-License-Identifier: Apache-2.0
/* The order of the agent's queue: who comes when, and how many at once. */
#include "queue_world.h"

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
