// SPDX-License-Identifier: Apache-2.0
/* Who hears of the end of a job of the agent's queue. */
#include "queue_world.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		queue_test(whoever_asked_is_told_once),
		queue_test(an_end_that_nobody_takes_is_known_to_be_untold),
		queue_test(whoever_hangs_up_in_time_takes_his_request_along),
		queue_test(what_is_bound_or_measured_for_nobody_is_broken_off_and_all_else_is_done),
		queue_test(whoever_hangs_up_later_is_not_told_and_his_request_is_done),
		queue_test(of_what_cannot_change_its_bindings_a_volume_does_not_hear),
		queue_test(a_worker_that_dies_may_have_changed_its_volume),
		queue_test(a_round_that_waits_will_see_what_there_is_now_one_that_began_may_not),
	};

	cc_log_init("test", LOG_EMERG);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
