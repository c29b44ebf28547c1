// SPDX-License-Identifier: Apache-2.0
/* The look at what a runtime has executed: its filter, and what is frozen meanwhile. */
#include "look_world.h"

/* CAP_SYS_ADMIN, and no filter of our own, are what it takes. */
static void the_filter_of_a_program_that_stands_is_sent_with_its_look(void **state)
{
	agent_auto_message struct agent_message m = {0};
	struct world *w = *state;
	struct cc_error err;

	looks_await(w->looks, &w->b);
	line(w);
	wait_job(w);
	expect_ok(agent_message_parse(w->job->m.text, strlen(w->job->m.text), true, &m, &err),
		  &err);
	assert_true(m.filter.read);
	assert_int_equal(m.filter.n, 4);
	assert_memory_equal(m.filter.p, filter, sizeof(filter));
	end(w, RENEWED);
	line(w);
	assert_int_equal(end_of(w->pid), 7);
}

/* The filter of one that stands is not given up because there are no files to open just now. */
static void a_filter_that_cannot_be_read_yet_is_waited_for(void **state)
{
	agent_auto_message struct agent_message m = {0};
	struct rlimit before, none;
	struct world *w = *state;
	struct cc_error err;

	looks_await(w->looks, &w->b);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	line(w);
	while (!w->froze && !w->job)
		event_base_loop(w->base, EVLOOP_ONCE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_null(w->job);
	looks_hurry(w->looks);
	assert_non_null(w->job);
	expect_ok(agent_message_parse(w->job->m.text, strlen(w->job->m.text), true, &m, &err),
		  &err);
	assert_true(m.filter.read);
	assert_int_equal(m.filter.n, 4);
	end(w, RENEWED);
	line(w);
	assert_int_equal(end_of(w->pid), 7);
}

static void what_does_not_stand_is_looked_at_without_its_filter(void **state)
{
	agent_auto_message struct agent_message m = {0};
	struct world *w = *state;
	struct cc_error err;

	execute_alone(w);
	looks_await(w->looks, &w->b);
	expect_ok(agent_message_parse(w->job->m.text, strlen(w->job->m.text), true, &m, &err),
		  &err);
	assert_false(m.filter.read);
	end(w, RENEWED);
	line(w);
	assert_int_equal(end_of(w->pid), 7);
}

static void a_program_that_waits_long_for_its_look_is_frozen_until_it_was_looked_at(void **state)
{
	struct world *w = *state;

	looks_await(w->looks, &w->b);
	line(w);
	line(w);
	wait_job(w);
	while (!w->frozen)
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	end(w, FAILED);
	assert_true(w->frozen);
	looks_hurry(w->looks);
	wait_job(w);
	end(w, RENEWED);
	assert_false(w->frozen);
	assert_int_equal(w->froze, 1);
	assert_int_equal(end_of(w->pid), 7);
}

static void a_program_that_stands_is_frozen_when_the_agent_ends(void **state)
{
	struct world *w = *state;

	looks_await(w->looks, &w->b);
	line(w);
	wait_job(w);
	looks_free(w->looks);
	w->looks = NULL;
	assert_true(w->frozen);
}

static void a_program_that_a_former_agent_froze_stands_until_it_was_looked_at(void **state)
{
	struct world *w = *state;

	execute_alone(w);
	w->frozen = true;
	looks_await(w->looks, &w->b);
	wait_job(w);
	assert_true(proc_stands_for(w->pid, getpid()));
	end(w, FAILED);
	assert_true(proc_stands_for(w->pid, getpid()));
	assert_true(w->frozen);
	looks_hurry(w->looks);
	end(w, RENEWED);
	assert_false(w->frozen);
	line(w);
	assert_int_equal(end_of(w->pid), 7);
}

static void what_a_former_agent_froze_goes_on_when_it_needs_no_look(void **state)
{
	struct world *w = *state;

	w->frozen = true;
	looks_forget(w->looks, "vol");
	assert_false(w->frozen);
}

static void a_program_that_cannot_be_made_to_stand_is_frozen_without_a_look(void **state)
{
	struct world *w = *state;

	execute_alone(w);
	looks_await(w->looks, &w->b);
	end(w, FAILED);
	while (!w->frozen)
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	wait_job(w);
	end(w, RENEWED);
	assert_false(w->frozen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		look_test(the_filter_of_a_program_that_stands_is_sent_with_its_look),
		look_test(a_filter_that_cannot_be_read_yet_is_waited_for),
		look_test(what_does_not_stand_is_looked_at_without_its_filter),
		look_test(a_program_that_waits_long_for_its_look_is_frozen_until_it_was_looked_at),
		look_test(a_program_that_stands_is_frozen_when_the_agent_ends),
		look_test(a_program_that_a_former_agent_froze_stands_until_it_was_looked_at),
		look_test(what_a_former_agent_froze_goes_on_when_it_needs_no_look),
		look_test(a_program_that_cannot_be_made_to_stand_is_frozen_without_a_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
