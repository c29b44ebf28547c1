// SPDX-License-Identifier: Apache-2.0
#include "front/route.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Length of the segment at @s. */
static size_t segment(const char *s)
{
	return strcspn(s, "/");
}

static bool is(const char *s, size_t len, const char *word)
{
	return strlen(word) == len && !memcmp(s, word, len);
}

/*
 * Compares segment by segment. @arg: what stands at NAME or UUID, "" when that is too long: not a
 * valid argument, and it does not hide that the rest does not match.
 */
static bool match(const char *pattern, const char *path, char arg[static OP_ARG_LEN])
{
	arg[0] = '\0';
	while (*pattern == '/' && *path == '/') {
		size_t want = segment(++pattern), have = segment(++path);

		if (is(pattern, want, "NAME") || is(pattern, want, "UUID"))
			snprintf(arg, OP_ARG_LEN, "%.*s", have < OP_ARG_LEN ? (int)have : 0, path);
		else if (want != have || memcmp(pattern, path, want) != 0)
			return false;
		pattern += want;
		path += have;
	}
	return !*pattern && !*path;
}

/* "after=" and what may stand there. */
static bool parse_after(const struct operation *op, const char *query, struct route *route)
{
	static const char key[] = "after=";
	const char *value = query + sizeof(key) - 1;

	if (strncmp(query, key, sizeof(key) - 1) != 0 || strlen(value) >= sizeof(route->after) ||
	    !op_after_fits(op, value))
		return false;
	route->paged = true;
	memcpy(route->after, value, strlen(value) + 1);
	return true;
}

int route_find(const char *method, const char *target, struct route *route)
{
	size_t path_len = strcspn(target, "?");
	const char *query = target[path_len] ? target + path_len + 1 : NULL;
	int status = 404;
	char path[160];

	*route = (struct route){0};
	if (path_len >= sizeof(path))
		return 404;
	memcpy(path, target, path_len);
	path[path_len] = '\0';

	for (enum op op = OP_NONE + 1; op < OP_END; op++) {
		const struct operation *o = &operations[op];

		if (!match(o->path, path, route->arg))
			continue;
		if (strcmp(o->method, method) != 0) {
			status = 405;
			continue;
		}
		if (!op_arg_fits(o, route->arg))
			return 400;
		route->op = op;
		if (!query)
			return 0;
		return parse_after(o, query, route) ? 0 : 400;
	}
	return status;
}
