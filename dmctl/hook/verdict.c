// SPDX-License-Identifier: Apache-2.0
/*
 * verdict.c - a reader for the few members of the agent's answer that the hook needs. It walks any
 * JSON text (RFC 8259) without allocating; what it does not know it skips.
 *
 *	{"ok":true,…}
 *	{"error":{"status":6,"message":"…","facts":[{"text":"…",…},…],"factCount":2,…}}
 */
#include "verdict.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 16

/**
 * struct reader - where the reader is.
 * @p: next byte; NULL after an error
 */
struct reader {
	const char *p;
};

static void skip_space(struct reader *r)
{
	if (r->p)
		r->p += strspn(r->p, " \t\r\n");
}

/* Takes @c if it is next. */
static bool take(struct reader *r, char c)
{
	skip_space(r);
	if (!r->p || *r->p != c)
		return false;
	r->p++;
	return true;
}

static void expect(struct reader *r, char c)
{
	if (!take(r, c))
		r->p = NULL;
}

/* A \uXXXX escape in UTF-8; what is not in the Basic Multilingual Plane is not worth the code. */
static size_t unescape(const char *hex, char out[static 3])
{
	char digits[5] = {0}, *end;
	unsigned long c;

	memcpy(digits, hex, 4);
	c = strtoul(digits, &end, 16);
	if (end != digits + 4)
		return 0;
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c >= 0xd800 && c <= 0xdfff) {
		out[0] = '?';
		return 1;
	}
	out[0] = (char)(0xe0 | c >> 12);
	out[1] = (char)(0x80 | (c >> 6 & 0x3f));
	out[2] = (char)(0x80 | (c & 0x3f));
	return 3;
}

/* One character of a string, plain or escaped; its length in @out, 0 on error. */
static size_t take_char(struct reader *r, char out[static 3])
{
	static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	const char *e;
	size_t n;

	if (*r->p != '\\') {
		out[0] = *r->p++;
		return 1;
	}
	if (r->p[1] == 'u' && strnlen(r->p + 2, 4) == 4) {
		n = unescape(r->p + 2, out);
		r->p += 6;
		return n;
	}
	e = r->p[1] ? strchr(escapes, r->p[1]) : NULL;
	if (!e)
		return 0;
	out[0] = meanings[e - escapes];
	r->p += 2;
	return 1;
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* A string; @out (may be NULL) gets what fits into @size, control characters as '?'. */
static void take_string(struct reader *r, char *out, size_t size)
{
	size_t len = 0, n, i;
	char c[3];

	expect(r, '"');
	while (r->p && *r->p && *r->p != '"') {
		n = take_char(r, c);
		if (n == 0) {
			r->p = NULL;
			return;
		}
		if (!out || len + n >= size)
			continue;
		for (i = 0; i < n; i++, len++) {
			out[len] = c[i];
			if (is_control(c[i]))
				out[len] = '?';
		}
	}
	if (out)
		out[len] = '\0';
	if (r->p)
		expect(r, '"');
}

static void skip_value(struct reader *r, int depth);

static void skip_members(struct reader *r, char end, bool named, int depth)
{
	if (take(r, end))
		return;
	do {
		if (named) {
			take_string(r, NULL, 0);
			expect(r, ':');
		}
		skip_value(r, depth + 1);
	} while (take(r, ','));
	expect(r, end);
}

static void skip_value(struct reader *r, int depth)
{
	size_t n;

	skip_space(r);
	if (!r->p || depth > DEPTH_MAX) {
		r->p = NULL;
	} else if (*r->p == '"') {
		take_string(r, NULL, 0);
	} else if (take(r, '{')) {
		skip_members(r, '}', true, depth);
	} else if (take(r, '[')) {
		skip_members(r, ']', false, depth);
	} else {
		n = strspn(r->p, "abcdefghijklmnopqrstuvwxyzE0123456789+-.");
		r->p = n ? r->p + n : NULL;
	}
}

/* The text of one fact, in @out; "" without one. */
static void take_fact(struct reader *r, char *out, size_t size)
{
	char key[16];

	out[0] = '\0';
	expect(r, '{');
	if (take(r, '}'))
		return;
	do {
		take_string(r, key, sizeof(key));
		expect(r, ':');
		if (strcmp(key, "text") == 0)
			take_string(r, out, size);
		else
			skip_value(r, 0);
	} while (take(r, ','));
	expect(r, '}');
}

/* The first is the message. Return: how many there are. */
static unsigned int take_facts(struct reader *r, struct verdict *v)
{
	char text[VERDICT_TEXT_MAX];
	unsigned int n = 0;
	size_t len = 0;

	expect(r, '[');
	if (take(r, ']'))
		return 0;
	do {
		take_fact(r, text, sizeof(text));
		if (!r->p)
			return 0;
		if (n++ == 0 || len + strlen(text) + 2 > sizeof(v->others))
			continue;
		len += (size_t)snprintf(v->others + len, sizeof(v->others) - len, "%s%s",
					len ? "\n" : "", text);
	} while (take(r, ','));
	expect(r, ']');
	return n;
}

/* 0 where there is none. */
static long take_number(struct reader *r)
{
	char *end;
	long n;

	skip_space(r);
	if (!r->p)
		return 0;
	n = strtol(r->p, &end, 10);
	r->p = end > r->p ? end : NULL;
	return n;
}

static unsigned int take_count(struct reader *r)
{
	long n = take_number(r);

	return n > 0 && n <= 9999 ? (unsigned int)n : 0;
}

static void take_status(struct reader *r, struct verdict *v)
{
	long n = take_number(r);

	v->status = n >= 1 && n <= 255 ? (int)n : 255;
}

static void take_error(struct reader *r, struct verdict *v)
{
	unsigned int facts = 0, count = 0;
	char key[16];

	v->final = true;
	v->status = 255;
	expect(r, '{');
	if (take(r, '}'))
		return;
	do {
		take_string(r, key, sizeof(key));
		expect(r, ':');
		if (strcmp(key, "status") == 0)
			take_status(r, v);
		else if (strcmp(key, "message") == 0)
			take_string(r, v->text, sizeof(v->text));
		else if (strcmp(key, "facts") == 0)
			facts = take_facts(r, v);
		else if (strcmp(key, "factCount") == 0)
			count = take_count(r);
		else
			skip_value(r, 0);
	} while (take(r, ','));
	expect(r, '}');
	v->more = count > facts ? count - facts : 0;
}

static bool take_word(struct reader *r, const char *word)
{
	skip_space(r);
	if (!r->p || strncmp(r->p, word, strlen(word)) != 0)
		return false;
	r->p += strlen(word);
	return true;
}

int verdict_parse(const char *json, struct verdict *v)
{
	struct reader r = {json};
	bool ok = false, error = false;
	char key[16];

	*v = (struct verdict){.text = "no reason was given"};
	expect(&r, '{');
	if (take(&r, '}'))
		return 0;
	do {
		take_string(&r, key, sizeof(key));
		expect(&r, ':');
		if (!r.p)
			return -1;
		if (strcmp(key, "ok") == 0 && take_word(&r, "true")) {
			ok = v->final = true;
		} else if (strcmp(key, "error") == 0) {
			error = true;
			take_error(&r, v);
		} else {
			skip_value(&r, 0);
		}
	} while (take(&r, ','));
	expect(&r, '}');
	skip_space(&r);
	/* both would be a contradiction: then it is neither */
	return r.p && *r.p == '\0' && !(ok && error) ? 0 : -1;
}
