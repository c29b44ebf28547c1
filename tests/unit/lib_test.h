/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib_test.h - what the unit tests of lib/ share: cmocka in its order of includes, expectations on
 * struct cc_error, fixtures by path from the top of the tree.
 */
#ifndef CC_LIB_TEST_H
#define CC_LIB_TEST_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "file.h"
#include "json.h"

#define COSIGN "tests/fixtures/cosign/"

#define DIGEST_A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DIGEST_B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define DIGEST_C "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

#define expect_ok(call, err)                                           \
	do {                                                           \
		(err)->text[0] = '\0';                                 \
		if (call)                                              \
			fail_msg("%s failed: %s", #call, (err)->text); \
	} while (0)

/* The failure has this code and fact, and its text has @part in it and is one line. */
static inline void expect_error(const struct cc_error *err, enum cc_code code, const char *fact,
				const char *part)
{
	assert_string_equal(cc_code_name(err->code), cc_code_name(code));
	assert_string_equal(err->fact, fact);
	if (!strstr(err->text, part))
		fail_msg("\"%s\" does not say \"%s\"", err->text, part);
	assert_null(strchr(err->text, '\n'));
}

static inline char *read_fixture(const char *path, size_t *len)
{
	struct cc_error err = {0};
	char *buf = NULL;

	expect_ok(cc_read_file(path, &buf, len, &err), &err);
	return buf;
}

/* A JSON document written with single quotes, for tests that read better that way. */
static inline json_t *json_of(const char *single_quoted)
{
	cc_auto_free char *text = strdup(single_quoted);
	json_error_t e;
	json_t *doc;

	assert_non_null(text);
	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	doc = json_loads(text, JSON_DECODE_ANY, &e);
	if (!doc)
		fail_msg("%s: %s", text, e.text);
	return doc;
}

#endif
