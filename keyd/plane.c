// SPDX-License-Identifier: Apache-2.0
#include "plane.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <arpa/inet.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "custodian/caller.h"
#include "custodian/handle.h"
#include "evidence.h"
#include "jose.h"
#include "log.h"

#define SHORT_MS 100	     /* pause when the system has no descriptor left */
#define LOOK_MS 60000	     /* between two looks at the clock, where there is TLS */
#define AGAIN_MS (60 * 1000) /* for a new certificate that could not be made */

/*
 * What became of a message: the front hung up; it was done; it was not taken because somebody has
 * as many descriptors under way as one user may have. -1 is an error.
 */
enum outcome { HUNG_UP, DONE, CROWDED };

_Static_assert(NONCE_CONNECTIONS >= PLANE_CONNECTIONS * PLANE_N,
	       "each connection may have challenges");

/* ---- life ---- */

struct plane *plane_at(struct planes *ps, size_t i)
{
	struct plane *all[PLANE_N] = {&ps->admin, &ps->agents, &ps->net};

	return all[i];
}

int planes_init(struct planes *ps, struct cc_error *err)
{
	static const struct {
		enum plane_bit which;
		const char *name, *process;
	} planes[PLANE_N] = {
		{PLANE_ADMIN, "administrators", "keyd-front"},
		{PLANE_AGENTS, "agents", "keyd-agents"},
		{PLANE_NET, "agents over TLS", "keyd-net"},
	};

	for (size_t i = 0; i < PLANE_N; i++)
		*plane_at(ps, i) = (struct plane){.which = planes[i].which,
						  .name = planes[i].name,
						  .process = planes[i].process,
						  .listener = -1,
						  .link = -1};
	ps->last = 0;
	ps->renew_ms = 0;
	if (RAND_bytes(ps->salt, sizeof(ps->salt)) != 1)
		return cc_fail(err, CC_E_INTERNAL, "no random numbers");
	return 0;
}

static void plane_close(struct plane *p)
{
	cc_close_ptr(&p->listener);
	cc_close_ptr(&p->link);
	p->listener = p->link = -1;
}

void planes_close(struct planes *ps)
{
	for (size_t i = 0; i < PLANE_N; i++)
		plane_close(plane_at(ps, i));
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
	for (size_t i = 0; i < PLANE_N; i++) {
		struct plane *p = plane_at(ps, i);

		if (p->link >= 0 &&
		    say(ps, p, message_put_plain(ps->buf, MESSAGE_CHANGED), -1, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- connections ---- */

static struct visitor *find(struct plane *p, uint64_t id)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->conn[i].c.id == id)
			return &p->conn[i];
	return NULL;
}

static int forget(struct plane *p, struct custodian *c, uint64_t id, struct cc_error *err)
{
	struct visitor *conn = find(p, id);

	if (!conn)
		return cc_fail(err, CC_E_INTERNAL,
			       "the front of the %s closed a connection that it did not have",
			       p->name);
	*conn = p->conn[--p->n];
	nonce_leave(&c->nonces, id);
	return DONE;
}

/* The next connection; -1 where there is none after all. @from: out, of a TCP one */
static int next_connection(const struct plane *p, struct sockaddr_storage *from)
{
	socklen_t len = sizeof(*from);
	int fd = accept4(p->listener, (struct sockaddr *)from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

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

/* A number that nobody can choose to be that of somebody else. */
static uint32_t number_of(const struct planes *ps, const void *address, size_t len)
{
	unsigned char text[sizeof(ps->salt) + sizeof(struct in6_addr)];
	unsigned char hash[SHA256_DIGEST_LENGTH];
	uint32_t number;

	memcpy(text, ps->salt, sizeof(ps->salt));
	memcpy(text + sizeof(ps->salt), address, len);
	SHA256(text, sizeof(ps->salt) + len, hash);
	memcpy(&number, hash, sizeof(number));
	return number;
}

/* Whoever has one address of IPv6 has the 2^64 beside it. */
static void peer_of_address(const struct planes *ps, const struct sockaddr_storage *from,
			    struct peer *peer)
{
	const struct sockaddr_in *in = (const void *)from;
	const struct sockaddr_in6 *in6 = (const void *)from;
	const unsigned char *address = in6->sin6_addr.s6_addr;

	*peer = (struct peer){0};
	if (from->ss_family == AF_INET) {
		peer->uid = peer->pid = number_of(ps, &in->sin_addr, 4);
	} else if (from->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		peer->uid = peer->pid = number_of(ps, address + 12, 4);
	} else if (from->ss_family == AF_INET6) {
		peer->uid = number_of(ps, address, 8);
		peer->pid = number_of(ps, address, 16);
	}
}

/* Nobody keeps others out by being many before anything is known of him. */
static bool is_crowd(const struct plane *p, const struct peer *peer)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += !p->conn[i].who.enrolment[0] && p->conn[i].c.peer.uid == peer->uid;
	return n >= PLANE_STRANGERS;
}

static bool may_come(const struct planes *ps, const struct plane *p, int fd,
		     const struct sockaddr_storage *from, struct peer *peer)
{
	if (p->which != PLANE_NET)
		return admitted(fd, peer);
	peer_of_address(ps, from, peer);
	return !is_crowd(p, peer);
}

static int welcome(struct planes *ps, struct plane *p, struct cc_error *err)
{
	struct sockaddr_storage from = {0};
	cc_auto_close int fd = next_connection(p, &from);
	struct visitor v = {0};
	int rc;

	if (fd < 0 || !may_come(ps, p, fd, &from, &v.c.peer))
		return DONE;
	v.c.id = ++ps->last;
	if (p->which != PLANE_NET)
		memcpy(v.channel, CC_CHANNEL_UNIX, sizeof(CC_CHANNEL_UNIX));
	p->conn[p->n++] = v;
	rc = say(ps, p, message_put_connect(ps->buf, &v.c), fd, err);
	if (rc != CROWDED)
		return rc;
	cc_log(LOG_WARNING, "a connection of the %s was dropped: too many are under way", p->name);
	p->n--;
	return DONE;
}

/* ---- certificates ---- */

static int send_keys(struct planes *ps, struct custodian *c, struct cc_error *err)
{
	cc_cleanup(ca_server_clear) struct ca_server s = {0};
	struct tls_keys keys;
	int64_t now;
	int rc;

	if (custodian_now(c, &now, err) || ca_server_make(&c->ca, c->realm, now, &s, err))
		return -1;
	keys = (struct tls_keys){s.ca, s.cert, s.key.p, s.ca_len, s.cert_len, s.key.len};
	rc = say(ps, &ps->net, message_put_tls(ps->buf, &keys), -1, err);
	OPENSSL_cleanse(ps->buf, sizeof(ps->buf));
	return rc < 0 ? -1 : 0;
}

int plane_certify(struct planes *ps, struct custodian *c, struct cc_error *err)
{
	int64_t now_ms = c->clock.boot_ms();

	if (ps->net.link < 0 || now_ms < ps->renew_ms)
		return 0;
	if (send_keys(ps, c, err))
		return -1;
	ps->renew_ms = now_ms + CA_SERVER_S * 1000LL / 2;
	return 0;
}

/* One that cannot be made is tried again: that of before is good for some hours yet. */
static void look_at_clock(struct planes *ps, struct custodian *c)
{
	struct cc_error err;

	if (plane_certify(ps, c, &err) == 0)
		return;
	cc_log(LOG_ERR, "no new certificate for TLS: %s", err.text);
	ps->renew_ms = c->clock.boot_ms() + AGAIN_MS;
}

static int bar(struct planes *ps, const struct visitor *v, bool at_once, struct cc_error *err)
{
	const struct barred b = {v->c.id, at_once};

	return say(ps, &ps->net, message_put_barred(ps->buf, &b), -1, err);
}

/*
 * What the front says of a connection is held against the CA and the store. Without a certificate
 * it may enrol, which it can do with a token only.
 */
static int introduced(struct planes *ps, struct plane *p, struct custodian *c,
		      const struct introduction *in, struct cc_error *err)
{
	struct visitor *v = find(p, in->conn);
	struct cc_error why;

	if (p->which != PLANE_NET || !v || v->introduced ||
	    cc_b64u_encode32(in->exporter, v->channel))
		return cc_fail(err, CC_E_INTERNAL,
			       "the front of the %s introduced a connection that it does not have",
			       p->name);
	v->introduced = true;
	v->certified = in->cert;
	if (!in->cert)
		return DONE;
	if (caller_of(c, in->cert, in->cert_len, &v->who, &why) == 0)
		return DONE;
	cc_log(LOG_NOTICE, "a connection over TLS may ask nothing: %s", why.text);
	return bar(ps, v, false, err);
}

/* Where that cannot be said now, it is for the next request to say. */
static bool stands(struct custodian *c, const struct ca_name *who)
{
	struct cc_error err;

	return caller_check(c, who, &err) == 0 || !custodian_is_refusal(&err);
}

/* Those whose enrolment has ended. */
static int expel(struct planes *ps, struct custodian *c, struct cc_error *err)
{
	struct plane *p = &ps->net;
	int rc = DONE;

	for (size_t i = 0; i < p->n && rc == DONE; i++)
		if (p->conn[i].who.enrolment[0] && !stands(c, &p->conn[i].who))
			rc = bar(ps, &p->conn[i], true, err);
	return rc;
}

/* ---- from the front ---- */

static int request(struct plane *p, struct group *g, struct request *rq, bool *room,
		   struct cc_error *err)
{
	const struct visitor *v = find(p, rq->conn);

	if (!v || !v->channel[0])
		return cc_fail(err, CC_E_INTERNAL,
			       "the front of the %s asked for a connection that it does not have",
			       p->name);
	rq->plane = p->which;
	if (p->which == PLANE_NET && !v->certified)
		rq->plane = PLANE_ENROL;
	rq->peer = p->which == PLANE_NET ? 0 : v->c.peer.pid;
	rq->until = v->who.until;
	memcpy(rq->enrolment, v->who.enrolment, sizeof(rq->enrolment));
	memcpy(rq->channel, v->channel, sizeof(rq->channel));
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
	case MESSAGE_PEER:
		return introduced(ps, p, c, &m.introduction, err);
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
static int answers(struct planes *ps, struct plane *p, struct custodian *c, const struct group *g,
		   size_t n, struct cc_error *err)
{
	int rc = DONE;

	if ((group_did(g, OPF_WAKES) && tell_changed(ps, err)) ||
	    (group_did(g, OPF_EXPELS) && expel(ps, c, err) < 0))
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
		rc = answers(ps, p, c, g, n, err);
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

	if (!g)
		return -1;
	for (;;) {
		struct pollfd fds[1 + 2 * PLANE_N] = {{signals, POLLIN, 0}};

		for (size_t i = 0; i < PLANE_N; i++) {
			const struct plane *p = plane_at(ps, i);
			bool room = p->n < PLANE_CONNECTIONS;

			fds[1 + 2 * i] = (struct pollfd){p->link, POLLIN, 0};
			fds[2 + 2 * i] = (struct pollfd){room ? p->listener : -1, POLLIN, 0};
		}
		if (wait_for(fds, 1 + 2 * PLANE_N, ps->net.link < 0 ? -1 : LOOK_MS, err) < 0)
			return -1;
		if (fds[0].revents)
			return 1;
		look_at_clock(ps, c);
		for (size_t i = 0; i < PLANE_N; i++) {
			int rc = turn(ps, plane_at(ps, i), &fds[1 + 2 * i], c, g, err);

			if (rc == HUNG_UP)
				*gone = plane_at(ps, i);
			if (rc != DONE)
				return rc;
		}
	}
}
