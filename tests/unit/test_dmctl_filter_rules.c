// SPDX-License-Identifier: Apache-2.0
/*
 * What the rules of a seccomp filter in config.json say of a call: for runtimes and libraries of
 * other versions, and with as many conditions as somebody writes.
 */
#include "filter_test.h"

#include "dmctl/container/filter_rules.h"
#include "dmctl/container/measure_filter.h"
#include "dmctl/container/oci.h"

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

static void expect_answers(const struct filter_rules *all, const struct filter_call *call,
			   struct filter_answers *may)
{
	cc_cleanup(filter_call_rules_clear) struct filter_call_rules of = {0};
	struct cc_error err;

	expect_ok(filter_rules_collect(all, call, &of, &err), &err);
	filter_rules_answers(&of, NULL, may);
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
		expect_answers(&rules, &late[i], &may);
		assert_true(filter_answers_has(&may, SECCOMP_RET_ALLOW));
		assert_true(filter_answers_has(&may, SECCOMP_RET_ERRNO | EPERM));
		assert_true(filter_answers_has(&may, SECCOMP_RET_ERRNO | ENOSYS));
	}
	expect_answers(&rules, &zero, &may);
	assert_true(filter_answers_has(&may, SECCOMP_RET_ERRNO | ENOSYS));
}

/* One rule with that many conditions of prctl(2)'s first argument. */
static json_t *with_conditions(size_t n)
{
	json_t *filter = json_of("{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['prctl'],"
				 "'action':'SCMP_ACT_ALLOW','args':[]}]}");
	json_t *rule = json_array_get(json_object_get(filter, "syscalls"), 0);

	for (size_t i = 0; i < n; i++)
		json_array_append_new(json_object_get(rule, "args"),
				      json_pack("{s:i, s:I, s:s}", "index", 0, "value",
						(json_int_t)i * 2, "op", "SCMP_CMP_EQ"));
	return filter;
}

static void a_rule_may_have_many_conditions(void **state)
{
	cc_auto_json json_t *many = with_conditions(200), *six = with_conditions(6);
	static struct made m;
	struct cc_error err;

	(void)state;
	make_filter(many, 1, &m);
	expect_ok(measure_filter(many, m.p, m.n, &err), &err);
	make_filter(six, 1, &m); /* as crun */
	expect_ok(measure_filter(many, m.p, m.n, &err), &err);
	make_filter(many, 1, &m);
	assert_int_equal(measure_filter(six, m.p, m.n, &err), -1);
	expect_error(&err, CC_E_REFUSED, "seccomp", "answers prctl with \"allow\"");
}

/* At the hook, where that ends a start cleanly, and before a program that stands. */
static void rules_that_cannot_be_compared_are_refused(void **state)
{
	cc_auto_json json_t *many = with_conditions(257), *odd = with_conditions(1);
	cc_auto_json json_t *unknown = json_of("{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{"
					       "'names':['prctl'],'action':'SCMP_ACT_BEEP'}]}");
	cc_auto_json json_t *none = json_of("{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{"
					    "'names':['prctl']}]}");
	json_t *rule = json_array_get(json_object_get(odd, "syscalls"), 0);
	const struct {
		json_t *filter;
		const char *part;
	} rows[] = {{many, "more than 256 conditions"},
		    {odd, "a condition that cannot be read"},
		    {none, "unknown action \"\""},
		    {unknown, "unknown action \"SCMP_ACT_BEEP\""}};
	static const struct sock_filter all[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct cc_error err;

	(void)state;
	json_object_set_new(json_array_get(json_object_get(rule, "args"), 0), "op",
			    json_string("SCMP_CMP_ODD"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cc_auto_json json_t *config =
			json_pack("{s:{s:O}}", "linux", "seccomp", rows[i].filter);
		cc_auto_measurement struct cc_measurement *measured = cc_measurement_new();
		const struct oci_context at_hook = {0};

		assert_int_equal(measure_filter(rows[i].filter, all, 1, &err), -1);
		expect_error(&err, CC_E_REFUSED, "seccomp", rows[i].part);
		assert_int_equal(oci_seccomp_parse(config, &at_hook, measured, &err), -1);
		expect_error(&err, CC_E_REFUSED, "seccomp", rows[i].part);
	}
}

/* Each of its calls could be tried; all of them would take minutes. */
static void a_comparison_that_costs_too_much_is_refused(void **state)
{
	cc_auto_json json_t *filter =
		json_of("{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':[],'action':"
			"'SCMP_ACT_ALLOW','args':[]}]}");
	json_t *rule = json_array_get(json_object_get(filter, "syscalls"), 0);
	static struct made m;
	struct cc_error err;

	(void)state;
	for (int i = 0; i < 4; i++)
		json_array_append_new(json_object_get(rule, "args"),
				      json_pack("{s:i, s:I, s:s}", "index", i, "value",
						(json_int_t)0x1234567800ab, "op", "SCMP_CMP_EQ"));
	for (int nr = 0; nr < 60; nr++) {
		cc_auto_free char *name =
			seccomp_syscall_resolve_num_arch(seccomp_arch_native(), nr);

		if (name)
			json_array_append_new(json_object_get(rule, "names"), json_string(name));
	}
	make_filter(filter, 1, &m);
	assert_int_equal(measure_filter(filter, m.p, m.n, &err), -1);
	expect_error(&err, CC_E_REFUSED, "seccomp", "cannot be told");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_name_that_the_runtimes_libseccomp_does_not_know_may_have_the_default),
		cmocka_unit_test(a_name_that_all_know_has_no_other_answer),
		cmocka_unit_test(calls_of_other_machines_that_came_late_may_have_the_default),
		cmocka_unit_test(a_rule_may_have_many_conditions),
		cmocka_unit_test(rules_that_cannot_be_compared_are_refused),
		cmocka_unit_test(a_comparison_that_costs_too_much_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
