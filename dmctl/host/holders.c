// SPDX-License-Identifier: Apache-2.0
/*
 * holders.c - which processes keep a block device in use.
 */
#include "host/holders.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Follows the link of /proc; that asks a file for its numbers and reads nothing of it. */
static bool stat_at(int dir, const char *name, struct stat *st)
{
	return fstatat(dir, name, st, AT_NO_AUTOMOUNT) == 0;
}

static const char *opened(int proc, dev_t dev)
{
	cc_auto_close int fd = openat(proc, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cc_auto_closedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int at = dir ? dirfd(dir) : -1;
	struct dirent *d;
	struct stat st;

	if (at < 0)
		return NULL;
	cc_steal_fd(&fd);
	while ((d = readdir(dir))) {
		if (d->d_name[0] == '.' || !stat_at(at, d->d_name, &st))
			continue;
		if (S_ISBLK(st.st_mode) && st.st_rdev == dev)
			return "the device open";
		if (st.st_dev == dev)
			return S_ISDIR(st.st_mode) ? "a directory of it open" : "a file of it open";
	}
	return NULL;
}

/* The field of maps(5), "fd:02", or of mountinfo(5), "253:2", of some line. */
static bool line_has(int proc, const char *file, const char *field)
{
	cc_auto_close int fd = openat(proc, file, O_RDONLY | O_CLOEXEC);
	cc_auto_fclose FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	cc_auto_free char *line = NULL;
	size_t size = 0;

	if (!f)
		return false;
	cc_steal_fd(&fd);
	while (getline(&line, &size, f) > 0)
		if (strstr(line, field))
			return true;
	return false;
}

static bool maps(int proc, dev_t dev)
{
	char field[32];

	snprintf(field, sizeof(field), " %02x:%02x ", major(dev), minor(dev));
	return line_has(proc, "maps", field);
}

static bool mounts(int proc, dev_t dev)
{
	char field[32];

	snprintf(field, sizeof(field), " %u:%u ", major(dev), minor(dev));
	return line_has(proc, "mountinfo", field);
}

static bool is_on(int proc, const char *link, dev_t dev)
{
	struct stat st;

	return stat_at(proc, link, &st) && st.st_dev == dev;
}

const char *holder_how(pid_t pid, dev_t dev)
{
	cc_auto_close int proc = -1;
	const char *how;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	how = proc < 0 ? NULL : opened(proc, dev);
	if (how || proc < 0)
		return how;
	if (is_on(proc, "exe", dev))
		return "its program on it";
	if (is_on(proc, "cwd", dev) || is_on(proc, "root", dev))
		return "its directory on it";
	if (maps(proc, dev))
		return "a file of it mapped";
	return mounts(proc, dev) ? "it mounted" : NULL;
}

/* Those that only see a mount are many where one counts: they come last. */
static bool is_only_mount(const char *how)
{
	return strcmp(how, "it mounted") == 0;
}

size_t holders_find(dev_t dev, struct holder v[static HOLDERS_MAX])
{
	cc_auto_closedir DIR *dir = opendir("/proc");
	struct holder mounted = {0};
	struct dirent *d;
	size_t n = 0;

	while (dir && n < HOLDERS_MAX && (d = readdir(dir))) {
		pid_t pid = (pid_t)strtol(d->d_name, NULL, 10);
		const char *how = pid > 0 && pid != getpid() ? holder_how(pid, dev) : NULL;
		struct holder *h = how && is_only_mount(how) ? &mounted : &v[n];

		if (!how || (h == &mounted && mounted.pid))
			continue;
		*h = (struct holder){.pid = pid, .how = how};
		proc_comm(pid, h->comm);
		n += h != &mounted;
	}
	if (n == 0 && mounted.pid)
		v[n++] = mounted;
	return n;
}
