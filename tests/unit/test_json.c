// SPDX-License-Identifier: Apache-2.0
#include "lib_test.h"

#include "strv.h"

static json_t *parse(const char *text, struct cc_error *err)
{
	return cc_json_parse(text, strlen(text), "identity", err);
}

static void expect_unparsable(const char *text, const char *part)
{
	struct cc_error err = {0};

	assert_null(parse(text, &err));
	expect_error(&err, CC_E_INVALID, "", part);
}

static void a_key_given_twice_is_refused_at_any_depth(void **state)
{
	(void)state;
	expect_unparsable("{\"serial\":1,\"serial\":2}", "twice");
	expect_unparsable("{\"a\":[{\"b\":{\"c\":1,\"c\":1}}]}", "twice");
	expect_unparsable("{\"a\":1,\"\\u0061\":2}", "twice");
}

static void malformed_documents_are_refused(void **state)
{
	(void)state;
	expect_unparsable("", "ends too early");
	expect_unparsable("{\"a\":1", "ends too early");
	expect_unparsable("{\"a\":1}{}", "after the end");
	expect_unparsable("{\"a\":1} x", "after the end");
	expect_unparsable("{\"a\":\"\\u0000\"}", "NUL");
	expect_unparsable("{\"a\":\"\xff\"}", "UTF-8");
	expect_unparsable("{\"a\":99999999999999999999}", "out of range");
	expect_unparsable("{'a':1}", "syntax error");
	expect_unparsable("7", "syntax error");
}

static json_t *parse_engine(const char *text, struct cc_error *err)
{
	return cc_json_parse_engine(text, strlen(text), CC_JSON_MAX, "config.json", err);
}

static void an_engines_integers_may_have_64_bits_without_a_sign(void **state)
{
	static const struct {
		const char *text;
		double value;
	} wide[] = {
		{"{\"n\":9223372036854775808}", 0x1p63},
		{"{\"n\":18446744073709551615}", 0x1p64},
		{"{\"n\" : 18446744073709551615 ,\"s\":\"\"}", 0x1p64},
		{"{\"s\":\"\\\\\",\"n\":18446744073709551615}", 0x1p64},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
		struct cc_error err = {0};
		cc_auto_json json_t *doc = parse_engine(wide[i].text, &err);

		assert_non_null(doc);
		assert_true(json_is_real(json_object_get(doc, "n")));
		assert_true(json_real_value(json_object_get(doc, "n")) == wide[i].value);
	}
}

/* Beside one that is too wide, so that all are read the second time. */
static void an_engines_other_integers_are_exact(void **state)
{
	struct cc_error err = {0};
	cc_auto_json json_t *doc = parse_engine(
		"{\"wide\":[18446744073709551615],\"most\":9223372036854775807,\"small\":-1,"
		"\"least\":-9223372036854775808,\"odd\":9007199254740993,\"real\":1.5e3,"
		"\"text\":\"a\\\" 18446744073709551615 \\\\\"}",
		&err);

	(void)state;
	assert_non_null(doc);
	assert_true(json_integer_value(json_object_get(doc, "most")) == INT64_MAX);
	assert_true(json_integer_value(json_object_get(doc, "small")) == -1);
	assert_true(json_integer_value(json_object_get(doc, "least")) == INT64_MIN);
	assert_true(json_integer_value(json_object_get(doc, "odd")) == 9007199254740993);
	assert_true(json_real_value(json_object_get(doc, "real")) == 1500.0);
	assert_string_equal(json_string_value(json_object_get(doc, "text")),
			    "a\" 18446744073709551615 \\");
}

static void an_engines_numbers_out_of_64_bits_are_refused(void **state)
{
	static const char *const bad[] = {
		"{\"n\":18446744073709551616}", "{\"n\":-9223372036854775809}",
		"{\"n\":99999999999999999999}", "{\"n\":1e400}", "{\"n\":-18446744073709551615}"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct cc_error err = {0};

		assert_null(parse_engine(bad[i], &err));
		expect_error(&err, CC_E_INVALID, "", "config.json is not valid JSON");
		expect_error(&err, CC_E_INVALID, "", "a number is out of range");
	}
}

static void an_engines_document_is_strict_otherwise_and_bounded(void **state)
{
	static const char *const bad[] = {
		"{\"a\":18446744073709551615,\"a\":1}", "{\"a\":18446744073709551615",
		"{\"a\":18446744073709551615}{}",	"{\"a\":18446744073709551615,\"b",
		"{\"a\":18446744073709551615,\"\\",	"{\"a\":018446744073709551615}"};
	struct cc_error err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(parse_engine(bad[i], &err));
		expect_error(&err, CC_E_INVALID, "", "is not valid JSON");
	}
	assert_null(cc_json_parse_engine("{   }", 5, 4, "config.json", &err));
	expect_error(&err, CC_E_INVALID, "", "5 bytes, more than the 4 allowed");
}

static void numbers_of_our_own_documents_have_a_sign(void **state)
{
	(void)state;
	expect_unparsable("{\"serial\":9223372036854775808}", "out of range");
	expect_unparsable("{\"serial\":18446744073709551615}", "out of range");
}

static void a_nul_byte_in_the_buffer_does_not_end_the_document(void **state)
{
	static const char text[] = "{\"a\":1}\0{\"a\":2}";
	struct cc_error err = {0};

	(void)state;
	assert_null(cc_json_parse(text, sizeof(text) - 1, "identity", &err));
	assert_int_equal(err.code, CC_E_INVALID);
}

static void oversized_and_deeply_nested_documents_are_refused(void **state)
{
	cc_auto_free char *buf = malloc(CC_JSON_MAX + 2);
	struct cc_error err = {0};

	(void)state;
	memset(buf, '[', CC_JSON_MAX + 1);
	buf[CC_JSON_MAX + 1] = '\0';
	assert_null(cc_json_parse(buf, CC_JSON_MAX + 1, "identity", &err));
	expect_error(&err, CC_E_INVALID, "", "more than");
	assert_null(cc_json_parse(buf, CC_JSON_MAX, "identity", &err));
	expect_error(&err, CC_E_INVALID, "", "nested too deeply");
}

static void a_parse_error_never_quotes_the_document(void **state)
{
	struct cc_error err = {0};

	(void)state;
	assert_null(parse("{\"d\":\"TOPSECRET\" \"x\"}", &err));
	assert_null(strstr(err.text, "TOPSECRET"));
	assert_non_null(strstr(err.text, "identity"));
	assert_non_null(strstr(err.text, "line 1"));
}

static void members_of_another_type_are_named(void **state)
{
	cc_auto_json json_t *o =
		json_of("{'s':1,'n':'1','b':0,'l':['a',1],'o':[],'a':{},'r':1.0,'m':-1}");
	struct cc_error err = {0};
	struct cc_strv list = {0};
	cc_auto_free char *s = NULL;
	uint64_t n = 7;
	bool b = true;
	json_t *sub = NULL;

	(void)state;
	assert_int_equal(cc_json_str(o, "doc", "s", false, &s, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "doc: member \"s\" must be a string");
	assert_int_equal(cc_json_u64(o, "doc", "n", false, &n, &err), -1);
	assert_int_equal(cc_json_u64(o, "doc", "r", false, &n, &err), -1);
	assert_int_equal(cc_json_u64(o, "doc", "m", false, &n, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "negative");
	assert_int_equal(cc_json_bool(o, "doc", "b", false, &b, &err), -1);
	assert_int_equal(cc_json_strv(o, "doc", "l", false, &list, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "strings only");
	assert_int_equal(cc_json_strv(o, "doc", "a", false, &list, &err), -1);
	assert_int_equal(cc_json_obj(o, "doc", "o", false, &sub, &err), -1);
	assert_int_equal(cc_json_arr(o, "doc", "a", false, &sub, &err), -1);
	assert_null(s);
	assert_null(sub);
	assert_int_equal(n, 7);
	assert_true(b);
	assert_int_equal(list.n, 0);
}

static void an_absent_member_is_an_error_only_when_required(void **state)
{
	cc_auto_json json_t *o = json_object();
	struct cc_error err = {0};
	cc_auto_free char *s = strdup("default");
	struct cc_strv list = {0};
	json_t *sub = NULL;
	uint64_t n = 7;
	bool b = true;

	(void)state;
	expect_ok(cc_json_str(o, "doc", "x", false, &s, &err), &err);
	expect_ok(cc_json_u64(o, "doc", "x", false, &n, &err), &err);
	expect_ok(cc_json_bool(o, "doc", "x", false, &b, &err), &err);
	expect_ok(cc_json_strv(o, "doc", "x", false, &list, &err), &err);
	expect_ok(cc_json_obj(o, "doc", "x", false, &sub, &err), &err);
	assert_string_equal(s, "default");
	assert_int_equal(n, 7);
	assert_true(b);

	assert_int_equal(cc_json_str(o, "doc", "x", true, &s, &err), -1);
	assert_int_equal(cc_json_u64(o, "doc", "x", true, &n, &err), -1);
	assert_int_equal(cc_json_bool(o, "doc", "x", true, &b, &err), -1);
	assert_int_equal(cc_json_strv(o, "doc", "x", true, &list, &err), -1);
	assert_int_equal(cc_json_arr(o, "doc", "x", true, &sub, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "doc: member \"x\" is missing");
}

static void members_are_fetched(void **state)
{
	cc_auto_json json_t *o = json_of("{'s':'t','n':9007199254740993,'b':true,'l':['a','b']}");
	struct cc_error err = {0};
	struct cc_strv list = {0};
	cc_auto_free char *s = strdup("old");
	uint64_t n = 0;
	bool b = false;

	(void)state;
	expect_ok(cc_json_str(o, "doc", "s", true, &s, &err), &err);
	expect_ok(cc_json_u64(o, "doc", "n", true, &n, &err), &err);
	expect_ok(cc_json_bool(o, "doc", "b", true, &b, &err), &err);
	expect_ok(cc_json_strv(o, "doc", "l", true, &list, &err), &err);
	assert_string_equal(s, "t");
	assert_true(n == 9007199254740993ULL);
	assert_true(b);
	assert_int_equal(list.n, 2);
	assert_true(cc_strv_has(&list, "b"));
	assert_false(cc_strv_has(&list, "c"));
	cc_strv_clear(&list);
}

static void unknown_members_are_refused_and_named(void **state)
{
	static const char *const known[] = {"a", "b", NULL};
	cc_auto_json json_t *good = json_of("{'b':1}"), *bad = json_of("{'a':1,'extra':2}"),
			    *list = json_of("[]");
	struct cc_error err = {0};

	(void)state;
	expect_ok(cc_json_only(good, "doc", known, &err), &err);
	assert_int_equal(cc_json_only(bad, "doc", known, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "doc: unknown member \"extra\"");
	assert_int_equal(cc_json_only(list, "doc", known, &err), -1);
	assert_int_equal(cc_json_only(NULL, "doc", known, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_given_twice_is_refused_at_any_depth),
		cmocka_unit_test(malformed_documents_are_refused),
		cmocka_unit_test(an_engines_integers_may_have_64_bits_without_a_sign),
		cmocka_unit_test(an_engines_other_integers_are_exact),
		cmocka_unit_test(an_engines_numbers_out_of_64_bits_are_refused),
		cmocka_unit_test(an_engines_document_is_strict_otherwise_and_bounded),
		cmocka_unit_test(numbers_of_our_own_documents_have_a_sign),
		cmocka_unit_test(a_nul_byte_in_the_buffer_does_not_end_the_document),
		cmocka_unit_test(oversized_and_deeply_nested_documents_are_refused),
		cmocka_unit_test(a_parse_error_never_quotes_the_document),
		cmocka_unit_test(members_of_another_type_are_named),
		cmocka_unit_test(an_absent_member_is_an_error_only_when_required),
		cmocka_unit_test(members_are_fetched),
		cmocka_unit_test(unknown_members_are_refused_and_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
