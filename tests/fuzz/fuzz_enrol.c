// SPDX-License-Identifier: Apache-2.0
/* A token as somebody typed it, and a proof that nobody signed. */
#include <stdlib.h>
#include <string.h>

#include "enrol.h"
#include "fuzz.h"

static void token(const char *text, size_t size)
{
	char again[CC_ENROL_TOKEN_LEN];
	struct cc_enrol_token t;
	struct cc_error err = {0};

	if (cc_enrol_token_parse(text, size, &t, &err)) {
		REQUIRE(err.code == CC_E_INVALID && !strcmp(err.fact, "token"));
		return;
	}
	/* There is one way to write a token. */
	REQUIRE(cc_is_name(t.name) && cc_enrol_token_format(&t, again, &err) == 0);
	REQUIRE(strlen(again) == size && !memcmp(again, text, size));
}

static void proof(const char *text)
{
	static EVP_PKEY *key;
	const struct cc_enrol_token t = {.name = "host1", .id = "0123456789abcdef"};
	struct cc_error err = {0};

	if (!key)
		key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	REQUIRE(cc_enrol_check(text, &t, key, &err) && !strcmp(err.fact, "proof"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);

	token((const char *)data, size);
	proof(text);
	free(text);
	return 0;
}
