// SPDX-License-Identifier: Apache-2.0
#include "lib_test.h"

#include <fcntl.h>
#include <unistd.h>

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

static void string_lists_compare_in_order(void **state)
{
	struct cc_strv a = {0}, b = {0};
	struct cc_error err = {0};
	cc_auto_json json_t *arr = NULL;

	(void)state;
	assert_true(cc_strv_eq(&a, &b));
	expect_ok(cc_strv_push(&a, "x", &err), &err);
	expect_ok(cc_strv_push(&a, "y", &err), &err);
	assert_false(cc_strv_eq(&a, &b));
	expect_ok(cc_strv_push(&b, "y", &err), &err);
	expect_ok(cc_strv_push(&b, "x", &err), &err);
	assert_false(cc_strv_eq(&a, &b));
	arr = cc_strv_json(&a);
	assert_int_equal(json_array_size(arr), 2);
	assert_string_equal(json_string_value(json_array_get(arr, 0)), "x");
	cc_strv_clear(&a);
	cc_strv_clear(&a);
	cc_strv_clear(&b);
}

static void digests_are_sha256_and_lower_case(void **state)
{
	(void)state;
	assert_true(cc_is_digest(DIGEST_A));
	assert_false(cc_is_digest(""));
	assert_false(cc_is_digest("sha256:"));
	assert_false(cc_is_digest(DIGEST_A "a"));
	assert_false(cc_is_digest(
		"sha512:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
	assert_false(cc_is_digest(
		"sha256:Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
	assert_false(cc_is_digest(
		"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static void names_are_short_lower_case_and_no_path(void **state)
{
	(void)state;
	assert_true(cc_is_name("pgdata"));
	assert_true(cc_is_name("0a_b.c-d"));
	assert_true(cc_is_name("a23456789012345678901234567890123456789012345678901234567890123"));
	assert_false(
		cc_is_name("a234567890123456789012345678901234567890123456789012345678901234"));
	assert_false(cc_is_name(""));
	assert_false(cc_is_name("."));
	assert_false(cc_is_name("../x"));
	assert_false(cc_is_name("a/b"));
	assert_false(cc_is_name("-a"));
	assert_false(cc_is_name("Pg"));
	assert_false(cc_is_name("a b"));
	assert_false(cc_is_name("a\n"));
}

static void uuids_are_lower_case_text_form(void **state)
{
	(void)state;
	assert_true(cc_is_uuid("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"));
	assert_false(cc_is_uuid("0A1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"));
	assert_false(cc_is_uuid("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f"));
	assert_false(cc_is_uuid("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f90"));
	assert_false(cc_is_uuid("0a1b2c3d04e5f-6071-8293-a4b5c6d7e8f9"));
	assert_false(cc_is_uuid(""));
}

static void times_are_rfc3339_utc_to_the_second(void **state)
{
	static const char *const bad[] = {"",
					  "2026-11-22",
					  "2026-11-22T23:58:27",
					  "2026-11-22T23:58:27+00:00",
					  "2026-11-22T23:58:27.5Z",
					  "2026-11-22 23:58:27Z",
					  "2026-02-29T00:00:00Z",
					  "2026-13-01T00:00:00Z",
					  "2026-00-10T00:00:00Z",
					  "2026-01-01T24:00:00Z",
					  "2026-01-01T00:60:00Z",
					  "2026-01-01T00:00:60Z",
					  "2026-1-101T00:00:00Z",
					  "2026-01-01T00:00:+1Z"};
	int64_t t = 42;
	char text[21];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(cc_time_parse(bad[i], &t), -1);
		assert_int_equal(t, 42);
	}
	assert_int_equal(cc_time_parse("2026-11-22T23:58:27Z", &t), 0);
	assert_int_equal(t, 1795391907);
	cc_time_format(t, text);
	assert_string_equal(text, "2026-11-22T23:58:27Z");
	assert_int_equal(cc_time_parse("2024-02-29T00:00:00Z", &t), 0);
	cc_time_format(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00Z");
}

static void times_out_of_range_still_make_twenty_characters(void **state)
{
	char text[21];

	(void)state;
	cc_time_format(INT64_MAX, text);
	assert_string_equal(text, "9999-12-31T23:59:59Z");
	cc_time_format(INT64_MIN, text);
	assert_int_equal(strlen(text), 20);
}

static void the_digest_is_sha256(void **state)
{
	char out[72];

	(void)state;
	cc_sha256_digest("abc", 3, out); /* FIPS 180-4 example */
	assert_string_equal(
		out, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_true(cc_is_digest(out));
}

static void files_are_read_whole_or_not_at_all(void **state)
{
	char path[] = "/tmp/cc-test-XXXXXX";
	cc_auto_close int fd = mkstemp(path);
	struct cc_error err = {0};
	char *buf = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(write(fd, "a\0b", 3), 3);
	expect_ok(cc_read_file(path, &buf, &len, &err), &err);
	assert_int_equal(len, 3);
	assert_memory_equal(buf, "a\0b", 4);
	free(buf);
	buf = NULL;

	assert_int_equal(ftruncate(fd, CC_JSON_MAX), 0);
	expect_ok(cc_read_file(path, &buf, &len, &err), &err);
	assert_int_equal(len, CC_JSON_MAX);
	free(buf);
	buf = NULL;

	assert_int_equal(ftruncate(fd, CC_JSON_MAX + 1), 0);
	assert_int_equal(cc_read_file(path, &buf, &len, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "has more than");
	assert_null(buf);
	unlink(path);
	assert_int_equal(cc_read_file(path, &buf, &len, &err), -1);
	expect_error(&err, CC_E_NOTFOUND, "", path);
	assert_int_equal(cc_read_file("/tmp", &buf, &len, &err), -1);
	expect_error(&err, CC_E_INTERNAL, "", "/tmp");
}

static void a_dash_reads_standard_input(void **state)
{
	struct cc_error err = {0};
	int pipefd[2], saved = dup(STDIN_FILENO);
	char *buf = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(pipe(pipefd), 0);
	assert_int_equal(write(pipefd[1], "{}", 2), 2);
	close(pipefd[1]);
	dup2(pipefd[0], STDIN_FILENO);
	close(pipefd[0]);
	expect_ok(cc_read_file("-", &buf, &len, &err), &err);
	dup2(saved, STDIN_FILENO);
	close(saved);
	assert_string_equal(buf, "{}");
	free(buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_given_twice_is_refused_at_any_depth),
		cmocka_unit_test(malformed_documents_are_refused),
		cmocka_unit_test(a_nul_byte_in_the_buffer_does_not_end_the_document),
		cmocka_unit_test(oversized_and_deeply_nested_documents_are_refused),
		cmocka_unit_test(a_parse_error_never_quotes_the_document),
		cmocka_unit_test(members_of_another_type_are_named),
		cmocka_unit_test(an_absent_member_is_an_error_only_when_required),
		cmocka_unit_test(members_are_fetched),
		cmocka_unit_test(unknown_members_are_refused_and_named),
		cmocka_unit_test(string_lists_compare_in_order),
		cmocka_unit_test(digests_are_sha256_and_lower_case),
		cmocka_unit_test(names_are_short_lower_case_and_no_path),
		cmocka_unit_test(uuids_are_lower_case_text_form),
		cmocka_unit_test(times_are_rfc3339_utc_to_the_second),
		cmocka_unit_test(times_out_of_range_still_make_twenty_characters),
		cmocka_unit_test(the_digest_is_sha256),
		cmocka_unit_test(files_are_read_whole_or_not_at_all),
		cmocka_unit_test(a_dash_reads_standard_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
