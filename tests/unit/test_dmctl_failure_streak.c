// SPDX-License-Identifier: Apache-2.0
/* What fails again and again is said once when it begins and once when it ends. */
#include "lib_test.h"

#include "dmctl/agent/failure_streak.h"

static void it_is_said_when_it_begins_and_when_it_ends(void **state)
{
	struct failure_streak t = {0};
	char text[FAILURE_STREAK_TEXT];

	(void)state;
	assert_false(failure_streak_end(&t, 1000, text));
	assert_true(failure_streak_add(&t, 5000));
	for (uint64_t ms = 6000; ms < 16000; ms += 1000)
		assert_false(failure_streak_add(&t, ms));
	assert_true(failure_streak_end(&t, 17400, text));
	assert_string_equal(text, "after 11 failed tries in 12 s");
	assert_false(failure_streak_end(&t, 18000, text));
	assert_true(failure_streak_add(&t, 20000));
	assert_true(failure_streak_end(&t, 20600, text));
	assert_string_equal(text, "after 1 failed try in 1 s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_said_when_it_begins_and_when_it_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
