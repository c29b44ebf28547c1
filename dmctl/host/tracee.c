// SPDX-License-Identifier: Apache-2.0
/*
 * tracee.c - being told that a process executes a program.
 */
#include "host/tracee.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

int tracee_seize(pid_t pid, struct cc_error *err)
{
	if (ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACEEXEC) == 0)
		return 0;
	return errno == ESRCH
		       ? cc_fail(err, CC_E_NOTFOUND, "process %d is gone", (int)pid)
		       : cc_fail_errno(err, CC_E_INTERNAL, "process %d cannot be traced", (int)pid);
}

void tracee_go_on(pid_t pid)
{
	ptrace(PTRACE_CONT, pid, NULL, NULL);
}

void tracee_interrupt(pid_t pid)
{
	ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
}

int tracee_leave(pid_t pid)
{
	return ptrace(PTRACE_DETACH, pid, NULL, NULL) ? -1 : 0;
}

/* What a stop is; those that are not for us are seen to. */
static enum tracee_event judge(pid_t pid, int status)
{
	long signal = WSTOPSIG(status);

	if (status >> 16 == PTRACE_EVENT_EXEC)
		return TRACEE_EXECUTED;
	if (status >> 16 != PTRACE_EVENT_STOP) { /* a signal is about to be delivered */
		ptrace(PTRACE_CONT, pid, NULL, signal);
		return TRACEE_NOTHING;
	}
	if (signal == SIGTRAP)
		return TRACEE_STANDS;
	ptrace(PTRACE_LISTEN, pid, NULL, NULL); /* stopped by a signal, as it would be without us */
	return TRACEE_NOTHING;
}

enum tracee_event tracee_next(pid_t pid)
{
	enum tracee_event event = TRACEE_NOTHING;
	int status;
	pid_t got;

	while (event == TRACEE_NOTHING) {
		got = waitpid(pid, &status, __WALL | WNOHANG);
		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0)
			return TRACEE_NOTHING;
		event = got < 0 || !WIFSTOPPED(status) ? TRACEE_GONE : judge(pid, status);
	}
	return event;
}
