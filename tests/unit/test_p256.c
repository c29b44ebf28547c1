// SPDX-License-Identifier: Apache-2.0
/* Keys, signatures and agreements of P-256, by the examples of the RFCs. */
#include "lib_test.h"

#include <jose/b64.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>

#include "ecdh_es.h"
#include "jose.h"
#include "p256.h"
#include "pkey.h"

/* RFC 7518 appendix C. */
#define ALICE_X "gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0"
#define ALICE_Y "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps"
#define ALICE_D "0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo"
#define BOB_X "weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ"
#define BOB_Y "e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck"
#define BOB_D "VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"

static const unsigned char agreed[32] = {158, 86,  217, 29,  129, 113, 53,  211, 114, 131, 66,
					 131, 191, 132, 38,  156, 251, 49,  110, 163, 218, 128,
					 106, 72,  246, 218, 167, 121, 140, 254, 144, 196};

/* RFC 7515 appendix A.3. */
#define SIGNER_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define SIGNER_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
static const char signed_text[] =
	"eyJhbGciOiJFUzI1NiJ9"
	".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0"
	"cnVlfQ";
static const char signature[] =
	"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

static int set_up(void **state)
{
	struct cc_error err = {0};

	(void)state;
	return cc_secret_heap_init(&err);
}

static void make_point(const char *x, const char *y, unsigned char point[static CC_P256_POINT])
{
	point[0] = 4;
	assert_int_equal(cc_b64u_decode32(x, point + 1), 0);
	assert_int_equal(cc_b64u_decode32(y, point + 33), 0);
}

static EVP_PKEY *public_key(const char *x, const char *y)
{
	unsigned char point[CC_P256_POINT];

	make_point(x, y, point);
	return cc_p256_public(point);
}

static EVP_PKEY *private_key(const char *x, const char *y, const char *d)
{
	unsigned char point[CC_P256_POINT], raw[32];

	make_point(x, y, point);
	assert_int_equal(cc_b64u_decode32(d, raw), 0);
	return cc_p256_private(point, raw);
}

/* ---- keys ---------------------------------------------------------------------------------- */

static void assert_point(const EVP_PKEY *key, const char *x, const char *y)
{
	unsigned char want[CC_P256_POINT], have[CC_P256_POINT];
	size_t len = 0;

	make_point(x, y, want);
	assert_int_equal(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, have,
							 sizeof(have), &len),
			 1);
	assert_int_equal(len, sizeof(want));
	assert_memory_equal(have, want, sizeof(want));
}

static void a_key_has_the_point_it_was_made_of(void **state)
{
	cc_auto_pkey EVP_PKEY *alice = private_key(ALICE_X, ALICE_Y, ALICE_D);
	cc_auto_pkey EVP_PKEY *bob = public_key(BOB_X, BOB_Y);

	(void)state;
	assert_point(alice, ALICE_X, ALICE_Y);
	assert_point(bob, BOB_X, BOB_Y);
}

static void assert_off(const char *x, const char *y)
{
	unsigned char point[CC_P256_POINT];

	make_point(x, y, point);
	assert_null(cc_p256_public(point));
	assert_null(cc_p256_point(point));
}

static void what_is_off_the_curve_is_no_key(void **state)
{
	static const char *const p = "_____wAAAAEAAAAAAAAAAAAAAAD_______________8"; /* the field */
	unsigned char point[CC_P256_POINT];

	(void)state;
	assert_off(ALICE_X, BOB_Y);
	assert_off(ALICE_Y, ALICE_X);
	assert_off(p, ALICE_Y);
	assert_off("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		   "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
	make_point(ALICE_X, ALICE_Y, point);
	for (unsigned int form = 0; form < 8; form++) {
		cc_auto_pkey EVP_PKEY *key = NULL;
		cc_auto_point EC_POINT *same = NULL;

		point[0] = (unsigned char)form;
		key = cc_p256_public(point);
		same = cc_p256_point(point);
		assert_int_equal(!!key, form == 4);
		assert_int_equal(!!same, form == 4);
	}
}

static void a_private_key_that_is_not_its_points_is_none(void **state)
{
	(void)state;
	assert_null(private_key(ALICE_X, ALICE_Y, BOB_D));
	assert_null(private_key(ALICE_X, BOB_Y, ALICE_D));
	assert_null(private_key(ALICE_X, ALICE_Y, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
	/* The order of the group. */
	assert_null(private_key(ALICE_X, ALICE_Y, "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE"));
}

/* ---- signatures ---------------------------------------------------------------------------- */

static void the_signature_of_rfc_7515_verifies_and_no_other(void **state)
{
	cc_auto_pkey EVP_PKEY *key = public_key(SIGNER_X, SIGNER_Y);
	cc_auto_pkey EVP_PKEY *other = public_key(ALICE_X, ALICE_Y);
	const size_t len = strlen(signed_text);
	unsigned char sig[64], zero[64] = {0}, bad[64];

	(void)state;
	assert_int_equal(jose_b64_dec_buf(signature, strlen(signature), sig, sizeof(sig)), 64);
	assert_true(cc_p256_verify(key, signed_text, len, sig));
	assert_false(cc_p256_verify(other, signed_text, len, sig));
	assert_false(cc_p256_verify(key, signed_text, len - 1, sig));
	assert_false(cc_p256_verify(key, signed_text, len, zero));
	for (size_t i = 0; i < sizeof(sig); i++) {
		memcpy(bad, sig, sizeof(bad));
		bad[i] ^= 1;
		assert_false(cc_p256_verify(key, signed_text, len, bad));
	}
	memcpy(bad, sig, 32);
	memset(bad + 32, 0, 32);
	assert_false(cc_p256_verify(key, signed_text, len, bad));
	memset(bad, 0xff, sizeof(bad));
	assert_false(cc_p256_verify(key, signed_text, len, bad));
}

/* More keys than are kept for it, in turn, and new ones where others were. */
static void each_of_many_keys_verifies_its_own_signatures_only(void **state)
{
	const size_t len = strlen(signed_text);
	unsigned char sig[64];

	(void)state;
	assert_int_equal(jose_b64_dec_buf(signature, strlen(signature), sig, sizeof(sig)), 64);
	for (int round = 0; round < 3; round++) {
		EVP_PKEY *keys[300];

		for (size_t i = 0; i < 300; i++)
			keys[i] = i % 3 == (size_t)round ? public_key(SIGNER_X, SIGNER_Y)
							 : public_key(ALICE_X, ALICE_Y);
		for (size_t i = 0; i < 600; i++)
			assert_int_equal(cc_p256_verify(keys[i % 300], signed_text, len, sig),
					 i % 300 % 3 == (size_t)round);
		for (size_t i = 0; i < 300; i++)
			EVP_PKEY_free(keys[i]);
	}
}

/* ---- agreement ----------------------------------------------------------------------------- */

static void two_keys_agree_as_in_rfc_7518(void **state)
{
	cc_auto_pkey EVP_PKEY *alice = private_key(ALICE_X, ALICE_Y, ALICE_D);
	cc_auto_pkey EVP_PKEY *bob = private_key(BOB_X, BOB_Y, BOB_D);
	cc_auto_pkey EVP_PKEY *bobs = public_key(BOB_X, BOB_Y),
			      *alices = public_key(ALICE_X, ALICE_Y);
	cc_auto_secret struct cc_secret a = {0}, b = {0};
	struct cc_error err = {0};

	(void)state;
	expect_ok(cc_p256_agree(alice, bobs, &a, &err), &err);
	expect_ok(cc_p256_agree(bob, alices, &b, &err), &err);
	assert_int_equal(a.len, sizeof(agreed));
	assert_memory_equal(a.p, agreed, sizeof(agreed));
	assert_true(cc_secret_eq(&a, &b));
}

/* OpenSSL's own agreement, at the other end, is of the same mind. */
static void a_key_that_is_made_for_it_agrees_and_is_another_each_time(void **state)
{
	cc_auto_pkey EVP_PKEY *bob = private_key(BOB_X, BOB_Y, BOB_D);
	unsigned char bobs[CC_P256_POINT], mine[2][CC_P256_POINT];
	cc_auto_point EC_POINT *theirs = NULL;

	(void)state;
	make_point(BOB_X, BOB_Y, bobs);
	theirs = cc_p256_point(bobs);
	assert_non_null(theirs);
	for (size_t i = 0; i < 2; i++) {
		cc_auto_secret struct cc_secret z = {0}, want = {0};
		cc_auto_pkey EVP_PKEY *made = NULL;
		struct cc_error err = {0};

		expect_ok(cc_p256_agree_once(theirs, mine[i], &z, &err), &err);
		made = cc_p256_public(mine[i]);
		assert_non_null(made);
		expect_ok(cc_p256_agree(bob, made, &want, &err), &err);
		assert_true(cc_secret_eq(&z, &want));
	}
	assert_memory_not_equal(mine[0], mine[1], sizeof(mine[0]));
}

static void the_derived_key_is_that_of_rfc_7518(void **state)
{
	static const struct cc_ecdh_info info = {"A128GCM", "Alice", "Bob"};
	cc_auto_secret struct cc_secret z = {0}, out = {0};
	struct cc_error err = {0};
	char text[32];

	(void)state;
	expect_ok(cc_secret_copy(&z, agreed, sizeof(agreed), &err), &err);
	expect_ok(cc_ecdh_es_derive(&z, &info, 16, &out, &err), &err);
	text[jose_b64_enc_buf(out.p, out.len, text, sizeof(text) - 1)] = '\0';
	assert_string_equal(text, "VqqN6vgjbSBcIijNcacQGg");
}

/* Where one name ends and the next begins is hashed as well. */
static void a_key_for_others_or_for_something_else_is_another_key(void **state)
{
	static const struct cc_ecdh_info infos[] = {{"A256GCM", "", ""},
						    {"A256GC", "M", ""},
						    {"A256GCM", "a", ""},
						    {"A256GCM", "", "a"},
						    {"A128GCM", "", ""}};
	cc_auto_secret struct cc_secret z = {0};
	struct cc_secret keys[5] = {{0}};
	struct cc_error err = {0};

	(void)state;
	expect_ok(cc_secret_copy(&z, agreed, sizeof(agreed), &err), &err);
	for (size_t i = 0; i < 5; i++) {
		expect_ok(cc_ecdh_es_derive(&z, &infos[i], 32, &keys[i], &err), &err);
		for (size_t k = 0; k < i; k++)
			assert_false(cc_secret_eq(&keys[i], &keys[k]));
	}
	for (size_t i = 0; i < 5; i++)
		cc_secret_clear(&keys[i]);
}

static void names_that_do_not_fit_are_refused(void **state)
{
	struct cc_ecdh_info info = {"A256GCM", "", NULL};
	cc_auto_secret struct cc_secret z = {0};
	struct cc_secret out = {0};
	struct cc_error err = {0};
	char name[300];

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	info.apv = name;
	expect_ok(cc_secret_copy(&z, agreed, sizeof(agreed), &err), &err);
	assert_int_equal(cc_ecdh_es_derive(&z, &info, 32, &out, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "too long");
	assert_null(out.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_has_the_point_it_was_made_of),
		cmocka_unit_test(what_is_off_the_curve_is_no_key),
		cmocka_unit_test(a_private_key_that_is_not_its_points_is_none),
		cmocka_unit_test(the_signature_of_rfc_7515_verifies_and_no_other),
		cmocka_unit_test(each_of_many_keys_verifies_its_own_signatures_only),
		cmocka_unit_test(two_keys_agree_as_in_rfc_7518),
		cmocka_unit_test(a_key_that_is_made_for_it_agrees_and_is_another_each_time),
		cmocka_unit_test(the_derived_key_is_that_of_rfc_7518),
		cmocka_unit_test(a_key_for_others_or_for_something_else_is_another_key),
		cmocka_unit_test(names_that_do_not_fit_are_refused),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
