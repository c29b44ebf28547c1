// SPDX-License-Identifier: Apache-2.0
/*
 * Who keeps a file system in use: children that do, in some of the ways there are, of a file system
 * that nobody else has. Needs root, to mount it, and /dev/fuse, for one that does not answer.
 */
#include "tree_test.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dmctl/bind/held_by.h"
#include "dmctl/host/boottime.h"
#include "dmctl/host/holders.h"

static dev_t dev;

static int setup(void **state)
{
	struct stat st;

	(void)state;
	if (top_new() || mount("tmpfs", top, "tmpfs", 0, NULL) || stat(top, &st))
		return -1;
	dev = st.st_dev;
	make_file(top, "/file", "content");
	return 0;
}

static int teardown(void **state)
{
	return umount2(top, MNT_DETACH) || top_remove(state);
}

/* Whoever sees no mount of it has none: the file systems are of this program alone. */
static int alone(void **state)
{
	(void)state;
	return unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

typedef void hold_fn(void);

static void hold_nothing(void)
{
}

static void hold_a_file(void)
{
	assert_true(open(at("/file"), O_RDONLY) >= 0);
}

static void hold_a_directory(void)
{
	assert_true(open(top, O_PATH) >= 0);
}

static void stand_in_a_directory(void)
{
	assert_int_equal(chdir(top), 0);
}

static void map_a_file(void)
{
	int fd = open(at("/file"), O_RDONLY);

	assert_true(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) != MAP_FAILED);
	close(fd);
}

/* A child that holds something of the file system; it sees its mount, too. */
static pid_t child_that(hold_fn *hold)
{
	int ready[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* what the test itself was given does not count */
		assert_int_equal(dup2(ready[1], 0), 0);
		assert_int_equal(close_range(1, ~0U, 0), 0);
		assert_int_equal(chdir("/proc"), 0);
		hold();
		assert_int_equal(write(0, "x", 1), 1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void expect_how(hold_fn *hold, const char *said)
{
	pid_t pid = child_that(hold);
	const char *how = holder_how(pid, dev);

	end(pid);
	assert_non_null(how);
	assert_string_equal(how, said);
}

static void what_a_process_has_is_said(void **state)
{
	(void)state;
	expect_how(hold_a_file, "a file of it open");
	expect_how(hold_a_directory, "a directory of it open");
	expect_how(stand_in_a_directory, "its directory on it");
	expect_how(map_a_file, "a file of it mapped");
	expect_how(hold_nothing, "it mounted");
}

static void who_has_nothing_of_a_device_is_no_holder(void **state)
{
	pid_t pid = child_that(hold_nothing);

	(void)state;
	assert_null(holder_how(pid, makedev(4095, 77777)));
	end(pid);
	assert_null(holder_how(pid, dev)); /* who is gone, neither */
}

static void nobody_is_named_for_a_device_that_nobody_uses(void **state)
{
	char text[HELD_BY_LEN];

	(void)state;
	held_by(makedev(4095, 77777), text);
	assert_string_equal(text, "");
}

static void holders_are_named_with_process_program_and_owner(void **state)
{
	pid_t pid = child_that(hold_a_file);
	char text[HELD_BY_LEN], said[HELD_BY_LEN];

	(void)state;
	held_by(dev, text);
	end(pid);
	snprintf(said, sizeof(said),
		 "process %d (test_dmctl_hold) of the host has a file of it open", (int)pid);
	assert_string_equal(text, said);
}

/* More than are named: who has it most in use is, in the same order each time. */
static void of_many_holders_those_with_a_file_open_are_named_first(void **state)
{
	pid_t standing[3 * HOLDERS_MAX], pid;
	struct holder v[HOLDERS_MAX];

	(void)state;
	for (size_t i = 0; i < 3 * (size_t)HOLDERS_MAX; i++)
		standing[i] = child_that(stand_in_a_directory);
	pid = child_that(hold_a_file);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(holders_find(dev, v), HOLDERS_MAX);
		assert_int_equal(v[0].pid, pid);
		assert_string_equal(v[0].how, "a file of it open");
		for (size_t i = 1; i < HOLDERS_MAX; i++) {
			assert_string_equal(v[i].how, "its directory on it");
			assert_true(i == 1 || v[i].pid > v[i - 1].pid);
		}
	}
	end(pid);
	for (size_t i = 0; i < 3 * (size_t)HOLDERS_MAX; i++)
		end(standing[i]);
}

static void of_those_that_only_see_a_mount_one_is_named(void **state)
{
	pid_t pids[3] = {child_that(hold_nothing), child_that(hold_nothing)};
	struct holder v[HOLDERS_MAX];

	(void)state;
	assert_int_equal(holders_find(dev, v), 1);
	assert_string_equal(v[0].how, "it mounted");
	pids[2] = child_that(map_a_file);
	assert_int_equal(holders_find(dev, v), 1);
	assert_int_equal(v[0].pid, pids[2]);
	for (size_t i = 0; i < 3; i++)
		end(pids[i]);
}

/* They stand in the host's root directory. */
static void threads_of_the_kernel_hold_nothing(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat("/", &st), 0);
	assert_null(holder_how(2, st.st_dev));
}

/* ---- file systems that do not answer ------------------------------------------------------- */

/* Nobody serves it: whoever asks it for anything waits. @mount_point: where. Its descriptor. */
static int mount_deaf(const char *mount_point)
{
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[96];

	assert_true(fuse >= 0);
	assert_int_equal(mkdir(mount_point, 0755), 0);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
	assert_int_equal(mount("deaf", mount_point, "fuse", 0, options), 0);
	return fuse;
}

static void hold_what_does_not_answer_and_a_file(void)
{
	assert_true(open(at("/deaf"), O_PATH) >= 0);
	assert_true(open(at("/file"), O_RDONLY) >= 0);
}

/* As "docker run -v SSHFS" and an NFS server that is away. */
static void a_file_system_that_does_not_answer_keeps_nobody_from_being_named(void **state)
{
	int fuse = mount_deaf(at("/deaf"));
	pid_t pid = child_that(hold_what_does_not_answer_and_a_file);
	struct holder v[HOLDERS_MAX];
	uint64_t begin_ms = boottime_ms();
	const char *how;
	size_t n;

	(void)state;
	alarm(60);
	how = holder_how(pid, dev);
	n = holders_find(makedev(4095, 77777), v);
	alarm(0);
	end(pid);
	assert_int_equal(umount2(at("/deaf"), MNT_DETACH), 0);
	close(fuse);
	assert_non_null(how);
	assert_string_equal(how, "a file of it open");
	assert_int_equal(n, 0);
	assert_true(boottime_ms() - begin_ms < 20000);
}

int main(void)
{
#define WITH_DIR(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_DIR(what_a_process_has_is_said),
		WITH_DIR(who_has_nothing_of_a_device_is_no_holder),
		WITH_DIR(nobody_is_named_for_a_device_that_nobody_uses),
		WITH_DIR(holders_are_named_with_process_program_and_owner),
		WITH_DIR(of_many_holders_those_with_a_file_open_are_named_first),
		WITH_DIR(of_those_that_only_see_a_mount_one_is_named),
		WITH_DIR(threads_of_the_kernel_hold_nothing),
		WITH_DIR(a_file_system_that_does_not_answer_keeps_nobody_from_being_named),
	};

	return cmocka_run_group_tests(tests, alone, NULL);
}
