// SPDX-License-Identifier: Apache-2.0
/* base64url: one value has one text. */
#include "lib_test.h"

#include <jose/b64.h>
#include <openssl/rand.h>

#include "jose.h"

static void what_libjose_writes_is_read(void **state)
{
	unsigned char bytes[100], back[100];
	char text[160];

	(void)state;
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		size_t n;

		assert_int_equal(RAND_bytes(bytes, sizeof(bytes)), 1);
		n = jose_b64_enc_buf(bytes, len, text, sizeof(text));
		assert_int_equal(cc_b64u_decode(text, n, back, len), len);
		assert_memory_equal(back, bytes, len);
		if (len)
			assert_int_equal(cc_b64u_decode(text, n, back, len - 1), SIZE_MAX);
	}
}

static void every_character_that_is_none_of_base64url_is_refused(void **state)
{
	static const char good[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned char out[3];
	char text[4];

	(void)state;
	for (unsigned int c = 0; c < 256; c++) {
		const bool digit = c && strchr(good, (int)c);

		for (size_t at = 0; at < 4; at++) {
			memcpy(text, "AAAA", 4);
			text[at] = (char)c;
			assert_int_equal(cc_b64u_decode(text, 4, out, 3), digit ? 3 : SIZE_MAX);
		}
		if (digit) {
			memcpy(text, "AAAA", 4);
			text[3] = (char)c;
			cc_b64u_decode(text, 4, out, 3);
			assert_int_equal(out[2], strchr(good, (int)c) - good);
		}
	}
}

static void a_second_text_of_one_value_is_refused(void **state)
{
	static const char *const bad[] = {"A", "AAAAA", "AB", "AAB", "Zh", "AA==", "AAA=", "////"};
	unsigned char out[8];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(cc_b64u_decode(bad[i], strlen(bad[i]), out, sizeof(out)),
				 SIZE_MAX);
	assert_int_equal(cc_b64u_decode("Zg", 2, out, sizeof(out)), 1);
	assert_int_equal(out[0], 'f');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_libjose_writes_is_read),
		cmocka_unit_test(every_character_that_is_none_of_base64url_is_refused),
		cmocka_unit_test(a_second_text_of_one_value_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
