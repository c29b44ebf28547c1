// SPDX-License-Identifier: Apache-2.0
/* What dmctl doctor reads out of the kernel's files. */
#include "lib_test.h"

#include "dmctl/cli/doctor.h"
#include "dmctl/host/first_line.h"

static void versions_are_compared_by_number(void **state)
{
	(void)state;
	assert_true(doctor_version_at_least("6.1.0", 6, 1));
	assert_true(doctor_version_at_least("6.12.107+deb13-cloud-amd64", 6, 1));
	assert_true(doctor_version_at_least("10.0-rc1", 6, 12));
	assert_false(doctor_version_at_least("5.10.200", 6, 1));
	assert_false(doctor_version_at_least("6.0.19", 6, 1));
	assert_false(doctor_version_at_least("", 6, 1));
	assert_false(doctor_version_at_least("six", 6, 1));
}

static void the_mode_in_brackets_is_the_one_that_holds(void **state)
{
	char mode[8];

	(void)state;
	doctor_bracketed("none [integrity] confidentiality", mode, sizeof(mode));
	assert_string_equal(mode, "integri"); /* cut, not overrun */
	doctor_bracketed("[none] integrity confidentiality", mode, sizeof(mode));
	assert_string_equal(mode, "none");
	doctor_bracketed("none integrity", mode, sizeof(mode));
	assert_string_equal(mode, "");
	doctor_bracketed("[none", mode, sizeof(mode));
	assert_string_equal(mode, "");
}

static void a_file_that_is_not_there_is_an_empty_line(void **state)
{
	char line[16];

	(void)state;
	first_line("/nonexistent", line, sizeof(line));
	assert_string_equal(line, "");
	first_line("/proc/sys/kernel/ostype", line, sizeof(line));
	assert_string_equal(line, "Linux");
}

static void a_finding_is_one_clean_line(void **state)
{
	struct finding f = {0};

	(void)state;
	finding_fail(&f, CC_E_BUSY, "do this", "a\nb\033[31m");
	assert_int_equal(f.state, FINDING_FAIL);
	assert_int_equal(f.code, CC_E_BUSY);
	assert_string_equal(f.advice, "do this");
	assert_null(strchr(f.text, '\n'));
	assert_null(strchr(f.text, '\033'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_are_compared_by_number),
		cmocka_unit_test(the_mode_in_brackets_is_the_one_that_holds),
		cmocka_unit_test(a_file_that_is_not_there_is_an_empty_line),
		cmocka_unit_test(a_finding_is_one_clean_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
