// SPDX-License-Identifier: Apache-2.0
/*
 * unit_file.c - files of systemd's format.
 */
#include "draft/unit_file.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define BLANK " \t"

/* @section: borrowed from @u's last line or @name */
struct unit_reader {
	const char *what;
	size_t line;
	char *section;
	struct unit_file *u;
	struct cc_error *err;
};

void unit_file_clear(struct unit_file *u)
{
	for (size_t i = 0; i < u->n; i++) {
		free(u->v[i].section);
		free(u->v[i].key);
		free(u->v[i].value);
	}
	free(u->v);
	*u = (struct unit_file){0};
}

static int unit_fail(const struct unit_reader *r, size_t line, const char *why)
{
	return cc_fail(r->err, CC_E_INVALID, "%s:%zu: %s", r->what, line, why);
}

/* A copy without blanks around it. */
static char *trimmed(const char *s, size_t len)
{
	while (len && strchr(BLANK, s[0])) {
		s++;
		len--;
	}
	while (len && strchr(BLANK, s[len - 1]))
		len--;
	return strndup(s, len);
}

static bool is_comment(const char *line)
{
	line += strspn(line, BLANK);
	return line[0] == '#' || line[0] == ';';
}

static int add_line(struct unit_reader *r, const char *text, size_t line)
{
	size_t len = strcspn(text, "=");
	struct unit_line *more, *l;

	if (r->u->n == UNIT_LINES_MAX)
		return unit_fail(r, line, "too many assignments");
	more = reallocarray(r->u->v, r->u->n + 1, sizeof(*more));
	if (!more)
		return cc_fail(r->err, CC_E_NOMEM, "out of memory");
	r->u->v = more;
	l = &more[r->u->n++];
	*l = (struct unit_line){.section = strdup(r->section),
				.key = trimmed(text, len),
				.value = trimmed(text + len + 1, strlen(text + len + 1)),
				.line = line};
	return l->section && l->key && l->value ? 0 : cc_fail(r->err, CC_E_NOMEM, "out of memory");
}

/* A whole line, with those that it went on on. */
static int whole_line(struct unit_reader *r, const char *text, size_t line)
{
	size_t len;

	text += strspn(text, BLANK);
	len = strlen(text);
	while (len && strchr(BLANK, text[len - 1]))
		len--;
	if (len == 0)
		return 0;
	if (text[0] == '[') {
		if (text[len - 1] != ']' || len < 3)
			return unit_fail(r, line, "a section that is not closed");
		free(r->section);
		r->section = strndup(text + 1, len - 2);
		return r->section ? 0 : cc_fail(r->err, CC_E_NOMEM, "out of memory");
	}
	if (!strchr(text, '=') || text[0] == '=')
		return unit_fail(r, line, "neither a section nor KEY=VALUE");
	return r->section ? add_line(r, text, line)
			  : unit_fail(r, line, "an assignment before the first section");
}

/* Whether the line goes on: nothing stands in for the backslash, as in Podman's own reader. */
static bool goes_on(char *line)
{
	size_t len = strlen(line);

	if (!len || line[len - 1] != '\\')
		return false;
	line[len - 1] = '\0';
	return true;
}

/* Whether a quote is open at the end of "KEY=value". */
static bool in_quotes(const char *text)
{
	const char *s = strchr(text, '=');
	char quote = '\0';

	for (s = s ? s + 1 : text; *s; s++) {
		if (*s == '\\' && s[1])
			s++;
		else if (quote && *s == quote)
			quote = '\0';
		else if (!quote && (*s == '\'' || *s == '"'))
			quote = *s;
	}
	return quote;
}

/* Versions of Podman keep the blanks that a further line begins with, or do not. */
static bool joins_alike(const char *before, size_t len, const char *line)
{
	if (!line[0] || !strchr(BLANK, line[0]))
		return true;
	return len && strchr(BLANK, before[len - 1]) && !in_quotes(before);
}

/* @whole: as long as the file. */
static int parse_lines(struct unit_reader *r, char *rest, char *whole)
{
	size_t used = 0, begun = 0;
	bool more = false;
	char *line;

	while ((line = strsep(&rest, "\n"))) {
		size_t len;

		r->line++;
		if (is_comment(line) && more)
			return unit_fail(r, r->line,
					 "a comment between lines that belong together, which not "
					 "every version of Podman passes over");
		if (is_comment(line))
			continue;
		if (more && !joins_alike(whole, used, line))
			return unit_fail(
				r, r->line,
				"blanks at the beginning of a line that belongs to the one "
				"before, which not every version of Podman reads alike");
		if (!more) {
			used = 0;
			begun = r->line;
		}
		more = goes_on(line);
		len = strlen(line);
		memcpy(whole + used, line, len + 1);
		used += len;
		if (!more && whole_line(r, whole, begun))
			return -1;
	}
	return more ? unit_fail(r, begun, "the last line goes on") : 0;
}

static int check_text(const struct unit_reader *r, const char *text, size_t len)
{
	size_t line = 1;

	if (len > UNIT_MAX)
		return cc_fail(r->err, CC_E_INVALID, "%s: longer than %zu bytes", r->what,
			       UNIT_MAX);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		line += c == '\n';
		if ((c < 0x20 && !strchr("\t\n", c)) || c == 0x7f || c == '\0')
			return unit_fail(r, line, "a control character");
	}
	return 0;
}

int unit_file_parse(const char *text, size_t len, const char *what, struct unit_file *u,
		    struct cc_error *err)
{
	struct unit_reader r = {.what = what, .u = u, .err = err};
	cc_auto_free char *copy = NULL, *whole = NULL;
	int rc;

	if (check_text(&r, text, len))
		return -1;
	copy = strndup(text, len);
	whole = malloc(len + 1);
	if (!copy || !whole)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	rc = parse_lines(&r, copy, whole);
	free(r.section);
	return rc;
}

static bool assigns(const struct unit_line *l, const char *section, const char *key)
{
	return strcmp(l->section, section) == 0 && strcmp(l->key, key) == 0;
}

/* Index of the first line that no later empty assignment takes back. */
static size_t first_that_counts(const struct unit_file *u, const char *section, const char *key)
{
	for (size_t i = u->n; i-- > 0;)
		if (assigns(&u->v[i], section, key) && !u->v[i].value[0])
			return i + 1;
	return 0;
}

const struct unit_line *unit_file_next(const struct unit_file *u, const char *section,
				       const char *key, const struct unit_line *after)
{
	size_t i = after ? (size_t)(after - u->v) + 1 : first_that_counts(u, section, key);

	for (; i < u->n; i++)
		if (assigns(&u->v[i], section, key))
			return &u->v[i];
	return NULL;
}

const struct unit_line *unit_file_last(const struct unit_file *u, const char *section,
				       const char *key)
{
	const struct unit_line *last = NULL, *l = NULL;

	while ((l = unit_file_next(u, section, key, l)))
		last = l;
	return last;
}
