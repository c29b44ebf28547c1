// SPDX-License-Identifier: Apache-2.0
/*
 * ns_census.c - who is in a namespace.
 */
#include "host/ns_census.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "host/boottime.h"
#include "host/proc.h"
#include "measurement.h"

#define LOOK_MS 20
/*
 * Once a census has taken so long only the first thread of each process is looked at, so that
 * threads by the ten thousand cost nobody his lease.
 */
#define THREADS_MS 1000

/**
 * struct member - a thread that is not in all of our own namespaces.
 * @pid, @tid: of its process, and its own
 * @cgroup: NULL: not known, as it has ended
 */
struct member {
	pid_t pid, tid;
	uint64_t ino[CC_NS_COUNT];
	char *cgroup;
};

static struct census {
	struct member *v;
	size_t n, room;
	uint64_t taken_ms;
	bool taken, held;
	unsigned int walks;
} census;

/* ---- one thread ---------------------------------------------------------------------------- */

/* "net:[4026531840]": reading a link takes the kernel a third of what looking at its file takes. */
static bool read_link(int dir, const char *name, uint64_t *ino)
{
	char text[64], *end;
	ssize_t n = readlinkat(dir, name, text, sizeof(text) - 1);
	const char *number;

	if (n <= 0)
		return false;
	text[n] = '\0';
	number = strchr(text, '[');
	if (!number || !isdigit((unsigned char)number[1]))
		return false;
	*ino = strtoull(number + 1, &end, 10);
	return strcmp(end, "]") == 0;
}

/* Of the thread whose folder below @dir is @name. False when it has ended. */
static bool read_namespaces(int dir, const char *name, struct member *m)
{
	char path[64];
	cc_auto_close int fd = -1;

	snprintf(path, sizeof(path), "%.48s/ns", name);
	fd = openat(dir, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; fd >= 0 && i < CC_NS_COUNT; i++)
		if (!read_link(fd, cc_ns_names[i], &m->ino[i]))
			return false;
	return fd >= 0;
}

/* ---- a census ------------------------------------------------------------------------------ */

static void forget_all(void)
{
	while (census.n)
		free(census.v[--census.n].cgroup);
}

static int add(const struct member *m, struct cc_error *err)
{
	size_t room = census.room ? 2 * census.room : 64;
	struct member *v = census.v;
	char cgroup[PROC_PATH_MAX];
	struct cc_error ignored;

	if (census.n == census.room) {
		v = reallocarray(census.v, room, sizeof(*v));
		if (!v)
			return cc_fail(err, CC_E_NOMEM, "out of memory");
		census.v = v;
		census.room = room;
	}
	v += census.n++;
	*v = *m;
	v->cgroup = proc_cgroup(m->tid, cgroup, &ignored) == 0 ? strdup(cgroup) : NULL;
	return 0;
}

static bool is_same(const struct member *a, const struct member *b)
{
	return memcmp(a->ino, b->ino, sizeof(a->ino)) == 0;
}

/* A thread may be in another namespace than the first of its process. */
static int add_threads(int proc, const char *name, const struct member *first,
		       const struct member *ours, struct cc_error *err)
{
	cc_auto_closedir DIR *dir = NULL;
	cc_auto_close int fd = -1;
	struct member m = *first;
	struct dirent *d;
	struct stat st;
	char path[64];
	int at;

	snprintf(path, sizeof(path), "%.48s/task", name);
	/* a link for each, and two */
	if (fstatat(proc, path, &st, 0) || st.st_nlink <= 3)
		return 0;
	fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		return 0;
	at = cc_steal_fd(&fd);
	while ((d = readdir(dir))) {
		m.tid = (pid_t)strtol(d->d_name, NULL, 10);
		if (m.tid > 0 && m.tid != m.pid && read_namespaces(at, d->d_name, &m) &&
		    !is_same(&m, first) && !is_same(&m, ours) && add(&m, err))
			return -1;
	}
	return 0;
}

static int add_process(int proc, const char *name, const struct member *ours, bool threads,
		       struct cc_error *err)
{
	struct member m = {.pid = (pid_t)strtol(name, NULL, 10)};

	m.tid = m.pid;
	if (!read_namespaces(proc, name, &m))
		return 0;
	if (!is_same(&m, ours) && add(&m, err))
		return -1;
	return threads ? add_threads(proc, name, &m, ours, err) : 0;
}

static int take_census(struct cc_error *err)
{
	cc_auto_closedir DIR *proc = opendir("/proc");
	uint64_t begin_ms = boottime_ms();
	int at = proc ? dirfd(proc) : -1;
	struct member ours = {0};
	struct dirent *d;

	census.taken = false;
	census.walks++;
	forget_all();
	if (at < 0 || !read_namespaces(at, "self", &ours))
		return cc_fail_errno(err, CC_E_INTERNAL, "/proc");
	while ((d = readdir(proc)))
		if (isdigit((unsigned char)d->d_name[0]) &&
		    add_process(at, d->d_name, &ours, boottime_ms() - begin_ms < THREADS_MS, err))
			return -1;
	census.taken_ms = boottime_ms();
	census.taken = true;
	return 0;
}

void ns_census_hold(void)
{
	struct cc_error ignored;

	/* where it cannot be taken now, each question tries again */
	if (!census.held)
		census.held = take_census(&ignored) == 0;
}

unsigned int ns_census_walks(void)
{
	return census.walks;
}

/* ---- who is there -------------------------------------------------------------------------- */

/**
 * struct place - what is asked about: a namespace, without the processes of a control group.
 */
struct place {
	size_t kind;
	uint64_t ino;
	const char *cgroup;
	size_t len;
};

static bool is_outside(const char *path, const struct place *p)
{
	return strncmp(path, p->cgroup, p->len) != 0 ||
	       (path[p->len] != '/' && path[p->len] != '\0');
}

/* When the census was taken. */
static bool was_there(const struct member *m, const struct place *p)
{
	return m->ino[p->kind] == p->ino && (!m->cgroup || is_outside(m->cgroup, p));
}

static bool is_there(const struct member *m, const struct place *p)
{
	char path[PROC_PATH_MAX];
	struct cc_error ignored;
	uint64_t now;

	return proc_ns(m->tid, cc_ns_names[p->kind], &now, &ignored) == 0 && now == p->ino &&
	       proc_cgroup(m->tid, path, &ignored) == 0 && is_outside(path, p);
}

static bool stays(const struct member *m, const struct place *p, uint64_t until_ms)
{
	cc_auto_close int fd = pidfd_open(m->pid, 0);
	struct pollfd ends = {.fd = fd, .events = POLLIN};

	/* the kernel has an event for its end only */
	while (fd >= 0 && is_there(m, p)) {
		if (boottime_ms() >= until_ms)
			return true;
		if (poll(&ends, 1, LOOK_MS) > 0)
			return false;
	}
	return false;
}

bool ns_stays(pid_t pid, size_t kind, uint64_t ino, const char *cgroup, size_t len, int ms)
{
	const struct member m = {.pid = pid, .tid = pid};
	const struct place p = {kind, ino, cgroup, len};

	return stays(&m, &p, boottime_ms() + (uint64_t)ms);
}

/* One of them, best one who still is; NULL: nobody was. */
static const struct member *somebody(const struct place *p)
{
	const struct member *gone = NULL;

	for (size_t i = 0; i < census.n; i++) {
		if (!was_there(&census.v[i], p))
			continue;
		gone = &census.v[i];
		if (is_there(gone, p))
			return gone;
	}
	return gone;
}

int ns_shared(size_t kind, uint64_t ino, const char *cgroup, size_t len, pid_t *pid,
	      struct cc_error *err)
{
	const struct place p = {kind, ino, cgroup, len};
	uint64_t begin_ms = boottime_ms(), until_ms = begin_ms + NS_PASSING_MS;
	bool is_old = !census.held && boottime_ms() - census.taken_ms > NS_CENSUS_MS;
	const struct member *m;

	*pid = 0;
	if ((!census.taken || is_old) && take_census(err))
		return -1;
	while ((m = somebody(&p))) {
		if (stays(m, &p, until_ms) || boottime_ms() >= begin_ms + NS_RELAY_MS) {
			*pid = m->pid;
			return 0;
		}
		/* he is gone: is another one there, as one who hands on would have it? */
		until_ms = begin_ms + NS_RELAY_MS;
		if (take_census(err))
			return -1;
	}
	return 0;
}
