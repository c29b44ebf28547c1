// SPDX-License-Identifier: Apache-2.0
/*
 * proc_exec.c - what a process executes.
 */
#include "host/proc_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "host/mountinfo.h"
#include "host/proc.h"

#define STRINGS_MAX (256 * 1024) /* bytes; more do not fit into evidence */

/* Asks no file system's server: one that does not answer would keep the agent waiting. */
static int exe_stat(pid_t pid, struct statx *st, struct cc_error *err)
{
	cc_auto_close int fd = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ESRCH
			       ? cc_fail(err, CC_E_NOTFOUND, "process %d is gone", (int)pid)
			       : cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO | STATX_MNT_ID, st) ||
	    !(st->stx_mask & STATX_MNT_ID))
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	return 0;
}

int proc_exe_id(pid_t pid, char id[static PROC_EXE_LEN], struct cc_error *err)
{
	struct statx st;
	uint64_t stack;

	if (exe_stat(pid, &st, err))
		return -1;
	if (proc_stack(pid, &stack))
		return cc_fail(err, CC_E_NOTFOUND, "process %d is gone", (int)pid);
	snprintf(id, PROC_EXE_LEN, "%x:%x/%" PRIx64 "/%" PRIx64 "/%" PRIx64, st.stx_dev_major,
		 st.stx_dev_minor, (uint64_t)st.stx_ino, (uint64_t)st.stx_mnt_id, stack);
	return 0;
}

int proc_executed(pid_t pid, const char *id, bool *yes, struct cc_error *err)
{
	char now[PROC_EXE_LEN];

	if (proc_exe_id(pid, now, err))
		return -1;
	*yes = strcmp(now, id) != 0;
	return 0;
}

int proc_exe_is_own(pid_t pid, bool *own, struct cc_error *err)
{
	cc_auto_close int table = mountinfo_open(pid, err);
	struct statx st;
	bool shared;

	if (table < 0 || exe_stat(pid, &st, err))
		return -1;
	*own = mountinfo_shared(table, st.stx_mnt_id, &shared, err) == 0;
	return *own || err->code == CC_E_NOTFOUND ? 0 : -1;
}

bool proc_stands_for(pid_t pid, pid_t tracer)
{
	cc_auto_fclose FILE *f = NULL;
	char path[64], line[256], state = '\0';
	int by = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "State: %c", &state);
		sscanf(line, "TracerPid: %d", &by);
	}
	return state == 't' && by == (int)tracer;
}

static int read_all(pid_t pid, const char *file, char *buf, size_t *len, struct cc_error *err)
{
	cc_auto_close int fd = -1;
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	*len = 0;
	while ((n = read(fd, buf + *len, STRINGS_MAX - *len)) > 0)
		*len += (size_t)n;
	if (n < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	return *len < STRINGS_MAX ? 0 : cc_fail(err, CC_E_INVALID, "%s is too long", path);
}

int proc_strings(pid_t pid, const char *file, struct cc_strv *out, struct cc_error *err)
{
	cc_auto_free char *buf = malloc(STRINGS_MAX + 1);
	size_t len = 0, at = 0;

	if (!buf)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (read_all(pid, file, buf, &len, err))
		return -1;
	buf[len] = '\0';
	for (; at < len; at += strlen(buf + at) + 1)
		if (cc_strv_push(out, buf + at, err))
			return -1;
	return 0;
}
