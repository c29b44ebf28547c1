// SPDX-License-Identifier: Apache-2.0
#include "lib_test.h"

#include "b64.h"

static int decode(const char *text, size_t max, unsigned char **out, size_t *len,
		  struct cc_error *err)
{
	*out = NULL;
	return cc_b64_decode(text, strlen(text), max, "sig", out, len, err);
}

static void both_alphabets_are_read_with_and_without_padding(void **state)
{
	static const struct {
		const char *text, *bytes;
	} cases[] = {
		{"", ""},
		{"Zg==", "f"},
		{"Zg", "f"},
		{"Zm8=", "fo"},
		{"Zm8", "fo"},
		{"Zm9v", "foo"},
		{"Zm9vYmFy", "foobar"}, /* RFC 4648 section 10 */
		{"+/+/", "\xfb\xff\xbf"},
		{"-_-_", "\xfb\xff\xbf"},
	};
	struct cc_error err = {0};
	unsigned char *out;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		expect_ok(decode(cases[i].text, 100, &out, &len, &err), &err);
		assert_int_equal(len, strlen(cases[i].bytes));
		assert_string_equal((char *)out, cases[i].bytes);
		free(out);
	}
}

static void other_text_is_refused(void **state)
{
	static const char *const bad[] = {"Z",	   "Zg=",  "Zg===",    "Zm9v=",	 "Zm9v====",
					  "=",	   "====", "Zm 9v",    "Zm9v\n", " Zm9v",
					  "Zm9v.", "+_+_", "Zg==Zg==", "Z==="};
	struct cc_error err = {0};
	unsigned char *out;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(decode(bad[i], 100, &out, &len, &err), -1);
		expect_error(&err, CC_E_INVALID, "", "sig is not base64");
		assert_null(out);
	}
}

static void no_more_than_the_limit_is_decoded(void **state)
{
	struct cc_error err = {0};
	unsigned char *out;
	size_t len;

	(void)state;
	expect_ok(decode("Zm9vYmE=", 5, &out, &len, &err), &err);
	free(out);
	assert_int_equal(decode("Zm9vYmE=", 4, &out, &len, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "longer than 4 bytes");
}

static void what_is_encoded_decodes(void **state)
{
	unsigned char bytes[256], *out;
	struct cc_error err = {0};
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		cc_auto_free char *text = cc_b64_encode(bytes, n);

		expect_ok(decode(text, n, &out, &len, &err), &err);
		assert_int_equal(len, n);
		assert_memory_equal(out, bytes, n);
		free(out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_alphabets_are_read_with_and_without_padding),
		cmocka_unit_test(other_text_is_refused),
		cmocka_unit_test(no_more_than_the_limit_is_decoded),
		cmocka_unit_test(what_is_encoded_decodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
