// SPDX-License-Identifier: Apache-2.0
/*
 * sweep.c - when what was forgotten by the engines is forgotten by us.
 */
#include "agent/sweep.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "cleanup.h"

bool sweep_is_due(const char *file, time_t now)
{
	const struct timespec times[] = {{.tv_sec = now}, {.tv_sec = now}};
	cc_auto_close int fd = -1;
	struct stat st;

	if (stat(file, &st) == 0 && st.st_mtime + SWEEP_SECONDS > now && st.st_mtime <= now)
		return false;
	fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		futimens(fd, times);
	return true;
}
