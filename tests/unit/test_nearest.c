// SPDX-License-Identifier: Apache-2.0
/* What is said where none of several identities lets a container in. */
#include <inttypes.h>

#include "lib_test.h"

#include "nearest.h"

/* One more that was tried, from which @n facts differ. */
static void take(struct cc_nearest *near, uint64_t serial, size_t n)
{
	struct cc_error err = {0};
	struct cc_facts f;

	cc_facts_init(&f, CC_FACTS_MAX);
	for (size_t i = 0; i < n; i++)
		cc_facts_add(&f, "args", "args: %zu of %" PRIu64, i, serial);
	if (n)
		cc_facts_first(&f, &err);
	else
		cc_refuse(&err, "signature", "nobody, %" PRIu64, serial);
	cc_nearest_take(near, serial, &f, &err);
}

static void said(struct cc_nearest *near, const char *text)
{
	struct cc_error err = {0};

	assert_int_equal(cc_nearest_say(near, &err), -1);
	assert_string_equal(err.text, text);
	if (near->facts.n)
		assert_string_equal(near->facts.v[0].text, text);
}

static void of_several_that_which_differs_least_is_told(void **state)
{
	struct cc_nearest near;

	(void)state;
	cc_nearest_init(&near);
	take(&near, 5, 3);
	take(&near, 4, 1);
	take(&near, 3, 2);
	said(&near, "none of 3 identities, of the nearest, serial 4: args: 0 of 4");
	assert_int_equal(near.at, 1);
	assert_int_equal(near.facts.found, 1);
}

static void of_two_that_differ_in_as_much_the_newer_is_told(void **state)
{
	struct cc_nearest near;

	(void)state;
	cc_nearest_init(&near);
	take(&near, 5, 2);
	take(&near, 4, 2);
	said(&near, "none of 2 identities, of the nearest, serial 5: args: 0 of 5");
}

static void what_was_refused_without_being_compared_is_the_farthest(void **state)
{
	struct cc_nearest near;

	(void)state;
	cc_nearest_init(&near);
	take(&near, 5, 0);
	take(&near, 4, CC_FACTS_MAX + 9);
	said(&near, "none of 2 identities, of the nearest, serial 4: args: 0 of 4");
	cc_nearest_init(&near);
	take(&near, 5, 0);
	take(&near, 4, 0);
	said(&near, "none of 2 identities, of the nearest, serial 5: nobody, 5");
}

static void of_one_alone_only_what_differs_is_told(void **state)
{
	struct cc_nearest near;

	(void)state;
	cc_nearest_init(&near);
	take(&near, 5, 2);
	said(&near, "args: 0 of 5");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_several_that_which_differs_least_is_told),
		cmocka_unit_test(of_two_that_differ_in_as_much_the_newer_is_told),
		cmocka_unit_test(what_was_refused_without_being_compared_is_the_farthest),
		cmocka_unit_test(of_one_alone_only_what_differs_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
