// SPDX-License-Identifier: Apache-2.0
#include "scope.h"

#include <string.h>

#include "name.h"

/* ---- the list ------------------------------------------------------------------------------ */

/* What a name consists of, name.h, and what stands for it. */
static bool is_pattern(const char *p, size_t len)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789*?";
	static const char all[] = "abcdefghijklmnopqrstuvwxyz0123456789_.-*?";

	if (len == 0 || len >= CC_NAME_LEN || !strchr(first, p[0]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!strchr(all, p[i]))
			return false;
	return true;
}

int cc_scope_parse(const char *text, struct cc_scope *s, struct cc_error *err)
{
	size_t len = strlen(text), n;

	if (len >= sizeof(s->text))
		return cc_fail(err, CC_E_USAGE,
			       "a list of volumes has at most %zu characters, not %zu",
			       sizeof(s->text) - 1, len);
	/* No volume has that name. */
	if (!strcmp(text, CC_SCOPE_NONE)) {
		memcpy(s->text, text, len + 1);
		return 0;
	}
	for (const char *p = text;; p += n + 1) {
		n = strcspn(p, ",");
		if (!is_pattern(p, n))
			return cc_fail(
				err, CC_E_USAGE,
				"\"%.*s\" is not a pattern of volumes: a name, in which \"*\" "
				"stands for any characters and \"?\" for one; several are "
				"separated by commas",
				n > 80 ? 80 : (int)n, p);
		if (!p[n])
			break;
	}
	memcpy(s->text, text, len + 1);
	return 0;
}

int cc_scope_read(const json_t *obj, const char *what, struct cc_scope *s, bool *given,
		  struct cc_error *err)
{
	cc_auto_free char *text = NULL;

	*given = false;
	if (cc_json_str(obj, what, "volumes", false, &text, err))
		return -1;
	if (!text)
		return 0;
	if (cc_scope_parse(text, s, err)) {
		err->code = CC_E_INVALID;
		return cc_prefix(err, "%s: volumes", what);
	}
	*given = true;
	return 0;
}

bool cc_scope_eq(const struct cc_scope *a, const struct cc_scope *b)
{
	return strcmp(a->text, b->text) == 0;
}

/* ---- sets of patterns ---------------------------------------------------------------------- */

/* The list @text has the pattern of @len characters at @p. */
static bool has_pattern(const char *text, const char *p, size_t len)
{
	for (;;) {
		size_t n = strcspn(text, ",");

		if (n == len && memcmp(text, p, n) == 0)
			return true;
		if (!text[n])
			return false;
		text += n + 1;
	}
}

/* Of @b the first pattern from @p on that @a lacks; NULL when there is none. @len: its length. */
static const char *next_missing(const struct cc_scope *a, const char *p, size_t *len)
{
	while (*p) {
		*len = strcspn(p, ",");
		if (!has_pattern(a->text, p, *len))
			return p;
		p += *len + (p[*len] == ',');
	}
	return NULL;
}

static bool is_none(const struct cc_scope *s)
{
	return !strcmp(s->text, CC_SCOPE_NONE);
}

bool cc_scope_includes(const struct cc_scope *a, const struct cc_scope *b)
{
	size_t len;

	return is_none(b) || has_pattern(a->text, "*", 1) || !next_missing(a, b->text, &len);
}

bool cc_scope_join(const struct cc_scope *a, const struct cc_scope *b, struct cc_scope *out)
{
	struct cc_scope all = *a;
	size_t n = strlen(all.text), len;

	if (is_none(a) || is_none(b)) {
		*out = is_none(a) ? *b : *a;
		return true;
	}
	for (const char *p = b->text; (p = next_missing(&all, p, &len)); p += len + 1) {
		if (n + 1 + len >= sizeof(all.text))
			return false;
		all.text[n++] = ',';
		memcpy(all.text + n, p, len);
		n += len;
		all.text[n] = '\0';
		if (!p[len])
			break;
	}
	*out = all;
	return true;
}

/* ---- matching ------------------------------------------------------------------------------ */

/* Only the last "*" is ever tried again: what an earlier one could take, a later one can. */
static bool matches(const char *p, const char *end, const char *name)
{
	const char *star = NULL, *taken = name;

	while (*name) {
		if (p < end && *p == '*') {
			star = p++;
			taken = name;
		} else if (p < end && (*p == '?' || *p == *name)) {
			p++;
			name++;
		} else if (star) {
			p = star + 1;
			name = ++taken;
		} else {
			return false;
		}
	}
	while (p < end && *p == '*')
		p++;
	return p == end;
}

bool cc_scope_covers(const struct cc_scope *s, const char *volume)
{
	const char *p = s->text;

	for (;;) {
		const char *end = p + strcspn(p, ",");

		if (matches(p, end, volume))
			return true;
		if (!*end)
			return false;
		p = end + 1;
	}
}
