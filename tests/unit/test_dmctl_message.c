// SPDX-License-Identifier: Apache-2.0
/* Requests on the agent's socket. */
#include "lib_test.h"

#include "dmctl/agent/agent_message.h"
#include "dmctl/host/seccomp_program.h"

#define ID "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static int parse(const char *single_quoted, bool internal, struct agent_message *m,
		 struct cc_error *err)
{
	cc_auto_free char *text = strdup(single_quoted);

	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	return agent_message_parse(text, strlen(text), internal, m, err);
}

static void every_request_of_the_manual_is_understood(void **state)
{
	static const struct {
		const char *text;
		enum agent_op op;
	} cases[] = {
		{"{'op':'hook','volume':'v','state':{'id':'" ID "','pid':7,'bundle':'/b'}}",
		 AGENT_HOOK},
		{"{'op':'bind','volume':'v','device':null,'container':'c','engine':null,'dryRun':false}",
		 AGENT_BIND},
		{"{'op':'bind','volume':'v','device':'/dev/x','container':'c','engine':'podman'}",
		 AGENT_BIND},
		{"{'op':'unbind','volume':'v'}", AGENT_UNBIND},
		{"{'op':'unbind','volume':'v','force':true}", AGENT_UNBIND},
		{"{'op':'list'}", AGENT_LIST},
		{"{'op':'list','after':'v'}", AGENT_LIST},
		{"{'op':'events'}", AGENT_EVENTS},
		{"{'op':'events','since':0,'follow':false}", AGENT_EVENTS},
		{"{'op':'measure','container':'c','engine':null}", AGENT_MEASURE},
		{"{'op':'measure','container':'c','rootfs':true}", AGENT_MEASURE},
		{"{'op':'refresh'}", AGENT_REFRESH},
		{"{'op':'grow','volume':'v'}", AGENT_GROW},
		{"{'op':'require','state':{'id':'" ID "','pid':7,'bundle':'/b'}}", AGENT_REQUIRE},
		{"{'op':'plugin','path':'/Plugin.Activate','body':''}", AGENT_PLUGIN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		agent_auto_message struct agent_message m = {0};
		struct cc_error err;

		expect_ok(parse(cases[i].text, false, &m, &err), &err);
		assert_int_equal(m.op, cases[i].op);
	}
}

static void other_requests_are_refused(void **state)
{
	static const struct {
		const char *text, *part;
	} cases[] = {
		{"[]", "not a JSON object"},
		{"{}", "op"},
		{"{'op':'format'}", "unknown operation"},
		{"{'op':'unbind'}", "volume"},
		{"{'op':'unbind','volume':'../x'}", "not a volume name"},
		{"{'op':'unbind','volume':'v','force':1}", "force"},
		{"{'op':'unbind','volume':'v','by':'force'}", "by"},
		{"{'op':'unbind','op':'list','volume':'v'}", "twice"},
		{"{'op':'hook','volume':'v'}", "state"},
		{"{'op':'hook','volume':'v','state':{},'op':'unbind'}", "twice"},
		{"{'op':'hook','volume':'v','state':{}},{}", "after the end"},
		{"{'op':'bind','volume':'v'}", "container"},
		{"{'op':'bind','volume':'v','container':'c','device':7}", "device"},
		{"{'op':'bind','volume':'v','container':'c','dryRun':'no'}", "dryRun"},
		{"{'op':'measure','container':null}", "container"},
		{"{'op':'measure','container':'c','rootfs':1}", "rootfs"},
		{"{'op':'list','after':'../x'}", "not a volume name"},
		{"{'op':'events','since':-1}", "since"},
		{"{'op':'events','since':'now'}", "since"},
		{"{'op':'events','follow':1}", "follow"},
		{"{'op':'events','after':'v'}", "after"},
		{"{'op':'grow'}", "volume"},
		{"{'op':'require'}", "state"},
		{"{'op':'require','volume':'v','state':{}}", "volume"},
		{"{'op':'plugin','path':'/Plugin.Activate'}", "body"},
		{"{'op':'plugin','path':'/Plugin.Activate','body':{}}", "body"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		agent_auto_message struct agent_message m = {0};
		struct cc_error err;

		assert_int_equal(parse(cases[i].text, false, &m, &err), -1);
		expect_error(&err, CC_E_INVALID, "", cases[i].part);
	}
}

#define NAME "v@0123456789ab"

static void the_agents_own_requests_are_not_for_others(void **state)
{
	static const enum agent_op ops[] = {AGENT_RECOVER, AGENT_REAP, AGENT_UNDO};

	(void)state;
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		agent_auto_message struct agent_message own = {0}, m = {0};
		const char *binding = ops[i] == AGENT_RECOVER ? NULL : NAME;
		struct cc_error err;

		expect_ok(agent_message_internal(ops[i], binding, &own, &err), &err);
		expect_ok(agent_message_parse(own.text, strlen(own.text), true, &m, &err), &err);
		assert_string_equal(own.volume, m.volume);
		assert_string_equal(own.binding, m.binding);
		assert_int_equal(m.op, ops[i]);
		assert_string_equal(m.binding, ops[i] == AGENT_RECOVER ? "" : NAME);
		assert_string_equal(m.volume, ops[i] == AGENT_RECOVER ? "" : "v");
		assert_int_equal(agent_message_parse(own.text, strlen(own.text), false, &m, &err),
				 -1);
		expect_error(&err, CC_E_INVALID, "", "unknown operation");
	}
}

static void the_moment_of_an_end_comes_with_it(void **state)
{
	const struct seen_end at = {.real = UINT64_C(1795883660123456789), .boot = 7};
	agent_auto_message struct agent_message own = {0}, m = {0}, none = {0};
	struct cc_error err;

	(void)state;
	expect_ok(agent_message_ended(NAME, &at, &own, &err), &err);
	assert_int_equal(agent_message_parse(own.text, strlen(own.text), false, &m, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "unknown operation");
	expect_ok(agent_message_parse(own.text, strlen(own.text), true, &m, &err), &err);
	assert_string_equal(m.binding, NAME);
	assert_string_equal(m.volume, "v");
	assert_true(m.ended.real == at.real && m.ended.boot == at.boot);
	/* without it nothing that was left could be believed */
	assert_int_equal(parse("{'op':'ended','binding':'v'}", true, &none, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "real");
}

/* Of no instruction, of one, and of as many as the kernel takes. */
static void a_filter_comes_with_a_look_as_it_was_read(void **state)
{
	static struct sock_filter p[SECCOMP_PROGRAM_MAX];
	static const size_t lengths[] = {0, 1, 2, SECCOMP_PROGRAM_MAX};

	(void)state;
	memset(p, 0xa5, sizeof(p));
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		const struct seccomp_seen seen = {
			.read = true, .p = lengths[i] ? p : NULL, .n = lengths[i]};
		agent_auto_message struct agent_message m = {0}, back = {0};
		struct cc_error err;

		expect_ok(agent_message_look("vol", &seen, &m, &err), &err);
		assert_true(strlen(m.text) < AGENT_MESSAGE_MAX);
		expect_ok(agent_message_parse(m.text, strlen(m.text), true, &back, &err), &err);
		assert_true(back.filter.read);
		assert_int_equal(back.filter.n, lengths[i]);
		if (lengths[i])
			assert_memory_equal(back.filter.p, p, lengths[i] * sizeof(p[0]));
	}
}

static void a_filter_that_was_not_read_or_is_none_is_not_taken_for_one(void **state)
{
	static const char *const bad[] = {"'AAAA'", "'AAAAAAAAAAA'", "'?'", "7"};
	agent_auto_message struct agent_message without = {0};
	struct cc_error err;
	char text[96];

	(void)state;
	expect_ok(parse("{'op':'look','binding':'vol'}", true, &without, &err), &err);
	assert_false(without.filter.read);
	for (size_t i = 0; i < 4; i++) {
		agent_auto_message struct agent_message m = {0};
		bool whole = i == 1; /* 8 bytes */

		snprintf(text, sizeof(text), "{'op':'look','binding':'vol','filter':%s}", bad[i]);
		assert_int_equal(parse(text, true, &m, &err), whole ? 0 : -1);
		if (!whole)
			expect_error(&err, CC_E_INVALID, "", "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_request_of_the_manual_is_understood),
		cmocka_unit_test(other_requests_are_refused),
		cmocka_unit_test(the_agents_own_requests_are_not_for_others),
		cmocka_unit_test(the_moment_of_an_end_comes_with_it),
		cmocka_unit_test(a_filter_comes_with_a_look_as_it_was_read),
		cmocka_unit_test(a_filter_that_was_not_read_or_is_none_is_not_taken_for_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
