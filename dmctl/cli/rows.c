// SPDX-License-Identifier: Apache-2.0
/*
 * rows.c - which rows of a list are shown, and how.
 */
#include "cli/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "timestamp.h"

/* ---- members ------------------------------------------------------------------------------- */

static json_t *member_of(const json_t *obj, const char *name, size_t len)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)obj, key, value)
		if (strlen(key) == len && strncasecmp(key, name, len) == 0)
			return value;
	return NULL;
}

/* "a.b" of @obj, of @len bytes; "" is @obj itself. */
static const json_t *find_member(const json_t *obj, const char *path, size_t len)
{
	while (obj && len) {
		const char *dot = memchr(path, '.', len);
		size_t n = dot ? (size_t)(dot - path) : len;

		obj = member_of(obj, path, n);
		n += dot ? 1 : 0;
		path += n;
		len -= n;
	}
	return obj;
}

/* As the tables show it; malloced. */
static char *text_of(const json_t *value)
{
	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_STRING:
		return strdup(json_string_value(value));
	case JSON_TRUE:
		return strdup("yes");
	case JSON_FALSE:
		return strdup("no");
	case JSON_NULL:
		return strdup("-");
	default:
		return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	}
}

/* ---- which --------------------------------------------------------------------------------- */

static int no_such_key(const struct row_key *keys, const char *text, struct cc_error *err)
{
	char names[256] = "";
	size_t len = 0;

	for (const struct row_key *k = keys; k->key && len < sizeof(names); k++)
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s",
					k == keys ? "" : ", ", k->key);
	return cc_fail(err, CC_E_USAGE, "--filter \"%.80s\" must be KEY=VALUE, with one of %s",
		       text, names);
}

int row_filter_add(struct row_filter *f, const struct row_key *keys, const char *text,
		   struct cc_error *err)
{
	const char *equals = strchr(text, '=');

	for (const struct row_key *k = keys; equals && k->key; k++) {
		if (strlen(k->key) != (size_t)(equals - text) ||
		    strncmp(k->key, text, strlen(k->key)) != 0)
			continue;
		if (f->n == ROW_FILTERS_MAX)
			return cc_fail(err, CC_E_USAGE, "more than %d filters", ROW_FILTERS_MAX);
		f->one[f->n].key = k;
		f->one[f->n++].value = equals + 1;
		return 0;
	}
	return no_such_key(keys, text, err);
}

static bool has_value(const json_t *row, const struct row_key *key, const char *value)
{
	cc_auto_free char *text = text_of(find_member(row, key->member, strlen(key->member)));

	if (!text)
		return false;
	return key->prefix ? value[0] && strncmp(text, value, strlen(value)) == 0
			   : strcmp(text, value) == 0;
}

bool row_filter_fits(const struct row_filter *f, const json_t *row)
{
	for (size_t i = 0; i < f->n; i++) {
		bool one = false;

		for (size_t k = 0; k < f->n && !one; k++)
			one = strcmp(f->one[k].key->key, f->one[i].key->key) == 0 &&
			      has_value(row, f->one[k].key, f->one[k].value);
		if (!one)
			return false;
	}
	return true;
}

void row_filter_apply(const struct row_filter *f, json_t *rows)
{
	for (size_t i = json_array_size(rows); i > 0; i--)
		if (!row_filter_fits(f, json_array_get(rows, i - 1)))
			json_array_remove(rows, i - 1);
}

/* ---- how ----------------------------------------------------------------------------------- */

/* Nothing that a container is called steers the terminal. */
static void put_value(FILE *f, const json_t *value, bool as_json)
{
	cc_auto_free char *text =
		as_json ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : text_of(value);

	if (!text)
		return;
	if (!as_json)
		cc_text_clean(text);
	fputs(text, f);
}

/* The action between {{ and }}: "json .a", ".a.b". -1 when it is none. */
static int put_action(FILE *f, const json_t *row, const char *action, size_t len)
{
	bool as_json = false;

	while (len && action[0] == ' ') {
		action++;
		len--;
	}
	while (len && action[len - 1] == ' ')
		len--;
	if (len > 5 && strncmp(action, "json ", 5) == 0) {
		as_json = true;
		action += 5;
		len -= 5;
	}
	if (!len || action[0] != '.' || (len == 1 && !as_json) || memchr(action, ' ', len))
		return -1;
	put_value(f, find_member(row, action + 1, len - 1), as_json);
	return 0;
}

static int put_row(FILE *f, const json_t *row, const char *format, struct cc_error *err)
{
	for (const char *p = format; *p; p++) {
		const char *end = strncmp(p, "{{", 2) == 0 ? strstr(p, "}}") : NULL;

		if (end) {
			if (put_action(f, row, p + 2, (size_t)(end - p - 2)))
				return cc_fail(err, CC_E_USAGE,
					       "--format: \"%.*s\" is not {{.Member}} or "
					       "{{json .Member}}",
					       (int)(end - p + 2 < 80 ? end - p + 2 : 80), p);
			p = end + 1;
		} else if (p[0] == '\\' && (p[1] == 't' || p[1] == 'n')) {
			fputc(*++p == 't' ? '\t' : '\n', f);
		} else {
			fputc(*p, f);
		}
	}
	fputc('\n', f);
	return 0;
}

int row_format(FILE *f, const json_t *rows, const char *format, struct cc_error *err)
{
	size_t i;
	json_t *row;

	if (strcmp(format, "json") == 0) {
		json_dumpf(rows, f, JSON_INDENT(2));
		fputc('\n', f);
		return 0;
	}
	json_array_foreach(rows, i, row)
		if (put_row(f, row, format, err))
			return -1;
	return 0;
}

/* ---- when ---------------------------------------------------------------------------------- */

int row_span(const char *text, int64_t *seconds)
{
	static const struct {
		const char *unit;
		int64_t seconds;
	} units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
	char *end;
	int64_t n;

	if (text[0] < '0' || text[0] > '9')
		return -1;
	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno || n > INT64_MAX / 86400)
		return -1;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(end, units[i].unit) == 0) {
			*seconds = n * units[i].seconds;
			return 0;
		}
	return -1;
}

int row_moment(const char *text, int64_t now, int64_t *t)
{
	int64_t span;

	if (cc_time_parse(text, t) == 0)
		return 0;
	if (row_span(text, &span))
		return -1;
	*t = text[strspn(text, "0123456789")] ? now - span : span;
	return 0;
}
