// SPDX-License-Identifier: Apache-2.0
#include "version_order.h"

#include <string.h>

#define DIGITS "0123456789"
#define WORD DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-"

/* The part of a version that is looked at: @n bytes at @s. */
struct part {
	const char *s;
	size_t n;
};

static const char *after_v(const char *s)
{
	return s + (*s == 'v');
}

/* One item or more of @allowed, with dots between them. Return: what follows; NULL: not so. */
static const char *skip_items(const char *s, const char *allowed)
{
	for (;;) {
		size_t n = strspn(s, allowed);

		if (n == 0)
			return NULL;
		s += n;
		if (*s != '.')
			return s;
		s++;
	}
}

bool cc_is_version(const char *s)
{
	if (strlen(s) > CC_VERSION_MAX)
		return false;
	s = skip_items(after_v(s), DIGITS);
	if (s && *s == '-')
		s = skip_items(s + 1, WORD);
	if (s && *s == '+')
		s = skip_items(s + 1, WORD);
	return s && *s == '\0';
}

/* The next item of @rest, which loses it; of no bytes when there is none. */
static struct part next_item(struct part *rest)
{
	struct part item = {rest->s, 0};

	while (item.n < rest->n && item.s[item.n] != '.')
		item.n++;
	rest->s += item.n;
	rest->n -= item.n;
	if (rest->n) {
		rest->s++;
		rest->n--;
	}
	return item;
}

static struct part without_zeros(struct part p)
{
	while (p.n && *p.s == '0') {
		p.s++;
		p.n--;
	}
	return p;
}

static int number_order(struct part a, struct part b)
{
	a = without_zeros(a);
	b = without_zeros(b);
	if (a.n != b.n)
		return a.n < b.n ? -1 : 1;
	return memcmp(a.s, b.s, a.n);
}

static bool is_number(struct part p)
{
	for (size_t i = 0; i < p.n; i++)
		if (!strchr(DIGITS, p.s[i]))
			return false;
	return true;
}

static int word_order(struct part a, struct part b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order;

	if (is_number(a) && is_number(b))
		return number_order(a, b);
	if (is_number(a) != is_number(b))
		return is_number(a) ? -1 : 1;
	order = memcmp(a.s, b.s, n);
	if (order || a.n == b.n)
		return order;
	return a.n < b.n ? -1 : 1;
}

static int numbers_order(struct part a, struct part b)
{
	int order = 0;

	while (!order && (a.n || b.n)) {
		struct part left = next_item(&a), right = next_item(&b);

		order = number_order(left, right);
	}
	return order;
}

/* One that has none is the newer. */
static int prerelease_order(struct part a, struct part b)
{
	int order = 0;

	if (!a.n || !b.n)
		return (b.n != 0) - (a.n != 0);
	while (!order && a.n && b.n) {
		struct part left = next_item(&a), right = next_item(&b);

		order = word_order(left, right);
	}
	return order ? order : (a.n != 0) - (b.n != 0);
}

static struct part numbers_of(const char *s)
{
	s = after_v(s);
	return (struct part){s, strspn(s, DIGITS ".")};
}

static struct part prerelease_of(const char *s)
{
	struct part numbers = numbers_of(s);

	s = numbers.s + numbers.n;
	return *s == '-' ? (struct part){s + 1, strcspn(s + 1, "+")} : (struct part){s, 0};
}

int cc_version_order(const char *a, const char *b)
{
	int order = numbers_order(numbers_of(a), numbers_of(b));

	return order ? order : prerelease_order(prerelease_of(a), prerelease_of(b));
}
