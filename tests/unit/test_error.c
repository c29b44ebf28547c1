// SPDX-License-Identifier: Apache-2.0
#include "lib_test.h"

#include <errno.h>

static void exit_statuses_are_the_documented_ones(void **state)
{
	static const struct {
		enum cc_code code;
		int status;
		int http;
		const char *name;
	} documented[] = {
		{CC_E_USAGE, 1, 400, "usage"},
		{CC_E_PERM, 2, 401, "permission"},
		{CC_E_NOMEM, 3, 503, "memory"},
		{CC_E_DEVICE, 4, 422, "device"},
		{CC_E_BUSY, 5, 409, "busy"},
		{CC_E_REFUSED, 6, 403, "refused"},
		{CC_E_UNREACHABLE, 7, 503, "unreachable"},
		{CC_E_NOTFOUND, 8, 404, "not-found"},
		{CC_E_EXISTS, 9, 409, "exists"},
		{CC_E_INVALID, 10, 400, "invalid"},
		{CC_E_INTERNAL, 11, 500, "internal"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(documented) / sizeof(documented[0]); i++) {
		assert_int_equal(documented[i].code, documented[i].status);
		assert_int_equal(cc_code_http(documented[i].code), documented[i].http);
		assert_string_equal(cc_code_name(documented[i].code), documented[i].name);
		assert_int_equal(cc_code_from_name(documented[i].name), documented[i].code);
	}
}

static void unknown_codes_are_internal_errors(void **state)
{
	(void)state;
	assert_int_equal(cc_code_from_name("brand-new"), CC_E_INTERNAL);
	assert_int_equal(cc_code_from_name(""), CC_E_INTERNAL);
	assert_string_equal(cc_code_name((enum cc_code)99), "internal");
	assert_int_equal(cc_code_http((enum cc_code)99), 500);
}

static void a_failure_returns_minus_one_and_forgets_the_last_fact(void **state)
{
	struct cc_error err = {0};

	(void)state;
	assert_int_equal(cc_refuse(&err, "args", "args: %s", "differ"), -1);
	expect_error(&err, CC_E_REFUSED, "args", "args: differ");
	assert_int_equal(cc_fail(&err, CC_E_BUSY, "%s is in use", "sda"), -1);
	expect_error(&err, CC_E_BUSY, "", "sda is in use");
	assert_int_equal(cc_set_fact(&err, "lease"), -1);
	expect_error(&err, CC_E_BUSY, "lease", "sda is in use");
}

static void errno_decides_the_code_only_of_internal_errors(void **state)
{
	static const struct {
		int e;
		enum cc_code code;
	} cases[] = {{ENOMEM, CC_E_NOMEM},
		     {EACCES, CC_E_PERM},
		     {EPERM, CC_E_PERM},
		     {EBUSY, CC_E_BUSY},
		     {EIO, CC_E_INTERNAL}};
	struct cc_error err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		errno = cases[i].e;
		assert_int_equal(cc_fail_errno(&err, CC_E_INTERNAL, "cannot open %s", "it"), -1);
		expect_error(&err, cases[i].code, "", "cannot open it: ");
		assert_non_null(strstr(err.text, strerror(cases[i].e)));
	}
	errno = ENOMEM;
	cc_fail_errno(&err, CC_E_DEVICE, "cannot read");
	assert_int_equal(err.code, CC_E_DEVICE);
}

static void a_prefix_keeps_code_and_fact(void **state)
{
	struct cc_error err = {0};

	(void)state;
	cc_refuse(&err, "serial", "serial: too low");
	assert_int_equal(cc_prefix(&err, "volume \"%s\"", "pgdata"), -1);
	expect_error(&err, CC_E_REFUSED, "serial", "volume \"pgdata\": serial: too low");
}

static void a_text_is_one_line_without_control_characters(void **state)
{
	struct cc_error err = {0};

	(void)state;
	cc_fail(&err, CC_E_INVALID,
		"a\nb\tc\x1b[31md\x7f\xc2\x9b"
		"e");
	assert_string_equal(err.text, "a?b?c?[31md???e");
}

static void bytes_that_are_not_utf8_are_replaced(void **state)
{
	static const char *const bad[] = {"\xff",
					  "\xc0\xaf",
					  "\xe0\x80\xaf",
					  "\xed\xa0\x80",
					  "\xf4\x90\x80\x80",
					  "\xf0\x80\x80\x80",
					  "\xe2\x82",
					  "\x80"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[16];

		snprintf(text, sizeof(text), "x%sy", bad[i]);
		cc_text_clean(text);
		assert_int_equal(text[0], 'x');
		assert_int_equal(text[strlen(text) - 1], 'y');
		assert_int_equal(strspn(text + 1, "?"), strlen(bad[i]));
	}
}

static void text_in_any_language_is_kept(void **state)
{
	char text[] = "Größe 名前 😀 é";

	(void)state;
	cc_text_clean(text);
	assert_string_equal(text, "Größe 名前 😀 é");
}

static void a_long_text_ends_with_an_ellipsis_and_stays_utf8(void **state)
{
	struct cc_error err = {0};
	char longer[2000];
	cc_auto_json json_t *obj = NULL;

	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		memset(longer, 'x', shift);
		for (size_t i = shift; i + 2 < sizeof(longer); i += 2)
			memcpy(longer + i, "é", 3);
		cc_fail(&err, CC_E_INVALID, "%s", longer);
		assert_true(strlen(err.text) > CC_TEXT_MAX - 8 && strlen(err.text) < CC_TEXT_MAX);
		assert_string_equal(err.text + strlen(err.text) - strlen("…"), "…");
		assert_null(strchr(err.text, '?'));
		json_decref(obj);
		obj = cc_error_to_json(&err);
		assert_non_null(obj);
	}
}

static void an_error_survives_the_way_through_json(void **state)
{
	struct cc_error err = {0}, back = {0};
	cc_auto_json json_t *obj = NULL;
	cc_auto_free char *text = NULL;

	(void)state;
	cc_refuse(&err, "args", "args: identity wants [\"/app\"]");
	obj = cc_error_to_json(&err);
	text = json_dumps(obj, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, "{\"error\":{\"code\":\"refused\",\"fact\":\"args\",\"message\":"
				  "\"args: identity wants [\\\"/app\\\"]\",\"status\":6}}");
	assert_true(cc_error_from_json(&back, obj));
	expect_error(&back, err.code, err.fact, err.text);
}

static void a_peers_error_object_is_checked(void **state)
{
	static const char *const none[] = {
		"{}",
		"[]",
		"{'error':null}",
		"{'error':'refused'}",
		"{'error':{'code':'refused','status':6,'fact':'args'}}",
		"{'error':{'code':6,'status':6,'fact':'args','message':'m'}}",
		"{'error':{'code':'refused','status':'6','fact':'args','message':'m'}}",
		"{'error':{'code':'refused','status':6,'fact':null,'message':'m'}}",
		"{'ok':true}",
	};
	struct cc_error err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		cc_auto_json json_t *obj = json_of(none[i]);

		assert_false(cc_error_from_json(&err, obj));
	}
	assert_false(cc_error_from_json(&err, NULL));
}

static void a_peers_failure_is_never_taken_for_success(void **state)
{
	cc_auto_json json_t *obj =
		json_of("{'error':{'code':'ok','status':0,'fact':'','message':'all is well'}}");
	struct cc_error err = {0};

	(void)state;
	assert_true(cc_error_from_json(&err, obj));
	assert_int_equal(err.code, CC_E_INTERNAL);
}

static void a_peers_text_cannot_carry_control_characters_or_overflow(void **state)
{
	struct cc_error err = {0};
	char fact[200];
	cc_auto_json json_t *obj = NULL;

	(void)state;
	memset(fact, 'f', sizeof(fact) - 1);
	fact[sizeof(fact) - 1] = '\0';
	obj = json_pack("{s:{s:s, s:i, s:s, s:s}}", "error", "code", "busy", "status", 5, "fact",
			fact, "message", "one\ntwo\x1b[2J");
	assert_true(cc_error_from_json(&err, obj));
	assert_int_equal(err.code, CC_E_BUSY);
	assert_int_equal(strlen(err.fact), CC_FACT_MAX - 1);
	assert_string_equal(err.text, "one?two?[2J");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exit_statuses_are_the_documented_ones),
		cmocka_unit_test(unknown_codes_are_internal_errors),
		cmocka_unit_test(a_failure_returns_minus_one_and_forgets_the_last_fact),
		cmocka_unit_test(errno_decides_the_code_only_of_internal_errors),
		cmocka_unit_test(a_prefix_keeps_code_and_fact),
		cmocka_unit_test(a_text_is_one_line_without_control_characters),
		cmocka_unit_test(bytes_that_are_not_utf8_are_replaced),
		cmocka_unit_test(text_in_any_language_is_kept),
		cmocka_unit_test(a_long_text_ends_with_an_ellipsis_and_stays_utf8),
		cmocka_unit_test(an_error_survives_the_way_through_json),
		cmocka_unit_test(a_peers_error_object_is_checked),
		cmocka_unit_test(a_peers_failure_is_never_taken_for_success),
		cmocka_unit_test(a_peers_text_cannot_carry_control_characters_or_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
