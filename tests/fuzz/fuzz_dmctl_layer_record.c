// SPDX-License-Identifier: Apache-2.0
/*
 * The file that remembers a layer. The input is one without its first line, which is the digest of
 * the rest and is put in front here, as no fuzzer would find it; and as it is. What is taken is
 * written again byte for byte.
 */
#include <string.h>

#include "digest.h"
#include "dmctl/container/layer_record.h"
#include "fuzz.h"

#define LINE 72

static bool parse(const char *buf, size_t len)
{
	tree_auto struct tree t = {0};
	char *again;
	size_t n;

	if (!layer_record_parse(buf, len, &t)) {
		REQUIRE(!t.digest[0] && !t.opaque.n);
		return false;
	}
	REQUIRE(cc_is_digest(t.digest) && cc_is_digest(t.stamp));
	for (size_t i = 0; i < t.opaque.n; i++)
		REQUIRE(!t.opaque.v[i][0] || t.opaque.v[i][0] == '/');
	again = layer_record_make(&t, &n);
	REQUIRE(again && n == len && memcmp(again, buf, len) == 0);
	free(again);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char digest[LINE];
	char *whole = malloc(size + LINE);

	REQUIRE(whole);
	memcpy(whole + LINE, data, size);
	cc_sha256_digest(whole + LINE, size, digest);
	memcpy(whole, digest, LINE - 1);
	whole[LINE - 1] = '\n';
	if (parse(whole, size + LINE)) {
		whole[size + LINE - 1] ^= 1;
		REQUIRE(!parse(whole, size + LINE));
	}
	parse((const char *)data, size);
	free(whole);
	return 0;
}
