// SPDX-License-Identifier: Apache-2.0
/*
 * engine_group.c - which container a control group belongs to.
 */
#include "engine/engine_group.h"

#include <string.h>

static bool name_is(const char *name, size_t len, const char *wanted)
{
	return strlen(wanted) == len && memcmp(name, wanted, len) == 0;
}

/* @name (@len bytes) is prefix, 64 hexadecimal digits, suffix: copies the digits. */
static bool has_id(const char *name, size_t len, const char *prefix, const char *suffix,
		   char id[static CONTAINER_ID_LEN + 1])
{
	size_t pre = strlen(prefix), post = strlen(suffix);

	if (len != pre + CONTAINER_ID_LEN + post || memcmp(name, prefix, pre) != 0 ||
	    memcmp(name + pre + CONTAINER_ID_LEN, suffix, post) != 0)
		return false;
	memcpy(id, name + pre, CONTAINER_ID_LEN);
	id[CONTAINER_ID_LEN] = '\0';
	return strspn(id, "0123456789abcdef") == CONTAINER_ID_LEN;
}

/* The engine that makes a group of this name for a container, or NULL; fills @id. */
static const struct engine *maker_of(const struct engine *const *rows, const char *name, size_t len,
				     const char *parent, size_t parent_len,
				     char id[static CONTAINER_ID_LEN + 1])
{
	const struct engine_cgroup *g;

	for (; *rows; rows++)
		for (g = (*rows)->cgroups; g && g->prefix; g++)
			if ((!g->parent || name_is(parent, parent_len, g->parent)) &&
			    has_id(name, len, g->prefix, g->suffix, id))
				return *rows;
	return NULL;
}

int engine_group_of(const struct engine *const *rows, const char *path, struct engine_group *g)
{
	const char *parent = "", *name = path;
	size_t parent_len = 0, len;

	while (*(name += strspn(name, "/"))) {
		len = strcspn(name, "/");
		g->engine = maker_of(rows, name, len, parent, parent_len, g->id);
		if (g->engine) {
			g->len = (size_t)(name - path) + len;
			return 0;
		}
		parent = name;
		parent_len = len;
		name += len;
	}
	return -1;
}
