// SPDX-License-Identifier: Apache-2.0
/* What an identity may demand of a container: which of it is so. */
#include "lib_test.h"

#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demand.h"
#include "dmctl/container/measure.h"
#include "dmctl/container/selinux_label.h"
#include "dmctl/host/first_line.h"
#include "strv.h"

static char shm[] = "/dev/shm", tmpfs[] = "tmpfs", bind[] = "bind";

/* A container whose first process is this one, with one mount, and facts. */
static struct cc_strv holds(struct oci_facts f, char *shm_type, enum cc_ns_state ipc, bool running)
{
	struct cc_mount mount = {.destination = shm, .type = shm_type};
	struct cc_measurement m = {.running = running, .n_mounts = 1, .mounts = &mount};
	static char *known[] = {"network:none"};
	struct cc_error err = {0};

	for (size_t i = 0; i < CC_NS_COUNT; i++)
		if (!strcmp(cc_ns_names[i], "ipc"))
			m.ns[i] = ipc;
	expect_ok(measure_holds(getpid(), "/none", 5, &(struct cc_strv){1, known}, &f, &m, &err),
		  &err);
	return m.holds;
}

static bool holds_word(const char *word, struct oci_facts f, char *shm_type, enum cc_ns_state ipc,
		       bool running)
{
	struct cc_strv words = holds(f, shm_type, ipc, running);
	bool so = cc_strv_has(&words, word);

	cc_strv_clear(&words);
	return so;
}

static void what_the_engine_knows_holds(void **state)
{
	(void)state;
	assert_true(holds_word("network:none", (struct oci_facts){0}, tmpfs, CC_NS_PRIVATE, true));
}

static void a_terminal_is_in_config_json(void **state)
{
	(void)state;
	assert_true(holds_word(CC_NO_TTY, (struct oci_facts){0}, tmpfs, CC_NS_PRIVATE, false));
	assert_false(holds_word(CC_NO_TTY, (struct oci_facts){.terminal = true}, tmpfs,
				CC_NS_PRIVATE, false));
}

static void ipc_is_private_when_nobody_else_can_join(void **state)
{
	(void)state;
	assert_true(holds_word(CC_PRIVATE_IPC, (struct oci_facts){0}, tmpfs, CC_NS_PRIVATE, false));
	assert_false(holds_word(CC_PRIVATE_IPC, (struct oci_facts){0}, bind, CC_NS_PRIVATE, false));
	assert_false(holds_word(CC_PRIVATE_IPC, (struct oci_facts){0}, tmpfs, CC_NS_HOST, false));
	assert_false(holds_word(CC_PRIVATE_IPC, (struct oci_facts){0}, tmpfs, CC_NS_JOINED, false));
}

/* Podman mounts a directory of the host's there, which others get only if it was made for that. */
static void the_engines_own_shared_memory_is_private_when_its_record_says_so(void **state)
{
	static char *words[] = {(char *)CC_PRIVATE_IPC};
	const struct cc_strv said = {1, words}, silent = {0};
	struct oci_facts f = {0};
	struct cc_error err;

	(void)state;
	for (int i = 0; i < 8; i++) {
		bool own = i & 1, record = i & 2, joined = i & 4;
		struct cc_mount mount = {.destination = shm, .type = bind, .engine = own};
		struct cc_measurement m = {.n_mounts = 1, .mounts = &mount};

		for (size_t k = 0; k < CC_NS_COUNT; k++)
			if (!strcmp(cc_ns_names[k], "ipc"))
				m.ns[k] = joined ? CC_NS_JOINED : CC_NS_PRIVATE;
		expect_ok(
			measure_holds(getpid(), "/none", 5, record ? &said : &silent, &f, &m, &err),
			&err);
		assert_int_equal(cc_strv_has(&m.holds, CC_PRIVATE_IPC), own && record && !joined);
		cc_strv_clear(&m.holds);
	}
}

static void a_label_has_a_type(void **state)
{
	static const struct {
		const char *label, *type;
	} rows[] = {
		{"system_u:system_r:container_t:s0:c1,c2", "container_t"},
		{"system_u:system_r:spc_t:s0", "spc_t"},
		{"docker-default (enforce)", NULL},
		{"a:b", NULL},
		{"a:b:c", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cc_auto_free char *type = NULL;
		struct cc_error err;

		expect_ok(proc_label_type(rows[i].label, &type, &err), &err);
		if (rows[i].type)
			assert_string_equal(type, rows[i].type);
		else
			assert_null(type);
	}
}

/* A label that config.json has and the kernel does not know of confines nobody. */
static void without_selinux_there_is_no_type(void **state)
{
	static char type[] = "container_t";
	cc_auto_free char *now = NULL;
	struct cc_error err;

	(void)state;
	expect_ok(proc_selinux_label(getpid(), &now, &err), &err);
	if (!now)
		assert_false(holds_word("selinux-type:container_t",
					(struct oci_facts){.selinux_type = type}, tmpfs,
					CC_NS_PRIVATE, false));
	assert_false(holds_word("selinux-type:container_t",
				(struct oci_facts){.selinux_type = type}, tmpfs, CC_NS_PRIVATE,
				true));
}

static void a_label_that_cannot_be_read_is_not_the_lack_of_one(void **state)
{
	cc_auto_free char *now = NULL;
	struct rlimit before, none;
	struct cc_error err;
	int rc;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	rc = proc_selinux_label(getpid(), &now, &err);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(rc, -1);
	expect_error(&err, CC_E_INTERNAL, "", "attr/current");
}

#define LABEL "system_u:system_r:container_t:s0:c12,c345"

static void a_label_has_a_level(void **state)
{
	static const struct {
		const char *label, *level;
	} cases[] = {
		{LABEL, "s0:c12,c345"},
		{"u:r:t:s0-s0:c0.c1023", "s0-s0:c0.c1023"},
		{"u:r:t", NULL},
		{"u:r:t:", NULL},
		{"", NULL},
		{"docker-default (enforce)", NULL},
	};
	struct cc_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cc_auto_free char *level = NULL;

		expect_ok(proc_label_level(cases[i].label, &level, &err), &err);
		if (cases[i].level)
			assert_string_equal(level, cases[i].level);
		else
			assert_null(level);
	}
}

static void a_program_is_started_with_the_label_of_config_json(void **state)
{
	static const char *const others[] = {"system_u:system_r:spc_t:s0",
					     "system_u:system_r:container_t:s0",
					     "system_u:system_r:container_t:s0:c12,c346"};
	struct cc_error err;

	(void)state;
	expect_ok(measure_label(LABEL, LABEL, true, &err), &err);
	expect_ok(measure_label(NULL, LABEL, true, &err), &err); /* no SELinux */
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(measure_label(others[i], LABEL, true, &err), -1);
		expect_error(&err, CC_E_REFUSED, "selinux", others[i]);
		expect_ok(measure_label(others[i], LABEL, false, &err), &err);
	}
}

static void a_container_without_a_label_is_a_setting_under_selinux(void **state)
{
	struct cc_measurement m = {0};
	struct cc_error err;

	(void)state;
	expect_ok(measure_unlabelled(NULL, NULL, &m, &err), &err);
	expect_ok(measure_unlabelled(LABEL, LABEL, &m, &err), &err);
	assert_int_equal(m.settings.n, 0);
	expect_ok(measure_unlabelled(LABEL, NULL, &m, &err), &err);
	assert_int_equal(m.settings.n, 1);
	assert_string_equal(m.settings.v[0], "process.selinuxLabel none");
	cc_strv_clear(&m.settings);
}

static bool in_another_user_namespace(pid_t pid)
{
	struct cc_error err;
	uint64_t theirs, ours;

	return proc_ns(pid, "user", &theirs, &err) == 0 && proc_ns(0, "user", &ours, &err) == 0 &&
	       theirs != ours;
}

static void a_user_namespace_is_not_ours(void **state)
{
	(void)state;
	assert_false(holds_word(CC_USER_NAMESPACE, (struct oci_facts){.user_ns = true}, tmpfs,
				CC_NS_PRIVATE, false));
}

/* --uidmap 0:0:65536 makes a namespace, and root in there is the host's. */
static void a_user_namespace_that_maps_the_hosts_root_is_none(void **state)
{
	struct oci_facts f = {.user_ns = true};
	static const struct {
		uint32_t uid, gid;
		bool so;
	} rows[] = {{100000, 100000, true}, {0, 100000, false}, {100000, 0, false}, {0, 0, false}};
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0) { /* its parent is the one in another namespace */
		if (unshare(CLONE_NEWUSER))
			_exit(77);
		pause();
	}
	while (waitpid(pid, &status, WNOHANG) == 0 && !in_another_user_namespace(pid))
		usleep(1000);
	f.uids.n = f.gids.n = 1;
	f.uids.range = calloc(1, sizeof(*f.uids.range));
	f.gids.range = calloc(1, sizeof(*f.gids.range));
	f.uids.range[0].size = f.gids.range[0].size = 65536;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cc_measurement m = {0};
		struct cc_error err = {0};

		f.uids.range[0].host = rows[i].uid;
		f.gids.range[0].host = rows[i].gid;
		expect_ok(measure_holds(pid, "/none", 5, &(struct cc_strv){0}, &f, &m, &err), &err);
		assert_int_equal(cc_strv_has(&m.holds, CC_USER_NAMESPACE), rows[i].so);
		cc_strv_clear(&m.holds);
	}
	free(f.uids.range);
	free(f.gids.range);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

static void a_core_that_goes_to_a_program_asks_for_no_limit(void **state)
{
	(void)state;
	assert_true(proc_core_is_piped("|/usr/lib/systemd/systemd-coredump %P %u"));
	assert_true(proc_core_is_piped("|/bin/false %p"));
	assert_false(proc_core_is_piped("|/bin/false"));
	assert_false(proc_core_is_piped("core"));
	assert_false(proc_core_is_piped("/var/crash/core.%p"));
}

static void a_group_that_is_not_there_may_swap(void **state)
{
	(void)state;
	assert_false(holds_word(CC_NO_SWAP, (struct oci_facts){0}, tmpfs, CC_NS_PRIVATE, false));
}

/* What config.json says comes into force when the program is executed. */
static void no_core_is_by_config_json_first_and_by_the_kernel_then(void **state)
{
	const struct rlimit none = {0, 0};
	struct oci_facts zero = {.core_limit = 0}, some = {.core_limit = 1},
			 inherited = {.core_limit = -1};
	struct rlimit now;
	char pattern[256];

	(void)state;
	first_line("/proc/sys/kernel/core_pattern", pattern, sizeof(pattern));
	if (proc_core_is_piped(pattern)) { /* then it never holds */
		assert_false(holds_word(CC_NO_CORE, zero, tmpfs, CC_NS_PRIVATE, false));
		return;
	}
	assert_int_equal(getrlimit(RLIMIT_CORE, &now), 0);
	assert_true(holds_word(CC_NO_CORE, zero, tmpfs, CC_NS_PRIVATE, false));
	if (now.rlim_max > 0) {
		assert_false(holds_word(CC_NO_CORE, zero, tmpfs, CC_NS_PRIVATE, true));
		assert_false(holds_word(CC_NO_CORE, inherited, tmpfs, CC_NS_PRIVATE, false));
	}
	assert_int_equal(setrlimit(RLIMIT_CORE, &none), 0);
	assert_true(holds_word(CC_NO_CORE, zero, tmpfs, CC_NS_PRIVATE, true));
	assert_true(holds_word(CC_NO_CORE, inherited, tmpfs, CC_NS_PRIVATE, false));
	assert_false(holds_word(CC_NO_CORE, some, tmpfs, CC_NS_PRIVATE, false));
}

static void a_limit_of_core_files_counts_when_both_are_0(void **state)
{
	static const char form[] =
		"Limit                     Soft Limit           Hard Limit           Units     \n"
		"Max cpu time              unlimited            unlimited            seconds   \n"
		"Max core file size        %-20s %-20s bytes     \n";
	char text[512];

	(void)state;
	snprintf(text, sizeof(text), form, "0", "0");
	assert_true(proc_limits_no_core(text));
	snprintf(text, sizeof(text), form, "0", "unlimited");
	assert_false(proc_limits_no_core(text));
	snprintf(text, sizeof(text), form, "4096", "4096");
	assert_false(proc_limits_no_core(text));
	assert_false(proc_limits_no_core(""));
}

/* The kernel sorts categories, and writes three in a row as a span. */
static void a_label_is_the_same_however_its_categories_are_written(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} labels[] = {
		{"u:r:t:s0:c100,c50", "u:r:t:s0:c50,c100", true},
		{"u:r:t:s0:c1,c2,c3", "u:r:t:s0:c1.c3", true},
		{"u:r:t:s0:c1,c2,c3,c7", "u:r:t:s0:c7,c1.c3", true},
		{"u:r:t:s0-s0:c0.c1023", "u:r:t:s0-s0:c0.c1023", true},
		{"u:r:t:s0-s0:c2,c1", "u:r:t:s0-s0:c1,c2", true},
		{"u:r:t:s0", "u:r:t:s0", true},
		{"u:r:t", "u:r:t", true},
		{"u:r:t:s0:c1,c2", "u:r:t:s0:c1,c3", false},
		{"u:r:t:s0:c1,c2", "u:r:t:s0:c1,c2,c3", false},
		{"u:r:t:s0:c1,c2", "u:r:t:s1:c1,c2", false},
		{"u:r:t:s0:c1,c2", "u:r:x:s0:c1,c2", false},
		{"u:r:t:s0:c1", "u:r:t:s0-s0:c1", false},
		{"u:r:t:s0", "u:r:t", false},
		{"u:r:t:s0:c1", "u:r:t:s0", false},
		{"u:r:t:s0:c3.c1", "u:r:t:s0:c1.c3", false},
		{"u:r:t:s0:c1024,c1", "u:r:t:s0:c1,c1024", false},
		{"u:r:t:s0:c1,", "u:r:t:s0:c1", false},
		{"u:r:t:s0:c99999999999,c1", "u:r:t:s0:c1,c99999999999", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		print_message("# %s, %s\n", labels[i].a, labels[i].b);
		assert_int_equal(selinux_label_eq(labels[i].a, labels[i].b), labels[i].same);
		assert_int_equal(selinux_label_eq(labels[i].b, labels[i].a), labels[i].same);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_engine_knows_holds),
		cmocka_unit_test(a_terminal_is_in_config_json),
		cmocka_unit_test(ipc_is_private_when_nobody_else_can_join),
		cmocka_unit_test(the_engines_own_shared_memory_is_private_when_its_record_says_so),
		cmocka_unit_test(a_label_has_a_type),
		cmocka_unit_test(without_selinux_there_is_no_type),
		cmocka_unit_test(a_label_that_cannot_be_read_is_not_the_lack_of_one),
		cmocka_unit_test(a_label_has_a_level),
		cmocka_unit_test(a_program_is_started_with_the_label_of_config_json),
		cmocka_unit_test(a_container_without_a_label_is_a_setting_under_selinux),
		cmocka_unit_test(a_user_namespace_is_not_ours),
		cmocka_unit_test(a_user_namespace_that_maps_the_hosts_root_is_none),
		cmocka_unit_test(a_core_that_goes_to_a_program_asks_for_no_limit),
		cmocka_unit_test(a_group_that_is_not_there_may_swap),
		cmocka_unit_test(no_core_is_by_config_json_first_and_by_the_kernel_then),
		cmocka_unit_test(a_limit_of_core_files_counts_when_both_are_0),
		cmocka_unit_test(a_label_is_the_same_however_its_categories_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
