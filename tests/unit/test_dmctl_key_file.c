// SPDX-License-Identifier: Apache-2.0
/* Files with recovery keys: what jose(1) and others write of a P-256 key, and what is none. */
#include "tree_test.h"

#include "dmctl/client/key_file.h"
#include "jwk.h"

static int setup(void **state)
{
	(void)state;
	return top_new();
}

static json_t *recipient_in(const char *text, struct cc_error *err)
{
	make_file(top, "/key", text);
	return key_file_recipient(at("/key"), err);
}

/* RFC 7517 appendix A.1, whose "use" is "enc", and as jose(1) writes one. */
#define POINT                                                    \
	"\"kty\":\"EC\",\"crv\":\"P-256\","                      \
	"\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\"," \
	"\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\""

static void keys_to_encrypt_to_are_taken_whatever_else_is_said_of_them(void **state)
{
	static const char *const texts[] = {
		"{" POINT "}",
		"{" POINT ",\"use\":\"enc\",\"kid\":\"1\"}",
		"{\"alg\":\"ECDH-ES\"," POINT ",\"key_ops\":[]}",
		"{\"alg\":\"ECDH-ES+A256KW\"," POINT ",\"key_ops\":[\"wrapKey\"]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct cc_error err;
		cc_auto_json json_t *jwk = recipient_in(texts[i], &err);

		if (!jwk)
			fail_msg("%s: %s", texts[i], err.text);
		assert_int_equal(json_object_size(jwk), 4);
	}
}

static void what_is_none_is_refused_with_the_reason(void **state)
{
	static const struct {
		const char *text, *why;
	} tries[] = {
		{"{" POINT ",\"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\"}",
		 "is a private key"},
		{"{" POINT ",\"use\":\"sig\"}", "for something else"},
		{"{" POINT ",\"alg\":\"ES256\"}", "for something else"},
		{"{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", "key"},
		{"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"AAAA\"}", "key"},
		{"{}", "key"},
		{"-----BEGIN PUBLIC KEY-----", "JSON"},
		{"[]", "/key"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		struct cc_error err = {0};

		assert_null(recipient_in(tries[i].text, &err));
		if (!strstr(err.text, tries[i].why) || err.code != CC_E_INVALID)
			fail_msg("%s: \"%s\" does not say \"%s\"", tries[i].text, err.text,
				 tries[i].why);
	}
}

int main(void)
{
#define WITH_DIR(f) cmocka_unit_test_setup_teardown(f, setup, top_remove)
	const struct CMUnitTest tests[] = {
		WITH_DIR(keys_to_encrypt_to_are_taken_whatever_else_is_said_of_them),
		WITH_DIR(what_is_none_is_refused_with_the_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
