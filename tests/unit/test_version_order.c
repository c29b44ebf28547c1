// SPDX-License-Identifier: Apache-2.0
/* Which of two versions is the older one. */
#include "lib_test.h"

#include "version_order.h"

/* Semver's own example (section 11), and numbers of any count; each older than the next. */
static void versions_are_ordered_as_semver_orders_them(void **state)
{
	static const char *const rising[] = {
		"0.0.0-0",
		"0.9.9",
		"1.0.0-alpha",
		"1.0.0-alpha.1",
		"1.0.0-alpha.beta",
		"1.0.0-beta",
		"1.0.0-beta.2",
		"1.0.0-beta.11",
		"1.0.0-rc.1",
		"1.0.0",
		"1.0.0.1",
		"1.2",
		"1.10.0",
		"2",
		"17.4",
		"2026.01.31",
		"2026.2.1",
		"99999999999999999999999.0",
		"100000000000000000000000.0",
	};
	const size_t n = sizeof(rising) / sizeof(rising[0]);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_true(cc_is_version(rising[i]));
		for (size_t k = 0; k < n; k++) {
			int order = cc_version_order(rising[i], rising[k]);

			if ((order > 0) - (order < 0) != (i > k) - (i < k))
				fail_msg("%s against %s: %d", rising[i], rising[k], order);
		}
	}
}

static void what_does_not_count_makes_no_difference(void **state)
{
	static const char *const same[][2] = {
		{"1.4", "1.4.0"},	 {"v1.4.0", "1.4.0"},	{"1.4.0+a", "1.4.0+b.2"},
		{"1.04.00", "1.4.0"},	 {"1-rc.01", "1-rc.1"}, {"1", "1.0.0.0"},
		{"1-a.b+c", "v1.0-a.b"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		assert_int_equal(cc_version_order(same[i][0], same[i][1]), 0);
		assert_int_equal(cc_version_order(same[i][1], same[i][0]), 0);
	}
}

static void what_is_no_version_is_told(void **state)
{
	static const char *const bad[] = {"",	   "v",	 ".1",	    "1.", "1..2",  "latest",
					  "1.x",   "1 ", " 1",	    "1-", "1-a.",  "1+",
					  "1+a_b", "-1", "1.2-a b", "V1", "1.2\n", "1.2-\xc3\xa4"};
	char longest[CC_VERSION_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (cc_is_version(bad[i]))
			fail_msg("\"%s\" is taken", bad[i]);
	memset(longest, '1', sizeof(longest));
	longest[CC_VERSION_MAX + 1] = '\0';
	assert_false(cc_is_version(longest));
	longest[CC_VERSION_MAX] = '\0';
	assert_true(cc_is_version(longest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_are_ordered_as_semver_orders_them),
		cmocka_unit_test(what_does_not_count_makes_no_difference),
		cmocka_unit_test(what_is_no_version_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
