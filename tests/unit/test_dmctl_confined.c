// SPDX-License-Identifier: Apache-2.0
/* A running process against its config.json: the kernel must not grant more than that says. */
#include "lib_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dmctl/container/measure.h"

static const char text[] = "Name:\tx\nUmask:\t0022\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\n"
			   "Groups:\t5 20 \n"
			   "CapInh:\t0000000000000004\nCapPrm:\t0000000000000003\n"
			   "CapEff:\t0000000000000001\nCapBnd:\t00000000000000ff\n"
			   "CapAmb:\t0000000000000008\n"
			   "NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t3\n";

static uint32_t groups[] = {7};
static char *caps[] = {"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_UNHEARD_OF"};

static struct cc_measurement promised(void)
{
	return (struct cc_measurement){
		.capabilities = {3, caps},
		.seccomp = DIGEST_A,
		.user = {.uid = 1000, .gid = 50, .n_groups = 1, .groups = groups}};
}

static struct proc_status actual(void)
{
	return (struct proc_status){.uid = {1000, 1000, 1000, 1000},
				    .gid = {50, 50, 50, 50},
				    .n_groups = 2,
				    .groups = {50, 7},
				    .cap_bnd = 3,
				    .seccomp = 2};
}

static void status_is_read_line_by_line(void **state)
{
	struct proc_status st;

	(void)state;
	assert_int_equal(proc_status_parse(text, &st), 0);
	assert_int_equal(st.uid[0], 1);
	assert_int_equal(st.uid[3], 4);
	assert_int_equal(st.gid[1], 6);
	assert_int_equal(st.n_groups, 2);
	assert_int_equal(st.groups[1], 20);
	assert_int_equal(st.cap_inh, 4);
	assert_int_equal(st.cap_amb, 8);
	assert_int_equal(st.cap_prm, 3);
	assert_int_equal(st.cap_eff, 1);
	assert_int_equal(st.cap_bnd, 0xff);
	assert_true(st.no_new_privs);
	assert_int_equal(st.seccomp, 2);
	assert_int_equal(st.filters, 3);
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
	expect_ok(measure_confined(&st, &f, &m, false, &err), &err);
	st.cap_bnd = 0; /* dropped since */
	expect_ok(measure_confined(&st, &f, &m, false, &err), &err);
	st.n_groups = 0;
	expect_ok(measure_confined(&st, &f, &m, false, &err), &err);
}

static void root_that_may_change_its_user_may_have_done_so(void **state)
{
	static char *both[] = {"CAP_SETUID", "CAP_SETGID"};
	struct cc_measurement m = promised();
	struct proc_status st = actual();
	struct oci_facts f = {0};
	struct cc_error err;

	(void)state;
	st.cap_bnd = 0;
	m.user = (struct cc_user){0};
	assert_int_equal(measure_confined(&st, &f, &m, false, &err), -1);
	expect_error(&err, CC_E_REFUSED, "user", "uid 0, the running process has the host's 1000");
	m.capabilities = (struct cc_strv){1, both};
	assert_int_equal(measure_confined(&st, &f, &m, false, &err), -1);
	expect_error(&err, CC_E_REFUSED, "user", "gid 0, the running process has the host's 50");
	m.capabilities = (struct cc_strv){2, both};
	expect_ok(measure_confined(&st, &f, &m, false, &err), &err);
}

static void a_program_that_has_not_begun_has_changed_nothing_yet(void **state)
{
	static char *both[] = {"CAP_SETUID", "CAP_SETGID"};
	struct cc_measurement m = promised();
	struct proc_status st = actual();
	struct oci_facts f = {0};
	struct cc_error err;

	(void)state;
	st.cap_bnd = 0;
	m.user = (struct cc_user){0};
	m.capabilities = (struct cc_strv){2, both};
	assert_int_equal(measure_confined(&st, &f, &m, true, &err), -1);
	expect_error(&err, CC_E_REFUSED, "user", "uid 0, the running process has the host's 1000");
	st.uid[0] = 0;
	assert_int_equal(measure_confined(&st, &f, &m, true, &err), -1);
	expect_error(&err, CC_E_REFUSED, "user", "gid 0, the running process has the host's 50");
	st.gid[0] = 0;
	assert_int_equal(measure_confined(&st, &f, &m, true, &err), -1);
	expect_error(&err, CC_E_REFUSED, "user", "group 50");
	st.n_groups = 0;
	expect_ok(measure_confined(&st, &f, &m, true, &err), &err);
}

static void a_program_begins_with_as_many_filters_as_config_json_has(void **state)
{
	cc_auto_json json_t *filter = json_of("{'defaultAction':'SCMP_ACT_ERRNO'}");
	struct cc_measurement m = promised();
	struct proc_status st = actual();
	struct oci_facts f = {.seccomp = filter};
	struct cc_error err;

	(void)state;
	st.filters = 1;
	expect_ok(measure_confined(&st, &f, &m, true, &err), &err);
	st.filters = 2;
	expect_ok(measure_confined(&st, &f, &m, false, &err), &err); /* its own */
	assert_int_equal(measure_confined(&st, &f, &m, true, &err), -1);
	expect_error(&err, CC_E_REFUSED, "seccomp",
		     "has 1 filters, the program was started with 2");
	m.seccomp = (char[]){"unconfined"};
	f.seccomp = NULL;
	st.filters = 1;
	assert_int_equal(measure_confined(&st, &f, &m, true, &err), -1);
	expect_error(&err, CC_E_REFUSED, "seccomp",
		     "has 0 filters, the program was started with 1");
	st.filters = st.seccomp = 0;
	expect_ok(measure_confined(&st, &f, &m, true, &err), &err);
}

/* What a filter that answers setgroups(2) and capset(2) by itself leaves behind. */
static void each_group_and_each_set_of_capabilities_is_looked_at(void **state)
{
	struct cc_measurement m = promised();
	struct oci_facts f = {0};
	struct proc_status st;
	struct cc_error err;

	(void)state;
	st = actual();
	st.gid[0] = 0;
	assert_int_equal(measure_confined(&st, &f, &m, false, &err), -1);
	expect_error(&err, CC_E_REFUSED, "user", "gid 50");
	st = actual();
	st.groups[1] = 0;
	assert_int_equal(measure_confined(&st, &f, &m, false, &err), -1);
	expect_error(&err, CC_E_REFUSED, "user", "group 0");
	st = actual();
	st.n_groups = CC_GROUPS_MAX + 1;
	assert_int_equal(measure_confined(&st, &f, &m, false, &err), -1);
	expect_error(&err, CC_E_REFUSED, "user", "groups");
	st = actual();
	st.cap_inh = 1 << 21;
	assert_int_equal(measure_confined(&st, &f, &m, false, &err), -1);
	expect_error(&err, CC_E_REFUSED, "capabilities", "sys_admin");
	st = actual();
	st.cap_amb = 1 << 21;
	assert_int_equal(measure_confined(&st, &f, &m, false, &err), -1);
	expect_error(&err, CC_E_REFUSED, "capabilities", "sys_admin");
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
	assert_int_equal(measure_confined(&st, &f, &m, false, &err), -1);
	expect_error(&err, CC_E_REFUSED, "capabilities", "sys_admin");
	st = actual();
	st.cap_eff = UINT64_C(1) << 63;
	assert_int_equal(measure_confined(&st, &f, &m, false, &err), -1);
	expect_error(&err, CC_E_REFUSED, "capabilities", "unknown");
	st = actual();
	st.seccomp = 0;
	assert_int_equal(measure_confined(&st, &f, &m, false, &err), -1);
	expect_error(&err, CC_E_REFUSED, "seccomp", "none");
	st = actual();
	st.uid[0] = 0;
	assert_int_equal(measure_confined(&st, &f, &m, false, &err), -1);
	expect_error(&err, CC_E_REFUSED, "user", "1000");
	st = actual();
	m.no_new_privileges = true;
	assert_int_equal(measure_confined(&st, &f, &m, false, &err), -1);
	expect_error(&err, CC_E_REFUSED, "noNewPrivileges", "");
}

static void ids_of_a_user_namespace_are_shifted(void **state)
{
	struct cc_measurement m = promised();
	struct oci_facts f = {.user_ns = true, .uids = {.n = 1}, .gids = {.n = 1}};
	struct proc_status st = actual();
	struct cc_error err;

	(void)state;
	f.uids.range = calloc(1, sizeof(*f.uids.range));
	f.gids.range = calloc(1, sizeof(*f.gids.range));
	f.uids.range[0].host = 100000;
	f.gids.range[0].host = 200000;
	f.uids.range[0].size = f.gids.range[0].size = 65536;
	assert_int_equal(measure_confined(&st, &f, &m, false, &err), -1);
	st.uid[0] = 101000;
	assert_int_equal(measure_confined(&st, &f, &m, false, &err), -1);
	st.gid[0] = 200050;
	assert_int_equal(measure_confined(&st, &f, &m, false, &err), -1);
	st.groups[0] = 200050;
	st.groups[1] = 200007;
	expect_ok(measure_confined(&st, &f, &m, false, &err), &err);
	oci_facts_clear(&f);
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
		cmocka_unit_test(root_that_may_change_its_user_may_have_done_so),
		cmocka_unit_test(a_program_that_has_not_begun_has_changed_nothing_yet),
		cmocka_unit_test(a_program_begins_with_as_many_filters_as_config_json_has),
		cmocka_unit_test(each_group_and_each_set_of_capabilities_is_looked_at),
		cmocka_unit_test(ids_of_a_user_namespace_are_shifted),
		cmocka_unit_test(a_container_that_criu_restores_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
