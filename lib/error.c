// SPDX-License-Identifier: Apache-2.0
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int http;
} codes[] = {
	[CC_OK] = {"ok", 200},
	[CC_E_USAGE] = {"usage", 400},
	[CC_E_PERM] = {"permission", 401},
	[CC_E_NOMEM] = {"memory", 503},
	[CC_E_DEVICE] = {"device", 422},
	[CC_E_BUSY] = {"busy", 409},
	[CC_E_REFUSED] = {"refused", 403},
	[CC_E_UNREACHABLE] = {"unreachable", 503},
	[CC_E_NOTFOUND] = {"not-found", 404},
	[CC_E_EXISTS] = {"exists", 409},
	[CC_E_INVALID] = {"invalid", 400},
	[CC_E_INTERNAL] = {"internal", 500},
};

#define N_CODES (sizeof(codes) / sizeof(codes[0]))
#define ELLIPSIS "…"

/* Length of the UTF-8 sequence (RFC 3629) that starts at @s, 0 if there is none. */
static size_t utf8_len(const unsigned char *s)
{
	uint32_t c;
	size_t n;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		n = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		n = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		n = 4;
	else
		return 0;

	c = s[0] & (0xffU >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3fU);
	}
	/* Overlong forms, surrogates, beyond Unicode. */
	if ((n == 3 && c < 0x800) || (n == 4 && c < 0x10000) || (c >= 0xd800 && c <= 0xdfff) ||
	    c > 0x10ffff)
		return 0;
	return n;
}

/* C0, DEL and the C1 controls U+0080 to U+009F, which terminals act on too. */
static bool is_control(const unsigned char *s)
{
	return s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0);
}

void cc_text_clean(char *text)
{
	unsigned char *s = (unsigned char *)text;

	while (*s) {
		size_t n = utf8_len(s);

		if (n == 0 || is_control(s)) {
			n = n ? n : 1;
			memset(s, '?', n);
		}
		s += n;
	}
}

/* Ends a text that did not fit with an ellipsis, without cutting a character in two. */
static void mark_truncated(char text[static CC_TEXT_MAX])
{
	size_t at = CC_TEXT_MAX - sizeof(ELLIPSIS);

	while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80)
		at--;
	memcpy(text + at, ELLIPSIS, sizeof(ELLIPSIS));
}

__attribute__((format(printf, 2, 0))) static void set_text(struct cc_error *err, const char *fmt,
							   va_list ap, const char *suffix)
{
	int n = vsnprintf(err->text, sizeof(err->text), fmt, ap);

	if (n >= 0 && (size_t)n < sizeof(err->text) && suffix) {
		size_t room = sizeof(err->text) - (size_t)n;

		n += snprintf(err->text + n, room, ": %s", suffix);
	}
	if (n < 0)
		err->text[0] = '\0';
	else if ((size_t)n >= sizeof(err->text))
		mark_truncated(err->text);
	cc_text_clean(err->text);
}

int cc_fail(struct cc_error *err, enum cc_code code, const char *fmt, ...)
{
	va_list ap;

	err->code = code;
	err->fact[0] = '\0';
	va_start(ap, fmt);
	set_text(err, fmt, ap, NULL);
	va_end(ap);
	return -1;
}

static enum cc_code code_of_errno(int e)
{
	switch (e) {
	case ENOMEM:
		return CC_E_NOMEM;
	case EACCES:
	case EPERM:
		return CC_E_PERM;
	case EBUSY:
		return CC_E_BUSY;
	default:
		return CC_E_INTERNAL;
	}
}

int cc_fail_errno(struct cc_error *err, enum cc_code code, const char *fmt, ...)
{
	int e = errno;
	va_list ap;

	err->code = code == CC_E_INTERNAL ? code_of_errno(e) : code;
	err->fact[0] = '\0';
	va_start(ap, fmt);
	set_text(err, fmt, ap, strerror(e));
	va_end(ap);
	return -1;
}

int cc_set_fact(struct cc_error *err, const char *fact)
{
	snprintf(err->fact, sizeof(err->fact), "%s", fact);
	cc_text_clean(err->fact);
	return -1;
}

int cc_refuse(struct cc_error *err, const char *fact, const char *fmt, ...)
{
	va_list ap;

	err->code = CC_E_REFUSED;
	va_start(ap, fmt);
	set_text(err, fmt, ap, NULL);
	va_end(ap);
	return cc_set_fact(err, fact);
}

int cc_prefix(struct cc_error *err, const char *fmt, ...)
{
	char old[CC_TEXT_MAX];
	va_list ap;

	memcpy(old, err->text, sizeof(old));
	old[sizeof(old) - 1] = '\0';
	va_start(ap, fmt);
	set_text(err, fmt, ap, old);
	va_end(ap);
	return -1;
}

const char *cc_code_name(enum cc_code code)
{
	return (size_t)code < N_CODES ? codes[code].name : codes[CC_E_INTERNAL].name;
}

enum cc_code cc_code_from_name(const char *name)
{
	for (size_t i = 0; i < N_CODES; i++)
		if (!strcmp(codes[i].name, name))
			return (enum cc_code)i;
	return CC_E_INTERNAL;
}

int cc_code_http(enum cc_code code)
{
	return (size_t)code < N_CODES ? codes[code].http : codes[CC_E_INTERNAL].http;
}

json_t *cc_error_to_json(const struct cc_error *err)
{
	return json_pack("{s:{s:s, s:i, s:s, s:s}}", "error", "code", cc_code_name(err->code),
			 "status", (int)err->code, "fact", err->fact, "message", err->text);
}

bool cc_error_from_json(struct cc_error *err, const json_t *obj)
{
	const json_t *e = json_object_get(obj, "error");
	const char *code = json_string_value(json_object_get(e, "code"));
	const char *fact = json_string_value(json_object_get(e, "fact"));
	const char *message = json_string_value(json_object_get(e, "message"));

	if (!code || !fact || !message || !json_is_integer(json_object_get(e, "status")))
		return false;

	/* The word decides; a peer that calls its failure "ok" has not made it a success. */
	cc_fail(err, cc_code_from_name(code), "%s", message);
	if (err->code == CC_OK)
		err->code = CC_E_INTERNAL;
	cc_set_fact(err, fact);
	return true;
}
