// SPDX-License-Identifier: Apache-2.0
/*
 * agent_job.c - the queue of requests and the workers that do them.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>

#include "agent/agent.h"
#include "bind/binding.h"
#include "log.h"

#define JOBS_MAX 256
#define WORKERS_MAX 8
#define WORKER_SECONDS 150 /* keyd's and an engine's time limits, and the wait for a dying mount */

/**
 * struct job - one request, queued or being done.
 * @key: jobs with equal keys are done one after the other; "" runs beside all others
 * @peer: gets the answer; NULL when nobody waits (any more)
 * @abandoned: its peer hung up
 * @leases: under which its volume was bound before it started
 * @died: its worker ended without an answer
 * @pid: of the worker; 0 while queued
 */
struct job {
	TAILQ_ENTRY(job) entry;
	struct agent *agent;
	enum agent_op op;
	bool dry_run;
	char volume[64];
	char key[BINDING_NAME_LEN + sizeof("volume/")];
	char *text;
	struct peer *peer;
	bool abandoned, died;
	struct cc_strv leases;
	pid_t pid;
	int pidfd, fd;
	struct event *exit, *limit;
};

static void pump(struct agent *a);

static void job_free(struct job *j)
{
	TAILQ_REMOVE(&j->agent->jobs, j, entry);
	if (j->exit)
		event_free(j->exit);
	if (j->limit)
		event_free(j->limit);
	if (j->pidfd >= 0)
		close(j->pidfd);
	if (j->fd >= 0)
		close(j->fd);
	cc_strv_clear(&j->leases);
	free(j->text);
	free(j);
}

/* ---- the end of a job ---------------------------------------------------------------------- */

static bool changes_volume(const struct job *j)
{
	return j->volume[0] && !j->dry_run && j->op != AGENT_FLUSH;
}

static bool binds(const struct job *j)
{
	return (j->op == AGENT_HOOK || j->op == AGENT_BIND) && changes_volume(j);
}

static void log_result(const struct job *j, const json_t *answer, const struct cc_error *err)
{
	const char *text = json_string_value(json_object_get(answer, "text"));
	const char *volume = j->volume[0] ? j->volume : "-";

	if (err && j->op == AGENT_RENEW)
		return; /* said by lease_renewed(), not at every try */
	if (err)
		cc_log(LOG_WARNING, "%s, volume %s: %s", agent_op_name(j->op), volume, err->text);
	else if (text)
		cc_log(LOG_INFO, "%s: %s", agent_op_name(j->op), text);
	else if (j->op != AGENT_MEASURE && j->op != AGENT_PLUGIN && j->op != AGENT_RENEW &&
		 j->op != AGENT_FLUSH)
		cc_log(LOG_INFO, "%s, volume %s: done", agent_op_name(j->op), volume);
}

/*
 * A bind that was done, and nobody was told: whoever asked for it is gone, or its worker was at its
 * last words when it died. The container will not run, or its owner believes that it has no volume.
 */
static bool may_be_orphan(const struct job *j, const json_t *answer, bool delivered)
{
	return binds(j) && (answer ? !delivered : j->died);
}

/* Its leases tell what it bound from what was bound before. */
static bool undo_orphan(const struct job *j)
{
	cc_cleanup(cc_strv_clear) struct cc_strv names = {0};
	struct cc_error err;
	bool found = false;

	if (binding_list(j->volume, &names, &err))
		cc_log(LOG_ERR, "%s", err.text);
	for (size_t i = 0; i < names.n; i++) {
		binding_auto struct binding b = {0};

		if (binding_load(names.v[i], &b, &err) || b.state != BINDING_BOUND ||
		    cc_strv_has(&j->leases, b.lease))
			continue;
		cc_log(LOG_WARNING, "volume %s: nobody was told that it is bound, undoing", b.name);
		job_submit_internal(j->agent, AGENT_UNDO, b.name);
		found = true;
	}
	return found;
}

static void finish(struct job *j, const char *text, const json_t *answer, struct cc_error *err)
{
	struct agent *a = j->agent;
	bool ok = !err, delivered = false;
	enum agent_op op = j->op;
	bool internal = !j->peer && !j->abandoned;
	char volume[sizeof(j->volume)];
	bool settle;

	log_result(j, answer, err);
	if (j->peer && ok)
		delivered = peer_answer(j->peer, text);
	else if (j->peer)
		peer_fail(j->peer, err);
	j->peer = NULL;
	/* an undo settles the volume when it is done */
	settle = changes_volume(j) &&
		 !(may_be_orphan(j, ok ? answer : NULL, delivered) && undo_orphan(j));
	memcpy(volume, j->volume, sizeof(volume));
	job_free(j);
	if (settle)
		watch_settle(a, volume);
	if (internal)
		agent_internal_done(a, op, ok ? answer : NULL, err);
}

static void on_exit_worker(evutil_socket_t fd, short what, void *arg)
{
	static char buf[AGENT_MESSAGE_MAX + 1];
	cc_auto_json json_t *answer = NULL;
	struct job *j = arg;
	struct agent *a = j->agent;
	struct cc_error err;
	siginfo_t info = {0};
	ssize_t n;

	(void)what;
	if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) || info.si_pid == 0) {
		event_add(j->exit, NULL);
		return;
	}
	a->n_workers--;
	n = recv(j->fd, buf, AGENT_MESSAGE_MAX, MSG_DONTWAIT);
	if (n > 0) {
		buf[n] = '\0';
		answer = cc_json_parse(buf, (size_t)n, "the worker's answer", &err);
		if (answer && !cc_error_from_json(&err, answer))
			finish(j, buf, answer, NULL);
		else
			finish(j, NULL, NULL, &err);
	} else {
		j->died = true;
		cc_fail(&err, CC_E_INTERNAL,
			"the agent's worker died (%s %d) before it was done; what it did is undone",
			info.si_code == CLD_EXITED ? "status" : "signal", info.si_status);
		finish(j, NULL, NULL, &err);
	}
	pump(a);
	agent_check_stopped(a);
}

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	struct job *j = arg;

	(void)fd;
	(void)what;
	cc_log(LOG_ERR, "%s, volume %s: not done after %d s, killed", agent_op_name(j->op),
	       j->volume[0] ? j->volume : "-", WORKER_SECONDS);
	pidfd_send_signal(j->pidfd, SIGKILL, NULL, 0);
}

/* ---- the start of a job -------------------------------------------------------------------- */

static int note_leases(struct job *j, struct cc_error *err)
{
	cc_cleanup(cc_strv_clear) struct cc_strv names = {0};
	struct cc_error ignored;

	if (binding_list(j->volume, &names, err))
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		binding_auto struct binding b = {0};

		if (binding_load(names.v[i], &b, &ignored) == 0 && b.state == BINDING_BOUND &&
		    cc_strv_push(&j->leases, b.lease, err))
			return -1;
	}
	return 0;
}

/* In the child. A fresh program image: nothing of the agent's memory, its own locked heap. */
static _Noreturn void exec_worker(const struct agent *a, int fd)
{
	char number[16];
	char *const argv[] = {"dmctl",
			      "--keyd",
			      (char *)a->keyd,
			      "--agent",
			      (char *)a->socket,
			      "agent",
			      "--worker",
			      number,
			      "--cdi-dir",
			      (char *)a->cdi_dir,
			      a->without_gate ? "--without-gate" : NULL,
			      (char *)a->without_gate,
			      NULL};

	snprintf(number, sizeof(number), "%d", fd);
	if (fcntl(fd, F_SETFD, 0) || fcntl(a->lock, F_SETFD, 0))
		_exit(127);
	execv("/proc/self/exe", argv);
	_exit(127);
}

static int start(struct job *j, struct cc_error *err)
{
	const struct timeval limit = {.tv_sec = WORKER_SECONDS};
	struct agent *a = j->agent;
	cc_auto_close int theirs = -1;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return cc_fail_errno(err, CC_E_INTERNAL, "socketpair");
	j->fd = pair[0];
	theirs = pair[1];
	if (binds(j) && note_leases(j, err))
		return -1;
	if (send(j->fd, j->text, strlen(j->text), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "socketpair");
	j->pid = fork();
	if (j->pid < 0) {
		j->pid = 0;
		return cc_fail_errno(err, CC_E_INTERNAL, "fork");
	}
	if (j->pid == 0)
		exec_worker(a, theirs);
	/* our own child, not yet waited for: its number cannot be anybody else's */
	j->pidfd = pidfd_open(j->pid, 0);
	if (j->pidfd >= 0)
		j->exit = event_new(a->base, j->pidfd, EV_READ, on_exit_worker, j);
	if (!j->exit || event_add(j->exit, NULL)) {
		kill(j->pid, SIGKILL);
		waitpid(j->pid, NULL, 0);
		return cc_fail(err, CC_E_NOMEM, "out of memory or descriptors");
	}
	a->n_workers++;
	j->limit = j->op == AGENT_RECOVER ? NULL : evtimer_new(a->base, on_limit, j);
	if (j->limit)
		event_add(j->limit, &limit);
	return 0;
}

/* Nothing before it in the queue has its key. */
static bool is_next(const struct agent *a, const struct job *j)
{
	const struct job *other;

	TAILQ_FOREACH(other, &a->jobs, entry) {
		if (other == j)
			return true;
		if (j->key[0] && strcmp(other->key, j->key) == 0)
			return false;
	}
	return false;
}

static struct job *startable(struct agent *a)
{
	struct job *j;

	if (a->stopping || a->n_workers >= WORKERS_MAX)
		return NULL;
	TAILQ_FOREACH(j, &a->jobs, entry)
		if (j->pid == 0 && is_next(a, j))
			return j;
	return NULL;
}

static void pump(struct agent *a)
{
	struct cc_error err;
	struct job *j;

	while ((j = startable(a)))
		if (start(j, &err))
			finish(j, NULL, NULL, &err);
}

int job_submit(struct agent *a, const struct agent_message *m, char *text, struct peer *peer,
	       struct cc_error *err)
{
	struct job *j, *other;
	unsigned int n = 0;

	TAILQ_FOREACH(other, &a->jobs, entry)
		n++;
	/*
	 * the agent's own requests undo things: they are at most a few for each volume, and never
	 * refused
	 */
	j = n < JOBS_MAX || !peer ? calloc(1, sizeof(*j)) : NULL;
	if (!j) {
		free(text);
		return cc_fail(err, CC_E_BUSY, "the agent has too much to do; try again");
	}
	j->agent = a;
	j->op = m->op;
	j->dry_run = m->dry_run;
	j->text = text;
	j->peer = peer;
	j->pidfd = j->fd = -1;
	memcpy(j->volume, m->volume, sizeof(j->volume));
	if (m->op == AGENT_FLUSH)
		snprintf(j->key, sizeof(j->key), "flush/%s", m->binding);
	else if (m->volume[0])
		snprintf(j->key, sizeof(j->key), "volume/%s", m->volume);
	else if (m->op == AGENT_REFRESH || m->op == AGENT_RECOVER || m->op == AGENT_RENEW)
		snprintf(j->key, sizeof(j->key), "%s", agent_op_name(m->op));
	/* an undo comes before what waits for the volume */
	if (m->op == AGENT_UNDO)
		TAILQ_INSERT_HEAD(&a->jobs, j, entry);
	else
		TAILQ_INSERT_TAIL(&a->jobs, j, entry);
	pump(a);
	return 0;
}

void job_submit_internal(struct agent *a, enum agent_op op, const char *binding)
{
	char *text = agent_message_internal(op, binding);
	struct agent_message m = {.op = op};
	struct cc_error err;

	if (binding)
		agent_message_name(&m, binding);
	if (!text || job_submit(a, &m, text, NULL, &err))
		cc_log(LOG_ERR, "%s, volume %s: cannot be queued", agent_op_name(op),
		       binding ? binding : "-");
}

bool job_waits(const struct agent *a, enum agent_op op)
{
	const struct job *j;

	TAILQ_FOREACH(j, &a->jobs, entry)
		if (j->op == op && j->pid == 0)
			return true;
	return false;
}

void job_forget_peer(struct agent *a, const struct peer *p)
{
	struct job *j;

	TAILQ_FOREACH(j, &a->jobs, entry) {
		if (j->peer != p)
			continue;
		j->peer = NULL;
		j->abandoned = true;
		if (j->pid == 0)
			job_free(j);
		return;
	}
}
