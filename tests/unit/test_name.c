// SPDX-License-Identifier: Apache-2.0
#include "lib_test.h"

#include "name.h"

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

static void a_new_volumes_name_can_be_used_by_engines(void **state)
{
	(void)state;
	assert_true(cc_is_volume_name("pgdata"));
	assert_true(cc_is_volume_name("d1"));
	assert_true(cc_is_volume_name("0a_b.c-d"));
	assert_true(cc_is_volume_name(
		"a23456789012345678901234567890123456789012345678901234567890123"));
	assert_false(cc_is_volume_name("d")); /* docker run -v d:/data */
	assert_false(cc_is_volume_name("data_"));
	assert_false(cc_is_volume_name("data-"));
	assert_false(cc_is_volume_name("data."));
	assert_false(cc_is_volume_name("-data"));
	assert_false(cc_is_volume_name(""));
	assert_false(cc_is_volume_name(
		"a234567890123456789012345678901234567890123456789012345678901234"));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_short_lower_case_and_no_path),
		cmocka_unit_test(a_new_volumes_name_can_be_used_by_engines),
		cmocka_unit_test(uuids_are_lower_case_text_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
