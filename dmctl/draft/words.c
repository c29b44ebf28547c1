// SPDX-License-Identifier: Apache-2.0
/*
 * words.c - splitting command lines.
 */
#include "draft/words.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define BLANK " \t\r\n"

/* @word: as long as the whole text, @len of it used */
struct splitter {
	const char *at;
	char *word;
	size_t len;
	struct cc_strv *out;
	struct cc_error *err;
};

/* Returns whether there is a word. */
static bool skip_blank(struct splitter *s)
{
	s->at += strspn(s->at, BLANK);
	s->len = 0;
	return s->at[0];
}

static void keep_char(struct splitter *s, char c)
{
	s->word[s->len++] = c;
}

static int end_word(struct splitter *s)
{
	s->word[s->len] = '\0';
	return cc_strv_push(s->out, s->word, s->err);
}

static int split_fail(struct splitter *s, const char *why)
{
	return cc_fail(s->err, CC_E_INVALID, "%s", why);
}

static int split(const char *text, struct cc_strv *out, int (*word)(struct splitter *s),
		 struct cc_error *err)
{
	cc_auto_free char *buf = malloc(strlen(text) + 1);
	struct splitter s = {.at = text, .word = buf, .out = out, .err = err};

	if (!buf)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	while (skip_blank(&s))
		if (word(&s) || end_word(&s))
			return -1;
	return 0;
}

/* ---- Compose ------------------------------------------------------------------------------- */

/* From behind the opening quote to behind the closing one. */
static int compose_quoted(struct splitter *s, char quote)
{
	for (; s->at[0] != quote; s->at++) {
		if (!s->at[0])
			return split_fail(s, "a quote that is not closed");
		if (quote == '"' && s->at[0] == '`')
			return split_fail(s, "a ` in it: write it as a list of words");
		if (quote == '"' && s->at[0] == '\\') {
			s->at++;
			if (!s->at[0] || !strchr("\\\"", s->at[0]))
				return split_fail(s, "a backslash in quotes that stands for "
						     "something: write it as a list of words");
		}
		keep_char(s, s->at[0]);
	}
	s->at++;
	return 0;
}

static int compose_word(struct splitter *s)
{
	while (s->at[0] && !strchr(BLANK, s->at[0])) {
		char c = *s->at++;

		if (strchr(";&|<>()`", c))
			return split_fail(s, "no shell reads it, but it has one of ; & | < > ( ) ` "
					     "in it: write it as a list of words");
		if (c == '\\') {
			if (!s->at[0] || s->at[0] == '\n')
				return split_fail(s, "a backslash at the end");
			keep_char(s, *s->at++);
		} else if (c != '\'' && c != '"') {
			keep_char(s, c);
		} else if (compose_quoted(s, c)) {
			return -1;
		}
	}
	return 0;
}

int words_of_compose(const char *text, struct cc_strv *out, struct cc_error *err)
{
	return split(text, out, compose_word, err);
}

/* ---- systemd ------------------------------------------------------------------------------- */

static int systemd_escape(struct splitter *s)
{
	static const char codes[] = "\\\"'snt", chars[] = "\\\"' \n\t";
	const char *code = s->at[0] ? strchr(codes, s->at[0]) : NULL;

	if (!code)
		return split_fail(s, "a backslash before what is none of \\ \" ' s n t");
	keep_char(s, chars[code - codes]);
	s->at++;
	return 0;
}

static int systemd_word(struct splitter *s)
{
	char quote = '\0';

	if (strchr("'\"", s->at[0]))
		quote = *s->at++;
	for (;;) {
		char c = s->at[0];

		if (!c && quote)
			return split_fail(s, "a quote that is not closed");
		if (!c || (quote ? c == quote : strchr(BLANK, c) != NULL))
			break;
		s->at++;
		if (c == '\\') {
			if (systemd_escape(s))
				return -1;
			continue;
		}
		if (!quote && strchr("'\"", c))
			return split_fail(s, "a quote in the middle of a word");
		keep_char(s, c);
	}
	if (!quote)
		return 0;
	/* Podman takes it for the end of the list */
	if (s->len == 0)
		return split_fail(s, "an empty word");
	s->at++;
	return s->at[0] && !strchr(BLANK, s->at[0])
		       ? split_fail(s, "a quote in the middle of a word")
		       : 0;
}

int words_of_systemd(const char *text, struct cc_strv *out, struct cc_error *err)
{
	return split(text, out, systemd_word, err);
}

/* How much of the text after % or $ is its name. */
static int name_length(const char *s)
{
	size_t brace = s[1] == '{', n = 1 + brace;

	if (s[0] == '%')
		return s[1] && isprint((unsigned char)s[1]) ? 2 : 1;
	while (n < 40 && (isalnum((unsigned char)s[n]) || s[n] == '_'))
		n++;
	return (int)(n + (brace && s[n] == '}'));
}

char *words_resolve(const char *text, struct cc_error *err)
{
	cc_auto_free char *out = malloc(strlen(text) + 1);
	size_t len = 0;

	if (!out) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	for (const char *s = text; *s; s++) {
		if ((*s == '%' || *s == '$') && s[1] != s[0]) {
			cc_fail(err, CC_E_INVALID,
				"what systemd puts in the place of %.*s is not known here; write "
				"the text itself, %c%c for the character",
				name_length(s), s, *s, *s);
			return NULL;
		}
		out[len++] = *s;
		s += *s == '%' || *s == '$';
	}
	out[len] = '\0';
	return cc_steal(out);
}
