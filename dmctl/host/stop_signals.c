// SPDX-License-Identifier: Apache-2.0
/*
 * stop_signals.c - signals as errors.
 */
#include "host/stop_signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

static sigset_t stops(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	return set;
}

static sigset_t stops_and_child(void)
{
	sigset_t set = stops();

	sigaddset(&set, SIGCHLD);
	return set;
}

void stop_signals_block(void)
{
	sigset_t set = stops_and_child();

	/* a reader that went away is no reason to leave the work half done */
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

void stop_signals_unblock(void)
{
	sigset_t set = stops_and_child();

	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static int interrupted(int sig, struct cc_error *err)
{
	return cc_fail(err, CC_E_INTERNAL, "interrupted by SIG%s", sigabbrev_np(sig));
}

int stop_signals_check(struct cc_error *err)
{
	const struct timespec now = {0};
	sigset_t set = stops();
	int sig = sigtimedwait(&set, NULL, &now);

	return sig > 0 ? interrupted(sig, err) : 0;
}

int stop_signals_wait(pid_t child, int *status, struct cc_error *err)
{
	sigset_t set = stops_and_child();

	for (;;) {
		pid_t done = waitpid(child, status, WNOHANG);
		int sig;

		if (done == child)
			return stop_signals_check(err);
		if (done < 0)
			return cc_fail_errno(err, CC_E_INTERNAL, "waitpid");
		sig = sigwaitinfo(&set, NULL);
		if (sig > 0 && sig != SIGCHLD) {
			kill(child, SIGKILL);
			waitpid(child, status, 0);
			return interrupted(sig, err);
		}
	}
}
