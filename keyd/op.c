// SPDX-License-Identifier: Apache-2.0
#include "op.h"

#include <string.h>

#include "name.h"

#define ROW(name, handler, pl, m, p, e, f) \
	[OP_##name] = {.planes = (pl), .method = (m), .path = (p), .event = (e), .flags = (f)},
const struct operation operations[OP_END] = {OPERATIONS(ROW)};

bool op_has_body(const struct operation *op)
{
	return strcmp(op->method, "POST") == 0;
}

bool op_arg_fits(const struct operation *op, const char *arg)
{
	if (strstr(op->path, "/NAME"))
		return cc_is_name(arg);
	if (strstr(op->path, "/UUID"))
		return cc_is_uuid(arg);
	return !arg[0];
}

/* 1 to 18 digits: a number that fits everywhere. */
static bool is_number(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n > 0 && n <= 18 && !s[n];
}

static bool is_lease(const char *s)
{
	const char *colon = strchr(s, ':');
	char name[CC_NAME_LEN];

	if (!colon || (size_t)(colon - s) >= sizeof(name))
		return false;
	memcpy(name, s, (size_t)(colon - s));
	name[colon - s] = '\0';
	return cc_is_name(name) && is_number(colon + 1);
}

bool op_after_fits(const struct operation *op, const char *after)
{
	if (op->flags & OPF_AFTER_SEQ)
		return is_number(after);
	if (op->flags & OPF_AFTER_NAME)
		return !after[0] || cc_is_name(after);
	if (op->flags & OPF_AFTER_LEASE)
		return !after[0] || is_lease(after);
	return false;
}
