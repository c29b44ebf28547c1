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

#include "host/boottime.h"

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

int stop_signals_next(uint64_t until)
{
	sigset_t set = stops_and_child();
	uint64_t now = boottime_ms(), left = until > now ? until - now : 0;
	const struct timespec ts = {.tv_sec = (time_t)(left / 1000),
				    .tv_nsec = (long)(left % 1000) * 1000000};
	int sig = until ? sigtimedwait(&set, NULL, &ts) : sigwaitinfo(&set, NULL);

	return sig > 0 ? sig : 0;
}

/* 1: it has ended; 0: it has not until then. */
static int wait_until(pid_t child, uint64_t until, int *status, struct cc_error *err)
{
	for (;;) {
		pid_t done = waitpid(child, status, WNOHANG);
		int sig;

		if (done == child)
			return 1;
		if (done < 0)
			return cc_fail_errno(err, CC_E_INTERNAL, "waitpid");
		if (until && boottime_ms() >= until)
			return 0;
		sig = stop_signals_next(until);
		if (sig && sig != SIGCHLD) {
			kill(child, SIGKILL);
			waitpid(child, status, 0);
			return interrupted(sig, err);
		}
	}
}

/* Asked to end first: what it has begun it may bring to an end. */
static int end_late(pid_t child, unsigned int limit_ms, int *status, struct cc_error *err)
{
	unsigned int more = limit_ms < STOP_SIGNALS_TERM_MS ? limit_ms : STOP_SIGNALS_TERM_MS;
	int rc;

	kill(child, SIGTERM);
	rc = wait_until(child, boottime_ms() + more, status, err);
	if (rc < 0)
		return -1;
	if (rc == 0) {
		kill(child, SIGKILL);
		waitpid(child, status, 0);
	}
	return cc_fail(err, CC_E_BUSY, "it took longer than %u ms", limit_ms);
}

int stop_signals_wait(pid_t child, unsigned int limit_ms, int *status, struct cc_error *err)
{
	int rc = wait_until(child, limit_ms ? boottime_ms() + limit_ms : 0, status, err);

	if (rc < 0)
		return -1;
	return rc ? stop_signals_check(err) : end_late(child, limit_ms, status, err);
}
