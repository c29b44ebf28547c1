// SPDX-License-Identifier: Apache-2.0
/* Tokens, and the proof that goes with one. */
#include "agent_key.h"

#include "enrol.h"
#include "jws.h"

static const struct cc_enrol_token some = {
	.name = "host1",
	.id = "0123456789abcdef",
	.secret = {1, 2, 3},
	.pin = {4, 5, 6},
};

static void a_token_comes_out_as_it_went_in(void **state)
{
	static const char *const names[] = {
		"a", "host1", "node-7.example.org",
		"a23456789012345678901234567890123456789012345678901234567890123"};
	struct cc_error err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct cc_enrol_token t = some, back;
		char text[CC_ENROL_TOKEN_LEN];

		snprintf(t.name, sizeof(t.name), "%s", names[i]);
		assert_int_equal(cc_enrol_token_format(&t, text, &err), 0);
		expect_ok(cc_enrol_token_parse(text, strlen(text), &back, &err), &err);
		assert_string_equal(back.name, t.name);
		assert_string_equal(back.id, t.id);
		assert_memory_equal(back.secret, t.secret, sizeof(t.secret));
		assert_memory_equal(back.pin, t.pin, sizeof(t.pin));
	}
}

static void every_other_text_is_none(void **state)
{
	char text[CC_ENROL_TOKEN_LEN], bad[CC_ENROL_TOKEN_LEN + 8];
	struct cc_error err = {0};
	struct cc_enrol_token t;
	size_t len;

	(void)state;
	assert_int_equal(cc_enrol_token_format(&some, text, &err), 0);
	len = strlen(text);
	for (size_t n = 0; n < len; n++)
		assert_int_equal(cc_enrol_token_parse(text, n, &t, &err), -1);
	for (size_t i = 5; i < len; i++) {
		memcpy(bad, text, len + 1);
		bad[i] = '!';
		assert_int_equal(cc_enrol_token_parse(bad, len, &t, &err), -1);
		assert_string_equal(err.fact, "token");
		assert_null(strstr(err.text, text + 10));
	}
	/* longer, and names that are none */
	snprintf(bad, sizeof(bad), "%sA", text);
	assert_int_equal(cc_enrol_token_parse(bad, len + 1, &t, &err), -1);
	memcpy(bad, text, len + 1);
	bad[0] = '.';
	assert_int_equal(cc_enrol_token_parse(bad, len, &t, &err), -1);
	bad[0] = '\0';
	assert_int_equal(cc_enrol_token_parse(bad, len, &t, &err), -1);
}

static EVP_PKEY *key_of(const json_t *jwk)
{
	struct cc_error err;
	EVP_PKEY *key = cc_jwk_pkey(jwk, false, "ES256", &err);

	assert_non_null(key);
	return key;
}

static void a_proof_is_of_its_key_and_token(void **state)
{
	cc_auto_pkey EVP_PKEY *key = key_of(agent_public);
	struct cc_error err = {0};
	cc_auto_json json_t *other = cc_jwk_new("host1", false, &err);
	cc_auto_free char *proof = cc_enrol_prove(&some, agent, &err);
	cc_auto_free char *theirs = cc_enrol_prove(&some, other, &err);
	struct cc_enrol_token t = some;

	(void)state;
	assert_non_null(proof);
	expect_ok(cc_enrol_check(proof, &some, key, &err), &err);
	assert_int_equal(cc_enrol_check(theirs, &some, key, &err), -1);
	expect_error(&err, CC_E_REFUSED, "proof", "not signed");
	t.id[0] = 'f';
	assert_int_equal(cc_enrol_check(proof, &t, key, &err), -1);
	t = some;
	t.name[0] = 'x';
	assert_int_equal(cc_enrol_check(proof, &t, key, &err), -1);
	assert_int_equal(cc_enrol_check("", &some, key, &err), -1);
	assert_int_equal(cc_enrol_check("a.b.c", &some, key, &err), -1);
}

/* Signed by the same key, but something else. */
static void evidence_is_no_proof(void **state)
{
	cc_auto_pkey EVP_PKEY *key = key_of(agent_public);
	struct cc_error err = {0};
	cc_auto_json json_t *claims = json_pack("{s:s, s:s}", "name", some.name, "token", some.id);
	cc_auto_free char *jws =
		cc_jws_sign("evidence", "container-crypt-evidence+jwt", claims, agent, &err);

	(void)state;
	assert_int_equal(cc_enrol_check(jws, &some, key, &err), -1);
	expect_error(&err, CC_E_REFUSED, "proof", "not signed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_comes_out_as_it_went_in),
		cmocka_unit_test(every_other_text_is_none),
		cmocka_unit_test(a_proof_is_of_its_key_and_token),
		cmocka_unit_test(evidence_is_no_proof),
	};

	return cmocka_run_group_tests(tests, agent_new, agent_forget);
}
