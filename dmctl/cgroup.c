// SPDX-License-Identifier: Apache-2.0
/*
 * cgroup.c - which container a control group belongs to.
 */
#include "cgroup.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define CGROUP_ROOT "/sys/fs/cgroup"

static const struct {
	const char *parent; /* name the group above must have, or NULL */
	const char *prefix, *suffix;
	enum engine_kind engine;
} patterns[] = {
	{"docker", "", "", ENGINE_DOCKER},
	{NULL, "docker-", ".scope", ENGINE_DOCKER},
	{NULL, "libpod-", "", ENGINE_PODMAN},
	{NULL, "libpod-", ".scope", ENGINE_PODMAN},
};

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

int cgroup_match(const char *path, struct cgroup_match *m)
{
	const char *parent = "", *name = path;
	size_t parent_len = 0, len, i;

	while (*(name += strspn(name, "/"))) {
		len = strcspn(name, "/");
		for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
			if (patterns[i].parent && !name_is(parent, parent_len, patterns[i].parent))
				continue;
			if (!has_id(name, len, patterns[i].prefix, patterns[i].suffix, m->id))
				continue;
			m->engine = patterns[i].engine;
			m->len = (size_t)(name - path) + len;
			return 0;
		}
		parent = name;
		parent_len = len;
		name += len;
	}
	return -1;
}

int cgroup_id(const char *path, size_t len, uint64_t *id, struct cc_error *err)
{
	char full[8192];
	struct stat st;

	if (len + sizeof(CGROUP_ROOT) > sizeof(full))
		return cc_fail(err, CC_E_INTERNAL, "the cgroup's path is too long");
	snprintf(full, sizeof(full), CGROUP_ROOT "%.*s", (int)len, path);
	if (stat(full, &st))
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", full);
	*id = st.st_ino;
	return 0;
}
