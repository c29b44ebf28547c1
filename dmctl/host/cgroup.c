// SPDX-License-Identifier: Apache-2.0
/*
 * cgroup.c - which container a control group belongs to.
 */
#include "host/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"

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

int cgroup_open(const char *path, size_t len, const char *file, int flags)
{
	char full[8192];
	int n = snprintf(full, sizeof(full), CGROUP_ROOT "%.*s/%s", (int)len, path, file);

	if (n >= (int)sizeof(full)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(full, flags | O_CLOEXEC);
}

int cgroup_id(const char *path, size_t len, uint64_t *id, struct cc_error *err)
{
	cc_auto_close int fd = cgroup_open(path, len, ".", O_PATH | O_DIRECTORY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return cc_fail_errno(err, CC_E_INTERNAL, CGROUP_ROOT "%.*s", (int)len, path);
	*id = st.st_ino;
	return 0;
}

int cgroup_open_procs(const char *path, struct cc_error *err)
{
	int fd = cgroup_open(path, strlen(path), "cgroup.procs", O_WRONLY);

	return fd >= 0 ? fd
		       : cc_fail_errno(err, CC_E_INTERNAL, CGROUP_ROOT "%s/cgroup.procs", path);
}
