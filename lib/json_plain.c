// SPDX-License-Identifier: Apache-2.0
#include "json_plain.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define DIGITS_MAX 18 /* of an int64_t, whichever they are */

/* @at: what is read next; @depth: of objects and arrays that are open */
struct reader {
	const char *at, *end;
	int depth;
};

/* A string as it is written, without its quotes. */
struct text {
	const char *s;
	size_t len;
	bool escaped;
};

static json_t *read_value(struct reader *r);

static void drop(json_t **value)
{
	json_decref(*value);
}
#define auto_value cc_cleanup(drop)

/* ---- tokens ---- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* What comes next, after white space; 0 at the end. */
static char next(struct reader *r)
{
	while (r->at < r->end && is_space(*r->at))
		r->at++;
	if (r->at == r->end)
		return '\0';
	return *r->at;
}

static bool take_char(struct reader *r, char c)
{
	if (next(r) != c)
		return false;
	r->at++;
	return true;
}

static bool take_word(struct reader *r, const char *word, size_t len)
{
	if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0)
		return false;
	r->at += len;
	return true;
}

static bool take_text(struct reader *r, struct text *t)
{
	const char *p;

	if (!take_char(r, '"'))
		return false;
	*t = (struct text){.s = r->at};
	for (p = r->at; p < r->end && *p >= ' ' && *p <= '~' && *p != '"'; p++) {
		if (*p != '\\')
			continue;
		t->escaped = true;
		if (++p == r->end) /* what is escaped is no end */
			return false;
	}
	if (p == r->end || *p != '"')
		return false;
	t->len = (size_t)(p - t->s);
	r->at = p + 1;
	return true;
}

/* ---- values ---- */

/* '\0' for what is not read here. */
static char unescaped(char c)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found = memchr(from, c, sizeof(from) - 1);

	if (!found)
		return '\0';
	return to[found - from];
}

static bool unescape(const struct text *t, char *copy, size_t *n)
{
	for (size_t i = 0; i < t->len; i++) {
		char c = t->s[i];

		if (c == '\\')
			c = unescaped(t->s[++i]);
		if (!c)
			return false;
		copy[(*n)++] = c;
	}
	return true;
}

/* The copy goes as jansson's own do: it may hold a key. */
static json_t *read_escaped(const struct text *t)
{
	char *copy = malloc(t->len);
	json_t *value = NULL;
	size_t n = 0;

	if (!copy)
		return NULL;
	if (unescape(t, copy, &n))
		value = json_stringn_nocheck(copy, n);
	explicit_bzero(copy, t->len);
	free(copy);
	return value;
}

static json_t *read_string(struct reader *r)
{
	struct text t;

	if (!take_text(r, &t))
		return NULL;
	return t.escaped ? read_escaped(&t) : json_stringn_nocheck(t.s, t.len);
}

static json_t *read_integer(struct reader *r)
{
	bool negative = *r->at == '-';
	const char *first = r->at + negative, *p = first;
	json_int_t n = 0;

	for (; p < r->end && *p >= '0' && *p <= '9' && p - first < DIGITS_MAX; p++)
		n = n * 10 + (*p - '0');
	if (p == first || (*first == '0' && p - first > 1) || p == r->end ||
	    (*p >= '0' && *p <= '9') || *p == '.' || *p == 'e' || *p == 'E')
		return NULL;
	r->at = p;
	return json_integer(negative ? -n : n);
}

static int add_member(struct reader *r, json_t *obj)
{
	struct text name;
	json_t *value;

	if (!take_text(r, &name) || name.escaped || json_object_getn(obj, name.s, name.len) ||
	    !take_char(r, ':'))
		return -1;
	value = read_value(r);
	return value ? json_object_setn_new_nocheck(obj, name.s, name.len, value) : -1;
}

static json_t *read_object(struct reader *r)
{
	auto_value json_t *obj = json_object();

	if (!obj || take_char(r, '}'))
		return cc_steal(obj);
	do {
		if (add_member(r, obj))
			return NULL;
	} while (take_char(r, ','));
	return take_char(r, '}') ? cc_steal(obj) : NULL;
}

static json_t *read_array(struct reader *r)
{
	auto_value json_t *list = json_array();

	if (!list || take_char(r, ']'))
		return cc_steal(list);
	do {
		json_t *value = read_value(r);

		if (!value || json_array_append_new(list, value))
			return NULL;
	} while (take_char(r, ','));
	return take_char(r, ']') ? cc_steal(list) : NULL;
}

static json_t *read_nested(struct reader *r)
{
	json_t *value;

	if (r->depth == CC_JSON_PLAIN_DEPTH)
		return NULL;
	r->depth++;
	value = *r->at++ == '{' ? read_object(r) : read_array(r);
	r->depth--;
	return value;
}

static json_t *read_value(struct reader *r)
{
	switch (next(r)) {
	case '"':
		return read_string(r);
	case '{':
	case '[':
		return read_nested(r);
	case 't':
		return take_word(r, "true", 4) ? json_true() : NULL;
	case 'f':
		return take_word(r, "false", 5) ? json_false() : NULL;
	case 'n':
		return take_word(r, "null", 4) ? json_null() : NULL;
	case '\0':
		return NULL;
	default:
		return read_integer(r);
	}
}

json_t *cc_json_plain(const char *buf, size_t len)
{
	struct reader r = {.at = buf, .end = buf + len};
	auto_value json_t *doc = NULL;
	char first = next(&r);

	if (first != '{' && first != '[')
		return NULL;
	doc = read_nested(&r);
	return doc && !next(&r) && r.at == r.end ? cc_steal(doc) : NULL;
}
