// SPDX-License-Identifier: Apache-2.0
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>

#include "cleanup.h"
#include "confine.h"
#include "custodian/custodian.h"
#include "custodian/handle.h"
#include "front/front.h"
#include "front/listen.h"
#include "log.h"
#include "message.h"

#define READY_MS 10000 /* for the front to set up */
#define STOP_MS 5000   /* for the front to end */
#define REAP_MS 1000   /* for its exit status to follow its socket */

/**
 * struct server - the custodian's side.
 * @group: requests that are handled together
 * @link: to the front
 * @signals: SIGTERM, SIGINT, SIGCHLD
 * @lock: the state directory, locked: one keyd serves it
 * @bound: the socket's file is ours to remove
 */
struct server {
	struct custodian custodian;
	struct group *group;
	int listener, link, signals, lock;
	bool bound;
	pid_t front;
	unsigned char buf[MESSAGE_MAX];
};

/* ---- the front ---- */

static int run_front(struct server *s, int link, const struct confine_user *user,
		     struct cc_error *err)
{
	struct front *f;
	int rc;

	/* The custodian says when to stop; a terminal's ^C goes to both of us. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	prctl(PR_SET_NAME, "keyd-front", 0, 0, 0);
	close(s->link);
	close(s->signals);
	close(s->lock);

	f = front_new(s->listener, link, err);
	if (!f)
		return -1;
	rc = confine_front(user, err) ? -1 : front_run(f, err);
	front_free(f);
	return rc;
}

static int fork_front(struct server *s, const struct confine_user *user, struct cc_error *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return cc_fail_errno(err, CC_E_INTERNAL, "socketpair");
	s->link = pair[0];
	s->front = fork();
	if (s->front == 0) {
		int rc = run_front(s, pair[1], user, err);

		if (rc)
			cc_log(LOG_ERR, "front: %s", err->text);
		_exit(rc ? CC_E_INTERNAL : 0);
	}
	close(pair[1]);
	if (s->front < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "fork");
	close(cc_steal_fd(&s->listener));
	return 0;
}

/* How the front ended, in words, if it has. */
static int reap_front(struct server *s, struct cc_error *err)
{
	int wait;

	if (waitpid(s->front, &wait, WNOHANG) != s->front)
		return 0;
	s->front = -1;
	if (WIFSIGNALED(wait))
		return cc_fail(err, CC_E_INTERNAL, "the front was killed by signal %d (%s)",
			       WTERMSIG(wait), strsignal(WTERMSIG(wait)));
	return cc_fail(err, CC_E_INTERNAL, "the front ended with status %d", WEXITSTATUS(wait));
}

/* 1: a packet or the end of them is there, 0: it is time to stop, -1: the front is gone. */
static int wait_event(struct server *s, int timeout_ms, struct cc_error *err)
{
	struct pollfd fds[] = {{s->signals, POLLIN, 0}, {s->link, POLLIN, 0}};
	struct signalfd_siginfo sig;
	int n;

	for (;;) {
		n = poll(fds, 2, timeout_ms);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cc_fail_errno(err, CC_E_INTERNAL, "poll");
		if (n == 0)
			return cc_fail(err, CC_E_INTERNAL, "the front does not answer");
		if (!fds[0].revents)
			return 1;
		if (read(s->signals, &sig, sizeof(sig)) != sizeof(sig))
			return cc_fail_errno(err, CC_E_INTERNAL, "signalfd");
		if (sig.ssi_signo != SIGCHLD)
			return 0;
		if (reap_front(s, err))
			return -1;
	}
}

/* Its socket closes a moment before the kernel says how it ended. */
static int hung_up(struct server *s, struct cc_error *err)
{
	struct pollfd signals = {s->signals, POLLIN, 0};

	poll(&signals, 1, REAP_MS);
	if (reap_front(s, err))
		return -1;
	return cc_fail(err, CC_E_INTERNAL, "the front hung up");
}

/* One message of the front; -1 when it is gone or sent what it must not. */
static int receive(struct server *s, struct message *m, struct cc_error *err)
{
	ssize_t n = message_recv(s->link, s->buf);

	if (n < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "message from the front");
	if (n == 0)
		return hung_up(s, err);
	return message_get(s->buf, (size_t)n, m, err);
}

/* ---- the custodian ---- */

static int answer(struct server *s, const struct answer *a, struct cc_error *err)
{
	size_t at = 0;

	do {
		size_t len = a->len - at < MESSAGE_PART_MAX ? a->len - at : MESSAGE_PART_MAX;
		struct answer_part part = {
			.http = a->http,
			.type = a->type,
			.last = at + len == a->len,
			.text = a->text + at,
			.len = len,
		};

		if (message_send(s->link, s->buf, message_put_part(s->buf, &part)))
			return errno == EPIPE
				       ? hung_up(s, err)
				       : cc_fail_errno(err, CC_E_INTERNAL, "answer to the front");
		at += len;
	} while (at < a->len);
	return 0;
}

/* Another request is there already. */
static bool one_waits(const struct server *s)
{
	struct pollfd fd = {s->link, POLLIN, 0};

	return poll(&fd, 1, 0) > 0;
}

/* Those that are there, in one transaction; the answers leave after it. */
static int handle(struct server *s, struct cc_error *err)
{
	struct message m = {0};
	bool room;
	size_t n;

	do {
		if (receive(s, &m, err))
			return -1;
		if (m.type != MESSAGE_REQUEST)
			return cc_fail(err, CC_E_INTERNAL,
				       "the front sent a message that is not its to send");
		room = group_add(s->group, &m.request);
	} while (room && one_waits(s));
	n = group_end(s->group);
	for (size_t i = 0; i < n; i++)
		if (answer(s, group_answer(s->group, i), err))
			return -1;
	return 0;
}

static int wait_ready(struct server *s, struct cc_error *err)
{
	struct message m = {0};
	int rc = wait_event(s, READY_MS, err);

	if (rc == 0)
		return cc_fail(err, CC_E_INTERNAL, "stopped before it served");
	if (rc < 0 || receive(s, &m, err))
		return -1;
	return m.type == MESSAGE_READY ? 0 : cc_fail(err, CC_E_INTERNAL, "the front did not start");
}

static int serve_requests(struct server *s, struct cc_error *err)
{
	int rc;

	while ((rc = wait_event(s, -1, err)) > 0)
		if (handle(s, err))
			return -1;
	return rc;
}

static void stop_front(struct server *s)
{
	struct cc_error why;

	if (message_send(s->link, s->buf, message_put_plain(s->buf, MESSAGE_STOP)))
		return;
	while (wait_event(s, STOP_MS, &why) > 0 && s->front > 0)
		if (message_recv(s->link, s->buf) <= 0)
			break;
}

/* ---- start ---- */

static int lock_dir(const char *dir, struct cc_error *err)
{
	cc_auto_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return cc_fail_errno(err, CC_E_NOTFOUND, "%s: run keyd init first", dir);
	if (flock(fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? cc_fail(err, CC_E_BUSY, "another keyd serves %s", dir)
					    : cc_fail_errno(err, CC_E_INTERNAL, "%s", dir);
	return cc_steal_fd(&fd);
}

static int catch_signals(struct cc_error *err)
{
	sigset_t set;
	int fd;

	/* A peer that hangs up is an error of the write to it, in both processes. */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return cc_fail_errno(err, CC_E_INTERNAL, "sigprocmask");
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd < 0 ? cc_fail_errno(err, CC_E_INTERNAL, "signalfd") : fd;
}

/* What seccomp takes away is used once before: time zone data, the socket of the log. */
static int start(struct server *s, const struct serve_options *opts, struct cc_error *err)
{
	struct confine_user user;

	tzset();
	if (cc_secret_harden_process(err) || confine_find_user(opts->user, &user, err))
		return -1;
	if (user.fallback)
		cc_log(LOG_NOTICE, "user %s does not exist: the front runs as %s", CONFINE_USER,
		       CONFINE_FALLBACK_USER);
	s->lock = lock_dir(opts->state_dir, err);
	if (s->lock < 0)
		return -1;
	s->listener = listen_unix(opts->socket, err);
	if (s->listener < 0)
		return -1;
	s->bound = true;
	s->signals = catch_signals(err);
	if (s->signals < 0)
		return -1;
	cc_log(LOG_INFO, "starting on %s", opts->socket);
	if (fork_front(s, &user, err) || cc_secret_init(err) ||
	    custodian_open(&s->custodian, opts->state_dir, opts->kek, err))
		return -1;
	s->group = group_new(&s->custodian, err);
	return s->group ? wait_ready(s, err) : -1;
}

static void server_free(struct server *s)
{
	group_free(s->group);
	custodian_close(&s->custodian);
	cc_close_ptr(&s->link);
	cc_close_ptr(&s->listener);
	cc_close_ptr(&s->signals);
	cc_close_ptr(&s->lock);
	free(s);
}

static int serve_run(struct server *s, const struct serve_options *opts, struct cc_error *err)
{
	if (start(s, opts, err))
		return -1;
	/* The last thing that needs a socket of its own; requests wait until we are confined. */
	sd_notify(0, "READY=1\nSTATUS=serving");
	if (confine_custodian(err))
		return -1;
	cc_log(LOG_INFO, "realm %s: serving", s->custodian.realm);
	if (serve_requests(s, err))
		return -1;
	stop_front(s);
	cc_log(LOG_INFO, "stopped");
	return 0;
}

int serve(const struct serve_options *opts, struct cc_error *err)
{
	struct server *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	s->listener = s->link = s->signals = s->lock = -1;
	rc = serve_run(s, opts, err);
	if (s->bound)
		unlink(opts->socket);
	server_free(s);
	return rc;
}
