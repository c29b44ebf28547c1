// SPDX-License-Identifier: Apache-2.0
#include "lib_test.h"

#include "timestamp.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_rfc3339_utc_to_the_second),
		cmocka_unit_test(times_out_of_range_still_make_twenty_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
