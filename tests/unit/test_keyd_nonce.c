// SPDX-License-Identifier: Apache-2.0
/* Challenges: good once, short-lived, and nobody uses up another's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "keyd/custodian/nonce.h"

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct nonce_table));
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

/* A challenge of @conn, or -1 with 429. */
static int issue(struct nonce_table *t, uint64_t conn, int64_t now_ms,
		 unsigned char nonce[static CC_NONCE_LEN])
{
	struct cc_error err;

	if (!nonce_issue(t, conn, now_ms, nonce, &err))
		return 0;
	assert_int_equal(err.code, CC_E_BUSY);
	assert_string_equal(err.fact, "nonces");
	return -1;
}

static int consume(struct nonce_table *t, int64_t now_ms, const unsigned char *nonce)
{
	struct cc_error err;

	if (!nonce_consume(t, now_ms, nonce, &err))
		return 0;
	assert_string_equal(err.fact, "nonce");
	return -1;
}

static void a_nonce_is_good_once_and_for_thirty_seconds(void **state)
{
	struct nonce_table *t = *state;
	unsigned char a[CC_NONCE_LEN], b[CC_NONCE_LEN], c[CC_NONCE_LEN];

	assert_int_equal(issue(t, 1, 1000, a), 0);
	assert_int_equal(issue(t, 1, 2000, b), 0);
	assert_int_equal(issue(t, 1, 3000, c), 0);
	assert_memory_not_equal(a, b, CC_NONCE_LEN);
	assert_int_equal(consume(t, 3000, b), 0);
	assert_int_equal(consume(t, 3000, b), -1);
	assert_int_equal(consume(t, 1000 + NONCE_LIFE_MS, a), -1);
	assert_int_equal(consume(t, 3000 + NONCE_LIFE_MS - 1, c), 0);
	assert_int_equal(t->n, 0);
}

static void a_connection_has_a_few_until_one_is_answered_or_over(void **state)
{
	struct nonce_table *t = *state;
	unsigned char first[CC_NONCE_LEN], nonce[CC_NONCE_LEN];

	assert_int_equal(issue(t, 1, 0, first), 0);
	for (int i = 1; i < NONCE_PER_CONNECTION; i++)
		assert_int_equal(issue(t, 1, i, nonce), 0);
	assert_int_equal(issue(t, 1, 10, nonce), -1);
	assert_int_equal(issue(t, 2, 10, nonce), 0);
	assert_int_equal(consume(t, 10, first), 0);
	assert_int_equal(issue(t, 1, 10, nonce), 0);
	assert_int_equal(issue(t, 1, 10, nonce), -1);
	assert_int_equal(issue(t, 1, NONCE_LIFE_MS + 1, nonce), 0);
}

/* Whatever others do, with all connections that there may be, or with ever new ones. */
static void nobody_drives_out_what_an_open_connection_asked_for(void **state)
{
	struct nonce_table *t = *state;
	unsigned char mine[CC_NONCE_LEN], nonce[CC_NONCE_LEN];

	assert_int_equal(issue(t, 1, 0, mine), 0);
	for (uint64_t conn = 2; conn < 20000; conn++) {
		for (int i = 0; i < NONCE_PER_CONNECTION; i++)
			assert_int_equal(issue(t, conn, 1, nonce), 0);
		nonce_leave(t, conn);
	}
	assert_int_equal(t->n, 1 + NONCE_LEFT_MAX);
	for (uint64_t conn = 20000; conn < 20000 + NONCE_CONNECTIONS - 1; conn++)
		for (int i = 0; i < NONCE_PER_CONNECTION; i++)
			assert_int_equal(issue(t, conn, 1, nonce), 0);
	assert_int_equal(issue(t, 1, 1, nonce), 0);
	assert_int_equal(consume(t, 2, mine), 0);
	assert_int_equal(consume(t, 2, nonce), 0);
}

/* An agent that asks for a challenge on one connection and answers it on the next. */
static void a_nonce_outlives_its_connection_unless_many_follow(void **state)
{
	struct nonce_table *t = *state;
	unsigned char old[CC_NONCE_LEN], nonce[CC_NONCE_LEN];

	assert_int_equal(issue(t, 1, 0, old), 0);
	nonce_leave(t, 1);
	assert_int_equal(consume(t, 1, old), 0);
	assert_int_equal(issue(t, 2, 2, old), 0);
	nonce_leave(t, 2);
	for (uint64_t conn = 3; conn < 3 + NONCE_LEFT_MAX; conn++) {
		assert_int_equal(issue(t, conn, 3, nonce), 0);
		nonce_leave(t, conn);
	}
	assert_int_equal(consume(t, 4, old), -1);
	assert_int_equal(consume(t, 4, nonce), 0);
}

#define nonce_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		nonce_test(a_nonce_is_good_once_and_for_thirty_seconds),
		nonce_test(a_connection_has_a_few_until_one_is_answered_or_over),
		nonce_test(nobody_drives_out_what_an_open_connection_asked_for),
		nonce_test(a_nonce_outlives_its_connection_unless_many_follow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
