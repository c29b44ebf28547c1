// SPDX-License-Identifier: Apache-2.0
/*
 * sync_within.c - sync(2) with a time limit.
 */
#include "host/sync_within.h"

#include <poll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"

bool sync_within(void (*writes)(void), int ms)
{
	pid_t pid = fork();
	struct pollfd done = {.events = POLLIN};
	cc_auto_close int fd = -1;

	if (pid == 0) {
		close_range(3, ~0U, 0); /* it may hang for longer than the agent lives */
		writes();
		_exit(0);
	}
	fd = pid < 0 ? -1 : pidfd_open(pid, 0);
	done.fd = fd;
	return fd >= 0 && poll(&done, 1, ms) > 0 && waitpid(pid, NULL, 0) == pid;
}
