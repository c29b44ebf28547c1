// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel's filter against the one of config.json: what runtimes make of engines' own profiles
 * passes, and what answers one call differently does not.
 */
#include "filter_test.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "dmctl/container/measure.h"
#include "dmctl/container/measure_filter.h"

/* @filter, and a rule before all others. */
static json_t *with_rule(const json_t *filter, const char *rule)
{
	json_t *other = json_deep_copy(filter);

	assert_int_equal(
		json_array_insert_new(json_object_get(other, "syscalls"), 0, json_of(rule)), 0);
	return other;
}

/* config.json says @said, the kernel has what is made of @made. */
static int compare(const json_t *said, const json_t *made, struct cc_error *err)
{
	static struct made m;

	make_filter(made, 1, &m);
	return measure_filter(said, m.p, m.n, err);
}

static void expect_refused(const json_t *said, const json_t *made, const char *part)
{
	struct cc_error err = {0};

	assert_int_equal(compare(said, made, &err), -1);
	expect_error(&err, CC_E_REFUSED, "seccomp", part);
}

static void what_libseccomp_makes_of_the_engines_own_filters_passes(void **state)
{
	static struct made m;
	struct cc_error err;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		cc_auto_json json_t *filter = filter_of(configs[i]);

		for (unsigned int level = 1; level <= 2; level++) {
			make_filter(filter, level, &m);
			expect_ok(measure_filter(filter, m.p, m.n, &err), &err);
		}
	}
}

/* What runc puts before it. */
static void a_call_beyond_those_of_the_filter_may_be_answered_with_enosys(void **state)
{
	static const struct sock_filter stub[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 460, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	};
	cc_auto_json json_t *filter = filter_of(configs[0]);
	static struct made m;
	struct cc_error err;

	(void)state;
	make_filter(filter, 1, &m);
	memmove(m.p + 3, m.p, m.n * sizeof(m.p[0]));
	memcpy(m.p, stub, sizeof(stub));
	expect_ok(measure_filter(filter, m.p, m.n + 3, &err), &err);
	m.p[1].k = 100;
	assert_int_equal(measure_filter(filter, m.p, m.n + 3, &err), -1);
	expect_error(&err, CC_E_REFUSED, "seccomp", "\"errno 38\", config.json says \"allow\"");
}

static void a_filter_that_lets_all_pass_is_refused(void **state)
{
	cc_auto_json json_t *open = json_of("{'defaultAction':'SCMP_ACT_ALLOW','architectures':["
					    "'SCMP_ARCH_X86_64','SCMP_ARCH_X86','SCMP_ARCH_X32'],"
					    "'syscalls':[{'names':['vhangup'],"
					    "'action':'SCMP_ACT_ERRNO'}]}");

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		cc_auto_json json_t *filter = filter_of(configs[i]);

		expect_refused(filter, open, "with \"allow\", config.json says \"errno");
		expect_refused(open, filter, "config.json says \"allow\"");
	}
}

static void a_call_that_is_answered_without_being_made_is_named(void **state)
{
	static const char *const calls[] = {"setuid", "setgroups", "capset", "prctl", "mount"};
	char rule[128], part[128];

	(void)state;
	for (size_t c = 0; c < 2; c++) {
		cc_auto_json json_t *filter = filter_of(configs[c]);

		for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
			cc_auto_json json_t *bare = without(filter, calls[i]), *lying = NULL;

			snprintf(rule, sizeof(rule),
				 "{'names':['%s'],'action':'SCMP_ACT_ERRNO','errnoRet':0}",
				 calls[i]);
			snprintf(part, sizeof(part), "answers %s with \"errno 0\"", calls[i]);
			lying = with_rule(bare, rule);
			expect_refused(filter, lying, part);
		}
	}
}

static void a_call_that_is_answered_for_one_argument_only_is_named(void **state)
{
	cc_auto_json json_t *filter = filter_of(configs[0]), *bare = without(filter, "setuid");
	cc_auto_json json_t *lying =
		with_rule(bare, "{'names':['setuid'],'action':'SCMP_ACT_ERRNO','errnoRet':0,"
				"'args':[{'index':0,'value':54321,'op':'SCMP_CMP_EQ'}]}");
	cc_auto_json json_t *both =
		with_rule(lying, "{'names':['setuid'],'action':'SCMP_ACT_ALLOW',"
				 "'args':[{'index':0,'value':54321,'op':'SCMP_CMP_NE'}]}");

	(void)state;
	expect_refused(filter, both, "answers setuid with \"errno 0\", config.json says \"allow\"");
}

static void another_condition_of_an_argument_is_refused(void **state)
{
	static const struct {
		const char *call, *rule;
	} others[] = {
		/* clone(2) with a namespace of a kind more */
		{"clone", "{'names':['clone'],'action':'SCMP_ACT_ALLOW','args':[{'index':0,"
			  "'value':2080505856,'op':'SCMP_CMP_MASKED_EQ'}]}"},
		{"clone", "{'names':['clone'],'action':'SCMP_ACT_ALLOW'}"},
		{"clone", "{'names':['clone'],'action':'SCMP_ACT_ALLOW','args':[{'index':1,"
			  "'value':2114060288,'op':'SCMP_CMP_MASKED_EQ'}]}"},
		{"personality", "{'names':['personality'],'action':'SCMP_ACT_ALLOW','args':"
				"[{'index':0,'value':131073,'op':'SCMP_CMP_LT'}]}"},
		{"socket", "{'names':['socket'],'action':'SCMP_ACT_ALLOW','args':"
			   "[{'index':0,'value':41,'op':'SCMP_CMP_NE'}]}"},
		{"socket", "{'names':['socket'],'action':'SCMP_ACT_ALLOW','args':"
			   "[{'index':0,'value':40,'op':'SCMP_CMP_GT'}]}"},
	};
	cc_auto_json json_t *filter = filter_of(configs[0]);

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		cc_auto_json json_t *bare = without(filter, others[i].call);
		cc_auto_json json_t *other = with_rule(bare, others[i].rule);
		char part[64];

		snprintf(part, sizeof(part), "answers %s with", others[i].call);
		expect_refused(filter, other, part);
	}
}

/* @p, for clone(2) of this machine with its first argument's @half in A, before @m. */
static void put_for_clone(struct made *m, uint32_t half, const struct sock_filter *p, size_t n)
{
	const struct sock_filter begin[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, seccomp_arch_native(), 0, (uint8_t)(n + 3)),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)SCMP_SYS(clone), 0, (uint8_t)(n + 1)),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + half * 4),
	};

	assert_true(n + 3 < 256 && m->n + 5 + n <= FILTER_LEN);
	memmove(m->p + 5 + n, m->p, m->n * sizeof(m->p[0]));
	memcpy(m->p, begin, sizeof(begin));
	memcpy(m->p + 5, p, n * sizeof(*p));
	m->n += 5 + n;
}

/* Which half of an argument in memory has the low bits. */
static uint32_t low_half(void)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : 1;
}

static void a_value_behind_many_others_is_refused(void **state)
{
	static const unsigned int counts[] = {4, 64, 100};
	cc_auto_json json_t *filter = filter_of(configs[0]);
	static struct made m;
	struct sock_filter p[202];
	struct cc_error err;

	(void)state;
	for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
		size_t n = 0;

		for (uint32_t i = 0; i <= counts[c]; i++) {
			bool magic = i == counts[c];

			p[n++] = (struct sock_filter)BPF_JUMP(
				BPF_JMP | BPF_JEQ | BPF_K, magic ? 0x10000011 : 0x2000000 + i * 16,
				0, 1);
			p[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
							      magic ? SECCOMP_RET_ALLOW
								    : SECCOMP_RET_ERRNO | EPERM);
		}
		make_filter(filter, 1, &m);
		put_for_clone(&m, low_half(), p, n);
		assert_int_equal(measure_filter(filter, m.p, m.n, &err), -1);
		expect_error(&err, CC_E_REFUSED, "seccomp", "answers clone with \"allow\"");
	}
}

static void a_value_in_both_halves_of_an_argument_is_refused(void **state)
{
	const struct sock_filter p[] = {
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x10000011, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, args) + (1 - low_half()) * 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 77, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	cc_auto_json json_t *filter = filter_of(configs[0]);
	static struct made m;
	struct cc_error err;

	(void)state;
	make_filter(filter, 1, &m);
	put_for_clone(&m, low_half(), p, 4);
	assert_int_equal(measure_filter(filter, m.p, m.n, &err), -1);
	expect_error(&err, CC_E_REFUSED, "seccomp", "answers clone with \"allow\"");
}

static void a_filter_that_compares_what_it_computes_is_refused(void **state)
{
	static const struct sock_filter computed[] = {
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 0x10000011),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	static const struct sock_filter by_x[] = {
		BPF_STMT(BPF_LDX | BPF_IMM, 0x10000011),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_filter *const both[] = {computed, by_x};
	cc_auto_json json_t *filter = filter_of(configs[0]);
	static struct made m;
	struct cc_error err;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		make_filter(filter, 1, &m);
		put_for_clone(&m, low_half(), both[i], 3);
		assert_int_equal(measure_filter(filter, m.p, m.n, &err), -1);
		expect_error(&err, CC_E_REFUSED, "seccomp", "answers clone cannot be told");
	}
}

/* As many as Moby's default profile has of socket(2). */
static void many_conditions_of_one_call_pass(void **state)
{
	cc_auto_json json_t *bare = filter_of(configs[0]), *filter = without(bare, "socket");
	char rule[128];
	struct cc_error err;

	(void)state;
	for (int i = 0; i < 26; i++) {
		snprintf(rule, sizeof(rule),
			 "{'names':['socket'],'action':'SCMP_ACT_ALLOW','args':[{'index':0,"
			 "'value':%d,'op':'SCMP_CMP_EQ'}]}",
			 i * 7);
		json_array_append_new(json_object_get(filter, "syscalls"), json_of(rule));
	}
	expect_ok(compare(filter, filter, &err), &err);
}

static void more_combinations_than_can_be_tried_are_refused(void **state)
{
	cc_auto_json json_t *filter = json_of(
		"{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['mount'],'action':"
		"'SCMP_ACT_ALLOW','args':[{'index':0,'value':1311768467463790320,'op':'SCMP_CMP_LT'"
		"},{'index':1,'value':1311768467463790320,'op':'SCMP_CMP_LT'},{'index':2,'value':"
		"1311768467463790320,'op':'SCMP_CMP_LT'},{'index':3,'value':1311768467463790320,"
		"'op':'SCMP_CMP_LT'},{'index':4,'value':1311768467463790320,'op':'SCMP_CMP_LT'}]}]"
		"}");

	(void)state;
	expect_refused(filter, filter, "answers mount cannot be told");
}

/* As runtimes make them, one rule each. */
static void two_conditions_of_one_argument_are_two_rules(void **state)
{
	cc_auto_json json_t *filter = json_of(
		"{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['read','close'],'action':"
		"'SCMP_ACT_ALLOW'},{'names':['personality'],'action':'SCMP_ACT_ALLOW','args':["
		"{'index':0,'value':8,'op':'SCMP_CMP_EQ'},{'index':0,'value':9,'op':"
		"'SCMP_CMP_EQ'}]}]}");
	struct cc_error err;

	(void)state;
	expect_ok(compare(filter, filter, &err), &err);
}

#ifdef __x86_64__
static void another_filter_for_programs_of_32_bits_is_refused(void **state)
{
	static const struct sock_filter way[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SCMP_ARCH_X86, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	cc_auto_json json_t *filter = filter_of(configs[0]);
	static struct made m;
	struct cc_error err;

	(void)state;
	make_filter(filter, 1, &m);
	memmove(m.p + 3, m.p, m.n * sizeof(m.p[0]));
	memcpy(m.p, way, sizeof(way));
	assert_int_equal(measure_filter(filter, m.p, m.n + 3, &err), -1);
	expect_error(&err, CC_E_REFUSED, "seccomp", "with \"allow\"");
	m.p[2].k = SECCOMP_RET_ERRNO;
	assert_int_equal(measure_filter(filter, m.p, m.n + 3, &err), -1);
	expect_error(&err, CC_E_REFUSED, "seccomp", "with \"errno 0\"");
}
#endif

static void a_filter_that_computes_its_answer_is_refused(void **state)
{
	static const struct sock_filter p[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	cc_auto_json json_t *filter = filter_of(configs[0]);
	struct cc_error err;

	(void)state;
	assert_int_equal(measure_filter(filter, p, 2, &err), -1);
	expect_error(&err, CC_E_REFUSED, "seccomp", "cannot be told");
}

static void a_filter_that_lets_everything_pass_need_not_be_there(void **state)
{
	cc_auto_json json_t *open = json_of("{'defaultAction':'SCMP_ACT_ALLOW'}");
	cc_auto_json json_t *filter = filter_of(configs[0]);
	unsigned int least, most;

	(void)state;
	measure_filter_count(open, &least, &most);
	assert_int_equal(least * 10 + most, 1);
	measure_filter_count(NULL, &least, &most);
	assert_int_equal(least * 10 + most, 0);
	measure_filter_count(filter, &least, &most);
	assert_int_equal(least * 10 + most, 11);
}

/* A program that stands before its first instruction, with what is made of @made. */
static pid_t start_standing(const json_t *made)
{
	static char *const argv[] = {"/bin/sleep", "1000", NULL}, *const env[] = {NULL};
	static struct made m;
	struct sock_fprog prog = {.filter = m.p};
	int status = 0;
	pid_t pid;

	make_filter(made, 1, &m);
	prog.len = (unsigned short)m.n;
	pid = fork();
	if (pid == 0) {
		if (chdir("/") || ptrace(PTRACE_TRACEME, 0, NULL, NULL) ||
		    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
			_exit(1);
		execve(argv[0], argv, env);
		_exit(2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
	return pid;
}

/* config.json says @said. */
static int look_at(pid_t pid, const json_t *said, bool *stood, struct cc_error *err)
{
	static char *args[] = {"/bin/sleep", "1000"};
	cc_cleanup(seccomp_seen_clear) struct seccomp_seen filter = {0};
	struct cc_measurement m = {.args = {2, args}, .cwd = "/"};
	const struct measured s = {.m = &m,
				   .proc = {.pid = pid},
				   .host_root = "/",
				   .seccomp = (json_t *)(uintptr_t)said};

	expect_ok(seccomp_read(pid, &filter, err), err);
	assert_true(filter.read && filter.n);
	return measure_standing(&s, getpid(), &filter, stood, err);
}

static void the_kernels_filter_of_a_program_that_stands_is_compared(void **state)
{
	cc_auto_json json_t *filter = filter_of(configs[0]), *bare = without(filter, "prctl");
	cc_auto_json json_t *lying =
		with_rule(bare, "{'names':['prctl'],'action':'SCMP_ACT_ERRNO','errnoRet':0}");
	const json_t *const made[] = {filter, lying};
	struct cc_error err = {0};
	bool stood = false;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		pid_t pid = start_standing(made[i]);
		int rc = look_at(pid, filter, &stood, &err);

		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		if (i == 0) {
			assert_int_equal(rc, 0);
			assert_true(stood);
			continue;
		}
		assert_int_equal(rc, -1);
		expect_error(&err, CC_E_REFUSED, "seccomp", "answers prctl with \"errno 0\"");
	}
}

static void this_kernel_gives_filters_to_whoever_has_none(void **state)
{
	struct cc_error err;

	(void)state;
	expect_ok(seccomp_read_probe(&err), &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_libseccomp_makes_of_the_engines_own_filters_passes),
		cmocka_unit_test(a_call_beyond_those_of_the_filter_may_be_answered_with_enosys),
		cmocka_unit_test(a_filter_that_lets_all_pass_is_refused),
		cmocka_unit_test(a_call_that_is_answered_without_being_made_is_named),
		cmocka_unit_test(a_call_that_is_answered_for_one_argument_only_is_named),
		cmocka_unit_test(another_condition_of_an_argument_is_refused),
		cmocka_unit_test(a_value_behind_many_others_is_refused),
		cmocka_unit_test(a_value_in_both_halves_of_an_argument_is_refused),
		cmocka_unit_test(a_filter_that_compares_what_it_computes_is_refused),
		cmocka_unit_test(many_conditions_of_one_call_pass),
		cmocka_unit_test(more_combinations_than_can_be_tried_are_refused),
		cmocka_unit_test(two_conditions_of_one_argument_are_two_rules),
#ifdef __x86_64__
		cmocka_unit_test(another_filter_for_programs_of_32_bits_is_refused),
#endif
		cmocka_unit_test(a_filter_that_computes_its_answer_is_refused),
		cmocka_unit_test(a_filter_that_lets_everything_pass_need_not_be_there),
		cmocka_unit_test(the_kernels_filter_of_a_program_that_stands_is_compared),
		cmocka_unit_test(this_kernel_gives_filters_to_whoever_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
