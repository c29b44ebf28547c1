// SPDX-License-Identifier: Apache-2.0
/*
 * ns_census.c - who is in a namespace.
 */
#include "host/ns_census.h"

#include <ctype.h>
#include <dirent.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>

#include "cleanup.h"
#include "host/boottime.h"
#include "host/proc.h"
#include "measurement.h"

#define LOOK_MS 20

/* A process that is not in all of our own namespaces. */
struct member {
	pid_t pid;
	uint64_t ino[CC_NS_COUNT];
};

static struct census {
	struct member *v;
	size_t n, room;
	uint64_t taken_ms;
	bool taken;
} census;

/* False when it has ended. */
static bool read_member(pid_t pid, struct member *m)
{
	struct cc_error ignored;

	m->pid = pid;
	for (size_t i = 0; i < CC_NS_COUNT; i++)
		if (proc_ns(pid, cc_ns_names[i], &m->ino[i], &ignored))
			return false;
	return true;
}

static int add(const struct member *m, struct cc_error *err)
{
	size_t room = census.room ? 2 * census.room : 64;
	struct member *v = census.v;

	if (census.n == census.room) {
		v = reallocarray(census.v, room, sizeof(*v));
		if (!v)
			return cc_fail(err, CC_E_NOMEM, "out of memory");
		census.v = v;
		census.room = room;
	}
	v[census.n++] = *m;
	return 0;
}

static int take_census(struct cc_error *err)
{
	cc_auto_closedir DIR *proc = opendir("/proc");
	struct member ours, m;
	struct dirent *d;

	census.taken = false;
	census.n = 0;
	census.taken_ms = boottime_ms();
	if (!proc || !read_member(0, &ours))
		return cc_fail_errno(err, CC_E_INTERNAL, "/proc");
	while ((d = readdir(proc))) {
		if (!isdigit((unsigned char)d->d_name[0]) ||
		    !read_member((pid_t)strtol(d->d_name, NULL, 10), &m) ||
		    memcmp(m.ino, ours.ino, sizeof(m.ino)) == 0)
			continue;
		if (add(&m, err))
			return -1;
	}
	census.taken = true;
	return 0;
}

static bool is_outside(pid_t pid, const char *cgroup, size_t len)
{
	char path[PROC_PATH_MAX];
	struct cc_error ignored;

	return proc_cgroup(pid, path, &ignored) == 0 &&
	       (strncmp(path, cgroup, len) != 0 || (path[len] != '/' && path[len] != '\0'));
}

static bool is_there(pid_t pid, size_t kind, uint64_t ino, const char *cgroup, size_t len)
{
	struct cc_error ignored;
	uint64_t now;

	return proc_ns(pid, cc_ns_names[kind], &now, &ignored) == 0 && now == ino &&
	       is_outside(pid, cgroup, len);
}

bool ns_stays(pid_t pid, size_t kind, uint64_t ino, const char *cgroup, size_t len, int ms)
{
	cc_auto_close int fd = pidfd_open(pid, 0);
	struct pollfd ends = {.fd = fd, .events = POLLIN};

	if (fd < 0)
		return false;
	/* the kernel has an event for its end only */
	for (; is_there(pid, kind, ino, cgroup, len); ms -= LOOK_MS) {
		if (ms <= 0)
			return true;
		if (poll(&ends, 1, LOOK_MS) > 0)
			return false;
	}
	return false;
}

int ns_shared(size_t kind, uint64_t ino, const char *cgroup, size_t len, pid_t *pid,
	      struct cc_error *err)
{
	*pid = 0;
	if ((!census.taken || boottime_ms() - census.taken_ms > NS_CENSUS_MS) && take_census(err))
		return -1;
	for (size_t i = 0; i < census.n && !*pid; i++)
		if (census.v[i].ino[kind] == ino &&
		    ns_stays(census.v[i].pid, kind, ino, cgroup, len, NS_PASSING_MS))
			*pid = census.v[i].pid;
	return 0;
}
