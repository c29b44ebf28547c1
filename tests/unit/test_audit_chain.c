// SPDX-License-Identifier: Apache-2.0
#include "lib_test.h"

#include "audit_chain.h"

static const unsigned char genesis[32];

static struct cc_audit_row row(void)
{
	return (struct cc_audit_row){.seq = 7,
				     .time = "2026-11-22T23:58:27Z",
				     .event = "release",
				     .outcome = "refuse",
				     .agent = "host1",
				     .volume = "pgdata",
				     .container = "c0ffee",
				     .fact = "args",
				     .detail = "args: differ"};
}

static void hash_of(const unsigned char *prev, const struct cc_audit_row *r, unsigned char *out)
{
	struct cc_error err = {0};

	expect_ok(cc_audit_hash(prev, r, out, &err), &err);
}

/* Computed with python3: hashlib over the bytes that audit_chain.h describes. */
static void the_hash_is_over_the_documented_bytes(void **state)
{
	static const char want[] =
		"0c65b775133625db2928b3bc402a7e077538e8e4fa61680114d84b0616d83301";
	struct cc_audit_row r = row();
	unsigned char hash[32];
	char hex[65];

	(void)state;
	hash_of(genesis, &r, hash);
	for (size_t i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	assert_string_equal(hex, want);
}

static void an_absent_field_is_an_empty_one(void **state)
{
	struct cc_audit_row a = row(), b = row();
	unsigned char ha[32], hb[32];

	(void)state;
	a.fact = NULL;
	b.fact = "";
	hash_of(genesis, &a, ha);
	hash_of(genesis, &b, hb);
	assert_memory_equal(ha, hb, 32);
}

static void every_field_and_the_row_before_change_the_hash(void **state)
{
	struct cc_audit_row rows[10];
	unsigned char first[32], hash[32], prev[32] = {1};

	(void)state;
	for (size_t i = 0; i < 10; i++)
		rows[i] = row();
	rows[1].seq = 8;
	rows[2].time = "2026-11-22T23:58:28Z";
	rows[3].event = "format";
	rows[4].outcome = "allow";
	rows[5].agent = "host2";
	rows[6].volume = "other";
	rows[7].container = "c0ffef";
	rows[8].fact = "env";
	rows[9].detail = "";
	hash_of(genesis, &rows[0], first);
	for (size_t i = 1; i < 10; i++) {
		hash_of(genesis, &rows[i], hash);
		assert_memory_not_equal(first, hash, 32);
	}
	hash_of(prev, &rows[0], hash);
	assert_memory_not_equal(first, hash, 32);
}

static void text_cannot_move_from_one_field_to_the_next(void **state)
{
	struct cc_audit_row a = row(), b = row();
	unsigned char ha[32], hb[32];

	(void)state;
	a.volume = "ab";
	a.container = "c";
	b.volume = "a";
	b.container = "bc";
	hash_of(genesis, &a, ha);
	hash_of(genesis, &b, hb);
	assert_memory_not_equal(ha, hb, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_hash_is_over_the_documented_bytes),
		cmocka_unit_test(an_absent_field_is_an_empty_one),
		cmocka_unit_test(every_field_and_the_row_before_change_the_hash),
		cmocka_unit_test(text_cannot_move_from_one_field_to_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
