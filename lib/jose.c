// SPDX-License-Identifier: Apache-2.0
#include "jose.h"

#include <limits.h>
#include <string.h>
#include <jose/b64.h>

static void quiet(void *misc, const char *file, int line, uint64_t code, const char *fmt,
		  va_list ap)
{
	(void)misc;
	(void)file;
	(void)line;
	(void)code;
	(void)fmt;
	(void)ap;
}

jose_cfg_t *cc_jose_cfg(void)
{
	jose_cfg_t *cfg = jose_cfg();

	if (cfg)
		jose_cfg_set_err_func(cfg, quiet, NULL);
	return cfg;
}

/* 0 to 63, or more for what is no digit of base64url. */
static unsigned int digit_of(char c)
{
	/* By the low seven bits; one more than the digit, so that 0 is none. */
	static const unsigned char digits[128] = {
		['A'] = 1,  ['B'] = 2,	['C'] = 3,  ['D'] = 4,	['E'] = 5,  ['F'] = 6,	['G'] = 7,
		['H'] = 8,  ['I'] = 9,	['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14,
		['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21,
		['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28,
		['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35,
		['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
		['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49,
		['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
		['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63,
		['_'] = 64};
	const unsigned char u = (unsigned char)c;

	return u < sizeof(digits) ? digits[u] - 1U : UINT_MAX;
}

static bool is_b64u(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (digit_of(s[i]) > 63)
			return false;
	return true;
}

size_t cc_b64u_decode(const char *s, size_t len, unsigned char *out, size_t size)
{
	const size_t n = len / 4 * 3 + len % 4 * 3 / 4;
	unsigned int bits = 0, held = 0;
	size_t at = 0;

	if (len % 4 == 1 || n > size)
		return SIZE_MAX;
	for (size_t i = 0; i < len; i++) {
		const unsigned int digit = digit_of(s[i]);

		if (digit > 63)
			return SIZE_MAX;
		bits = bits << 6 | digit;
		held += 6;
		if (held < 8)
			continue;
		held -= 8;
		out[at++] = (unsigned char)(bits >> held);
	}
	return bits & ((1U << held) - 1) ? SIZE_MAX : at;
}

int cc_jose_split(const char *text, size_t len, size_t n, struct cc_jose_part *parts,
		  const char *what, struct cc_error *err)
{
	const char *s = text, *end = text + len;

	for (size_t i = 0; i < n; i++) {
		const char *dot = memchr(s, '.', (size_t)(end - s));
		bool last = i == n - 1;

		if (last != !dot)
			return cc_fail(err, CC_E_INVALID,
				       "%s: not a compact serialisation of %zu parts", what, n);
		parts[i] = (struct cc_jose_part){s, (size_t)((last ? end : dot) - s)};
		if (!is_b64u(parts[i].s, parts[i].len) || (i == 0 && parts[i].len == 0))
			return cc_fail(err, CC_E_INVALID, "%s: part %zu is not base64url", what,
				       i + 1);
		if (!last)
			s = dot + 1;
	}
	return 0;
}

int cc_jose_decode(const struct cc_jose_part *part, char **out, size_t *out_len, const char *what,
		   struct cc_error *err)
{
	const size_t size = part->len / 4 * 3 + 3;
	cc_auto_free char *buf = malloc(size + 1);
	size_t n;

	if (!buf)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	n = cc_b64u_decode(part->s, part->len, (unsigned char *)buf, size);
	if (n == SIZE_MAX)
		return cc_fail(err, CC_E_INVALID, "%s is not base64url", what);
	buf[n] = '\0';
	*out_len = n;
	*out = cc_steal(buf);
	return 0;
}

json_t *cc_jose_header(const struct cc_jose_part *part, const char *const *known, const char *what,
		       struct cc_error *err)
{
	cc_auto_free char *text = NULL;
	cc_auto_json json_t *header = NULL;
	size_t len = 0;

	if (cc_jose_decode(part, &text, &len, what, err))
		return NULL;
	header = cc_json_parse(text, len, what, err);
	if (!header || cc_json_only(header, what, known, err))
		return NULL;
	return cc_steal(header);
}

int cc_jose_demand(const json_t *header, const char *key, const char *value, const char *what,
		   struct cc_error *err)
{
	const char *s = json_string_value(json_object_get(header, key));

	if (s && !strcmp(s, value))
		return 0;
	return cc_fail(err, CC_E_INVALID, "%s: \"%s\" must be \"%s\"", what, key, value);
}

int cc_b64u_decode32(const char *s, unsigned char out[static 32])
{
	return strlen(s) == CC_B64U_32 && cc_b64u_decode(s, CC_B64U_32, out, 32) == 32 ? 0 : -1;
}

int cc_b64u_encode(const unsigned char *in, size_t len, char *out, size_t size)
{
	const size_t n = len / 3 * 4 + (len % 3 ? len % 3 + 1 : 0);

	if (n >= size || jose_b64_enc_buf(in, len, out, n) != n)
		return -1;
	out[n] = '\0';
	return 0;
}

int cc_b64u_encode32(const unsigned char in[static 32], char out[static CC_B64U_32 + 1])
{
	return cc_b64u_encode(in, 32, out, CC_B64U_32 + 1);
}
