// SPDX-License-Identifier: Apache-2.0
/* Reading files, and writing them so that they are there after a crash. */
#include "lib_test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file.h"

#define LEN (1 << 20)

/* In place of the C library's: what was synced last. */
static struct stat synced;

int fsync(int fd)
{
	assert_int_equal(fstat(fd, &synced), 0);
	return (int)syscall(SYS_fsync, fd);
}

static void nothing(int sig)
{
	(void)sig;
}

/* In the child: exits with 0 when it has read all the bytes. */
static _Noreturn void reader(int fd)
{
	size_t total = 0;
	char buf[777];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		total += (size_t)n;
		usleep(50);
	}
	_exit(total == LEN ? 0 : 1);
}

static void interrupted_writes_are_taken_up_again(void **state)
{
	const struct itimerval often = {.it_interval.tv_usec = 500, .it_value.tv_usec = 500};
	const struct sigaction act = {.sa_handler = nothing}; /* no SA_RESTART */
	static char buf[LEN];
	int fds[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		close(fds[1]);
		reader(fds[0]);
	}
	close(fds[0]);
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	assert_int_equal(cc_write_all(fds[1], buf, sizeof(buf)), 0);
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
	close(fds[1]);
	while (waitpid(pid, &status, 0) < 0)
		;
	assert_int_equal(status, 0);
}

static void a_full_device_is_an_error(void **state)
{
	int fd = open("/dev/full", O_WRONLY);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(cc_write_all(fd, "x", 1), -1);
	close(fd);
}

static void the_directory_of_a_path_is_synced(void **state)
{
	char dir[] = "/tmp/test-file.XXXXXX", path[64];
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(stat(dir, &st), 0);
	snprintf(path, sizeof(path), "%s/file", dir);
	assert_int_equal(cc_sync_dir_of(path), 0);
	assert_int_equal(synced.st_ino, st.st_ino);
	assert_true(S_ISDIR(synced.st_mode));
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(cc_sync_dir_of(path), -1);
}

static void a_file_is_replaced_whole_and_with_its_mode(void **state)
{
	char dir[] = "/tmp/test-file.XXXXXX";
	struct cc_error err = {0};
	cc_auto_free char *text = NULL;
	char path[64];
	struct stat st;
	size_t len;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/key", dir);
	expect_ok(cc_replace_file(path, "one", 3, 0644, &err), &err);
	expect_ok(cc_replace_file(path, "seven", 5, 0600, &err), &err);
	expect_ok(cc_read_file(path, &text, &len, &err), &err);
	assert_string_equal(text, "seven");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* the new name, too, after its content */
	assert_int_equal(stat(dir, &st), 0);
	assert_true(S_ISDIR(synced.st_mode) && synced.st_ino == st.st_ino);
	unlink(path);
	/* nothing beside it */
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(cc_replace_file(path, "x", 1, 0600, &err), -1);
	expect_error(&err, CC_E_INTERNAL, "", "No such file");
}

static void files_are_read_whole_or_not_at_all(void **state)
{
	char path[] = "/tmp/cc-test-XXXXXX";
	cc_auto_close int fd = mkstemp(path);
	struct cc_error err = {0};
	char *buf = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(write(fd, "a\0b", 3), 3);
	expect_ok(cc_read_file(path, &buf, &len, &err), &err);
	assert_int_equal(len, 3);
	assert_memory_equal(buf, "a\0b", 4);
	free(buf);
	buf = NULL;

	assert_int_equal(ftruncate(fd, CC_FILE_MAX), 0);
	expect_ok(cc_read_file(path, &buf, &len, &err), &err);
	assert_int_equal(len, CC_FILE_MAX);
	free(buf);
	buf = NULL;

	assert_int_equal(ftruncate(fd, CC_FILE_MAX + 1), 0);
	assert_int_equal(cc_read_file(path, &buf, &len, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "has more than");
	assert_null(buf);
	unlink(path);
	assert_int_equal(cc_read_file(path, &buf, &len, &err), -1);
	expect_error(&err, CC_E_NOTFOUND, "", path);
	assert_int_equal(cc_read_file("/tmp", &buf, &len, &err), -1);
	expect_error(&err, CC_E_INTERNAL, "", "/tmp");
}

static void a_dash_reads_standard_input(void **state)
{
	struct cc_error err = {0};
	int pipefd[2], saved = dup(STDIN_FILENO);
	char *buf = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(pipe(pipefd), 0);
	assert_int_equal(write(pipefd[1], "{}", 2), 2);
	close(pipefd[1]);
	dup2(pipefd[0], STDIN_FILENO);
	close(pipefd[0]);
	expect_ok(cc_read_file("-", &buf, &len, &err), &err);
	dup2(saved, STDIN_FILENO);
	close(saved);
	assert_string_equal(buf, "{}");
	free(buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interrupted_writes_are_taken_up_again),
		cmocka_unit_test(a_full_device_is_an_error),
		cmocka_unit_test(the_directory_of_a_path_is_synced),
		cmocka_unit_test(a_file_is_replaced_whole_and_with_its_mode),
		cmocka_unit_test(files_are_read_whole_or_not_at_all),
		cmocka_unit_test(a_dash_reads_standard_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
