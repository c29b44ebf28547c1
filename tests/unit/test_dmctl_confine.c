// SPDX-License-Identifier: Apache-2.0
/* What a worker of the agent cannot do. Each in a child: a filter stays. */
#include "lib_test.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dmctl/agent/confine.h"

/* What a confined process gets for it: 0 or errno. */
static int confined(long (*call)(void))
{
	struct cc_error err;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (confine_worker(&err))
			_exit(200);
		_exit(call() == -1 ? errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static long map(int prot)
{
	return mmap(NULL, 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

static long both(void)
{
	return map(PROT_READ | PROT_WRITE | PROT_EXEC);
}

static long writable(void)
{
	return map(PROT_READ | PROT_WRITE);
}

static long later(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static long real_time(void)
{
	const struct sched_param p = {.sched_priority = 1};

	return sched_setscheduler(0, SCHED_FIFO, &p);
}

static long ordinary(void)
{
	const struct sched_param p = {0};

	return sched_setscheduler(0, SCHED_BATCH, &p);
}

static long attributes(void)
{
	return syscall(SYS_sched_setattr, 0, NULL, 0);
}

static long other_personality(void)
{
	return personality(ADDR_NO_RANDOMIZE);
}

static void a_worker_gets_no_memory_that_is_written_and_executed(void **state)
{
	(void)state;
	assert_int_equal(confined(both), EPERM);
	assert_int_equal(confined(later), EPERM);
	assert_int_equal(confined(writable), 0);
}

static void a_worker_gets_no_real_time(void **state)
{
	(void)state;
	assert_int_equal(confined(real_time), EPERM);
	assert_int_equal(confined(attributes), EPERM);
	assert_int_equal(confined(ordinary), 0);
}

static void a_worker_keeps_its_personality(void **state)
{
	(void)state;
	assert_int_equal(confined(other_personality), EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_gets_no_memory_that_is_written_and_executed),
		cmocka_unit_test(a_worker_gets_no_real_time),
		cmocka_unit_test(a_worker_keeps_its_personality),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
