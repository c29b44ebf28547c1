// SPDX-License-Identifier: Apache-2.0
/*
 * cgroup.c - which container a control group belongs to.
 */
#include "host/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cleanup.h"
#include "host/proc.h"

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

int cgroup_enter_own(const char *name, struct cc_error *err)
{
	char path[PROC_PATH_MAX], own[PROC_PATH_MAX + 64];
	cc_auto_close int above = -1, procs = -1;

	if (proc_cgroup(0, path, err))
		return -1;
	if (is_alone(path))
		return 0;
	snprintf(own, sizeof(own), "%s/%s", strcmp(path, "/") ? path : "", name);
	above = cgroup_open(path, strlen(path), ".", O_PATH | O_DIRECTORY);
	if (above < 0 || (mkdirat(above, name, 0755) && errno != EEXIST))
		return cc_fail_errno(err, CC_E_INTERNAL, "a cgroup %s cannot be made", own);
	procs = cgroup_open_procs(own, err);
	if (procs < 0)
		return -1;
	if (write(procs, "0", 1) != 1)
		return cc_fail_errno(err, CC_E_INTERNAL, "the cgroup %s cannot be entered", own);
	return 0;
}

int cgroup_open_procs(const char *path, struct cc_error *err)
{
	int fd = cgroup_open(path, strlen(path), "cgroup.procs", O_WRONLY);

	return fd >= 0 ? fd
		       : cc_fail_errno(err, CC_E_INTERNAL, CGROUP_ROOT "%s/cgroup.procs", path);
}

bool cgroup_is_frozen(const char *path)
{
	cc_auto_close int fd = cgroup_open(path, strlen(path), "cgroup.events", O_RDONLY);
	char text[256];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return false;
	text[n] = '\0';
	return strstr(text, "frozen 1") != NULL;
}

static int put(const char *path, size_t len, const char *file, const char *text,
	       struct cc_error *err)
{
	cc_auto_close int fd = cgroup_open(path, len, file, O_WRONLY);

	if (fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text))
		return 0;
	return cc_fail_errno(err,
			     errno == ENOENT || errno == ENODEV ? CC_E_NOTFOUND : CC_E_INTERNAL,
			     CGROUP_ROOT "%.*s/%s", (int)len, path, file);
}

int cgroup_freeze(const char *path, size_t len, bool freeze, struct cc_error *err)
{
	return put(path, len, "cgroup.freeze", freeze ? "1" : "0", err);
}

int cgroup_kill(const char *path, size_t len, struct cc_error *err)
{
	return put(path, len, "cgroup.kill", "1", err);
}

/* The kernel raises POLLPRI when the file changes. */
bool cgroup_wait(const char *path, size_t len, const char *line, unsigned int timeout_ms)
{
	cc_auto_close int fd = cgroup_open(path, len, "cgroup.events", O_RDONLY);
	struct pollfd p = {.fd = fd, .events = POLLPRI};
	struct timespec start, now;
	char text[256];
	long left;
	ssize_t n;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (fd >= 0) {
		n = pread(fd, text, sizeof(text) - 1, 0);
		if (n <= 0)
			break;
		text[n] = '\0';
		if (strstr(text, line))
			return true;
		clock_gettime(CLOCK_MONOTONIC, &now);
		left = (long)timeout_ms - (now.tv_sec - start.tv_sec) * 1000 -
		       (now.tv_nsec - start.tv_nsec) / 1000000;
		if (left <= 0)
			return false;
		poll(&p, 1, (int)left);
	}
	return errno == ENOENT || errno == ENODEV;
}
