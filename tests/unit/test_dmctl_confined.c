// SPDX-License-Identifier: Apache-2.0
/* A running process against its config.json: the kernel must not grant more than that says. */
#include "lib_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dmctl/container/measure.h"

static const char text[] = "Name:\tx\nUmask:\t0022\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\n"
			   "CapInh:\t0000000000000000\nCapPrm:\t0000000000000003\n"
			   "CapEff:\t0000000000000001\nCapBnd:\t00000000000000ff\n"
			   "NoNewPrivs:\t1\nSeccomp:\t2\n";

static char *caps[] = {"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_UNHEARD_OF"};

static struct cc_measurement promised(void)
{
	return (struct cc_measurement){
		.capabilities = {3, caps}, .seccomp = DIGEST_A, .user = {.uid = 1000}};
}

static struct proc_status actual(void)
{
	return (struct proc_status){.uid = {1000, 1000, 1000, 1000}, .cap_bnd = 3, .seccomp = 2};
}

static void status_is_read_line_by_line(void **state)
{
	struct proc_status st;

	(void)state;
	assert_int_equal(proc_status_parse(text, &st), 0);
	assert_int_equal(st.uid[0], 1);
	assert_int_equal(st.uid[3], 4);
	assert_int_equal(st.gid[1], 6);
	assert_int_equal(st.cap_prm, 3);
	assert_int_equal(st.cap_eff, 1);
	assert_int_equal(st.cap_bnd, 0xff);
	assert_true(st.no_new_privs);
	assert_int_equal(st.seccomp, 2);
}

static void a_status_without_a_line_is_refused(void **state)
{
	struct proc_status st;
	char cut[sizeof(text)];

	(void)state;
	for (const char *end = text; (end = strchr(end, '\n')); end++) {
		snprintf(cut, (size_t)(end - text) + 1, "%s", text);
		if (end[1])
			assert_int_equal(proc_status_parse(cut, &st), -1);
	}
	assert_int_equal(proc_status_parse("", &st), -1);
}

static void our_own_status_is_understood(void **state)
{
	struct proc_status st;
	struct cc_error err;

	(void)state;
	expect_ok(proc_status(getpid(), &st, &err), &err);
	assert_int_equal(st.uid[0], getuid());
}

static void a_process_within_its_promise_passes(void **state)
{
	struct cc_measurement m = promised();
	struct proc_status st = actual();
	struct oci_facts f = {0};
	struct cc_error err;

	(void)state;
	expect_ok(measure_confined(&st, &f, &m, &err), &err);
	st.cap_bnd = 0; /* dropped since */
	expect_ok(measure_confined(&st, &f, &m, &err), &err);
	m.user.uid = 0; /* started as root, dropped since */
	expect_ok(measure_confined(&st, &f, &m, &err), &err);
}

static void a_process_beyond_its_promise_is_refused(void **state)
{
	struct cc_measurement m = promised();
	struct oci_facts f = {0};
	struct proc_status st;
	struct cc_error err;

	(void)state;
	st = actual();
	st.cap_bnd |= 1 << 21;
	assert_int_equal(measure_confined(&st, &f, &m, &err), -1);
	expect_error(&err, CC_E_REFUSED, "capabilities", "sys_admin");
	st = actual();
	st.cap_eff = UINT64_C(1) << 63;
	assert_int_equal(measure_confined(&st, &f, &m, &err), -1);
	expect_error(&err, CC_E_REFUSED, "capabilities", "unknown");
	st = actual();
	st.seccomp = 0;
	assert_int_equal(measure_confined(&st, &f, &m, &err), -1);
	expect_error(&err, CC_E_REFUSED, "seccomp", "none");
	st = actual();
	st.uid[0] = 0;
	assert_int_equal(measure_confined(&st, &f, &m, &err), -1);
	expect_error(&err, CC_E_REFUSED, "user", "1000");
	st = actual();
	m.no_new_privileges = true;
	assert_int_equal(measure_confined(&st, &f, &m, &err), -1);
	expect_error(&err, CC_E_REFUSED, "noNewPrivileges", "");
}

static void uids_of_a_user_namespace_are_shifted(void **state)
{
	struct cc_measurement m = promised();
	struct oci_facts f = {.user_ns = true, .uid_base = 100000};
	struct proc_status st = actual();
	struct cc_error err;

	(void)state;
	st.uid[0] = 101000;
	expect_ok(measure_confined(&st, &f, &m, &err), &err);
	st.uid[0] = 1000;
	assert_int_equal(measure_confined(&st, &f, &m, &err), -1);
}

/* Starts @program and returns when it runs. */
static pid_t start(const char *program)
{
	int fds[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		execl(program, program, "1000", NULL);
		_exit(127);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 0); /* the exec closed it */
	close(fds[0]);
	return pid;
}

static int fresh(const char *program, struct cc_error *err)
{
	pid_t pid = start(program);
	int rc = measure_fresh(pid, err);

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return rc;
}

static void a_container_that_criu_restores_is_refused(void **state)
{
	char dir[] = "/tmp/cc-fresh.XXXXXX", criu[64], command[128];
	struct cc_error err;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(criu, sizeof(criu), "%s/criu", dir);
	snprintf(command, sizeof(command), "cp /bin/sleep %s", criu);
	assert_int_equal(system(command), 0);
	expect_ok(fresh("/bin/sleep", &err), &err);
	assert_int_equal(fresh(criu, &err), -1);
	expect_error(&err, CC_E_REFUSED, "state", "checkpoint");
	unlink(criu);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_is_read_line_by_line),
		cmocka_unit_test(a_status_without_a_line_is_refused),
		cmocka_unit_test(our_own_status_is_understood),
		cmocka_unit_test(a_process_within_its_promise_passes),
		cmocka_unit_test(a_process_beyond_its_promise_is_refused),
		cmocka_unit_test(uids_of_a_user_namespace_are_shifted),
		cmocka_unit_test(a_container_that_criu_restores_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
