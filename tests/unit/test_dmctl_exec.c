// SPDX-License-Identifier: Apache-2.0
/* What a process executes, and what a measurement that failed means. */
#include "lib_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dmctl/container/measure.h"
#include "dmctl/host/proc_exec.h"

/* /bin/sleep, executed from a copy in memory, as runtimes execute themselves. */
static pid_t start_from_memory(void)
{
	int copy = memfd_create("copy", 0), program = open("/bin/sleep", O_RDONLY), fds[2];
	char *const argv[] = {"sleep", "1000", NULL};
	char buf[65536], byte;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	while ((n = read(program, buf, sizeof(buf))) > 0)
		assert_int_equal(write(copy, buf, (size_t)n), n);
	close(program);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		fexecve(copy, argv, environ);
		_exit(127);
	}
	close(copy);
	close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 0); /* the exec closed it */
	close(fds[0]);
	return pid;
}

static void a_program_of_ones_own_mounts_has_been_executed_and_one_in_memory_has_not(void **state)
{
	pid_t pid = start_from_memory();
	struct cc_error err;
	bool yes = false;

	(void)state;
	expect_ok(proc_executed(getpid(), &yes, &err), &err);
	assert_true(yes);
	expect_ok(proc_executed(pid, &yes, &err), &err);
	assert_false(yes);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(proc_executed(pid, &yes, &err), -1);
}

/* Only a fact that differs ends a lease; an engine, a disk or memory that fail do not. */
static void only_a_fact_that_differs_is_a_verdict(void **state)
{
	static const struct {
		enum cc_code code;
		const char *fact;
		bool verdict;
	} kinds[] = {
		{CC_E_USAGE, "", false},
		{CC_E_PERM, "", false},
		{CC_E_NOMEM, "", false},
		{CC_E_DEVICE, "", false},
		{CC_E_BUSY, "", false},
		{CC_E_REFUSED, "user", true},
		{CC_E_REFUSED, "rootfs", true},
		{CC_E_REFUSED, "", false},
		{CC_E_UNREACHABLE, "", false},
		{CC_E_NOTFOUND, "", false},
		{CC_E_EXISTS, "", false},
		{CC_E_INVALID, "", false},
		{CC_E_INVALID, "evidence", false},
		{CC_E_INTERNAL, "", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct cc_error err = {.code = kinds[i].code};

		strcpy(err.fact, kinds[i].fact);
		print_message("# %s \"%s\"\n", cc_code_name(err.code), err.fact);
		assert_int_equal(measure_is_verdict(&err), kinds[i].verdict);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_program_of_ones_own_mounts_has_been_executed_and_one_in_memory_has_not),
		cmocka_unit_test(only_a_fact_that_differs_is_a_verdict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
