// SPDX-License-Identifier: Apache-2.0
/* The hook's reader of the agent's verdict: only a clear yes lets a container start. */
#include "lib_test.h"

#include "dmctl/hook/verdict.c"

static void a_clear_yes_is_a_yes(void **state)
{
	struct verdict v;

	(void)state;
	assert_int_equal(verdict_parse("{\"ok\":true,\"volume\":\"v\",\"text\":\"x\"}", &v), 0);
	assert_true(v.final);
	assert_int_equal(v.status, 0);
	assert_int_equal(
		verdict_parse(" { \"a\" : [ 1 , { \"b\" : null } ] , \"ok\" : true } ", &v), 0);
	assert_true(v.final && v.status == 0);
}

static void a_refusal_gives_status_and_reason(void **state)
{
	struct verdict v;

	(void)state;
	assert_int_equal(
		verdict_parse("{\"error\":{\"code\":\"refused\",\"status\":6,\"fact\":\"args\","
			      "\"message\":\"args: identity wants [\\\"/app\\\"] \\u2026\"}}",
			      &v),
		0);
	assert_true(v.final);
	assert_int_equal(v.status, 6);
	assert_string_equal(v.text, "args: identity wants [\"/app\"] \xe2\x80\xa6");
}

static void what_is_neither_lets_nothing_start(void **state)
{
	static const char *const broken[] = {
		"",
		"[]",
		"true",
		"{\"ok\":true",
		"{\"ok\":true}{}",
		"{\"ok\":truex",
		"{ok:true}",
		"{\"ok\":true,\"error\":{\"status\":0}}",
		"{\"error\":{\"status\":6},\"ok\":true}",
		"{\"error\":7}",
		"{\"ok\":true,}",
		"{\"x\":\"\\q\",\"ok\":true}",
		"{\"x\":\"\\u12\"}",
		"{\"x\":[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]}",
	};
	static const char *const undecided[] = {
		"{}",
		"{\"ok\":false}",
		"{\"ok\":\"true\"}",
		"{\"OK\":true}",
		"{\"x\":{\"ok\":true}}",
	};
	struct verdict v;

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		assert_int_equal(verdict_parse(broken[i], &v), -1);
	for (size_t i = 0; i < sizeof(undecided) / sizeof(undecided[0]); i++) {
		assert_int_equal(verdict_parse(undecided[i], &v), 0);
		assert_false(v.final);
	}
}

static void an_error_never_has_status_zero(void **state)
{
	static const char *const texts[] = {
		"{\"error\":{}}",
		"{\"error\":{\"status\":0}}",
		"{\"error\":{\"status\":256}}",
		"{\"error\":{\"status\":-1}}",
		"{\"error\":{\"message\":\"x\"}}",
	};
	struct verdict v;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(verdict_parse(texts[i], &v), 0);
		assert_true(v.final);
		assert_int_equal(v.status, 255);
	}
}

static void control_characters_do_not_reach_the_terminal(void **state)
{
	struct verdict v;

	(void)state;
	assert_int_equal(verdict_parse("{\"error\":{\"message\":\"a\\u001b[31m\\n\\u007fb\"}}", &v),
			 0);
	assert_string_equal(v.text, "a?[31m??b");
}

static void a_long_reason_is_cut(void **state)
{
	char text[8192];
	struct verdict v;
	int n = snprintf(text, sizeof(text), "{\"error\":{\"message\":\"");

	(void)state;
	memset(text + n, 'x', 4000);
	strcpy(text + n + 4000, "\"}}");
	assert_int_equal(verdict_parse(text, &v), 0);
	assert_int_equal(strlen(v.text), VERDICT_TEXT_MAX - 1);
}

static void all_facts_are_lines_of_their_own(void **state)
{
	struct verdict v;

	(void)state;
	assert_int_equal(
		verdict_parse("{\"error\":{\"code\":\"refused\",\"status\":6,\"fact\":\"args\","
			      "\"message\":\"args: x\",\"facts\":[{\"fact\":\"args\",\"text\":"
			      "\"args: x\"},{\"fact\":\"env\",\"text\":\"env: \\\"A\\\"\\nb\"},"
			      "{\"text\":\"cwd: y\"}],\"factCount\":7}}",
			      &v),
		0);
	assert_int_equal(v.status, 6);
	assert_string_equal(v.text, "args: x");
	assert_string_equal(v.others, "env: \"A\"?b\ncwd: y");
	assert_int_equal(v.more, 4);
}

static void an_answer_without_facts_has_no_other_lines(void **state)
{
	static const char *const texts[] = {
		"{\"error\":{\"status\":6,\"message\":\"x\"}}",
		"{\"error\":{\"status\":6,\"facts\":[],\"factCount\":0}}",
		"{\"error\":{\"status\":6,\"facts\":[{}],\"factCount\":-1}}",
		"{\"error\":{\"status\":6,\"facts\":[{\"text\":\"x\"}],\"factCount\":1}}",
	};
	static const char *const broken[] = {
		"{\"error\":{\"status\":6,\"facts\":[1]}}",
		"{\"error\":{\"status\":6,\"facts\":{}}}",
		"{\"error\":{\"status\":6,\"facts\":[{\"text\":\"x\"}}",
	};
	struct verdict v;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(verdict_parse(texts[i], &v), 0);
		assert_int_equal(v.status, 6);
		assert_string_equal(v.others, "");
		assert_int_equal(v.more, 0);
	}
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		assert_int_equal(verdict_parse(broken[i], &v), -1);
}

static void more_facts_than_fit_are_left_out_whole(void **state)
{
	static char text[64 * 1024];
	struct verdict v;
	size_t n = (size_t)snprintf(text, sizeof(text), "{\"error\":{\"status\":6,\"facts\":[{}");

	(void)state;
	for (int i = 0; i < 100; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ",{\"text\":\"%0500d\"}", i);
	snprintf(text + n, sizeof(text) - n, "],\"factCount\":101}}");
	assert_int_equal(verdict_parse(text, &v), 0);
	assert_true(strlen(v.others) < sizeof(v.others));
	assert_int_equal(strlen(v.others) % 501, 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clear_yes_is_a_yes),
		cmocka_unit_test(a_refusal_gives_status_and_reason),
		cmocka_unit_test(what_is_neither_lets_nothing_start),
		cmocka_unit_test(an_error_never_has_status_zero),
		cmocka_unit_test(control_characters_do_not_reach_the_terminal),
		cmocka_unit_test(a_long_reason_is_cut),
		cmocka_unit_test(all_facts_are_lines_of_their_own),
		cmocka_unit_test(an_answer_without_facts_has_no_other_lines),
		cmocka_unit_test(more_facts_than_fit_are_left_out_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
