// SPDX-License-Identifier: Apache-2.0
#include "lib_test.h"

#include "strv.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(string_lists_compare_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
