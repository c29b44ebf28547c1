// SPDX-License-Identifier: Apache-2.0
/*
 * worker_spawn.c - the agent's side of a worker.
 */
#include "agent/worker_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>

#include "agent/queue.h"
#include "log.h"

#define DYING_SECONDS 10

/**
 * struct worker - one that has been started.
 * @job: NULL when it is no longer waited for
 * @killed: its time is over
 * @fd: to it; @pidfd: of its process
 * @exit, @limit: its end, the end of its time
 */
struct worker {
	struct job *job;
	int fd, pidfd;
	bool killed;
	struct event *exit, *limit;
};

static void worker_free(struct worker **worker)
{
	struct worker *w = *worker;

	if (!w)
		return;
	if (w->exit)
		event_free(w->exit);
	if (w->limit)
		event_free(w->limit);
	if (w->pidfd >= 0)
		close(w->pidfd);
	if (w->fd >= 0)
		close(w->fd);
	free(w);
}

/* ---- its end ------------------------------------------------------------------------------- */

/* What it said, if anything. */
static void take_answer(struct job *j, const char *text, size_t len, const siginfo_t *info)
{
	cc_auto_json json_t *answer = NULL;
	struct cc_error err;

	if (len == 0) {
		cc_fail(&err, CC_E_INTERNAL,
			"the agent's worker died (%s %d) before it was done; what it did is undone",
			info->si_code == CLD_EXITED ? "status" : "signal", info->si_status);
		queue_ended(j, &(struct job_end){.err = &err, .died = true});
		return;
	}
	answer = cc_json_parse(text, len, "the worker's answer", &err);
	if (answer && !cc_error_from_json(&err, answer))
		queue_ended(j, &(struct job_end){.text = text, .answer = answer});
	else
		queue_ended(j, &(struct job_end){.err = &err, .failure = answer});
}

static void on_exit_worker(evutil_socket_t fd, short what, void *arg)
{
	static char buf[AGENT_MESSAGE_MAX + 1];
	struct worker *w = arg;
	struct job *j = w->job;
	siginfo_t info = {0};
	ssize_t n;

	(void)what;
	if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) || info.si_pid == 0) {
		event_add(w->exit, NULL);
		return;
	}
	if (!j) {
		worker_free(&w);
		return;
	}
	n = recv(w->fd, buf, AGENT_MESSAGE_MAX, MSG_DONTWAIT);
	buf[n > 0 ? n : 0] = '\0';
	worker_free(&w);
	take_answer(j, buf, n > 0 ? (size_t)n : 0, &info);
}

/*
 * It waits in the kernel, for a device that does not answer, and will run no instruction of its own
 * any more: its place is for others. What it held of the kernel's locks it still has.
 */
static void give_up(struct worker *w)
{
	struct job *j = w->job;
	struct cc_error err;

	w->job = NULL;
	cc_log(LOG_ERR, "%s, volume %s: its process cannot be killed, a device does not answer",
	       agent_op_name(j->m.op), j->m.volume[0] ? j->m.volume : "-");
	cc_fail(&err, CC_E_DEVICE,
		"the agent's worker waits for a device that does not answer; what it did is undone "
		"when it does");
	queue_ended(j, &(struct job_end){.err = &err, .died = true});
}

static void kill_worker(struct worker *w)
{
	const struct timeval dying = {.tv_sec = DYING_SECONDS};

	w->killed = true;
	event_add(w->limit, &dying);
	pidfd_send_signal(w->pidfd, SIGKILL, NULL, 0);
}

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	const struct job *j = w->job;

	(void)fd;
	(void)what;
	if (w->killed) {
		give_up(w);
		return;
	}
	cc_log(LOG_ERR, "%s, volume %s: not done after %u s, killed", agent_op_name(j->m.op),
	       j->m.volume[0] ? j->m.volume : "-", j->kind->seconds);
	kill_worker(w);
}

/* ---- its start ----------------------------------------------------------------------------- */

/* In the child. A fresh program image: nothing of the agent's memory, its own locked heap. */
static _Noreturn void exec_worker(const struct worker_options *o, int fd)
{
	char number[16];
	char *const argv[] = {"dmctl",
			      "--keyd",
			      (char *)o->keyd,
			      "--agent",
			      (char *)o->socket,
			      "agent",
			      "--worker",
			      number,
			      "--cdi-dir",
			      (char *)o->cdi_dir,
			      o->without_gate ? "--without-gate" : NULL,
			      (char *)o->without_gate,
			      NULL};

	snprintf(number, sizeof(number), "%d", fd);
	if (fcntl(fd, F_SETFD, 0) || fcntl(o->lock, F_SETFD, 0))
		_exit(127);
	execv("/proc/self/exe", argv);
	_exit(127);
}

/* Its request waits for it in its socket. */
static int fork_worker(const struct worker_options *o, struct worker *w, pid_t *pid,
		       struct cc_error *err)
{
	const char *text = w->job->m.text;
	cc_auto_close int theirs = -1;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return cc_fail_errno(err, CC_E_INTERNAL, "socketpair");
	w->fd = pair[0];
	theirs = pair[1];
	if (send(w->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "socketpair");
	*pid = fork();
	if (*pid < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "fork");
	if (*pid == 0)
		exec_worker(o, theirs);
	return 0;
}

/* Our own child, not yet waited for: its number cannot be anybody else's. */
static int watch_worker(const struct worker_options *o, struct worker *w, pid_t pid,
			struct cc_error *err)
{
	w->pidfd = pidfd_open(pid, 0);
	if (w->pidfd >= 0)
		w->exit = event_new(o->base, w->pidfd, EV_READ, on_exit_worker, w);
	if (w->exit && event_add(w->exit, NULL) == 0)
		return 0;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return cc_fail(err, CC_E_NOMEM, "out of memory or descriptors");
}

static void limit_worker(const struct worker_options *o, struct worker *w)
{
	const struct timeval limit = {.tv_sec = w->job->kind->seconds};

	if (!limit.tv_sec)
		return;
	w->limit = evtimer_new(o->base, on_limit, w);
	if (w->limit)
		event_add(w->limit, &limit);
}

int worker_spawn(const struct worker_options *o, struct job *j, struct cc_error *err)
{
	cc_cleanup(worker_free) struct worker *w = calloc(1, sizeof(*w));
	pid_t pid = -1;

	if (!w)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	w->job = j;
	w->fd = w->pidfd = -1;
	if (fork_worker(o, w, &pid, err) || watch_worker(o, w, pid, err))
		return -1;
	limit_worker(o, w);
	j->runner = cc_steal(w);
	return 0;
}

void worker_kill(struct job *j)
{
	struct worker *w = j->runner;

	if (w->limit && !w->killed)
		kill_worker(w);
}
