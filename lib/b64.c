// SPDX-License-Identifier: Apache-2.0
#include "b64.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <openssl/evp.h>

#include "cleanup.h"

#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/* The number of characters of one alphabet at the start of @s; 0 to 2 "=" must make up the rest. */
static bool well_formed(const char *s, size_t len, size_t *digits)
{
	size_t std = strspn(s, ALNUM "+/"), url = strspn(s, ALNUM "-_");
	size_t n = std > url ? std : url, pad = len - n;

	*digits = n;
	if (n > len || strspn(s + n, "=") != pad || n % 4 == 1)
		return false;
	return pad == 0 || (n % 4 != 0 && pad == 4 - n % 4);
}

int cc_b64_decode(const char *in, size_t len, size_t max, const char *what, unsigned char **out,
		  size_t *out_len, struct cc_error *err)
{
	cc_auto_free char *text = strndup(in, len);
	cc_auto_free unsigned char *data = NULL;
	size_t n, blocks;

	if (!text)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (!well_formed(text, len, &n))
		return cc_fail(err, CC_E_INVALID, "%s is not base64", what);
	if (n / 4 * 3 > max || n > INT_MAX - 4)
		return cc_fail(err, CC_E_INVALID, "%s is longer than %zu bytes", what, max);

	/* What EVP_DecodeBlock() takes: the standard alphabet in whole blocks of four. */
	blocks = (n + 3) / 4 * 4;
	data = malloc(blocks / 4 * 3 + 1);
	free(text);
	text = calloc(1, blocks + 1);
	if (!data || !text)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	for (size_t i = 0; i < blocks; i++)
		text[i] = (char)(i >= n ? 'A' : in[i] == '-' ? '+' : in[i] == '_' ? '/' : in[i]);
	if (blocks && EVP_DecodeBlock(data, (const unsigned char *)text, (int)blocks) < 0)
		return cc_fail(err, CC_E_INVALID, "%s is not base64", what);
	n = n * 3 / 4;
	if (n > max)
		return cc_fail(err, CC_E_INVALID, "%s is longer than %zu bytes", what, max);
	data[n] = '\0';
	*out_len = n;
	*out = cc_steal(data);
	return 0;
}

char *cc_b64_encode(const void *in, size_t len)
{
	char *out;

	if (len > INT_MAX / 4 * 3 - 3)
		return NULL;
	out = malloc((len + 2) / 3 * 4 + 1);
	if (out)
		EVP_EncodeBlock((unsigned char *)out, in, (int)len);
	return out;
}
