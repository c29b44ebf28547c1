// SPDX-License-Identifier: Apache-2.0
/* What a process executes, and what a measurement that failed means. */
#include "lib_test.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dmctl/container/measure.h"
#include "dmctl/host/ns_census.h"
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

static void a_program_of_ones_own_mounts_is_told_from_one_in_memory(void **state)
{
	pid_t pid = start_from_memory();
	struct cc_error err;
	bool yes = false;

	(void)state;
	expect_ok(proc_exe_is_own(getpid(), &yes, &err), &err);
	assert_true(yes);
	expect_ok(proc_exe_is_own(pid, &yes, &err), &err);
	assert_false(yes);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(proc_exe_is_own(pid, &yes, &err), -1);
}

static bool has_executed(pid_t pid, const char *id)
{
	struct cc_error err;
	bool yes = false;

	expect_ok(proc_executed(pid, id, &yes, &err), &err);
	return yes;
}

/* A shell in memory, which executes its own file again at the first line of @in. */
static pid_t start_shell(int *in)
{
	char *const argv[] = {"sh", "-c", "read x; exec /proc/self/exe -c 'read y'", NULL};
	int copy = memfd_create("copy", 0), program = open("/bin/sh", O_RDONLY), to[2], ready[2];
	char buf[65536];
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe2(to, O_CLOEXEC) | pipe2(ready, O_CLOEXEC), 0);
	while ((n = read(program, buf, sizeof(buf))) > 0)
		assert_int_equal(write(copy, buf, (size_t)n), n);
	close(program);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(to[0], STDIN_FILENO);
		fexecve(copy, argv, environ);
		_exit(127);
	}
	close(copy);
	close(to[0]);
	close(ready[1]);
	assert_int_equal(read(ready[0], buf, 1), 0); /* the exec closed it */
	close(ready[0]);
	*in = to[1];
	return pid;
}

static void whatever_a_runtime_executes_has_been_executed_its_own_file_too(void **state)
{
	char id[PROC_EXE_LEN];
	struct cc_error err;
	bool yes = false;
	int in;
	pid_t pid = start_shell(&in);

	(void)state;
	expect_ok(proc_exe_id(pid, id, &err), &err);
	assert_false(has_executed(pid, id));
	assert_true(has_executed(getpid(), id));
	assert_true(has_executed(pid, "")); /* not known is the strict one */
	assert_int_equal(write(in, "\n", 1), 1);
	while (!has_executed(pid, id))
		;
	expect_ok(proc_exe_is_own(pid, &yes, &err), &err);
	assert_false(yes);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(in);
	assert_int_equal(proc_executed(pid, id, &yes, &err), -1);
}

/* A child that sleeps for @ms and ends. */
static pid_t sleeper(unsigned int ms)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		poll(NULL, 0, (int)ms);
		_exit(0);
	}
	return pid;
}

static void who_passes_through_a_namespace_does_not_share_it_and_who_stays_does(void **state)
{
	char own[PROC_PATH_MAX];
	struct cc_error err;
	pid_t passing, other = 0;
	uint64_t ino = 0;

	(void)state;
	expect_ok(proc_cgroup(getpid(), own, &err), &err);
	for (size_t i = 0; i < CC_NS_COUNT; i++) {
		expect_ok(proc_ns(0, cc_ns_names[i], &ino, &err), &err);
		passing = sleeper(60);
		assert_false(ns_stays(passing, i, ino, "/nowhere", 8, 5000));
		waitpid(passing, NULL, 0);
		assert_true(ns_stays(getpid(), i, ino, "/nowhere", 8, 60));
		assert_false(ns_stays(getpid(), i, ino, own, strlen(own), 0));
		assert_false(ns_stays(getpid(), i, 1, "/nowhere", 8, 0));
		expect_ok(ns_shared(i, 1, "/nowhere", 8, &other, &err), &err);
		assert_int_equal(other, 0);
	}
}

/* Until what was asked before this is too old to be an answer. */
static void let_the_census_age(void)
{
	poll(NULL, 0, NS_CENSUS_MS + 100);
}

static void a_process_in_the_same_namespace_is_found(void **state)
{
	struct cc_error err;
	uint64_t ino = 0;
	pid_t other = 0;
	int go[2], byte;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		byte = unshare(CLONE_NEWUTS) && unshare(CLONE_NEWUSER | CLONE_NEWUTS);
		if (write(go[1], &byte, sizeof(byte)) != sizeof(byte))
			_exit(1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(go[0], &byte, sizeof(byte)), sizeof(byte));
	assert_int_equal(byte, 0);
	expect_ok(proc_ns(pid, "uts", &ino, &err), &err);
	let_the_census_age();
	expect_ok(ns_shared(5, ino, "/nowhere", 8, &other, &err), &err);
	assert_int_equal(other, pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	expect_ok(ns_shared(5, ino, "/nowhere", 8, &other, &err), &err);
	assert_int_equal(other, 0);
}

/* In a namespace of its own: one after the other, each for less than a passer-by may be there. */
static _Noreturn void be_relay(int tell, int stop)
{
	struct pollfd ends = {.fd = stop, .events = POLLIN};
	uint64_t ino = 0;
	struct cc_error err;
	pid_t next;

	if (unshare(CLONE_NEWUTS) || proc_ns(0, "uts", &ino, &err) ||
	    write(tell, &ino, sizeof(ino)) != sizeof(ino))
		_exit(1);
	while (poll(&ends, 1, 300) == 0) {
		next = fork();
		if (next) {
			poll(&ends, 1, 100);
			_exit(next < 0);
		}
	}
	_exit(0);
}

static void those_who_are_there_one_after_the_other_share_a_namespace(void **state)
{
	int tell[2], stop[2];
	struct cc_error err;
	pid_t other = 0;
	uint64_t ino = 0;

	(void)state;
	assert_int_equal(pipe2(tell, O_CLOEXEC), 0);
	assert_int_equal(pipe2(stop, O_CLOEXEC), 0);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	if (fork() == 0) {
		close(stop[1]);
		be_relay(tell[1], stop[0]);
	}
	assert_int_equal(read(tell[0], &ino, sizeof(ino)), sizeof(ino));
	let_the_census_age();
	expect_ok(ns_shared(5, ino, "/nowhere", 8, &other, &err), &err);
	assert_true(other > 0);
	close(stop[1]);
	while (waitpid(-1, NULL, 0) > 0)
		;
	expect_ok(ns_shared(5, ino, "/nowhere", 8, &other, &err), &err);
	assert_int_equal(other, 0);
	close(stop[0]);
	close(tell[0]);
	close(tell[1]);
}

static void *join_and_wait(void *arg)
{
	const int *fds = arg;
	struct stat st;
	uint64_t ino;

	if (unshare(CLONE_NEWUTS) || stat("/proc/thread-self/ns/uts", &st))
		_exit(1);
	ino = st.st_ino;
	if (write(fds[1], &ino, sizeof(ino)) != sizeof(ino))
		_exit(1);
	pause();
	return NULL;
}

static void a_thread_shares_a_namespace_that_the_first_of_its_process_is_not_in(void **state)
{
	struct cc_error err;
	pid_t pid, other = 0;
	uint64_t ino = 0;
	pthread_t thread;
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		if (pthread_create(&thread, NULL, join_and_wait, fds) == 0)
			pause();
		_exit(1);
	}
	assert_int_equal(read(fds[0], &ino, sizeof(ino)), sizeof(ino));

	let_the_census_age();
	expect_ok(ns_shared(5, ino, "/nowhere", 8, &other, &err), &err);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(other, pid);
	close(fds[0]);
	close(fds[1]);
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
			a_thread_shares_a_namespace_that_the_first_of_its_process_is_not_in),
		cmocka_unit_test(a_process_in_the_same_namespace_is_found),
		cmocka_unit_test(a_program_of_ones_own_mounts_is_told_from_one_in_memory),
		cmocka_unit_test(whatever_a_runtime_executes_has_been_executed_its_own_file_too),
		cmocka_unit_test(those_who_are_there_one_after_the_other_share_a_namespace),
		cmocka_unit_test(
			who_passes_through_a_namespace_does_not_share_it_and_who_stays_does),
		cmocka_unit_test(only_a_fact_that_differs_is_a_verdict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
