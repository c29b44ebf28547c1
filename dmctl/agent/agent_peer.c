// SPDX-License-Identifier: Apache-2.0
/*
 * agent_peer.c - connections to the agent: who may ask, one request each.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>

#include "agent/agent.h"
#include "agent/agent_list.h"
#include "bind/binding.h"
#include "bind/gate_lines.h"
#include "host/cgroup.h"
#include "log.h"
#include "host/proc.h"

#define PEERS_MAX 256
#define REQUEST_SECONDS 10

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

/**
 * struct peer - one connection.
 * @asked: its request was taken; from now on it only waits
 */
struct peer {
	TAILQ_ENTRY(peer) entry;
	struct agent *agent;
	int fd;
	struct event *ev;
	bool asked;
};

static void peer_free(struct peer *p)
{
	TAILQ_REMOVE(&p->agent->peers, p, entry);
	p->agent->n_peers--;
	event_free(p->ev);
	close(p->fd);
	free(p);
}

bool peer_answer(struct peer *p, const char *text)
{
	bool sent = send(p->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;

	peer_free(p);
	return sent;
}

void peer_fail(struct peer *p, const struct cc_error *err)
{
	cc_auto_json json_t *obj = cc_error_to_json(err);
	cc_auto_free char *text = obj ? json_dumps(obj, JSON_COMPACT) : NULL;

	peer_answer(p, text ? text : "{}");
}

/* ---- who may ask --------------------------------------------------------------------------- */

static int peer_pidfd(int fd, pid_t pid)
{
	socklen_t len = sizeof(int);
	int pidfd;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) == 0)
		return pidfd;
	return pid > 0 ? pidfd_open(pid, 0) : -1;
}

/* A process of the host: what the kernel says of it is no container's. */
static bool is_hosts(pid_t pid)
{
	char cgroup[PROC_PATH_MAX];
	struct cgroup_match match;
	uint64_t theirs, ours;
	struct cc_error err;
	bool home;

	return proc_ns(pid, "pid", &theirs, &err) == 0 && proc_ns(0, "pid", &ours, &err) == 0 &&
	       theirs == ours && proc_at_home(pid, &home, &err) == 0 && home &&
	       proc_cgroup(pid, cgroup, &err) == 0 && cgroup_match(cgroup, &match) != 0;
}

/*
 * Root, and of the host: a container that was given the socket is neither the hook nor an
 * administrator. A pid namespace alone does not tell, as a container may share the host's
 * (--pid=host). Its root directory does: services with mount namespaces of their own keep the
 * host's, containers have another whatever they share. One that was given the host's root directory
 * to change to is still in its control group; if it may leave that, too, it is root on the host.
 * The pidfd keeps the number from being somebody else's while it is looked at.
 */
int peer_check(int fd, struct cc_error *err)
{
	cc_auto_close int pidfd = -1;
	socklen_t len = sizeof(struct ucred);
	struct pollfd pfd;
	struct ucred cred;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return cc_fail_errno(err, CC_E_INTERNAL, "SO_PEERCRED");
	if (cred.uid != 0)
		return cc_fail(err, CC_E_PERM, "only root may ask the agent");
	pidfd = peer_pidfd(fd, cred.pid);
	pfd = (struct pollfd){.fd = pidfd, .events = POLLIN};
	if (pidfd < 0 || !is_hosts(cred.pid) || poll(&pfd, 1, 0) != 0)
		return cc_fail(
			err, CC_E_PERM,
			"only processes of the host may ask the agent, not those of a container");
	return 0;
}

/* ---- requests ------------------------------------------------------------------------------ */

static json_t *show_binding(const char *name, struct cc_error *err)
{
	binding_auto struct binding b = {0};
	json_t *obj;

	if (binding_load(name, &b, err))
		return NULL;
	obj = binding_to_json(&b);
	if (obj && lease_show(name, obj) == 0 && gate_lines_show(name, obj) == 0)
		return obj;
	json_decref(obj);
	cc_fail(err, CC_E_INTERNAL, "volume %s cannot be shown", name);
	return NULL;
}

static void answer_list(struct peer *p, const char *after)
{
	cc_cleanup(cc_strv_clear) struct cc_strv names = {0};
	cc_auto_free char *text = NULL;
	struct cc_error err;

	if (binding_list(NULL, &names, &err) == 0)
		text = agent_list_page(&names, after, show_binding, &err);
	if (text)
		peer_answer(p, text);
	else
		peer_fail(p, &err);
}

static void take_request(struct peer *p, const char *buf, size_t len)
{
	agent_auto_message struct agent_message m = {0};
	struct cc_error err;
	char *text;

	if (agent_message_parse(buf, len, false, &m, &err)) {
		peer_fail(p, &err);
		return;
	}
	if (m.op == AGENT_LIST) {
		answer_list(p, m.after);
		return;
	}
	text = strndup(buf, len);
	if (!text) {
		cc_fail(&err, CC_E_NOMEM, "out of memory");
		peer_fail(p, &err);
		return;
	}
	p->asked = true;
	event_add(p->ev, NULL); /* no time limit any more, but we notice when it hangs up */
	if (job_submit(p->agent, &m, text, p, &err))
		peer_fail(p, &err);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	static char buf[AGENT_MESSAGE_MAX];
	struct peer *p = arg;
	struct cc_error err;
	ssize_t n;

	n = what & EV_TIMEOUT ? 0 : recv(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		event_add(p->ev, NULL);
		return;
	}
	if (p->asked || n <= 0) { /* hung up, or speaks out of turn */
		job_forget_peer(p->agent, p);
		peer_free(p);
		return;
	}
	if ((size_t)n > sizeof(buf)) {
		cc_fail(&err, CC_E_INVALID, "the request is longer than %d bytes",
			AGENT_MESSAGE_MAX);
		peer_fail(p, &err);
		return;
	}
	if (peer_check(fd, &err)) {
		cc_log(LOG_WARNING, "a request was refused: %s", err.text);
		peer_fail(p, &err);
		return;
	}
	take_request(p, buf, (size_t)n);
}

static void on_accept(evutil_socket_t listener, short what, void *arg)
{
	const struct timeval limit = {.tv_sec = REQUEST_SECONDS};
	struct agent *a = arg;
	struct peer *p;
	int fd;

	(void)what;
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	p = a->n_peers < PEERS_MAX ? calloc(1, sizeof(*p)) : NULL;
	if (p) {
		p->agent = a;
		p->fd = fd;
		p->ev = event_new(a->base, fd, EV_READ, on_readable, p);
	}
	if (!p || !p->ev || event_add(p->ev, &limit)) {
		cc_log(LOG_WARNING, "a connection was refused: too many, or out of memory");
		if (p && p->ev)
			event_free(p->ev);
		free(p);
		close(fd);
		return;
	}
	TAILQ_INSERT_TAIL(&a->peers, p, entry);
	a->n_peers++;
}

/* ---- listening ----------------------------------------------------------------------------- */

/* The caller holds the agent's lock, so a socket that is there already is a dead one. */
int agent_listen(struct agent *a, struct cc_error *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	cc_auto_close int fd = -1;

	if (strlen(a->socket) >= sizeof(addr.sun_path))
		return cc_fail(err, CC_E_USAGE, "the path of the agent's socket is too long");
	memcpy(addr.sun_path, a->socket, strlen(a->socket) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "socket");
	if (unlink(a->socket) && errno != ENOENT)
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", a->socket);
	/* umask 077: nobody else may connect from the first moment on */
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || chmod(a->socket, 0600) ||
	    listen(fd, PEERS_MAX))
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", a->socket);
	a->accept = event_new(a->base, fd, EV_READ | EV_PERSIST, on_accept, a);
	if (!a->accept || event_add(a->accept, NULL))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	cc_steal_fd(&fd);
	return 0;
}

void agent_unlisten(struct agent *a)
{
	if (!a->accept)
		return;
	close(event_get_fd(a->accept));
	event_free(a->accept);
	a->accept = NULL;
	unlink(a->socket);
}
