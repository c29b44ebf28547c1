// SPDX-License-Identifier: Apache-2.0
#include "name.h"

#include <stddef.h>
#include <string.h>

static const char alnum[] = "abcdefghijklmnopqrstuvwxyz0123456789";

bool cc_is_volume_name(const char *s)
{
	size_t n = cc_is_name(s) ? strlen(s) : 0;

	return n >= 2 && strchr(alnum, s[n - 1]);
}

bool cc_is_name(const char *s)
{
	static const char all[] = "abcdefghijklmnopqrstuvwxyz0123456789_.-";
	size_t n = strspn(s, all);

	return *s && strchr(alnum, *s) && s[n] == '\0' && n <= 63;
}

bool cc_is_uuid(const char *s)
{
	for (size_t i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		/* strchr() finds the terminating NUL too. */
		if (!s[i] || !strchr(dash ? "-" : "0123456789abcdef", s[i]))
			return false;
	}
	return s[36] == '\0';
}
