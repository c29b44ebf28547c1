// SPDX-License-Identifier: Apache-2.0
#include "plane.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "custodian/handle.h"
#include "evidence.h"
#include "log.h"

#define SHORT_MS 100 /* pause when the system has no descriptor left */

/*
 * What became of a message: the front hung up; it was done; it was not taken because somebody has
 * as many descriptors under way as one user may have. -1 is an error.
 */
enum outcome { HUNG_UP, DONE, CROWDED };

_Static_assert(2 * PLANE_CONNECTIONS <= NONCE_CONNECTIONS, "each connection may have challenges");

/* ---- life ---- */

void planes_init(struct planes *ps)
{
	ps->admin = (struct plane){
		.which = PLANE_ADMIN, .name = "administrators", .listener = -1, .link = -1};
	ps->agents =
		(struct plane){.which = PLANE_AGENTS, .name = "agents", .listener = -1, .link = -1};
	ps->last = 0;
}

static void plane_close(struct plane *p)
{
	cc_close_ptr(&p->listener);
	cc_close_ptr(&p->link);
	p->listener = p->link = -1;
}

void planes_close(struct planes *ps)
{
	plane_close(&ps->admin);
	plane_close(&ps->agents);
}

int plane_link(struct plane *p, struct cc_error *err)
{
	const struct timeval limit = {.tv_sec = PLANE_SEND_S};
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return cc_fail_errno(err, CC_E_INTERNAL, "socketpair");
	p->link = pair[0];
	if (setsockopt(p->link, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit))) {
		close(pair[1]);
		return cc_fail_errno(err, CC_E_INTERNAL, "socketpair");
	}
	return pair[1];
}

/* ---- to the front ---- */

static int say(struct planes *ps, struct plane *p, size_t len, int passed, struct cc_error *err)
{
	if (!message_send(p->link, ps->buf, len, passed, 0))
		return DONE;
	if (errno == EPIPE || errno == ECONNRESET)
		return HUNG_UP;
	if (errno == ETOOMANYREFS)
		return CROWDED;
	if (errno == EAGAIN)
		return cc_fail(err, CC_E_INTERNAL, "the front of the %s does not read", p->name);
	return cc_fail_errno(err, CC_E_INTERNAL, "message to the front of the %s", p->name);
}

static int answer(struct planes *ps, struct plane *p, const struct answer *a, struct cc_error *err)
{
	size_t at = 0;
	int rc;

	do {
		size_t len = a->len - at < MESSAGE_PART_MAX ? a->len - at : MESSAGE_PART_MAX;
		struct answer_part part = {
			.http = a->http,
			.type = a->type,
			.last = at + len == a->len,
			.text = a->text + at,
			.len = len,
		};

		rc = say(ps, p, message_put_part(ps->buf, &part), -1, err);
		at += len;
	} while (rc == DONE && at < a->len);
	return rc;
}

bool plane_stop(struct planes *ps, struct plane *p)
{
	return p->link >= 0 &&
	       !message_send(p->link, ps->buf, message_put_plain(ps->buf, MESSAGE_STOP), -1, 0);
}

/* A front that hung up is noticed when its own message is waited for. */
static int tell_changed(struct planes *ps, struct cc_error *err)
{
	struct plane *all[] = {&ps->admin, &ps->agents};

	for (size_t i = 0; i < 2; i++)
		if (all[i]->link >= 0 &&
		    say(ps, all[i], message_put_plain(ps->buf, MESSAGE_CHANGED), -1, err) < 0)
			return -1;
	return 0;
}

/* ---- connections ---- */

static struct connection *find(struct plane *p, uint64_t id)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->conn[i].id == id)
			return &p->conn[i];
	return NULL;
}

static int forget(struct plane *p, struct custodian *c, uint64_t id, struct cc_error *err)
{
	struct connection *conn = find(p, id);

	if (!conn)
		return cc_fail(err, CC_E_INTERNAL,
			       "the front of the %s closed a connection that it did not have",
			       p->name);
	*conn = p->conn[--p->n];
	nonce_leave(&c->nonces, id);
	return DONE;
}

/* The next connection; -1 where there is none after all. */
static int next_connection(const struct plane *p)
{
	int fd = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
		cc_log(LOG_WARNING, "a connection of the %s waits: %m", p->name);
		poll(NULL, 0, SHORT_MS);
	}
	return fd;
}

/* Who it is, if he may come at all. */
static bool admitted(int fd, struct peer *peer)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) || cred.uid != 0) {
		cc_log(LOG_WARNING, "a connection was refused: its peer is not root");
		return false;
	}
	*peer = (struct peer){cred.uid, cred.gid, cred.pid > 0 ? (uint32_t)cred.pid : 0};
	return true;
}

static int welcome(struct planes *ps, struct plane *p, struct cc_error *err)
{
	cc_auto_close int fd = next_connection(p);
	struct connection c = {0};
	int rc;

	if (fd < 0 || !admitted(fd, &c.peer))
		return DONE;
	c.id = ++ps->last;
	p->conn[p->n++] = c;
	rc = say(ps, p, message_put_connect(ps->buf, &c), fd, err);
	if (rc != CROWDED)
		return rc;
	cc_log(LOG_WARNING, "a connection of the %s was dropped: too many are under way", p->name);
	p->n--;
	return DONE;
}

/* ---- from the front ---- */

static int request(struct plane *p, struct group *g, struct request *rq, bool *room,
		   struct cc_error *err)
{
	const struct connection *conn = find(p, rq->conn);

	if (!conn)
		return cc_fail(err, CC_E_INTERNAL,
			       "the front of the %s asked for a connection that it does not have",
			       p->name);
	rq->plane = p->which;
	rq->peer = conn->peer.pid;
	memcpy(rq->channel, CC_CHANNEL_UNIX, sizeof(CC_CHANNEL_UNIX));
	*room = group_add(g, rq);
	return DONE;
}

/* The next message of the front. */
static int receive(struct planes *ps, struct plane *p, struct message *m, struct cc_error *err)
{
	ssize_t n = message_recv(p->link, ps->buf, NULL);

	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return HUNG_UP;
	if (n < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "message from the front of the %s",
				     p->name);
	return message_get(ps->buf, (size_t)n, m, err)
		       ? cc_prefix(err, "the front of the %s", p->name)
		       : DONE;
}

/* @room: out, false when the group has to end; else stays as it is */
static int take(struct planes *ps, struct plane *p, struct custodian *c, struct group *g,
		bool *room, struct cc_error *err)
{
	struct message m = {0};
	int rc = receive(ps, p, &m, err);

	if (rc != DONE)
		return rc;
	switch (m.type) {
	case MESSAGE_REQUEST:
		return request(p, g, &m.request, room, err);
	case MESSAGE_CLOSED:
		return forget(p, c, m.connection.id, err);
	default:
		return cc_fail(err, CC_E_INTERNAL,
			       "the front of the %s sent a message that is not its to send",
			       p->name);
	}
}

/* Another message is there already. */
static bool one_waits(const struct plane *p)
{
	struct pollfd fd = {p->link, POLLIN, 0};

	return poll(&fd, 1, 0) > 0;
}

/* Of a group that has ended, in the order of its requests. */
static int answers(struct planes *ps, struct plane *p, const struct group *g, size_t n,
		   struct cc_error *err)
{
	int rc = DONE;

	if (group_wakes(g) && tell_changed(ps, err))
		return -1;
	for (size_t i = 0; i < n && rc == DONE; i++)
		rc = answer(ps, p, group_answer(g, i), err);
	return rc;
}

/*
 * What is there, requests in one transaction; the answers leave after it. What was done before the
 * front broke the rules or hung up is done, and has its audit rows.
 */
static int handle(struct planes *ps, struct plane *p, struct custodian *c, struct group *g,
		  struct cc_error *err)
{
	bool room = true;
	size_t n;
	int rc;

	do {
		rc = take(ps, p, c, g, &room, err);
	} while (rc == DONE && room && one_waits(p));
	n = group_end(g);
	if (rc == DONE)
		rc = answers(ps, p, g, n, err);
	group_clear(g);
	return rc;
}

/* ---- waiting ---- */

static int wait_for(struct pollfd *fds, nfds_t n, int timeout_ms, struct cc_error *err)
{
	int rc;

	do {
		rc = poll(fds, n, timeout_ms);
	} while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "poll");
	return rc;
}

int plane_wait_ready(struct planes *ps, struct plane *p, int signals, int timeout_ms,
		     struct cc_error *err)
{
	struct pollfd fds[] = {{signals, POLLIN, 0}, {p->link, POLLIN, 0}};
	struct message m = {0};
	int rc = wait_for(fds, 2, timeout_ms, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return cc_fail(err, CC_E_INTERNAL, "the front of the %s does not answer", p->name);
	if (fds[0].revents)
		return 1;
	rc = receive(ps, p, &m, err);
	if (rc < 0)
		return -1;
	if (rc == HUNG_UP || m.type != MESSAGE_READY)
		return cc_fail(err, CC_E_INTERNAL, "the front of the %s did not start", p->name);
	return 0;
}

/* What there is of one plane: a message, a connection. */
static int turn(struct planes *ps, struct plane *p, const struct pollfd fds[static 2],
		struct custodian *c, struct group *g, struct cc_error *err)
{
	int rc = fds[0].revents ? handle(ps, p, c, g, err) : DONE;

	return rc == DONE && fds[1].revents ? welcome(ps, p, err) : rc;
}

static void group_free_ptr(struct group **g)
{
	group_free(*g);
}

int planes_serve(struct planes *ps, struct custodian *c, int signals, struct plane **gone,
		 struct cc_error *err)
{
	cc_cleanup(group_free_ptr) struct group *g = group_new(c, err);
	struct plane *all[] = {&ps->admin, &ps->agents};

	if (!g)
		return -1;
	for (;;) {
		struct pollfd fds[5] = {{signals, POLLIN, 0}};

		for (size_t i = 0; i < 2; i++) {
			bool room = all[i]->n < PLANE_CONNECTIONS;

			fds[1 + 2 * i] = (struct pollfd){all[i]->link, POLLIN, 0};
			fds[2 + 2 * i] = (struct pollfd){room ? all[i]->listener : -1, POLLIN, 0};
		}
		if (wait_for(fds, 5, -1, err) < 0)
			return -1;
		if (fds[0].revents)
			return 1;
		for (size_t i = 0; i < 2; i++) {
			int rc = turn(ps, all[i], &fds[1 + 2 * i], c, g, err);

			if (rc == HUNG_UP)
				*gone = all[i];
			if (rc != DONE)
				return rc;
		}
	}
}
