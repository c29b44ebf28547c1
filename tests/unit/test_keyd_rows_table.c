// SPDX-License-Identifier: Apache-2.0
/* The table in memory of which rows there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "keyd/store/rows.h"

#define KEYS 500

/* Against an array, with every step taken back now and then. */
static void the_table_is_what_was_put_into_it(void **state)
{
	struct row is[KEYS + 1] = {0}, was[KEYS + 1];
	struct rows rows = {0};
	uint64_t random = 1;

	(void)state;
	for (unsigned int round = 0; round < 40; round++) {
		size_t n = 0;

		rows_keep(&rows);
		memcpy(was, is, sizeof(was));
		for (unsigned int i = 0; i < 400; i++) {
			struct row row;

			random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
			/* Few places, so that many meet. */
			row = (struct row){.key = (random >> 33) % KEYS + 1, .tag = random};
			if (random >> 20 & 1)
				assert_int_equal(rows_put(&rows, &row), 0);
			else
				assert_int_equal(rows_drop(&rows, row.key), 0);
			is[row.key] = random >> 20 & 1 ? row : (struct row){0};
		}
		if (round % 3 == 0) {
			rows_undo(&rows, 0);
			memcpy(is, was, sizeof(is));
		}
		for (uint64_t key = 1; key <= KEYS; key++) {
			const struct row *row = rows_get(&rows, key);

			assert_int_equal(row ? row->tag : 0, is[key].tag);
			n += row != NULL;
		}
		assert_int_equal(rows.n, n);
	}
	rows_clear(&rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_what_was_put_into_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
