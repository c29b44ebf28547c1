// SPDX-License-Identifier: Apache-2.0
/*
 * undo_guard.c - undo that happens whatever becomes of this process.
 */
#include "host/undo_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void __attribute__((noreturn)) watch(int fd, undo_guard_fn *undo, void *arg)
{
	char byte;
	ssize_t n;

	/* a Ctrl-C is for the one who works; it tells us by its end */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	do
		n = read(fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		undo(arg);
	_exit(0);
}

int undo_guard_start(struct undo_guard *g, undo_guard_fn *undo, void *arg, struct cc_error *err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return cc_fail_errno(err, CC_E_INTERNAL, "pipe");
	g->pid = fork();
	if (g->pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return cc_fail_errno(err, CC_E_INTERNAL, "fork");
	}
	if (g->pid == 0) {
		close(fds[1]);
		watch(fds[0], undo, arg);
	}
	close(fds[0]);
	g->fd = fds[1];
	return 0;
}

static void finish(struct undo_guard *g)
{
	close(g->fd);
	while (waitpid(g->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void undo_guard_done(struct undo_guard *g)
{
	while (write(g->fd, "", 1) < 0 && errno == EINTR)
		;
	finish(g);
}

void undo_guard_undo(struct undo_guard *g)
{
	finish(g);
}
