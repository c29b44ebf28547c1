// SPDX-License-Identifier: Apache-2.0
#include "lib_test.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dmctl/host/undo_guard.h"
#include "dmctl/host/stop_signals.h"
#include "dmctl/host/program.h"

/* Counts in memory that is shared with the children. */
static void count(void *arg)
{
	++*(volatile int *)arg;
}

static int shared_counter(void **state)
{
	*state = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return *state == MAP_FAILED;
}

static int unshare_counter(void **state)
{
	return munmap(*state, 4096);
}

static void done_means_no_undo(void **state)
{
	volatile int *n = *state;
	struct cc_error err = {0};
	struct undo_guard g;

	expect_ok(undo_guard_start(&g, count, (void *)n, &err), &err);
	undo_guard_done(&g);
	assert_int_equal(*n, 0);
}

static void undo_is_over_when_guard_undo_returns(void **state)
{
	volatile int *n = *state;
	struct cc_error err = {0};
	struct undo_guard g;

	expect_ok(undo_guard_start(&g, count, (void *)n, &err), &err);
	undo_guard_undo(&g);
	assert_int_equal(*n, 1);
}

/*
 * The worker holds the write end of a pipe, its guard inherits it: end of file means that both are
 * gone.
 */
static void expect_undo_after(int sig, volatile int *n)
{
	int fds[2];
	pid_t worker;
	char byte;

	*n = 0;
	assert_int_equal(pipe(fds), 0);
	worker = fork();
	if (worker == 0) {
		struct cc_error err;
		struct undo_guard g;

		close(fds[0]);
		if (undo_guard_start(&g, count, (void *)n, &err))
			_exit(1);
		raise(sig);
		_exit(1);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 0);
	close(fds[0]);
	assert_int_equal(waitpid(worker, NULL, 0), worker);
	assert_int_equal(*n, 1);
}

static void a_killed_process_is_undone(void **state)
{
	expect_undo_after(SIGKILL, *state);
	expect_undo_after(SIGTERM, *state);
}

static void a_signal_between_two_steps_is_an_error(void **state)
{
	struct cc_error err = {0};

	(void)state;
	stop_signals_block();
	expect_ok(stop_signals_check(&err), &err);
	raise(SIGTERM);
	assert_int_equal(stop_signals_check(&err), -1);
	expect_error(&err, CC_E_INTERNAL, "", "interrupted by SIGTERM");
	expect_ok(stop_signals_check(&err), &err);
	stop_signals_unblock();
}

static void a_program_reports_its_exit_status(void **state)
{
	static const char *const good[] = {"/bin/true", NULL};
	static const char *const bad[] = {"/bin/sh", "-c", "exit 3", NULL};
	static const char *const none[] = {"/nonexistent/program", NULL};
	struct cc_error err = {0};
	int status = -1;

	(void)state;
	stop_signals_block();
	expect_ok(program_run(good, STDERR_FILENO, &status, &err), &err);
	expect_ok(program_check(good[0], status, CC_E_DEVICE, &err), &err);
	expect_ok(program_run(bad, STDERR_FILENO, &status, &err), &err);
	assert_int_equal(program_check(bad[0], status, CC_E_DEVICE, &err), -1);
	expect_error(&err, CC_E_DEVICE, "", "exit status 3");
	expect_ok(program_run(none, STDERR_FILENO, &status, &err), &err);
	assert_int_equal(program_check(none[0], status, CC_E_DEVICE, &err), -1);
	expect_error(&err, CC_E_NOTFOUND, "", "cannot be run");
	stop_signals_unblock();
}

static void a_signal_ends_a_program_that_would_run_on(void **state)
{
	static const char *const slow[] = {"/bin/sh", "-c", "kill -TERM $PPID; exec sleep 1000",
					   NULL};
	struct cc_error err = {0};
	int status = -1;

	(void)state;
	stop_signals_block();
	assert_int_equal(program_run(slow, STDERR_FILENO, &status, &err), -1);
	expect_error(&err, CC_E_INTERNAL, "", "SIGTERM");
	assert_true(WIFSIGNALED(status));
	stop_signals_unblock();
}

static void a_program_that_takes_too_long_may_end_in_order(void **state)
{
	/* says that it was asked to */
	static const char *const slow[] = {
		"/bin/sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.05; done", NULL};
	static const char *const quick[] = {"/bin/true", NULL};
	struct cc_error err = {0};
	int status = -1;

	(void)state;
	stop_signals_block();
	assert_int_equal(program_run_within(slow, 500, STDERR_FILENO, &status, &err), -1);
	expect_error(&err, CC_E_BUSY, "", "longer than 500 ms");
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
	expect_ok(program_run_within(quick, 60000, STDERR_FILENO, &status, &err), &err);
	assert_int_equal(status, 0);
	stop_signals_unblock();
}

int main(void)
{
#define with_counter(test) cmocka_unit_test_setup_teardown(test, shared_counter, unshare_counter)
	const struct CMUnitTest tests[] = {
		with_counter(done_means_no_undo),
		with_counter(undo_is_over_when_guard_undo_returns),
		with_counter(a_killed_process_is_undone),
		cmocka_unit_test(a_signal_between_two_steps_is_an_error),
		cmocka_unit_test(a_program_reports_its_exit_status),
		cmocka_unit_test(a_signal_ends_a_program_that_would_run_on),
		cmocka_unit_test(a_program_that_takes_too_long_may_end_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
