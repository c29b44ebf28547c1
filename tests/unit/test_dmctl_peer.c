// SPDX-License-Identifier: Apache-2.0
/*
 * Who may ask the agent. Needs root; what needs a control group is left out where none can be made.
 */
#include "lib_test.h"

#include <linux/magic.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dmctl/agent/peer_check.h"
#include "dmctl/host/proc.h"

#define ID "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

typedef void prepare_fn(void);

static char dir[] = "/tmp/peer-test.XXXXXX";
static char group[128];
static int listener;

static void connect_to(const char *name)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	char c;

	strcpy(addr.sun_path, name);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		_exit(77);
	(void)!read(fd, &c, 1); /* until it is hung up on */
	_exit(0);
}

static void as_it_is(void)
{
}

static void in_another_root(void)
{
	if (chroot(dir) || chdir("/"))
		_exit(77);
}

static void in_another_mount_namespace(void)
{
	if (unshare(CLONE_NEWNS))
		_exit(77);
}

static void without_root(void)
{
	if (setresuid(65534, 65534, 65534))
		_exit(77);
}

static void in_a_containers_group(void)
{
	cc_auto_free char *procs = NULL;
	FILE *f = asprintf(&procs, "%s/cgroup.procs", group) < 0 ? NULL : fopen(procs, "r+");

	if (!f || fprintf(f, "0") < 0 || fclose(f))
		_exit(77);
}

/* What a process that does @prepare and connects is answered; -2 where that cannot be tried. */
static int check(prepare_fn *prepare, struct cc_error *err)
{
	char name[64];
	int fd, rc, status;
	pid_t pid;

	snprintf(name, sizeof(name), "%s/sock", prepare == in_another_root ? "" : dir);
	pid = fork();
	if (pid == 0) {
		alarm(20);
		prepare();
		connect_to(name);
	}
	for (;;) {
		fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			break;
		if (waitpid(pid, &status, WNOHANG) == pid)
			return -2;
		usleep(1000);
	}
	rc = peer_check(fd, err);
	close(fd);
	waitpid(pid, NULL, 0);
	return rc;
}

static void a_process_of_the_host_may(void **state)
{
	struct cc_error err;

	(void)state;
	expect_ok(check(as_it_is, &err), &err);
}

static void so_may_a_service_with_its_own_mounts(void **state)
{
	struct cc_error err = {0};
	int rc = check(in_another_mount_namespace, &err);

	(void)state;
	if (rc == -2)
		skip();
	expect_ok(rc, &err);
}

static void expect_refused(prepare_fn *prepare, const char *why)
{
	struct cc_error err;
	int rc = check(prepare, &err);

	if (rc == -2)
		skip();
	assert_int_equal(rc, -1);
	expect_error(&err, CC_E_PERM, "", why);
}

static void one_with_another_root_directory_may_not(void **state)
{
	(void)state;
	expect_refused(in_another_root, "container");
}

/* A container's, in the hierarchy of version 2, which hosts with both have below "unified". */
static void find_group(void)
{
	struct statfs fs;
	bool whole = statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;

	snprintf(group, sizeof(group), "/sys/fs/cgroup/%sdocker-" ID ".scope",
		 whole ? "" : "unified/");
}

static void one_in_a_containers_group_may_not(void **state)
{
	struct cc_error err;
	int rc;

	(void)state;
	find_group();
	if (mkdir(group, 0755))
		skip();
	rc = check(in_a_containers_group, &err);
	rmdir(group);
	if (rc == -2)
		skip();
	assert_int_equal(rc, -1);
	expect_error(&err, CC_E_PERM, "", "container");
}

static void one_that_is_not_root_may_not(void **state)
{
	(void)state;
	expect_refused(without_root, "only root");
}

static void a_root_directory_tells_who_is_at_home(void **state)
{
	struct cc_error err;
	bool home = false;

	(void)state;
	expect_ok(proc_at_home(getpid(), &home, &err), &err);
	assert_true(home);
	assert_int_equal(proc_at_home(4194304, &home, &err), -1);
	expect_error(&err, CC_E_NOTFOUND, "", "is gone");
}

static int setup(void **state)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/sock", dir);
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return bind(listener, (struct sockaddr *)&addr, sizeof(addr)) || listen(listener, 4) ||
	       chmod(addr.sun_path, 0666) || chmod(dir, 0755);
}

static int teardown(void **state)
{
	char command[64];

	(void)state;
	close(listener);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_of_the_host_may),
		cmocka_unit_test(so_may_a_service_with_its_own_mounts),
		cmocka_unit_test(one_with_another_root_directory_may_not),
		cmocka_unit_test(one_in_a_containers_group_may_not),
		cmocka_unit_test(one_that_is_not_root_may_not),
		cmocka_unit_test(a_root_directory_tells_who_is_at_home),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
