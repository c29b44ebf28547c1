// SPDX-License-Identifier: Apache-2.0
#include "lib_test.h"

#include "json_plain.h"

static json_t *by_jansson(const char *text)
{
	return json_loadb(text, strlen(text), JSON_REJECT_DUPLICATES, NULL);
}

static void a_plain_document_is_read_as_jansson_reads_it(void **state)
{
	static const char *const plain[] = {
		"{}",
		"[]",
		" \t\r\n{ \"a\" : 1 , \"b\" : [ ] , \"c\" : { } } \n",
		"{\"z\":1,\"a\":2,\"\":3}",
		"[0,-0,7,-7,10,999999999999999999,-999999999999999999]",
		"[true,false,null,[true],{\"a\":false}]",
		"[\"\",\" ~!\",\"\\\"\\\\\\/\\b\\f\\n\\r\\t\",\"a\\nb\",\"\\\\\",\"\\\\\\\"\"]",
		"{\"evidence\":\"eyJ.eyJ.abc_-\",\"recipient\":{\"kty\":\"EC\",\"x\":\"A\"}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		cc_auto_json json_t *doc = cc_json_plain(plain[i], strlen(plain[i]));
		cc_auto_json json_t *want = by_jansson(plain[i]);
		cc_auto_free char *mine = NULL, *its = NULL;

		if (!doc)
			fail_msg("not read: %s", plain[i]);
		assert_true(json_equal(doc, want));
		mine = json_dumps(doc, JSON_COMPACT);
		its = json_dumps(want, JSON_COMPACT);
		assert_string_equal(mine, its);
	}
}

/* JSON or not, jansson has the say; what it says of them is test_json.c's. */
static void any_other_document_is_left_to_jansson(void **state)
{
	static const char *const other[] = {
		"",
		" ",
		"7",
		"\"a\"",
		"null",
		"{",
		"[",
		"[1",
		"[1,",
		"[1,]",
		"[,1]",
		"[1 2]",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":1,}",
		"{a:1}",
		"{'a':1}",
		"{\"a\":1}{}",
		"[1]x",
		"[01]",
		"[-]",
		"[-01]",
		"[+1]",
		"[1.5]",
		"[1e3]",
		"[1E3]",
		"[1000000000000000000]",
		"[99999999999999999999]",
		"[truex]",
		"[tru",
		"[nul]",
		"[\"a]",
		"[\"a\\",
		"[\"a\\\"]",
		"[\"ab\\q\"]",
		"[\"\\u0041\"]",
		"[\"a\\u0000\"]",
		"[\"\x01\"]",
		"[\"\x7f\"]",
		"[\"\xc3\xa9\"]",
		"[\"\xff\"]",
		"{\"\\n\":1}",
		"{\"a\":1,\"a\":1}",
		"{\"a\":{\"b\":1,\"c\":2,\"b\":1}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		if (cc_json_plain(other[i], strlen(other[i])))
			fail_msg("read: %s", other[i]);
	assert_null(cc_json_plain("[1\0]", 4));
	assert_null(cc_json_plain("[1]\0", 4));
	assert_null(cc_json_plain("\0[1]", 4));
}

static void nothing_behind_its_length_is_read(void **state)
{
	static const char text[] = "{\"a\":[10,\"b\\n\",true,null],\"c\":{\"d\":-12}}";

	(void)state;
	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		char *copy = memcpy(malloc(len + 1), text, len); /* the sanitizer sees its end */

		copy = realloc(copy, len ? len : 1);
		assert_null(cc_json_plain(copy, len));
		free(copy);
	}
}

static void depth_is_bounded(void **state)
{
	char text[2 * CC_JSON_PLAIN_DEPTH + 2];
	const size_t n = CC_JSON_PLAIN_DEPTH;
	cc_auto_json json_t *doc = NULL;

	(void)state;
	memset(text, '[', n);
	memset(text + n, ']', n);
	doc = cc_json_plain(text, 2 * n);
	assert_non_null(doc);
	memset(text, '[', n + 1);
	memset(text + n + 1, ']', n + 1);
	assert_null(cc_json_plain(text, 2 * n + 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_document_is_read_as_jansson_reads_it),
		cmocka_unit_test(any_other_document_is_left_to_jansson),
		cmocka_unit_test(nothing_behind_its_length_is_read),
		cmocka_unit_test(depth_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
