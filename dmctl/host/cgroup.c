// SPDX-License-Identifier: Apache-2.0
/*
 * cgroup.c - a control group, by its path.
 */
#include "host/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"

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
