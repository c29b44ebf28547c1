// SPDX-License-Identifier: Apache-2.0
#include "render.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "strv.h"

#define ELLIPSIS "…"

struct text {
	char *out;
	size_t n;
	bool full;
};

/* Appends @n bytes, all or nothing; the first that does not fit ends the text with an ellipsis. */
static void text_put(struct text *t, const char *s, size_t n)
{
	if (t->full)
		return;
	if (t->n + n + sizeof(ELLIPSIS) > CC_RENDER_MAX) {
		s = ELLIPSIS;
		n = sizeof(ELLIPSIS) - 1;
		t->full = true;
	}
	memcpy(t->out + t->n, s, n);
	t->n += n;
	t->out[t->n] = '\0';
}

__attribute__((format(printf, 2, 3))) static void putf(struct text *t, const char *fmt, ...)
{
	char buf[64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	text_put(t, buf, strlen(buf));
}

/*
 * A string of RFC 8259: @s up to @end, a NUL of its own or an ASCII character in it. A UTF-8
 * sequence goes in whole, so that it is never cut in two.
 */
static void put_quoted(struct text *t, const char *s, const char *end)
{
	text_put(t, "\"", 1);
	while (s < end && !t->full) {
		size_t n = 1;

		if ((unsigned char)*s >= 0xc0)
			while (((unsigned char)s[n] & 0xc0) == 0x80 && n < 4)
				n++;
		if (*s == '"' || *s == '\\')
			putf(t, "\\%c", *s);
		else if (*s == '\n')
			text_put(t, "\\n", 2);
		else if ((unsigned char)*s < 0x20 || *s == 0x7f)
			putf(t, "\\u%04x", (unsigned int)(unsigned char)*s);
		else
			text_put(t, s, n);
		s += n;
	}
	text_put(t, "\"", 1);
}

const char *cc_render_str(const char *s, char out[static CC_RENDER_MAX])
{
	struct text t = {.out = out};

	if (s)
		put_quoted(&t, s, s + strlen(s));
	else
		text_put(&t, "absent", strlen("absent"));
	return out;
}

/* The end of what is shown of a text. */
typedef const char *end_fn(const char *s);

static const char *whole(const char *s)
{
	return s + strlen(s);
}

static const char *name_end(const char *s)
{
	return s + strcspn(s, "=");
}

static const char *setting_end(const char *s)
{
	static const char *const plain[] = {"linux.sysctl ", "linux.seccomp.", "linux.rootfs",
					    "process.rlimits ", "process.selinuxLabel "};

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (strncmp(s, plain[i], strlen(plain[i])) == 0)
			return whole(s);
	return name_end(s);
}

static const char *render_one(const char *s, end_fn *end, char *out)
{
	struct text t = {.out = out};

	put_quoted(&t, s, end(s));
	return out;
}

static const char *render_list(const struct cc_strv *sv, end_fn *end, char *out)
{
	struct text t = {.out = out};

	text_put(&t, "[", 1);
	for (size_t i = 0; i < sv->n && !t.full; i++) {
		if (i > 0)
			text_put(&t, ",", 1);
		put_quoted(&t, sv->v[i], end(sv->v[i]));
	}
	text_put(&t, "]", 1);
	return out;
}

const char *cc_render_var(const char *var, char out[static CC_RENDER_MAX])
{
	return render_one(var, name_end, out);
}

const char *cc_render_setting(const char *setting, char out[static CC_RENDER_MAX])
{
	return render_one(setting, setting_end, out);
}

const char *cc_render_strv(const struct cc_strv *sv, char out[static CC_RENDER_MAX])
{
	return render_list(sv, whole, out);
}

const char *cc_render_vars(const struct cc_strv *sv, char out[static CC_RENDER_MAX])
{
	return render_list(sv, name_end, out);
}

const char *cc_render_settings(const struct cc_strv *sv, char out[static CC_RENDER_MAX])
{
	return render_list(sv, setting_end, out);
}

const char *cc_render_user(const struct cc_user *u, char out[static CC_RENDER_MAX])
{
	struct text t = {.out = out};

	putf(&t, "%" PRIu32 ":%" PRIu32, u->uid, u->gid);
	if (u->n_groups == 0)
		return out;
	text_put(&t, " [", 2);
	for (size_t i = 0; i < u->n_groups && !t.full; i++)
		putf(&t, i ? ",%" PRIu32 : "%" PRIu32, u->groups[i]);
	text_put(&t, "]", 1);
	return out;
}
