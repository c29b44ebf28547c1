// SPDX-License-Identifier: Apache-2.0
/*
 * cgroup_tasks.c - what is done to all tasks of a control group at once.
 */
#include "host/cgroup_tasks.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "host/cgroup.h"

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

static int write_to(const char *path, size_t len, const char *file, const char *text,
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
	return write_to(path, len, "cgroup.freeze", freeze ? "1" : "0", err);
}

int cgroup_kill(const char *path, size_t len, struct cc_error *err)
{
	return write_to(path, len, "cgroup.kill", "1", err);
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
