// SPDX-License-Identifier: Apache-2.0
#include "lib_test.h"

#include "audit_head.h"
#include "hex.h"
#include "pkey.h"

static struct cc_audit_head head(void)
{
	struct cc_audit_head h = {
		.realm = "testing", .start_seq = 3, .seq = 7, .time = "2026-11-22T23:58:27Z"};

	memset(h.start_hash, 0xab, sizeof(h.start_hash));
	memset(h.hash, 0xcd, sizeof(h.hash));
	return h;
}

static EVP_PKEY *key_of(unsigned char byte)
{
	unsigned char seed[32];

	memset(seed, byte, sizeof(seed));
	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
}

static struct cc_audit_head signed_head(void)
{
	cc_auto_pkey EVP_PKEY *key = key_of(1);
	struct cc_audit_head h = head();
	struct cc_error err = {0};

	expect_ok(cc_audit_head_sign(&h, key, &err), &err);
	return h;
}

/* Computed with openssl pkeyutl -sign -rawin over the bytes that audit_head.h describes. */
static void the_signature_is_over_the_documented_bytes(void **state)
{
	static const char want[] =
		"45c89e11979a305f7e7402021dbb74b31a82cacb82e592f6566142017cc339f9"
		"fa828769b98cdad868538b1216f859670a86a04bbcd6a9b63d2dd73c46280a00";
	struct cc_audit_head h = signed_head();
	char hex[2 * CC_AUDIT_SIGNATURE + 1];

	(void)state;
	cc_hex_encode(h.signature, sizeof(h.signature), hex);
	assert_string_equal(hex, want);
}

static void it_comes_back_from_json(void **state)
{
	struct cc_audit_head h = signed_head(), back;
	cc_auto_json json_t *obj = cc_audit_head_to_json(&h);
	struct cc_error err = {0};

	(void)state;
	expect_ok(cc_audit_head_from_json(&back, obj, &err), &err);
	assert_memory_equal(&h, &back, sizeof(h));
}

static void each_member_is_signed(void **state)
{
	static const struct {
		const char *member, *text;
		int number;
	} changes[] = {
		{"realm", "other", 0},
		{"startSeq", NULL, 2},
		{"seq", NULL, 8},
		{"time", "2026-11-22T23:58:28Z", 0},
		{"startHash", "abababababababababababababababababababababababababababababababac",
		 0},
		{"hash", "0dcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd", 0},
		/* That of another key. */
		{"key", "8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct cc_audit_head h = signed_head(), back;
		cc_auto_json json_t *obj = cc_audit_head_to_json(&h);
		struct cc_error err = {0};

		json_object_set_new(obj, changes[i].member,
				    changes[i].text ? json_string(changes[i].text)
						    : json_integer(changes[i].number));
		assert_int_equal(cc_audit_head_from_json(&back, obj, &err), -1);
		assert_int_equal(err.code, CC_E_INVALID);
		assert_string_equal(err.fact, "audit");
		assert_non_null(strstr(err.text, "signature"));
	}
}

static void what_is_malformed_or_missing_is_refused(void **state)
{
	static const char *const members[] = {"realm", "startSeq", "startHash", "seq",
					      "hash",  "time",	   "key",	"signature"};
	struct cc_audit_head h = signed_head(), back;
	struct cc_error err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		cc_auto_json json_t *obj = cc_audit_head_to_json(&h);

		json_object_set_new(obj, members[i], json_string("zz"));
		assert_int_equal(cc_audit_head_from_json(&back, obj, &err), -1);
		if (strcmp(members[i], "realm") != 0)
			assert_null(strstr(err.text, "signature of"));
		json_object_del(obj, members[i]);
		assert_int_equal(cc_audit_head_from_json(&back, obj, &err), -1);
		assert_string_equal(err.fact, "audit");
	}
	assert_int_equal(cc_audit_head_from_json(&back, NULL, &err), -1);
	assert_non_null(strstr(err.text, "missing"));
}

static void hex_is_lower_case_and_of_its_length(void **state)
{
	unsigned char bytes[2];

	(void)state;
	assert_int_equal(cc_hex_decode("09af", bytes, 2), 0);
	assert_int_equal(bytes[0], 0x09);
	assert_int_equal(bytes[1], 0xaf);
	assert_int_equal(cc_hex_decode("09AF", bytes, 2), -1);
	assert_int_equal(cc_hex_decode("09a", bytes, 2), -1);
	assert_int_equal(cc_hex_decode("09af0", bytes, 2), -1);
	assert_int_equal(cc_hex_decode("0 af", bytes, 2), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_signature_is_over_the_documented_bytes),
		cmocka_unit_test(it_comes_back_from_json),
		cmocka_unit_test(each_member_is_signed),
		cmocka_unit_test(what_is_malformed_or_missing_is_refused),
		cmocka_unit_test(hex_is_lower_case_and_of_its_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
