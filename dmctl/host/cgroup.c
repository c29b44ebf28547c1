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
#include <unistd.h>

#include "cleanup.h"
#include "host/proc.h"

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

int cgroup_own(uint64_t *id, struct cc_error *err)
{
	char path[PROC_PATH_MAX];

	return proc_cgroup(0, path, err) ? -1 : cgroup_id(path, strlen(path), id, err);
}

unsigned int cgroup_level(const char *path, size_t len)
{
	unsigned int level = 0;

	for (size_t i = 0; i < len; i++)
		level += path[i] != '/' && (i == 0 || path[i - 1] == '/');
	return level;
}

/* The group has no process but us. */
static bool is_alone(const char *path)
{
	cc_auto_close int fd = cgroup_open(path, strlen(path), "cgroup.procs", O_RDONLY);
	char text[64], own[32];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		return false;
	text[n] = '\0';
	snprintf(own, sizeof(own), "%d\n", (int)getpid());
	return strcmp(text, own) == 0;
}

int cgroup_join(const char *path, struct cc_error *err)
{
	cc_auto_close int procs = cgroup_open_procs(path, err);

	if (procs < 0)
		return -1;
	return write(procs, "0", 1) == 1
		       ? 0
		       : cc_fail_errno(err, CC_E_INTERNAL, "the cgroup %s cannot be entered", path);
}

int cgroup_enter_own(const char *name, struct cc_error *err)
{
	char path[PROC_PATH_MAX], own[PROC_PATH_MAX + 64];
	cc_auto_close int above = -1;

	if (proc_cgroup(0, path, err))
		return -1;
	if (is_alone(path))
		return 0;
	snprintf(own, sizeof(own), "%s/%s", strcmp(path, "/") ? path : "", name);
	above = cgroup_open(path, strlen(path), ".", O_PATH | O_DIRECTORY);
	if (above < 0 || (mkdirat(above, name, 0755) && errno != EEXIST))
		return cc_fail_errno(err, CC_E_INTERNAL, "a cgroup %s cannot be made", own);
	return cgroup_join(own, err);
}

static void directory_of(const char *path, char full[static PROC_PATH_MAX + 64])
{
	snprintf(full, PROC_PATH_MAX + 64, CGROUP_ROOT "%s", path);
}

int cgroup_remove(const char *path, struct cc_error *err)
{
	char full[PROC_PATH_MAX + 64];

	directory_of(path, full);
	return rmdir(full) && errno != ENOENT ? cc_fail_errno(err, CC_E_BUSY, "%s", full) : 0;
}

int cgroup_enter_new(const char *path, struct cc_error *err)
{
	char full[PROC_PATH_MAX + 64];
	struct cc_error ignored;

	directory_of(path, full);
	if (mkdir(full, 0755))
		return cc_fail_errno(err, CC_E_INTERNAL, "a cgroup %s cannot be made", path);
	if (cgroup_join(path, err) == 0)
		return 0;
	cgroup_remove(path, &ignored);
	return -1;
}

int cgroup_open_procs(const char *path, struct cc_error *err)
{
	int fd = cgroup_open(path, strlen(path), "cgroup.procs", O_WRONLY);

	return fd >= 0 ? fd
		       : cc_fail_errno(err, CC_E_INTERNAL, CGROUP_ROOT "%s/cgroup.procs", path);
}
