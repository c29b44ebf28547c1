// SPDX-License-Identifier: Apache-2.0
/*
 * proc.c - what the kernel says about a process.
 */
#include "host/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>

#define STATUS_MAX 16384
#define PF_EXITING 0x4 /* linux/sched.h */

/* Reads /proc/PID/FILE whole; @pid 0 is ourselves. -1 with errno. */
static int read_file(pid_t pid, const char *file, char *buf, size_t size)
{
	cc_auto_close int fd = -1;
	char path[64];
	size_t len = 0;
	ssize_t n;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	else
		snprintf(path, sizeof(path), "/proc/self/%s", file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	while ((n = read(fd, buf + len, size - 1 - len)) > 0) {
		len += (size_t)n;
		if (len == size - 1) {
			errno = EFBIG;
			return -1;
		}
	}
	if (n < 0)
		return -1;
	buf[len] = '\0';
	return 0;
}

/* One field of a stat file of /proc/PID; the command in field 2 may hold spaces and parentheses. */
static int stat_field(pid_t pid, const char *file, int number, uint64_t *value)
{
	char buf[1024], *p;
	int field;

	if (read_file(pid, file, buf, sizeof(buf)))
		return -1;
	p = strrchr(buf, ')');
	for (field = 2; p && field < number; field++)
		p = strchr(p + 1, ' ');
	if (!p || sscanf(p + 1, "%" SCNu64, value) != 1) {
		errno = EINVAL;
		return -1;
	}
	return 0;
}

static int start_time(pid_t pid, uint64_t *ticks)
{
	return stat_field(pid, "stat", 22, ticks);
}

int proc_stack(pid_t pid, uint64_t *at)
{
	return stat_field(pid, "stat", 28, at);
}

/*
 * None of its threads will run its program again; they may be unmounting what they were the last to
 * use.
 */
static bool dying(pid_t pid)
{
	cc_auto_closedir DIR *dir = NULL;
	char path[64], file[280];
	struct dirent *entry;
	uint64_t flags;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "task/%s/stat", entry->d_name);
		if (stat_field(pid, file, 9, &flags) == 0 && !(flags & PF_EXITING))
			return false;
	}
	return dir;
}

static int gone(pid_t pid, struct cc_error *err)
{
	return cc_fail(err, CC_E_NOTFOUND, "the container's process %d is gone", (int)pid);
}

int proc_open(struct proc_ref *p, pid_t pid, struct cc_error *err)
{
	p->pid = pid;
	p->pidfd = pidfd_open(pid, 0);
	if (p->pidfd < 0)
		return errno == ESRCH
			       ? gone(pid, err)
			       : cc_fail_errno(err, CC_E_INTERNAL, "pidfd_open %d", (int)pid);
	if (start_time(pid, &p->start_time) == 0)
		return 0;
	proc_close(p);
	return gone(pid, err);
}

void proc_close(struct proc_ref *p)
{
	if (p->pidfd >= 0)
		close(p->pidfd);
	p->pidfd = -1;
}

int proc_check(const struct proc_ref *p, struct cc_error *err)
{
	struct pollfd pfd = {.fd = p->pidfd, .events = POLLIN};
	uint64_t ticks;

	if (start_time(p->pid, &ticks) || ticks != p->start_time || poll(&pfd, 1, 0) != 0)
		return gone(p->pid, err);
	return 0;
}

bool proc_alive(pid_t pid, uint64_t ticks)
{
	proc_auto_ref struct proc_ref p = PROC_REF_NONE;
	struct cc_error err;

	/* a zombie still has its number and start time, but its pidfd is readable */
	return proc_open(&p, pid, &err) == 0 && p.start_time == ticks &&
	       proc_check(&p, &err) == 0 && !dying(pid);
}

/* Points behind "NAME:" at the start of a line of @text. */
static const char *line_value(const char *text, const char *name)
{
	size_t len = strlen(name);
	const char *p;

	for (p = text; p; p = strchr(p, '\n')) {
		if (*p == '\n')
			p++;
		if (strncmp(p, name, len) == 0 && p[len] == ':')
			return p + len + 1;
	}
	return NULL;
}

static int ids(const char *text, const char *name, uint32_t id[static 4])
{
	const char *p = line_value(text, name);

	return p && sscanf(p, "%" SCNu32 "%" SCNu32 "%" SCNu32 "%" SCNu32, &id[0], &id[1], &id[2],
			   &id[3]) == 4
		       ? 0
		       : -1;
}

static int mask(const char *text, const char *name, uint64_t *bits)
{
	const char *p = line_value(text, name);

	return p && sscanf(p, "%" SCNx64, bits) == 1 ? 0 : -1;
}

static int number(const char *text, const char *name, unsigned int *n)
{
	const char *p = line_value(text, name);

	return p && sscanf(p, "%u", n) == 1 ? 0 : -1;
}

/* "5 20 \n"; empty for none. */
static int groups(const char *text, struct proc_status *st)
{
	const char *p = line_value(text, "Groups");
	unsigned long gid;
	char *end;

	st->n_groups = 0;
	while (p && *(p += strspn(p, " \t")) != '\n' && *p) {
		errno = 0;
		gid = strtoul(p, &end, 10);
		if (end == p || errno || gid > UINT32_MAX)
			return -1;
		if (st->n_groups < CC_GROUPS_MAX)
			st->groups[st->n_groups] = (uint32_t)gid;
		st->n_groups++;
		p = end;
	}
	return p ? 0 : -1;
}

int proc_status_parse(const char *text, struct proc_status *st)
{
	unsigned int nnp;

	if (ids(text, "Uid", st->uid) || ids(text, "Gid", st->gid) || groups(text, st) ||
	    mask(text, "CapInh", &st->cap_inh) || mask(text, "CapPrm", &st->cap_prm) ||
	    mask(text, "CapEff", &st->cap_eff) || mask(text, "CapBnd", &st->cap_bnd) ||
	    mask(text, "CapAmb", &st->cap_amb) || number(text, "NoNewPrivs", &nnp) ||
	    number(text, "Seccomp", &st->seccomp) ||
	    number(text, "Seccomp_filters", &st->filters) || nnp > 1)
		return -1;
	st->no_new_privs = nnp;
	return 0;
}

int proc_status(pid_t pid, struct proc_status *st, struct cc_error *err)
{
	char text[STATUS_MAX];

	if (read_file(pid, "status", text, sizeof(text)))
		return errno == ENOENT || errno == ESRCH
			       ? gone(pid, err)
			       : cc_fail_errno(err, CC_E_INTERNAL, "/proc/%d/status", (int)pid);
	if (proc_status_parse(text, st))
		return cc_fail(err, CC_E_INTERNAL, "/proc/%d/status is not understood", (int)pid);
	return 0;
}

bool proc_limits_no_core(const char *text)
{
	const char *line = strstr(text, "\nMax core file size ");
	char soft[24], hard[24];

	return line && sscanf(line, " Max core file size %23s %23s", soft, hard) == 2 &&
	       strcmp(soft, "0") == 0 && strcmp(hard, "0") == 0;
}

bool proc_core_is_piped(const char *pattern)
{
	return pattern[0] == '|' && strcmp(pattern, "|/bin/false") != 0 &&
	       strcmp(pattern, "|/usr/bin/false") != 0;
}

bool proc_no_core(pid_t pid)
{
	char text[STATUS_MAX];

	return read_file(pid, "limits", text, sizeof(text)) == 0 && proc_limits_no_core(text);
}

int proc_label_type(const char *label, char **type, struct cc_error *err)
{
	const char *p = strchr(label, ':');

	*type = NULL;
	p = p ? strchr(p + 1, ':') : NULL;
	if (!p || !strchr(p + 1, ':'))
		return 0;
	*type = strndup(p + 1, strcspn(p + 1, ":"));
	return *type ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

int proc_label_level(const char *label, char **level, struct cc_error *err)
{
	const char *p = label;

	*level = NULL;
	for (int i = 0; p && i < 3; i++) {
		p = strchr(p, ':');
		p = p ? p + 1 : NULL;
	}
	if (!p || !*p)
		return 0;
	*level = strdup(p);
	return *level ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

/* What AppArmor has there has no type. */
int proc_selinux_label(pid_t pid, char **label, struct cc_error *err)
{
	cc_auto_free char *type = NULL;
	char text[STATUS_MAX];

	*label = NULL;
	if (read_file(pid, "attr/current", text, sizeof(text))) /* neither: no LSM has one */
		return errno == ENOENT || errno == EINVAL
			       ? 0
			       : cc_fail_errno(err, CC_E_INTERNAL, "/proc/%d/attr/current",
					       (int)pid);
	text[strcspn(text, "\n")] = '\0';
	if (proc_label_type(text, &type, err))
		return -1;
	if (!type)
		return 0;
	*label = strdup(text);
	return *label ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

void proc_comm(pid_t pid, char out[static PROC_COMM_LEN])
{
	char text[64];

	if (read_file(pid, "comm", text, sizeof(text)))
		text[0] = '\0';
	snprintf(out, PROC_COMM_LEN, "%.*s", (int)strcspn(text, "\n"), text);
}

/* The path behind "0::" in a cgroup file's text, or NULL; ends the string at the line's end. */
static char *unified(char *text)
{
	char *line, *save;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (strncmp(line, "0::/", 4) == 0)
			return line + 3;
	return NULL;
}

int proc_cgroup(pid_t pid, char path[static PROC_PATH_MAX], struct cc_error *err)
{
	char text[PROC_PATH_MAX * 2];
	const char *found;

	if (read_file(pid, "cgroup", text, sizeof(text)))
		return gone(pid, err);
	found = unified(text);
	if (!found || strlen(found) >= PROC_PATH_MAX)
		return cc_fail(err, CC_E_INTERNAL,
			       "process %d is not in a version 2 cgroup; cgroup v1 hosts are not "
			       "supported",
			       (int)pid);
	memcpy(path, found, strlen(found) + 1);
	return 0;
}

int proc_at_home(pid_t pid, bool *home, struct cc_error *err)
{
	struct stat theirs, ours;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	if (stat(path, &theirs) || stat("/", &ours))
		return errno == ENOENT ? cc_fail(err, CC_E_NOTFOUND, "process %d is gone", (int)pid)
				       : cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	*home = theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
	return 0;
}

int proc_ns(pid_t pid, const char *name, uint64_t *ino, struct cc_error *err)
{
	char path[64];
	struct stat st;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, name);
	else
		snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	if (stat(path, &st))
		return pid && (errno == ENOENT || errno == ESRCH)
			       ? gone(pid, err)
			       : cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	*ino = st.st_ino;
	return 0;
}
