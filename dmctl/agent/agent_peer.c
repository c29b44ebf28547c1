// SPDX-License-Identifier: Apache-2.0
/*
 * agent_peer.c - connections to the agent: one request each.
 */
#include "agent/agent_peer.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>

#include "agent/agent_events.h"
#include "agent/agent_list.h"
#include "agent/peer_check.h"
#include "agent/queue.h"
#include "facts.h"
#include "log.h"
#include "host/proc.h"
#include "strv.h"

#define PEERS_MAX 1024 /* with more, new ones wait in the kernel until one is gone */
#define REQUEST_SECONDS 10
#define PATIENCE_SECONDS 20 /* below what the hook waits for, whatever it is told */
#define STILL "{\"waiting\":true}"

TAILQ_HEAD(peer_list, peer);

/**
 * struct peers - the socket and its connections.
 * @accept: of the socket; not waited for while there are PEERS_MAX; NULL when nobody is listening
 *          any more
 */
struct peers {
	struct event_base *base;
	const char *path;
	struct queue *queue;
	struct events *events;
	struct event *accept;
	unsigned int n;
	struct peer_list list;
};

/**
 * struct peer - one connection.
 * @asked: its request was taken; from now on it only waits
 * @follower: it follows the events; NULL: it does not
 * @told: it is a hook, which is told from time to time that it has to wait
 */
struct peer {
	TAILQ_ENTRY(peer) entry;
	struct peers *all;
	int fd;
	struct event *ev;
	struct follower *follower;
	bool asked, told;
};

static void peer_free(struct peer *p)
{
	TAILQ_REMOVE(&p->all->list, p, entry);
	if (p->all->n-- == PEERS_MAX && p->all->accept)
		event_add(p->all->accept, NULL);
	follower_free(p->follower);
	event_free(p->ev);
	close(p->fd);
	free(p);
}

/* ---- answers ------------------------------------------------------------------------------- */

/* Sends the last answer and hangs up. False when the peer does not take it any more. */
static bool peer_answer(struct peer *p, const char *text)
{
	bool sent = send(p->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;

	peer_free(p);
	return sent;
}

/* @failure: the error object that @err is of, or NULL */
static bool peer_fail_as(struct peer *p, const struct cc_error *err, const json_t *failure)
{
	cc_auto_json json_t *obj = cc_error_to_json(err);
	cc_auto_free char *text = NULL;
	struct cc_error ignored; /* then the first fact has to do */

	if (obj && failure)
		cc_facts_take(json_object_get(obj, "error"), json_object_get(failure, "error"),
			      &ignored);
	text = obj ? json_dumps(obj, JSON_COMPACT) : NULL;
	return peer_answer(p, text ? text : "{}");
}

static bool peer_fail(struct peer *p, const struct cc_error *err)
{
	return peer_fail_as(p, err, NULL);
}

static bool on_done(void *arg, const struct job_end *end)
{
	return end->err ? peer_fail_as(arg, end->err, end->failure) : peer_answer(arg, end->text);
}

static void answer_list(struct peer *p, const char *after)
{
	cc_auto_free char *text = NULL;
	struct cc_error err;

	text = agent_list(after, &err);
	if (text)
		peer_answer(p, text);
	else
		peer_fail(p, &err);
}

/* ---- requests ------------------------------------------------------------------------------ */

/* No time limit any more, but we notice when it hangs up. */
static void wait_on(struct peer *p)
{
	const struct timeval patience = {.tv_sec = PATIENCE_SECONDS};

	event_add(p->ev, p->told ? &patience : NULL);
}

static void on_followed(void *arg)
{
	peer_free(arg);
}

/* From now on it is told what happens, until it hangs up. */
static void follow_events(struct peer *p, const struct agent_message *m)
{
	struct cc_error err;

	p->asked = true;
	wait_on(p);
	p->follower =
		events_follow(p->all->events, p->fd, m->since, m->follow, on_followed, p, &err);
	if (!p->follower)
		peer_fail(p, &err);
}

static void take_request(struct peer *p, const char *buf, size_t len)
{
	agent_auto_message struct agent_message m = {0};
	struct cc_error err;

	if (agent_message_parse(buf, len, false, &m, &err)) {
		peer_fail(p, &err);
		return;
	}
	if (m.op == AGENT_LIST) {
		answer_list(p, m.after);
		return;
	}
	if (m.op == AGENT_EVENTS) {
		follow_events(p, &m);
		return;
	}
	p->asked = true;
	p->told = m.op == AGENT_HOOK || m.op == AGENT_REQUIRE;
	wait_on(p);
	if (queue_submit(p->all->queue, &m, on_done, p, &err))
		peer_fail(p, &err);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	static char buf[AGENT_MESSAGE_MAX];
	struct peer *p = arg;
	struct cc_error err;
	ssize_t n;

	if (p->asked && (what & EV_TIMEOUT)) {
		/* one that is gone is noticed as such */
		send(fd, STILL, strlen(STILL), MSG_NOSIGNAL | MSG_DONTWAIT);
		wait_on(p);
		return;
	}
	n = what & EV_TIMEOUT ? 0 : recv(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		wait_on(p);
		return;
	}
	if (p->asked || n <= 0) { /* hung up, or speaks out of turn */
		queue_cancel(p->all->queue, p);
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
	struct peers *all = arg;
	struct peer *p;
	int fd;

	(void)what;
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	p = calloc(1, sizeof(*p));
	if (p) {
		p->all = all;
		p->fd = fd;
		p->ev = event_new(all->base, fd, EV_READ, on_readable, p);
	}
	if (!p || !p->ev || event_add(p->ev, &limit)) {
		cc_log(LOG_WARNING, "a connection was refused: out of memory");
		if (p && p->ev)
			event_free(p->ev);
		free(p);
		close(fd);
		return;
	}
	TAILQ_INSERT_TAIL(&all->list, p, entry);
	if (++all->n == PEERS_MAX)
		event_del(all->accept);
}

/* ---- listening ----------------------------------------------------------------------------- */

static int make_socket(const char *path, struct cc_error *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	cc_auto_close int fd = -1;

	if (strlen(path) >= sizeof(addr.sun_path))
		return cc_fail(err, CC_E_USAGE, "the path of the agent's socket is too long");
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "socket");
	if (unlink(path) && errno != ENOENT)
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	/* umask 077: nobody else may connect from the first moment on */
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || chmod(path, 0600) ||
	    listen(fd, PEERS_MAX))
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	return cc_steal_fd(&fd);
}

static void peers_clear(struct peers **all)
{
	peers_free(*all);
}

struct peers *peers_listen(struct event_base *base, const char *path, struct queue *queue,
			   struct events *events, struct cc_error *err)
{
	cc_cleanup(peers_clear) struct peers *all = calloc(1, sizeof(*all));
	cc_auto_close int fd = -1;

	if (!all) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	all->base = base;
	all->path = path;
	all->queue = queue;
	all->events = events;
	TAILQ_INIT(&all->list);
	fd = make_socket(path, err);
	if (fd < 0)
		return NULL;
	all->accept = event_new(base, fd, EV_READ | EV_PERSIST, on_accept, all);
	if (all->accept)
		cc_steal_fd(&fd);
	if (!all->accept || event_add(all->accept, NULL)) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	return cc_steal(all);
}

void peers_unlisten(struct peers *all)
{
	if (!all || !all->accept)
		return;
	close(event_get_fd(all->accept));
	event_free(all->accept);
	all->accept = NULL;
	unlink(all->path);
}

void peers_free(struct peers *all)
{
	struct peer *p;

	if (!all)
		return;
	peers_unlisten(all);
	while ((p = TAILQ_FIRST(&all->list))) {
		queue_cancel(all->queue, p);
		peer_free(p);
	}
	free(all);
}
