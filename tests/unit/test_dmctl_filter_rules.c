// SPDX-License-Identifier: Apache-2.0
/*
 * What the rules of a seccomp filter in config.json say of a call: for runtimes and libraries of
 * other versions, and with as many conditions as somebody writes.
 */
#include "filter_test.h"

#include "dmctl/container/filter_rules.h"
#include "dmctl/container/measure_filter.h"

static const char *const configs[] = {"tests/fixtures/oci/docker.json",
				      "tests/fixtures/oci/podman.json"};

static json_t *filter_of(const char *path)
{
	cc_auto_json json_t *config = json_load_file(path, 0, NULL);
	json_t *filter = json_object_get(json_object_get(config, "linux"), "seccomp");

	assert_non_null(filter);
	return json_incref(filter);
}

/* @filter as an older libseccomp makes it, which does not know @call. */
static json_t *without(const json_t *filter, const char *call)
{
	json_t *other = json_deep_copy(filter), *rule, *name;
	size_t i, k;

	json_array_foreach(json_object_get(other, "syscalls"), i, rule)
		json_array_foreach(json_object_get(rule, "names"), k, name)
			if (strcmp(json_string_value(name), call) == 0)
				json_array_remove(json_object_get(rule, "names"), k--);
	return other;
}

static void a_name_that_the_runtimes_libseccomp_does_not_know_may_have_the_default(void **state)
{
	static const char *const late[] = {"close_range", "openat2",	  "pidfd_getfd",
					   "faccessat2",  "epoll_pwait2", "uretprobe"};
	static struct made m;
	struct cc_error err;

	(void)state;
	for (size_t c = 0; c < 2; c++) {
		cc_auto_json json_t *filter = filter_of(configs[c]);

		for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++) {
			cc_auto_json json_t *old = without(filter, late[i]);

			make_filter(old, 1, &m);
			expect_ok(measure_filter(filter, m.p, m.n, &err), &err);
		}
	}
}

static void a_name_that_all_know_has_no_other_answer(void **state)
{
	cc_auto_json json_t *filter = filter_of(configs[0]), *old = without(filter, "openat");
	static struct made m;
	struct cc_error err;

	(void)state;
	make_filter(old, 1, &m);
	assert_int_equal(measure_filter(filter, m.p, m.n, &err), -1);
	expect_error(&err, CC_E_REFUSED, "seccomp", "answers openat with");
}

static void calls_of_other_machines_that_came_late_may_have_the_default(void **state)
{
	static const struct filter_call late[] = {
		{.arch = SCMP_ARCH_X86_64, .nr = 335, .name = "uretprobe"},
		{.arch = SCMP_ARCH_X86_64, .nr = 336, .name = "uprobe"},
		{.arch = SCMP_ARCH_RISCV64, .nr = 258, .name = "riscv_hwprobe"},
	};
	const struct filter_call zero = {.arch = SCMP_ARCH_S390X, .nr = 0, .name = "setup"};
	cc_auto_json json_t *filter =
		json_of("{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['uretprobe',"
			"'uprobe','riscv_hwprobe'],'action':'SCMP_ACT_ALLOW'}]}");
	cc_cleanup(filter_rules_clear) struct filter_rules rules = {0};
	struct filter_answers may;
	struct cc_error err;

	(void)state;
	expect_ok(filter_rules_parse(filter, &rules, &err), &err);
	for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++) {
		filter_rules_answers(&rules, &late[i], NULL, &may);
		assert_true(filter_answers_has(&may, SECCOMP_RET_ALLOW));
		assert_true(filter_answers_has(&may, SECCOMP_RET_ERRNO | EPERM));
		assert_true(filter_answers_has(&may, SECCOMP_RET_ERRNO | ENOSYS));
	}
	filter_rules_answers(&rules, &zero, NULL, &may);
	assert_true(filter_answers_has(&may, SECCOMP_RET_ERRNO | ENOSYS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_name_that_the_runtimes_libseccomp_does_not_know_may_have_the_default),
		cmocka_unit_test(a_name_that_all_know_has_no_other_answer),
		cmocka_unit_test(calls_of_other_machines_that_came_late_may_have_the_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
