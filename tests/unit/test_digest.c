// SPDX-License-Identifier: Apache-2.0
#include "lib_test.h"

#include "digest.h"

static void digests_are_sha256_and_lower_case(void **state)
{
	(void)state;
	assert_true(cc_is_digest(DIGEST_A));
	assert_false(cc_is_digest(""));
	assert_false(cc_is_digest("sha256:"));
	assert_false(cc_is_digest(DIGEST_A "a"));
	assert_false(cc_is_digest(
		"sha512:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
	assert_false(cc_is_digest(
		"sha256:Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
	assert_false(cc_is_digest(
		"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static void the_digest_is_sha256(void **state)
{
	char out[72];

	(void)state;
	cc_sha256_digest("abc", 3, out); /* FIPS 180-4 example */
	assert_string_equal(
		out, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_true(cc_is_digest(out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests_are_sha256_and_lower_case),
		cmocka_unit_test(the_digest_is_sha256),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
