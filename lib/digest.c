// SPDX-License-Identifier: Apache-2.0
#include "digest.h"

#include <stdlib.h>
#include <string.h>

#include "hex.h"

bool cc_is_digest(const char *s)
{
	static const char prefix[] = "sha256:";
	const size_t n = sizeof(prefix) - 1;

	return !strncmp(s, prefix, n) && strspn(s + n, "0123456789abcdef") == 64 &&
	       s[n + 64] == '\0';
}

void cc_sha256_text(const unsigned char hash[static 32], char out[static CC_DIGEST_LEN])
{
	memcpy(out, "sha256:", 7);
	cc_hex_encode(hash, 32, out + 7);
}

void cc_sha256(const void *buf, size_t len, unsigned char hash[static 32])
{
	unsigned int n = 0;

	/* Fails only without memory or without the algorithm; a made-up digest is no way on. */
	if (EVP_Digest(buf, len, hash, &n, cc_md_sha256(), NULL) != 1 || n != 32)
		abort();
}

void cc_sha256_digest(const void *buf, size_t len, char out[static CC_DIGEST_LEN])
{
	unsigned char hash[32];

	cc_sha256(buf, len, hash);
	cc_sha256_text(hash, out);
}
