// SPDX-License-Identifier: Apache-2.0
/*
 * lun_ask.c - asks block devices, and waits for none of them.
 */
#include "volume/lun_ask.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "host/boottime.h"
#include "host/crew.h"
#include "host/first_line.h"
#include "paths.h"
#include "volume.h"

#define WIDTH 8
#define ALL_MS 15000u
#define ANSWER_MS 1000u /* in which a device answers, loaded as it may be */
#define NO_ANSWER "no answer"

/* What a child says. */
#define YES "yes"
#define IN_VAIN "in vain"

/* Names that did not answer this process. */
static struct cc_strv known_silent;

/**
 * struct asking - a walk through them.
 * @names: as sysfs has them
 */
struct asking {
	const struct lun_asker *by;
	const char *uuid;
	struct cc_strv names, *found, *silent;
	struct cc_error *err;
	bool failed;
};

void lun_node(const char *name, char out[static 300])
{
	snprintf(out, 300, "/dev/%s", name);
	for (char *p = out; *p; p++)
		if (*p == '!')
			*p = '/';
}

/* ---- what sysfs says ----------------------------------------------------------------------- */

/* First line of a file of device @name, "" if there is none. */
static void sys_read(const char *sys, const char *name, const char *file, char *out, size_t size)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s/%s", sys, name, file);
	first_line(path, out, size);
}

/* SCSI says "running", NVMe "live"; of a partition its disk says it; others say nothing. */
static bool is_running(const char *sys, const char *name)
{
	char state[32];

	sys_read(sys, name, "device/state", state, sizeof(state));
	if (!state[0])
		sys_read(sys, name, "../device/state", state, sizeof(state));
	return !state[0] || strcmp(state, "running") == 0 || strcmp(state, "live") == 0;
}

const char *lun_excuse(const char *sys, const char *name)
{
	char text[160];

	sys_read(sys, name, "size", text, sizeof(text));
	if (strtoull(text, NULL, 10) <= CC_VOLUME_HEADER_SECTORS)
		return NULL;
	sys_read(sys, name, "dm/uuid", text, sizeof(text));
	if (strncmp(text, CC_DM_UUID_PREFIX, strlen(CC_DM_UUID_PREFIX)) == 0)
		return NULL;
	sys_read(sys, name, "dm/suspended", text, sizeof(text));
	if (strcmp(text, "1") == 0)
		return "suspended";
	return is_running(sys, name) ? "" : "not running";
}

/* ---- one device, in a process of its own --------------------------------------------------- */

/* What a device's file holds: who has asked it last, and since when, of boottime_ms(). */
struct asked {
	pid_t pid;
	uint64_t begun_ms;
};

/* Who has locked @fd has asked for longer than a device that answers takes. */
static bool is_asked_in_vain(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct asked a;

	return fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK &&
	       pread(fd, &a, sizeof(a), 0) == sizeof(a) && a.pid == lock.l_pid &&
	       boottime_ms() > a.begun_ms + ANSWER_MS;
}

/*
 * Held until this process ends, which in the kernel it may never. Whoever comes next waits here,
 * where it can be killed, and not longer than a device that answers would take: else one that does
 * not would cost each start of a storm the whole time. False: it is asked in vain.
 */
static bool lock_device(const char *dir, const char *name, int *fd)
{
	static const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct asked a = {.pid = getpid()};
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd < 0)
		return true;
	while (fcntl(*fd, F_SETLK, &lock) && (errno == EAGAIN || errno == EACCES)) {
		if (is_asked_in_vain(*fd))
			return false;
		nanosleep(&pause, NULL); /* a lock has no time limit */
	}
	a.begun_ms = boottime_ms();
	(void)!pwrite(*fd, &a, sizeof(a), 0); /* without it (no space) the others wait longer */
	return true;
}

static char *work(void *arg, size_t i)
{
	const struct asking *a = arg;
	cc_auto_close int lock = -1;
	char node[300];

	if (!lock_device(a->by->locks, a->names.v[i], &lock))
		return strdup(IN_VAIN);
	lun_node(a->names.v[i], node);
	return strdup(a->by->claims(node, a->uuid) ? YES : "no");
}

/* ---- all of them --------------------------------------------------------------------------- */

static int excuse(struct cc_strv *silent, const char *name, const char *why, struct cc_error *err)
{
	char text[320];

	snprintf(text, sizeof(text), "%s (%s)", name, why);
	return cc_strv_push(silent, text, err);
}

static bool done(void *arg, size_t i, enum crew_end end, const char *text)
{
	struct asking *a = arg;
	const char *name = a->names.v[i];
	struct cc_error ignored;
	int rc = 0;

	if (end == CREW_DONE && strcmp(text, IN_VAIN) != 0) {
		rc = strcmp(text, YES) == 0 ? cc_strv_push(a->found, name, a->err) : 0;
	} else {
		rc = excuse(a->silent, name, NO_ANSWER, a->err);
		if (!cc_strv_has(&known_silent, name))
			cc_strv_push(&known_silent, name, &ignored);
	}
	a->failed = rc;
	return !rc;
}

static int take_name(struct asking *a, const char *name, struct cc_error *err)
{
	const char *why = lun_excuse(a->by->sys, name);

	if (!why)
		return 0;
	if (cc_strv_has(&known_silent, name))
		why = NO_ANSWER;
	return why[0] ? excuse(a->silent, name, why, err) : cc_strv_push(&a->names, name, err);
}

static int list_names(struct asking *a, const char *first, struct cc_error *err)
{
	cc_auto_closedir DIR *dir = opendir(a->by->sys);
	const struct dirent *e;

	if (!dir)
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", a->by->sys);
	if (first && take_name(a, first, err))
		return -1;
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.' && (!first || strcmp(e->d_name, first) != 0) &&
		    take_name(a, e->d_name, err))
			return -1;
	return 0;
}

static int make_dir(const char *path, struct cc_error *err)
{
	if ((mkdir(CC_RUN_DIR, 0755) && errno != EEXIST) || (mkdir(path, 0700) && errno != EEXIST))
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	return 0;
}

int lun_ask(const struct lun_asker *by, const char *uuid, const char *first, struct cc_strv *found,
	    struct cc_strv *silent, struct cc_error *err)
{
	struct asking a = {.by = by, .uuid = uuid, .found = found, .silent = silent, .err = err};
	const struct crew crew = {.width = WIDTH,
				  .piece_ms = by->each_ms,
				  .all_ms = ALL_MS,
				  .work = work,
				  .done = done,
				  .arg = &a};
	size_t begun = 0;
	int rc = make_dir(by->locks, err) || list_names(&a, first, err) ||
				 crew_work(&crew, a.names.n, &begun, err) || a.failed
			 ? -1
			 : 0;

	for (size_t i = begun; rc == 0 && i < a.names.n; i++)
		rc = excuse(silent, a.names.v[i], "not asked in time", err);
	cc_strv_clear(&a.names);
	return rc;
}
