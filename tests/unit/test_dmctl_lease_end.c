// SPDX-License-Identifier: Apache-2.0
/* How the end of a lease is named to the kernel, and by which clock. */
#include "lib_test.h"

#include "dmctl/host/boottime.h"
#include "dmctl/volume/lease_end.h"

static void versions_from_1_1_on_take_the_raw_clock(void **state)
{
	static const struct {
		uint32_t version[3];
		bool by_raw;
	} rows[] = {
		{{1, 0, 0}, false}, {{1, 0, 9}, false}, {{1, 1, 0}, true},
		{{1, 2, 0}, true},  {{0, 9, 0}, false}, {{2, 0, 0}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(lease_end_by_raw(rows[i].version), rows[i].by_raw);
}

static void an_end_is_told_by_the_raw_clock_or_converted(void **state)
{
	static const struct {
		uint64_t end_ms;
		bool by_raw;
		struct lease_clocks now;
		const char *text;
	} rows[] = {
		{0, true, {5000, 7000}, "0"},
		{0, false, {5000, 7000}, "0"},
		{65000, true, {5000, 7000}, "@raw:65000"},
		/* sixty seconds are left, whatever the clocks' difference */
		{65000, false, {5000, 7000}, "@67000"},
		{65000, false, {5000, 4000}, "@64000"},
		/* over: the kernel refuses what has passed */
		{4000, false, {5000, 7000}, "@6000"},
		{5000, false, {5000, 7000}, "@7000"},
		{1000, false, {5000, 3000}, "@0"},
		{1, true, {5000, 7000}, "@raw:1"},
		{UINT64_MAX, true, {0, 0}, "@raw:18446744073709551615"},
	};
	char text[LEASE_END_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(
			lease_end_text(rows[i].end_ms, rows[i].by_raw, &rows[i].now, text),
			rows[i].text);
}

static int64_t raw_ns(void)
{
	return (int64_t)clock_read_ns(CLOCK_MONOTONIC_RAW);
}

/* The difference of the two clocks that are slewed together is the time suspended. */
static void the_clock_of_leases_is_the_raw_one_and_the_time_suspended(void **state)
{
	int64_t suspended, before, now;

	(void)state;
	suspended = -(int64_t)clock_read_ns(CLOCK_MONOTONIC);
	suspended += (int64_t)clock_read_ns(CLOCK_BOOTTIME);
	before = raw_ns();
	now = (int64_t)lease_clock_ms() * 1000000;
	assert_true(now <= raw_ns() + suspended);
	/* what comes in between makes it earlier */
	assert_true(now >= before + suspended - 10 * INT64_C(1000000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_from_1_1_on_take_the_raw_clock),
		cmocka_unit_test(an_end_is_told_by_the_raw_clock_or_converted),
		cmocka_unit_test(the_clock_of_leases_is_the_raw_one_and_the_time_suspended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
