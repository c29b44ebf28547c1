// SPDX-License-Identifier: Apache-2.0
/* Keys: what is taken for one, and the name it has. */
#include "agent_key.h"

#include "jwk.h"

static void the_public_part_has_no_private_member(void **state)
{
	struct cc_error err = {0};

	(void)state;
	assert_null(json_object_get(agent_public, "d"));
	assert_string_equal(json_string_value(json_object_get(agent_public, "kid")), "host1");
	expect_ok(cc_jwk_check_public(agent_public, &err), &err);
	assert_int_equal(cc_jwk_check_public(agent, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "unknown member \"d\"");
}

static void only_well_formed_p256_points_are_public_keys(void **state)
{
	static const struct {
		const char *key, *value, *part;
	} bad[] = {
		{"kty", "'RSA'", "kty"},
		{"crv", "'P-384'", "crv"},
		{"crv", "'secp256k1'", "crv"},
		{"x", NULL, "x"},
		{"x", "'AAAA'", "x"},
		{"x", "7", "x"},
		{"y", "'" HASH43 "'", "not a point"},
		{"x", "'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'", "not a point"},
		{"alg", "'none'", "alg"},
		{"alg", "7", "alg"},
		{"kid", "'../x'", "kid"},
		{"kid", "7", "kid"},
		{"use", "'sig'", "unknown member"},
		{"x5u", "'https://evil/'", "unknown member"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cc_auto_json json_t *jwk = json_deep_copy(agent_public);
		struct cc_error err = {0};

		if (bad[i].value)
			json_object_set_new(jwk, bad[i].key, json_of(bad[i].value));
		else
			json_object_del(jwk, bad[i].key);
		if (!cc_jwk_check_public(jwk, &err))
			fail_msg("%s = %s is accepted", bad[i].key, bad[i].value);
		expect_error(&err, CC_E_INVALID, "", bad[i].part);
	}
}

static void the_thumbprint_is_that_of_rfc_7638(void **state)
{
	/* Of RFC 7517's example key, computed with python3: hashlib over its canonical JSON. */
	cc_auto_json json_t *jwk = json_of(
		"{'kty':'EC','crv':'P-256',"
		"'x':'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',"
		"'y':'4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM','kid':'x','alg':'ES256'}");
	struct cc_error err = {0};
	cc_auto_free char *a = cc_jwk_thumbprint(jwk, &err), *b = NULL;

	(void)state;
	assert_string_equal(a, "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s");
	json_object_del(jwk, "kid");
	b = cc_jwk_thumbprint(jwk, &err);
	assert_string_equal(a, b);
	json_object_del(jwk, "x");
	assert_null(cc_jwk_thumbprint(jwk, &err));
}

static void two_new_keys_differ(void **state)
{
	struct cc_error err = {0};
	cc_auto_json json_t *a = cc_jwk_new(NULL, true, &err), *b = cc_jwk_new(NULL, true, &err);

	(void)state;
	assert_false(json_equal(a, b));
	assert_string_equal(json_string_value(json_object_get(a, "alg")), "ECDH-ES");
	assert_string_equal(json_string_value(json_object_get(a, "crv")), "P-256");
	assert_null(json_object_get(a, "kid"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_public_part_has_no_private_member),
		cmocka_unit_test(only_well_formed_p256_points_are_public_keys),
		cmocka_unit_test(the_thumbprint_is_that_of_rfc_7638),
		cmocka_unit_test(two_new_keys_differ),
	};

	return cmocka_run_group_tests(tests, agent_new, agent_forget);
}
