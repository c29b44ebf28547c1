// SPDX-License-Identifier: Apache-2.0
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>

#include "agents_socket.h"
#include "cleanup.h"
#include "confine.h"
#include "custodian/caller.h"
#include "custodian/handle.h"
#include "custodian/start.h"
#include "front/front.h"
#include "front/listen.h"
#include "lock.h"
#include "log.h"
#include "plane.h"

#define READY_MS 10000 /* for a front to set up */
#define STOP_MS 5000   /* for the fronts to end */
#define SPARE_FDS 64   /* of a front, beside its connections */
#define REAP_MS 1000   /* for an exit status to follow its socket */

/**
 * struct server - the custodian's side.
 * @signals: SIGTERM, SIGINT, SIGCHLD
 * @lock: the state directory, locked: one keyd serves it
 * @bound: paths of the sockets that are ours to remove
 */
struct server {
	struct custodian custodian;
	struct planes planes;
	int signals, lock;
	const char *bound[2];
	char agents_socket[CC_SOCKET_PATH_LEN];
};

/* ---- the fronts ---- */

/* What a front does not get: the custodian's ends of both links, and where peers come. */
static void shed(struct server *s)
{
	planes_close(&s->planes);
	close(s->signals);
	close(s->lock);
}

/* As many descriptors as it may have connections, and some. */
static int make_room(struct cc_error *err)
{
	const rlim_t need = PLANE_CONNECTIONS + SPARE_FDS;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return cc_fail_errno(err, CC_E_INTERNAL, "getrlimit");
	if (limit.rlim_cur >= need)
		return 0;
	if (limit.rlim_max < need)
		return cc_fail(err, CC_E_INTERNAL,
			       "a front needs %d descriptors: raise LimitNOFILE",
			       PLANE_CONNECTIONS + SPARE_FDS);
	limit.rlim_cur = need;
	return setrlimit(RLIMIT_NOFILE, &limit) ? cc_fail_errno(err, CC_E_INTERNAL, "setrlimit")
						: 0;
}

static int run_front(struct server *s, const struct plane *p, int link,
		     const struct confine_user *user, struct cc_error *err)
{
	struct front *f;
	int rc;

	/* The custodian says when to stop; a terminal's ^C goes to all of us. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	prctl(PR_SET_NAME, p->process, 0, 0, 0);
	shed(s);

	f = make_room(err) ? NULL : front_new(p->which, link, err);
	if (!f)
		return -1;
	rc = confine_front(user, err) ? -1 : front_run(f, err);
	front_free(f);
	return rc;
}

static int fork_front(struct server *s, struct plane *p, const struct confine_user *user,
		      struct cc_error *err)
{
	int link = plane_link(p, err);

	if (link < 0)
		return -1;
	p->front = fork();
	if (p->front == 0) {
		int rc = run_front(s, p, link, user, err);

		if (rc)
			cc_log(LOG_ERR, "front of the %s: %s", p->name, err->text);
		_exit(rc ? CC_E_INTERNAL : 0);
	}
	close(link);
	return p->front < 0 ? cc_fail_errno(err, CC_E_INTERNAL, "fork") : 0;
}

/* How the front ended, in words, if it has. */
static int reap(struct plane *p, struct cc_error *err)
{
	int wait;

	if (p->front <= 0 || waitpid(p->front, &wait, WNOHANG) != p->front)
		return 0;
	p->front = 0;
	if (WIFSIGNALED(wait))
		return cc_fail(err, CC_E_INTERNAL,
			       "the front of the %s was killed by signal %d (%s)", p->name,
			       WTERMSIG(wait), strsignal(WTERMSIG(wait)));
	return cc_fail(err, CC_E_INTERNAL, "the front of the %s ended with status %d", p->name,
		       WEXITSTATUS(wait));
}

static int reap_any(struct server *s, struct cc_error *err)
{
	for (size_t i = 0; i < PLANE_N; i++)
		if (reap(plane_at(&s->planes, i), err))
			return -1;
	return 0;
}

/* 0: it is time to stop, 1: it is not, -1: a front is gone. */
static int take_signal(struct server *s, struct cc_error *err)
{
	struct signalfd_siginfo sig;

	if (read(s->signals, &sig, sizeof(sig)) != sizeof(sig))
		return cc_fail_errno(err, CC_E_INTERNAL, "signalfd");
	if (sig.ssi_signo != SIGCHLD)
		return 0;
	return reap_any(s, err) ? -1 : 1;
}

/* Its socket closes a moment before the kernel says how it ended. */
static int hung_up(struct server *s, const struct plane *p, struct cc_error *err)
{
	struct pollfd signals = {s->signals, POLLIN, 0};

	poll(&signals, 1, REAP_MS);
	if (reap_any(s, err))
		return -1;
	return cc_fail(err, CC_E_INTERNAL, "the front of the %s hung up", p->name);
}

static int wait_ready(struct server *s, struct plane *p, struct cc_error *err)
{
	int rc;

	while ((rc = plane_wait_ready(&s->planes, p, s->signals, READY_MS, err)) == 1) {
		rc = take_signal(s, err);
		if (rc < 0)
			return -1;
		if (rc == 0)
			return cc_fail(err, CC_E_INTERNAL, "stopped before it served");
	}
	return rc;
}

static int serve_requests(struct server *s, struct cc_error *err)
{
	struct plane *gone;
	int rc;

	do {
		rc = planes_serve(&s->planes, &s->custodian, s->signals, &gone, err);
		if (rc == 0)
			return hung_up(s, gone, err);
		if (rc > 0)
			rc = take_signal(s, err);
	} while (rc > 0);
	return rc;
}

static bool one_lives(struct server *s)
{
	for (size_t i = 0; i < PLANE_N; i++)
		if (plane_at(&s->planes, i)->front)
			return true;
	return false;
}

/* All have ended, or there was no time left. */
static void stop_fronts(struct server *s)
{
	struct pollfd signals = {s->signals, POLLIN, 0};
	struct cc_error how;

	for (size_t i = 0; i < PLANE_N; i++)
		plane_stop(&s->planes, plane_at(&s->planes, i));
	for (;;) {
		while (reap_any(s, &how))
			;
		if (!one_lives(s))
			return;
		if (poll(&signals, 1, STOP_MS) <= 0 || take_signal(s, &how) == 0)
			return;
	}
}

/* ---- start ---- */

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

static int bind_socket(struct server *s, struct plane *p, const char *path, struct cc_error *err)
{
	p->listener = listen_unix(path, err);
	if (p->listener < 0)
		return -1;
	s->bound[p->which == PLANE_AGENTS] = path;
	return 0;
}

static bool is_served(const struct plane *p)
{
	return p->listener >= 0;
}

static int fork_fronts(struct server *s, const struct confine_user *user, struct cc_error *err)
{
	for (size_t i = 0; i < PLANE_N; i++)
		if (is_served(plane_at(&s->planes, i)) &&
		    fork_front(s, plane_at(&s->planes, i), user, err))
			return -1;
	return 0;
}

static int wait_all_ready(struct server *s, struct cc_error *err)
{
	for (size_t i = 0; i < PLANE_N; i++)
		if (is_served(plane_at(&s->planes, i)) &&
		    wait_ready(s, plane_at(&s->planes, i), err))
			return -1;
	return 0;
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
	if (cc_agents_socket(opts->socket, s->agents_socket, err) ||
	    bind_socket(s, &s->planes.admin, opts->socket, err) ||
	    bind_socket(s, &s->planes.agents, s->agents_socket, err))
		return -1;
	s->signals = catch_signals(err);
	if (s->signals < 0)
		return -1;
	cc_log(LOG_INFO, "starting on %s, for agents on %s%s", opts->socket, s->agents_socket,
	       opts->tls ? " and over TLS" : "");
	if (fork_fronts(s, &user, err) || cc_secret_init(err) ||
	    custodian_start(&s->custodian, opts->state_dir, opts->anchor, opts->kek, err) ||
	    caller_start(&s->custodian, opts->tls != 0, err))
		return -1;
	return wait_all_ready(s, err) || plane_certify(&s->planes, &s->custodian, err) ? -1 : 0;
}

static void server_free(struct server *s)
{
	custodian_close(&s->custodian);
	planes_close(&s->planes);
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
	stop_fronts(s);
	cc_log(LOG_INFO, "stopped");
	return 0;
}

int serve(const struct serve_options *opts, struct cc_error *err)
{
	struct server *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	s->signals = s->lock = -1;
	rc = planes_init(&s->planes, err);
	s->planes.net.listener = opts->tls ? opts->tls : -1;
	rc = rc ? rc : serve_run(s, opts, err);
	for (size_t i = 0; i < 2; i++)
		if (s->bound[i])
			unlink(s->bound[i]);
	server_free(s);
	return rc;
}
