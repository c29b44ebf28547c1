// SPDX-License-Identifier: Apache-2.0
#include "container/selinux_label.h"

#include <stdlib.h>
#include <string.h>

#define CATEGORIES 1024u /* of each policy there is: c0 to c1023 */
#define LABEL_FIELDS 3	 /* before the level */

/**
 * struct level - one of a range.
 * @name, @len: of the sensitivity, borrowed
 */
struct level {
	const char *name;
	size_t len;
	bool has[CATEGORIES];
};

/* "c12": out; the rest of the text, or NULL. */
static const char *category_read(const char *s, unsigned int *c)
{
	char *end;

	if (s[0] != 'c' || s[1] < '0' || s[1] > '9')
		return NULL;
	*c = (unsigned int)strtoul(s + 1, &end, 10);
	return end - s <= 5 && *c < CATEGORIES ? end : NULL;
}

/* "s0", "s0:c1,c5.c7", up to @end. */
static bool level_read(const char *s, const char *end, struct level *l)
{
	unsigned int from = 0, to;

	*l = (struct level){.name = s, .len = strcspn(s, ":-")};
	if (l->len == 0 || s + l->len > end)
		return false;
	s += l->len;
	while (s < end) {
		s = category_read(s + 1, &from);
		to = from;
		if (s && *s == '.')
			s = category_read(s + 1, &to);
		if (!s || s > end || from > to || (s < end && *s != ','))
			return false;
		while (from <= to)
			l->has[from++] = true;
	}
	return true;
}

static bool one_eq(const char *a, const char *a_end, const char *b, const char *b_end)
{
	struct level x, y;

	return level_read(a, a_end, &x) && level_read(b, b_end, &y) && x.len == y.len &&
	       memcmp(x.name, y.name, x.len) == 0 && memcmp(x.has, y.has, sizeof(x.has)) == 0;
}

bool selinux_level_eq(const char *a, const char *b)
{
	const char *a_low = a + strcspn(a, "-"), *b_low = b + strcspn(b, "-");

	if (strcmp(a, b) == 0)
		return true;
	if (!*a_low != !*b_low || !one_eq(a, a_low, b, b_low))
		return false;
	return !*a_low || one_eq(a_low + 1, a + strlen(a), b_low + 1, b + strlen(b));
}

bool selinux_label_eq(const char *a, const char *b)
{
	const char *x = a, *y = b;

	if (strcmp(a, b) == 0)
		return true;
	for (int i = 0; x && y && i < LABEL_FIELDS; i++) {
		x = strchr(x, ':');
		y = strchr(y, ':');
		x = x ? x + 1 : NULL;
		y = y ? y + 1 : NULL;
	}
	return x && y && x - a == y - b && strncmp(a, b, (size_t)(x - a)) == 0 &&
	       selinux_level_eq(x, y);
}
