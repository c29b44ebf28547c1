// SPDX-License-Identifier: Apache-2.0
/* A sync that hangs is left alone, and keeps nobody's lock. */
#include "lib_test.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dmctl/host/sync_within.h"

/* Who hang: in memory that children share. */
static struct hanging {
	unsigned int n;
	pid_t last;
} *hanging;

static void hang(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* with the test */
	hanging->last = getpid();
	__atomic_add_fetch(&hanging->n, 1, __ATOMIC_SEQ_CST);
	for (;;)
		pause();
}

static unsigned int hang_now(void)
{
	return __atomic_load_n(&hanging->n, __ATOMIC_SEQ_CST);
}

static void nothing(void)
{
}

static void a_sync_that_ends_is_waited_for(void **state)
{
	(void)state;
	assert_true(sync_within(nothing, 60000));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nobody is left */
}

static void a_sync_that_hangs_keeps_no_lock_of_whoever_waited_for_it(void **state)
{
	char path[] = "/tmp/test-sync-XXXXXX";
	int fd = mkstemp(path), other;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	assert_false(sync_within(hang, 1));
	while (!hang_now()) /* how long it takes to begin is the host's matter */
		sched_yield();
	close(fd);
	other = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(kill(hanging->last, 0), 0);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	close(other);
	unlink(path);
	kill(hanging->last, SIGKILL);
	assert_int_equal(waitpid(hanging->last, NULL, 0), hanging->last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sync_that_ends_is_waited_for),
		cmocka_unit_test(a_sync_that_hangs_keeps_no_lock_of_whoever_waited_for_it),
	};

	hanging = mmap(NULL, sizeof(*hanging), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	return hanging == MAP_FAILED ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
