// SPDX-License-Identifier: Apache-2.0
/* Envelopes of identities, and cosign's simple signing. */
#include "signing_keys.h"

#include "b64.h"
#include "digest.h"
#include "dsse.h"
#include "identity.h"
#include "pkey.h"

static char *sign(const char *payload, EVP_PKEY *key)
{
	struct cc_error err = {0};
	char *env = NULL;

	expect_ok(cc_dsse_sign(CC_DSSE_INTOTO, payload, strlen(payload), key, &env, &err), &err);
	return env;
}

static int verify(const char *env, EVP_PKEY *key, char **payload, struct cc_error *err)
{
	size_t len = 0;

	*payload = NULL;
	return cc_dsse_verify(env, strlen(env), CC_DSSE_INTOTO, key, payload, &len, err);
}

static void expect_refused(const char *env, EVP_PKEY *key)
{
	struct cc_error err = {0};
	char *payload;

	assert_int_equal(verify(env, key, &payload, &err), -1);
	expect_error(&err, CC_E_REFUSED, "signature", "verifies");
	assert_null(payload);
}

static void expect_malformed(const char *env, const char *part)
{
	struct cc_error err = {0};
	char *payload;

	assert_int_equal(verify(env, p256, &payload, &err), -1);
	expect_error(&err, CC_E_INVALID, "envelope", part);
	assert_null(payload);
}

static void expect_payload(const char *env, EVP_PKEY *key, const char *want)
{
	cc_auto_free char *payload = NULL;
	struct cc_error err = {0};

	expect_ok(verify(env, key, &payload, &err), &err);
	assert_string_equal(payload, want);
}

/* Replaces a member of the envelope, or of its first signature. */
static char *edit(const char *env, bool in_signature, const char *key, json_t *value)
{
	cc_auto_json json_t *doc = json_loads(env, 0, NULL);
	json_t *o = in_signature ? json_array_get(json_object_get(doc, "signatures"), 0) : doc;

	assert_int_equal(json_object_set_new(o, key, value), 0);
	return json_dumps(doc, 0);
}

static void signatures_of_both_algorithms_verify(void **state)
{
	cc_auto_free char *a = sign("{\"x\":1}", p256), *b = sign("{\"x\":1}", ed25519);

	(void)state;
	expect_payload(a, p256, "{\"x\":1}");
	expect_payload(b, ed25519, "{\"x\":1}");
}

/* The pre-authentication encoding spelt out, with the example of protocol.md. */
static void the_specifications_pre_authentication_encoding_is_used(void **state)
{
	static const char pae[] = "DSSEv1 29 http://example.com/HelloWorld 11 hello world";
	unsigned char sig[80];
	size_t sig_len = sizeof(sig);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	cc_auto_free char *sig64 = NULL, *payload = NULL;
	struct cc_error err = {0};
	char env[400];
	size_t len;

	(void)state;
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, p256), 1);
	assert_int_equal(
		EVP_DigestSign(ctx, sig, &sig_len, (const unsigned char *)pae, sizeof(pae) - 1), 1);
	EVP_MD_CTX_free(ctx);
	sig64 = cc_b64_encode(sig, sig_len);
	snprintf(env, sizeof(env),
		 "{\"payload\":\"aGVsbG8gd29ybGQ=\",\"payloadType\":\"http://example.com/"
		 "HelloWorld\",\"signatures\":[{\"sig\":\"%s\"}]}",
		 sig64);
	expect_ok(cc_dsse_verify(env, strlen(env), "http://example.com/HelloWorld", p256, &payload,
				 &len, &err),
		  &err);
	assert_string_equal(payload, "hello world");
	assert_int_equal(len, 11);
}

static void what_cosign_attests_verifies(void **state)
{
	size_t pem_len, env_len, len;
	cc_auto_free char *pem = read_fixture(COSIGN "cosign.pub", &pem_len);
	cc_auto_free char *env = read_fixture(COSIGN "attestation.json", &env_len);
	cc_auto_free char *payload = NULL;
	cc_auto_pkey EVP_PKEY *key = NULL;
	struct cc_error err = {0};

	(void)state;
	key = cc_pubkey_parse(pem, pem_len, &err);
	assert_non_null(key);
	expect_ok(cc_dsse_verify(env, env_len, CC_DSSE_INTOTO, key, &payload, &len, &err), &err);
	assert_int_equal(len, strlen(payload));
	assert_non_null(strstr(payload, CC_IDENTITY_TYPE));
	assert_int_equal(cc_dsse_verify(env, env_len, CC_DSSE_INTOTO, p256, &payload, &len, &err),
			 -1);
	expect_error(&err, CC_E_REFUSED, "signature", "verifies");
}

static void a_tampered_payload_is_refused(void **state)
{
	cc_auto_free char *env = sign("{\"serial\":1}", p256);
	cc_auto_free char *body = cc_b64_encode("{\"serial\":2}", 12);
	cc_auto_free char *bad = edit(env, false, "payload", json_string(body));

	(void)state;
	expect_refused(bad, p256);
}

static void a_signature_over_other_bytes_is_refused(void **state)
{
	cc_auto_free char *env = sign("{\"serial\":1}", p256),
			  *other = sign("{\"serial\":2}", p256);
	cc_auto_json json_t *from = json_loads(other, 0, NULL);
	cc_auto_free char *bad =
		edit(env, false, "signatures", json_incref(json_object_get(from, "signatures")));

	(void)state;
	expect_refused(bad, p256);
}

static void a_bare_signature_over_the_payload_is_refused(void **state)
{
	static const char payload[] = "{\"serial\":1}";
	cc_auto_free char *env = sign(payload, p256), *sig64 = NULL, *bad = NULL;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char sig[80];
	size_t n = sizeof(sig);

	(void)state;
	EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, p256);
	assert_int_equal(
		EVP_DigestSign(ctx, sig, &n, (const unsigned char *)payload, strlen(payload)), 1);
	EVP_MD_CTX_free(ctx);
	sig64 = cc_b64_encode(sig, n);
	bad = edit(env, true, "sig", json_string(sig64));
	expect_refused(bad, p256);
}

static void another_signers_envelope_is_refused(void **state)
{
	cc_auto_free char *env = sign("{}", other_p256);

	(void)state;
	expect_refused(env, p256);
}

static void an_ecdsa_signature_is_refused_under_an_ed25519_key_and_back(void **state)
{
	cc_auto_free char *a = sign("{}", p256), *b = sign("{}", ed25519);

	(void)state;
	expect_refused(a, ed25519);
	expect_refused(b, p256);
}

static void the_algorithm_is_never_taken_from_the_message(void **state)
{
	cc_auto_free char *env = sign("{}", p256);
	cc_auto_free char *a = edit(env, false, "alg", json_string("none"));
	cc_auto_free char *b = edit(a, true, "sig", json_string(""));

	(void)state;
	expect_payload(a, p256, "{}"); /* unknown members are ignored, so it says nothing */
	expect_refused(b, p256);
}

static void one_good_signature_among_several_is_enough(void **state)
{
	cc_auto_free char *mine = sign("{}", p256), *theirs = sign("{}", other_p256), *both = NULL;
	cc_auto_json json_t *doc = json_loads(theirs, 0, NULL), *m = json_loads(mine, 0, NULL);
	json_t *sigs = json_object_get(doc, "signatures");

	(void)state;
	json_array_append(sigs, json_array_get(json_object_get(m, "signatures"), 0));
	both = json_dumps(doc, 0);
	expect_payload(both, p256, "{}");
	expect_payload(both, other_p256, "{}");
	expect_refused(both, ed25519);
}

static void too_many_or_no_signatures_are_malformed(void **state)
{
	cc_auto_free char *env = sign("{}", p256), *none = NULL, *many = NULL, *most = NULL;
	cc_auto_json json_t *doc = json_loads(env, 0, NULL);
	json_t *sigs = json_object_get(doc, "signatures");

	(void)state;
	while (json_array_size(sigs) < CC_DSSE_SIGS_MAX)
		json_array_append(sigs, json_array_get(sigs, 0));
	most = json_dumps(doc, 0);
	expect_payload(most, p256, "{}");
	json_array_append(sigs, json_array_get(sigs, 0));
	many = json_dumps(doc, 0);
	expect_malformed(many, "17 signatures");
	none = edit(env, false, "signatures", json_array());
	expect_malformed(none, "0 signatures");
}

static void keyid_is_only_a_hint(void **state)
{
	cc_auto_free char *env = sign("{}", p256);
	cc_auto_free char *lies = edit(env, true, "keyid", json_string("sha256:somebody else"));
	cc_auto_free char *typed = edit(env, true, "keyid", json_integer(1));

	(void)state;
	expect_payload(lies, p256, "{}");
	expect_malformed(typed, "keyid");
}

static void our_own_keyid_is_the_digest_of_the_key(void **state)
{
	cc_auto_free char *env = sign("{}", p256);
	struct cc_error err = {0};
	char id[72], other[72];

	(void)state;
	expect_ok(cc_pubkey_id(p256, id, &err), &err);
	expect_ok(cc_pubkey_id(other_p256, other, &err), &err);
	assert_true(cc_is_digest(id));
	assert_string_not_equal(id, other);
	assert_non_null(strstr(env, id));
}

static void url_safe_and_unpadded_base64_verify_too(void **state)
{
	static const char payload[] = "\xfb\xff\xbf~";
	cc_auto_free char *env = sign(payload, p256), *url = NULL;
	cc_auto_json json_t *doc = json_loads(env, 0, NULL);
	json_t *sig = json_array_get(json_object_get(doc, "signatures"), 0);
	json_t *fields[] = {json_object_get(doc, "payload"), json_object_get(sig, "sig")};

	(void)state;
	assert_non_null(strpbrk(json_string_value(fields[0]), "+/"));
	for (size_t i = 0; i < 2; i++) {
		cc_auto_free char *s = strdup(json_string_value(fields[i]));

		for (char *c = s; *c; c++)
			*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
		s[strcspn(s, "=")] = '\0';
		json_string_set(fields[i], s);
	}
	url = json_dumps(doc, 0);
	expect_payload(url, p256, payload);
}

static void another_payload_type_is_malformed(void **state)
{
	struct cc_error err = {0};
	char *env = NULL, *payload = NULL;

	(void)state;
	expect_ok(cc_dsse_sign("text/plain", "{}", 2, p256, &env, &err), &err);
	expect_malformed(env, "payloadType is \"text/plain\"");
	free(env);
	expect_ok(cc_dsse_sign(CC_DSSE_INTOTO, "{}", 2, p256, &env, &err), &err);
	assert_int_equal(verify(env, p256, &payload, &err), 0);
	free(payload);
	free(env);
}

static void malformed_envelopes_are_refused(void **state)
{
	cc_auto_free char *env = sign("{}", p256);
	cc_auto_free char *bad_body = edit(env, false, "payload", json_string("e30=="));
	cc_auto_free char *bad_sig = edit(env, true, "sig", json_string("!"));
	cc_auto_free char *no_sig = edit(env, true, "sig", json_null());
	cc_auto_free char *entry = edit(env, false, "signatures", json_pack("[s]", "x"));
	cc_auto_free char *huge = NULL;
	char zeros[400] = "";

	(void)state;
	expect_malformed("", "not valid JSON");
	expect_malformed("[]", "must be an object");
	expect_malformed("{}", "payloadType");
	expect_malformed("{\"payloadType\":\"" CC_DSSE_INTOTO
			 "\",\"payload\":\"\",\"payload\":\"\","
			 "\"signatures\":[]}",
			 "twice");
	expect_malformed(bad_body, "payload is not base64");
	expect_malformed(bad_sig, "signature is not base64");
	expect_malformed(no_sig, "sig");
	expect_malformed(entry, "must be an object");
	memset(zeros, 'A', sizeof(zeros) - 1);
	free(bad_sig);
	bad_sig = edit(env, true, "sig", json_string(zeros));
	expect_refused(bad_sig, p256);

	huge = malloc(180000);
	memset(huge, 'A', 179999);
	huge[179999] = '\0';
	free(bad_body);
	bad_body = edit(env, false, "payload", json_string(huge));
	expect_malformed(bad_body, "payload is");
	for (size_t n = 0; n + 1 < strlen(env); n += 7) {
		cc_auto_free char *cut = strndup(env, n);

		expect_malformed(cut, "not valid JSON");
	}
}

static void a_payload_too_long_to_verify_is_not_signed(void **state)
{
	cc_auto_free char *body = calloc(1, CC_DSSE_PAYLOAD_MAX + 1);
	struct cc_error err = {0};
	char *env = NULL;

	(void)state;
	assert_int_equal(
		cc_dsse_sign(CC_DSSE_INTOTO, body, CC_DSSE_PAYLOAD_MAX + 1, p256, &env, &err), -1);
	assert_null(env);
	expect_ok(cc_dsse_sign(CC_DSSE_INTOTO, body, CC_DSSE_PAYLOAD_MAX, p256, &env, &err), &err);
	free(env);
}

/* ---- simple signing ------------------------------------------------------------------------ */

static char *sign_raw(const char *payload, EVP_PKEY *key)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char sig[80];
	size_t n = sizeof(sig);

	EVP_DigestSignInit(ctx, NULL, EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256(), NULL,
			   key);
	assert_int_equal(
		EVP_DigestSign(ctx, sig, &n, (const unsigned char *)payload, strlen(payload)), 1);
	EVP_MD_CTX_free(ctx);
	return cc_b64_encode(sig, n);
}

static void what_cosign_signs_verifies(void **state)
{
	size_t n;
	cc_auto_free char *pem = read_fixture(COSIGN "cosign.pub", &n);
	cc_auto_free char *sig = read_fixture(COSIGN "simplesigning.sig", &n);
	cc_auto_free char *want = read_fixture(COSIGN "manifest.digest", &n);
	cc_auto_free char *payload = read_fixture(COSIGN "simplesigning.json", &n);
	cc_auto_pkey EVP_PKEY *key = NULL;
	cc_cleanup(cc_simplesigning_clear) struct cc_simplesigning got = {0};
	struct cc_error err = {0};

	(void)state;
	sig[strcspn(sig, "\n")] = want[strcspn(want, "\n")] = '\0';
	key = cc_pubkey_parse(pem, strlen(pem), &err);
	expect_ok(cc_simplesigning_verify(payload, n, sig, key, &got, &err), &err);
	assert_string_equal(got.digest, want);
	assert_string_equal(got.reference, "localhost:5057/t/app");
	assert_null(got.optional);
	cc_simplesigning_clear(&got);

	assert_int_equal(cc_simplesigning_verify(payload, n, sig, p256, &got, &err), -1);
	expect_error(&err, CC_E_REFUSED, "signature", "does not verify");
	payload[n / 2] ^= 1;
	assert_int_equal(cc_simplesigning_verify(payload, n, sig, key, &got, &err), -1);
	expect_error(&err, CC_E_REFUSED, "signature", "does not verify");
}

static void a_signed_payload_of_another_shape_is_refused(void **state)
{
#define CRITICAL(type, digest, extra)                                                            \
	"{\"critical\":{\"identity\":{\"docker-reference\":\"r\"},\"image\":{\"docker-manifest-" \
	"digest\":\"" digest "\"},\"type\":\"" type "\"" extra "},\"optional\":null}"
#define TYPE "cosign container image signature"
	static const char *const bad[] = {
		CRITICAL("atomic container signature", DIGEST_A, ""),
		CRITICAL(TYPE, "sha256:abc", ""),
		CRITICAL(TYPE, DIGEST_A, ",\"expires\":1"),
		CRITICAL(TYPE, DIGEST_A, ",\"type\":\"" TYPE "\""),
		"{\"critical\":{}}",
		"{}",
		"not JSON",
	};
	static const char good[] = CRITICAL(TYPE, DIGEST_A, "");
	cc_auto_free char *good_sig = sign_raw(good, p256);
	cc_cleanup(cc_simplesigning_clear) struct cc_simplesigning got = {0};
	struct cc_error err = {0};

	(void)state;
	expect_ok(cc_simplesigning_verify(good, strlen(good), good_sig, p256, &got, &err), &err);
	assert_string_equal(got.digest, DIGEST_A);
	cc_simplesigning_clear(&got);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cc_auto_free char *sig = sign_raw(bad[i], p256);

		assert_int_equal(
			cc_simplesigning_verify(bad[i], strlen(bad[i]), sig, p256, &got, &err), -1);
		expect_error(&err, CC_E_INVALID, "envelope", "");
		assert_string_equal(got.digest, "");
	}
	assert_int_equal(cc_simplesigning_verify(good, strlen(good), "***", p256, &got, &err), -1);
	expect_error(&err, CC_E_INVALID, "envelope", "base64");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures_of_both_algorithms_verify),
		cmocka_unit_test(the_specifications_pre_authentication_encoding_is_used),
		cmocka_unit_test(what_cosign_attests_verifies),
		cmocka_unit_test(a_tampered_payload_is_refused),
		cmocka_unit_test(a_signature_over_other_bytes_is_refused),
		cmocka_unit_test(a_bare_signature_over_the_payload_is_refused),
		cmocka_unit_test(another_signers_envelope_is_refused),
		cmocka_unit_test(an_ecdsa_signature_is_refused_under_an_ed25519_key_and_back),
		cmocka_unit_test(the_algorithm_is_never_taken_from_the_message),
		cmocka_unit_test(one_good_signature_among_several_is_enough),
		cmocka_unit_test(too_many_or_no_signatures_are_malformed),
		cmocka_unit_test(keyid_is_only_a_hint),
		cmocka_unit_test(our_own_keyid_is_the_digest_of_the_key),
		cmocka_unit_test(url_safe_and_unpadded_base64_verify_too),
		cmocka_unit_test(another_payload_type_is_malformed),
		cmocka_unit_test(malformed_envelopes_are_refused),
		cmocka_unit_test(a_payload_too_long_to_verify_is_not_signed),
		cmocka_unit_test(what_cosign_signs_verifies),
		cmocka_unit_test(a_signed_payload_of_another_shape_is_refused),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
