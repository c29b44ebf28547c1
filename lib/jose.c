// SPDX-License-Identifier: Apache-2.0
#include "jose.h"

#include <string.h>
#include <jose/b64.h>

#define B64U "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

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

static bool is_b64u(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!s[i] || !strchr(B64U, s[i]))
			return false;
	return true;
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

json_t *cc_jose_string(const struct cc_jose_part *part)
{
	return json_stringn(part->s, part->len);
}

int cc_jose_decode(const struct cc_jose_part *part, char **out, size_t *out_len, const char *what,
		   struct cc_error *err)
{
	size_t n = jose_b64_dec_buf(part->s, part->len, NULL, 0);
	cc_auto_free char *buf = NULL;

	if (n == SIZE_MAX)
		return cc_fail(err, CC_E_INVALID, "%s is not base64url", what);
	buf = malloc(n + 1);
	if (!buf)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (jose_b64_dec_buf(part->s, part->len, buf, n) != n)
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
	if (strlen(s) != CC_B64U_32 || !is_b64u(s, CC_B64U_32))
		return -1;
	return jose_b64_dec_buf(s, CC_B64U_32, out, 32) == 32 ? 0 : -1;
}

int cc_b64u_encode32(const unsigned char in[static 32], char out[static CC_B64U_32 + 1])
{
	if (jose_b64_enc_buf(in, 32, out, CC_B64U_32) != CC_B64U_32)
		return -1;
	out[CC_B64U_32] = '\0';
	return 0;
}
