// SPDX-License-Identifier: Apache-2.0
/* The look at what a runtime has executed: what stands, what begins, what never does. */
#include "look_world.h"

static void a_program_stands_until_it_was_looked_at_and_then_begins(void **state)
{
	struct world *w = *state;

	looks_await(w->looks, &w->b);
	looks_await(w->looks, &w->b); /* again is once */
	assert_true(is_traced(w->pid));
	assert_string_equal(w->ops, "");
	line(w);
	wait_job(w);
	assert_true(proc_stands_for(w->pid, getpid()));
	assert_string_equal(w->ops, "look");
	end(w, RENEWED);
	assert_false(is_traced(w->pid));
	line(w);
	assert_int_equal(end_of(w->pid), 7);
}

static bool executes_at_once(void *arg, const struct job_end *how)
{
	struct world *w = arg;
	struct cc_error err;
	bool yes = false;

	assert_null(how->err);
	line(w);
	while (!yes)
		expect_ok(proc_executed(w->pid, w->b.runtime, &yes, &err), &err);
	return true;
}

static void a_program_that_is_executed_as_soon_as_its_hook_is_told_stands(void **state)
{
	struct agent_message m = {.op = AGENT_HOOK, .volume = "vol"};
	struct world *w = *state;
	struct cc_error err;

	expect_ok(queue_submit(w->queue, &m, executes_at_once, w, &err), &err);
	end(w, "{'ok':true}");
	wait_job(w);
	assert_string_equal(w->ops, "hook look");
	assert_true(proc_stands_for(w->pid, getpid()));
	end(w, RENEWED);
	line(w);
	assert_int_equal(end_of(w->pid), 7);
}

static void a_program_that_is_refused_never_begins(void **state)
{
	struct world *w = *state;

	looks_await(w->looks, &w->b);
	line(w);
	line(w);
	wait_job(w);
	end(w, REFUSED);
	assert_string_equal(w->ops, "look revoke");
	end(w, "{'ok':true}");
	assert_true(proc_stands_for(w->pid, getpid()));
	kill(w->pid, SIGKILL);
	while (kill(w->pid, 0) == 0) /* waited for by the look */
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	looks_forget(w->looks, "vol");
	assert_string_equal(w->ops, "look revoke");
}

/* Else its parent does not hear of its end as long as there is an agent. */
static void a_program_that_was_killed_and_is_forgotten_at_once_is_waited_for(void **state)
{
	struct world *w = *state;

	looks_await(w->looks, &w->b);
	line(w);
	line(w);
	wait_job(w);
	end(w, REFUSED);
	end(w, "{'ok':true}");
	kill(w->pid, SIGKILL);
	looks_forget(w->looks, "vol"); /* before the loop hears of the signal */
	while (kill(w->pid, 0) == 0)
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	assert_int_equal(event_base_loop(w->base, EVLOOP_NONBLOCK), 0);
}

#define NOTHING "{'ok':true,'renewed':0,'failed':0,'failures':[],'refused':[]}"

static void a_program_stands_as_long_as_the_look_cannot_be_done(void **state)
{
	static const char *const answers[] = {NULL, FAILED, NOTHING};
	struct world *w = *state;

	looks_await(w->looks, &w->b);
	line(w);
	line(w);
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		wait_job(w);
		end(w, answers[i]);
		assert_true(proc_stands_for(w->pid, getpid()));
		looks_hurry(w->looks);
	}
	wait_job(w);
	end(w, RENEWED);
	assert_false(is_traced(w->pid));
	assert_int_equal(end_of(w->pid), 7);
	assert_string_equal(w->ops, "look look look look");
}

static void a_look_that_cannot_be_done_is_asked_for_again_by_itself(void **state)
{
	struct world *w = *state;

	looks_await(w->looks, &w->b);
	line(w);
	wait_job(w);
	end(w, FAILED);
	assert_null(w->job);
	wait_job(w);
	end(w, RENEWED);
	line(w);
	assert_int_equal(end_of(w->pid), 7);
}

static void a_program_stands_when_no_look_can_be_begun(void **state)
{
	struct world *w = *state;

	w->cannot = true;
	looks_await(w->looks, &w->b);
	line(w);
	line(w);
	while (!proc_stands_for(w->pid, getpid()))
		assert_int_equal(event_base_loop(w->base, EVLOOP_NONBLOCK), 0);
	while (!w->froze)
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	assert_true(proc_stands_for(w->pid, getpid()));
	w->cannot = false;
	looks_hurry(w->looks);
	wait_job(w);
	end(w, RENEWED);
	assert_int_equal(end_of(w->pid), 7);
}

static void a_runtime_that_is_forgotten_goes_on_by_itself(void **state)
{
	struct world *w = *state;

	looks_await(w->looks, &w->b);
	looks_forget(w->looks, "vol");
	looks_forget(w->looks, "vol");
	while (is_traced(w->pid))
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	line(w);
	line(w);
	assert_int_equal(end_of(w->pid), 7);
	assert_string_equal(w->ops, "");
}

static void a_program_that_stands_and_is_forgotten_begins(void **state)
{
	struct world *w = *state;

	looks_await(w->looks, &w->b);
	line(w);
	wait_job(w);
	looks_forget(w->looks, "vol");
	line(w);
	assert_int_equal(end_of(w->pid), 7);
	end(w, RENEWED); /* nobody is told */
}

static void a_program_that_was_executed_before_is_looked_at_at_once_and_does_not_stand(void **state)
{
	struct world *w = *state;

	execute_alone(w);
	looks_await(w->looks, &w->b);
	assert_string_equal(w->ops, "look");
	assert_false(is_traced(w->pid));
	end(w, RENEWED);
	line(w);
	assert_int_equal(end_of(w->pid), 7);
}

static void a_process_that_somebody_else_traces_is_looked_at_later(void **state)
{
	struct world *w = *state;
	int ready[2];
	pid_t tracer;
	char byte;

	assert_int_equal(pipe(ready), 0);
	tracer = fork();
	if (tracer == 0) {
		struct cc_error err;

		if (tracee_seize(w->pid, &err) || write(ready[1], "x", 1) != 1)
			_exit(1);
		while (tracee_next(w->pid) != TRACEE_EXECUTED)
			;
		tracee_leave(w->pid);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	looks_await(w->looks, &w->b);
	assert_string_equal(w->ops, "");
	line(w);
	wait_job(w);
	assert_string_equal(w->ops, "look");
	end(w, RENEWED);
	assert_int_equal(end_of(tracer), 0);
	line(w);
	assert_int_equal(end_of(w->pid), 7);
	close(ready[0]);
	close(ready[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		look_test(a_program_stands_until_it_was_looked_at_and_then_begins),
		self_test(a_program_stands_until_it_was_looked_at_and_then_begins),
		self_test(
			a_program_that_was_executed_before_is_looked_at_at_once_and_does_not_stand),
		look_test(a_program_that_is_executed_as_soon_as_its_hook_is_told_stands),
		look_test(a_program_that_is_refused_never_begins),
		look_test(a_program_that_was_killed_and_is_forgotten_at_once_is_waited_for),
		look_test(a_program_stands_as_long_as_the_look_cannot_be_done),
		look_test(a_look_that_cannot_be_done_is_asked_for_again_by_itself),
		look_test(a_program_stands_when_no_look_can_be_begun),
		look_test(a_runtime_that_is_forgotten_goes_on_by_itself),
		look_test(a_program_that_stands_and_is_forgotten_begins),
		look_test(
			a_program_that_was_executed_before_is_looked_at_at_once_and_does_not_stand),
		look_test(a_process_that_somebody_else_traces_is_looked_at_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
