// SPDX-License-Identifier: Apache-2.0
#include "lib_test.h"

#include "scope.h"

#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static bool covers(const char *list, const char *volume)
{
	struct cc_error err = {0};
	struct cc_scope s;

	expect_ok(cc_scope_parse(list, &s, &err), &err);
	return cc_scope_covers(&s, volume);
}

static void a_name_covers_itself_only(void **state)
{
	(void)state;
	assert_true(covers("pgdata", "pgdata"));
	assert_false(covers("pgdata", "pgdat"));
	assert_false(covers("pgdata", "pgdata2"));
	assert_false(covers("pgdata", ""));
	assert_true(covers(A63, A63));
}

static void a_star_stands_for_any_characters_also_none(void **state)
{
	(void)state;
	assert_true(covers("*", "pgdata"));
	assert_true(covers("pg*", "pg"));
	assert_true(covers("pg*", "pgdata"));
	assert_false(covers("pg*", "ppg"));
	assert_true(covers("*data", "pgdata"));
	assert_true(covers("*data", "datadata"));
	assert_false(covers("*data", "datax"));
	assert_true(covers("a*b*c", "a-bb.bc"));
	assert_false(covers("a*b*c", "a-cb"));
	assert_true(covers("**", "x"));
	assert_true(covers("a*ab", "aaab"));
}

static void a_question_mark_stands_for_one_character(void **state)
{
	(void)state;
	assert_true(covers("web-?", "web-1"));
	assert_false(covers("web-?", "web-"));
	assert_false(covers("web-?", "web-10"));
	assert_true(covers("?*", "x"));
	assert_false(covers("?*", ""));
}

static void one_pattern_of_a_list_is_enough(void **state)
{
	(void)state;
	assert_true(covers("pg*,web,mail?", "web"));
	assert_true(covers("pg*,web,mail?", "mail1"));
	assert_false(covers("pg*,web,mail?", "mail"));
	assert_false(covers("pg,web", "pg,web"));
}

static void what_is_not_a_list_of_patterns_is_refused_and_named(void **state)
{
	static const struct {
		const char *list, *part;
	} bad[] = {
		{"", "\"\""},	    {",", "\"\""},	 {"a,", "\"\""},
		{",a", "\"\""},	    {"a,,b", "\"\""},	 {"a, b", "\" b\""},
		{"A*", "\"A*\""},   {"ok,[a]", "[a]"},	 {"-a", "\"-a\""},
		{".*", "\".*\""},   {"a/b", "\"a/b\""},	 {"a\nb", "is not a pattern"},
		{A63 "b", "\"aaa"}, {"\xc3\xa4", "not"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct cc_scope s = CC_SCOPE_ALL;
		struct cc_error err = {0};

		assert_int_equal(cc_scope_parse(bad[i].list, &s, &err), -1);
		expect_error(&err, CC_E_USAGE, "", bad[i].part);
		assert_string_equal(s.text, "*");
	}
}

static void a_list_has_a_bound(void **state)
{
	char text[CC_SCOPE_LEN + 1];
	struct cc_error err = {0};
	struct cc_scope s;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 2 ? ',' : 'a';
	text[CC_SCOPE_LEN - 1] = '\0';
	expect_ok(cc_scope_parse(text, &s, &err), &err);
	text[CC_SCOPE_LEN - 1] = ',';
	text[CC_SCOPE_LEN] = '\0';
	assert_int_equal(cc_scope_parse(text, &s, &err), -1);
	expect_error(&err, CC_E_USAGE, "", "at most 511");
}

/* A matcher that tries every star again takes years for this. */
static void many_stars_take_no_time(void **state)
{
	(void)state;
	assert_false(covers("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", A63));
}

static void the_member_is_a_string_or_absent(void **state)
{
	cc_auto_json json_t *none = json_of("{}"), *list = json_of("{'volumes':['a']}"),
			    *bad = json_of("{'volumes':'A'}"), *good = json_of("{'volumes':'a*'}");
	struct cc_scope s = CC_SCOPE_ALL, was = s;
	struct cc_error err = {0};
	bool given = true;

	(void)state;
	expect_ok(cc_scope_read(none, "request", &s, &given, &err), &err);
	assert_true(!given && cc_scope_eq(&s, &was));
	assert_int_equal(cc_scope_read(list, "request", &s, &given, &err), -1);
	assert_int_equal(cc_scope_read(bad, "request", &s, &given, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "request: volumes: \"A\"");
	assert_true(!given && cc_scope_eq(&s, &was));
	expect_ok(cc_scope_read(good, "request", &s, &given, &err), &err);
	assert_true(given && !cc_scope_eq(&s, &was));
	assert_string_equal(s.text, "a*");
}

static struct cc_scope scope(const char *text)
{
	struct cc_error err = {0};
	struct cc_scope s;

	expect_ok(cc_scope_parse(text, &s, &err), &err);
	return s;
}

static void a_scope_includes_another_if_it_has_all_its_patterns_or_a_star(void **state)
{
	static const struct {
		const char *a, *b;
		bool includes;
	} rows[] = {
		{"a", "a", true},    {"a,b", "b", true}, {"b,a", "a,b", true}, {"b", "a,b", false},
		{"*", "a,b*", true}, {"a", "*", false},	 {"c,*", "a", true},   {"ab", "a", false},
		{"a", "ab", false},  {"*", "*", true},	 {"a*", "ab", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct cc_scope a = scope(rows[i].a), b = scope(rows[i].b);

		if (cc_scope_includes(&a, &b) != rows[i].includes)
			fail_msg("%s, %s", rows[i].a, rows[i].b);
	}
}

static void joined_scopes_have_each_pattern_once(void **state)
{
	static const char *const rows[][3] = {
		{"a", "b", "a,b"},   {"a,b", "b,a", "a,b"}, {"a,b", "c,b,d", "a,b,c,d"},
		{"ab", "a", "ab,a"}, {"a", "c,c", "a,c"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct cc_scope a = scope(rows[i][0]), b = scope(rows[i][1]);
		struct cc_scope all;

		assert_true(cc_scope_join(&a, &b, &all));
		assert_string_equal(all.text, rows[i][2]);
	}
}

static void scopes_that_are_too_long_together_are_not_joined(void **state)
{
	struct cc_scope a = {.text = ""}, b = scope("zz"), out = scope("a"), was = out;

	(void)state;
	for (size_t i = 0; i + 1 < CC_SCOPE_LEN; i++)
		a.text[i] = i % 2 ? ',' : 'a';
	a.text[CC_SCOPE_LEN - 1] = '\0';
	assert_false(cc_scope_join(&a, &b, &out));
	assert_true(cc_scope_eq(&out, &was));
}

static void a_hyphen_alone_covers_no_volume_and_joins_nothing(void **state)
{
	const struct cc_scope none = scope("-"), some = scope("pg*"), all = scope("*");
	struct cc_scope joined, unchanged = some;
	struct cc_error err;

	(void)state;
	assert_false(cc_scope_covers(&none, "pgdata"));
	assert_false(cc_scope_covers(&none, "a-b"));
	assert_true(cc_scope_includes(&some, &none));
	assert_false(cc_scope_includes(&none, &some));
	assert_true(cc_scope_includes(&all, &none));
	assert_true(cc_scope_join(&none, &some, &joined));
	assert_true(cc_scope_eq(&joined, &some));
	assert_true(cc_scope_join(&some, &none, &joined));
	assert_true(cc_scope_eq(&joined, &some));
	assert_int_equal(cc_scope_parse("-,pg*", &unchanged, &err), -1);
	assert_int_equal(cc_scope_parse("pg*,-", &unchanged, &err), -1);
	assert_true(cc_scope_eq(&unchanged, &some));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_covers_itself_only),
		cmocka_unit_test(a_star_stands_for_any_characters_also_none),
		cmocka_unit_test(a_question_mark_stands_for_one_character),
		cmocka_unit_test(one_pattern_of_a_list_is_enough),
		cmocka_unit_test(what_is_not_a_list_of_patterns_is_refused_and_named),
		cmocka_unit_test(a_list_has_a_bound),
		cmocka_unit_test(many_stars_take_no_time),
		cmocka_unit_test(the_member_is_a_string_or_absent),
		cmocka_unit_test(a_scope_includes_another_if_it_has_all_its_patterns_or_a_star),
		cmocka_unit_test(joined_scopes_have_each_pattern_once),
		cmocka_unit_test(scopes_that_are_too_long_together_are_not_joined),
		cmocka_unit_test(a_hyphen_alone_covers_no_volume_and_joins_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
