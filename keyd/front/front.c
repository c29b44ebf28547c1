// SPDX-License-Identifier: Apache-2.0
#include "front/front.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <event2/bufferevent.h>
#include <openssl/crypto.h>

#include "cert.h"
#include "cleanup.h"
#include "front/conn.h"
#include "front/crowd.h"
#include "message.h"

/**
 * struct front - the server.
 * @owner: what its connections know of it; the first member
 * @all: connections
 * @queue: those of them that wait and whose request has not been sent yet
 * @held: those that wait for a change
 * @gone: closed ones of which the custodian has not heard
 * @sent: whose requests the custodian has, @n_sent of them in the order in which it will answer;
 *        NULL for one that hung up
 * @answer: what has come of the answer to the first of them
 * @writable: the link takes more again
 * @tls: NULL on the planes of this host
 * @strangers: how many of @all the custodian has not heard of
 * @limit: of new connections over TLS
 */
struct front {
	struct conn_owner owner;
	int link;
	struct event *readable, *writable;
	struct conns all, queue, held, gone;
	struct conn *sent[FRONT_SENT];
	size_t n_sent, strangers;
	struct tls *tls;
	struct rate_limit limit;
	struct evbuffer *answer;
	bool stopped;
	struct cc_error err;
	unsigned char buf[MESSAGE_MAX];
};

static struct front *front_of(const struct conn *c)
{
	return (struct front *)c->owner;
}

/* ---- end of service ---- */

static void stop(struct front *f)
{
	f->stopped = true;
	event_base_loopbreak(f->owner.base);
}

static void die(struct front *f, const char *why)
{
	if (!f->err.code)
		cc_fail(&f->err, CC_E_INTERNAL, "%s", why);
	event_base_loopbreak(f->owner.base);
}

/* ---- to the custodian ---- */

/*
 * Whether it was sent. Never blocks: the custodian, which does, may be waiting for this process to
 * read.
 */
static bool try_send(struct front *f, size_t len)
{
	if (!message_send(f->link, f->buf, len, -1, MSG_DONTWAIT))
		return true;
	if (errno != EAGAIN || event_add(f->writable, NULL))
		die(f, "the custodian no longer takes messages");
	return false;
}

static bool send_request(struct front *f, struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	struct request rq = {
		.op = c->route.op,
		.conn = c->who.id,
		.paged = c->route.paged,
		.body_len = c->head.content_length,
	};

	memcpy(rq.after, c->route.after, sizeof(rq.after));
	memcpy(rq.arg, c->route.arg, sizeof(rq.arg));
	rq.body = rq.body_len ? (const char *)evbuffer_pullup(in, (ev_ssize_t)rq.body_len) : "";
	if (!rq.body) {
		die(f, "out of memory");
		return false;
	}
	if (!try_send(f, message_put_request(f->buf, &rq)))
		return false;
	evbuffer_drain(in, rq.body_len);
	return true;
}

/* Before anything that it asks for: the custodian looks at the certificate itself. */
static bool introduce(struct front *f, struct conn *c)
{
	cc_auto_der unsigned char *cert = NULL;
	struct introduction in = {.conn = c->who.id};

	if (tls_introduce(c->ssl, in.exporter, &cert, &in.cert_len)) {
		die(f, "a TLS connection lost its keys");
		return false;
	}
	in.cert = cert;
	return try_send(f, message_put_peer(f->buf, &in));
}

static bool introduce_all(struct front *f)
{
	struct conn *c;

	if (f->strangers == 0)
		return true;
	TAILQ_FOREACH(c, &f->all, all) {
		if (!c->stranger)
			continue;
		if (!introduce(f, c))
			return false;
		c->stranger = false;
		f->strangers--;
	}
	return true;
}

/* What there is to say, for as long as the link takes it. */
static void talk(struct front *f)
{
	struct conn *c;

	while ((c = TAILQ_FIRST(&f->gone))) {
		if (!try_send(f, message_put_closed(f->buf, c->who.id)))
			return;
		TAILQ_REMOVE(&f->gone, c, all);
		free(c);
	}
	if (!introduce_all(f))
		return;
	/* Those that are with the custodian together share a transaction. */
	while (f->n_sent < FRONT_SENT && (c = crowd_turn(&f->queue, f->sent, f->n_sent))) {
		if (!send_request(f, c))
			return;
		TAILQ_REMOVE(&f->queue, c, queue);
		f->sent[f->n_sent++] = c;
	}
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	talk(arg);
}

/* ---- connections ---- */

static void stranger(struct conn *c)
{
	c->stranger = true;
	front_of(c)->strangers++;
	talk(front_of(c));
}

static void waits(struct conn *c)
{
	TAILQ_INSERT_TAIL(&front_of(c)->queue, c, queue);
	talk(front_of(c));
}

/* Asks again when it likes, and is then the newest of its peer's. */
static void release(struct front *f, struct conn *c, bool changed)
{
	TAILQ_REMOVE(&f->held, c, queue);
	conn_tell(c, changed);
}

static void held(struct conn *c)
{
	struct front *f = front_of(c);

	TAILQ_INSERT_TAIL(&f->held, c, queue);
	if (crowd_count(&f->all, true) > FRONT_HELD)
		release(f, crowd_yields(&f->all, true), false);
}

/* The custodian has its request, and the answer will have nowhere to go. */
static bool forget_sent(struct front *f, const struct conn *c)
{
	for (size_t i = 0; i < f->n_sent; i++) {
		if (f->sent[i] != c)
			continue;
		f->sent[i] = NULL;
		return true;
	}
	return false;
}

static void leaves(struct conn *c)
{
	struct front *f = front_of(c);

	if (c->state == CONN_HELD)
		TAILQ_REMOVE(&f->held, c, queue);
	else if (!forget_sent(f, c))
		TAILQ_REMOVE(&f->queue, c, queue);
}

static void closed(struct conn *c)
{
	struct front *f = front_of(c);

	TAILQ_REMOVE(&f->all, c, all);
	TAILQ_INSERT_TAIL(&f->gone, c, all);
	f->strangers -= c->stranger;
	talk(f);
}

static void tell_all(struct front *f)
{
	struct conn *c;

	while ((c = TAILQ_FIRST(&f->held)))
		release(f, c, true);
}

/* A new connection always comes in; where there is none that can make room there soon is. */
static void make_room(struct front *f)
{
	struct conn *c;

	while (crowd_count(&f->all, false) >= FRONT_CONNECTIONS &&
	       (c = crowd_yields(&f->all, false)))
		conn_kill(c);
}

/* Before the work of a handshake. The custodian hears that it is closed as of any other. */
static bool peer_has_too_many(struct front *f, const struct connection *who)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return f->tls && !rate_limit_allow(&f->limit, &who->peer,
					   (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

static void welcome(struct front *f, const struct connection *who, int fd)
{
	struct conn *c;

	make_room(f);
	c = conn_new(&f->owner, who, fd);
	if (!c)
		return die(f, "out of memory");
	TAILQ_INSERT_TAIL(&f->all, c, all);
	if (peer_has_too_many(f, who))
		conn_kill(c);
}

/* One that was closed meanwhile is not there any more. */
static void bar(struct front *f, const struct barred *b)
{
	struct conn *c;

	TAILQ_FOREACH(c, &f->all, all)
		if (c->who.id == b->conn)
			break;
	if (c && c->state != CONN_DEAD)
		conn_bar(c, b->now);
}

static void take_keys(struct front *f, const struct tls_keys *keys)
{
	int rc = f->tls ? tls_use(f->tls, keys, &f->err) : -1;

	OPENSSL_cleanse(f->buf, sizeof(f->buf));
	if (rc)
		die(f, "the custodian sent keys for TLS that cannot be used");
}

/* ---- from the custodian ---- */

static void take_part(struct front *f, const struct answer_part *part)
{
	struct conn *c = f->sent[0];

	if (!f->n_sent || evbuffer_get_length(f->answer) + part->len > MESSAGE_TEXT_MAX)
		return die(f, "the custodian answered out of turn or without end");
	if (evbuffer_add(f->answer, part->text, part->len))
		return die(f, "out of memory");
	if (!part->last)
		return;

	f->n_sent--;
	memmove(f->sent, f->sent + 1, f->n_sent * sizeof(f->sent[0]));
	if (c)
		conn_answer(c, part->http, part->type, f->answer);
	evbuffer_drain(f->answer, evbuffer_get_length(f->answer));
	talk(f);
}

static void take(struct front *f, const struct message *m, int *passed)
{
	if ((m->type == MESSAGE_CONNECT) != (*passed >= 0))
		return die(f,
			   "the custodian sent a connection without its descriptor, or both apart");
	switch (m->type) {
	case MESSAGE_CONNECT:
		return welcome(f, &m->connection, cc_steal_fd(passed));
	case MESSAGE_ANSWER:
		return take_part(f, &m->part);
	case MESSAGE_CHANGED:
		return tell_all(f);
	case MESSAGE_TLS:
		return take_keys(f, &m->tls);
	case MESSAGE_BARRED:
		return bar(f, &m->barred);
	case MESSAGE_STOP:
		return stop(f);
	default:
		return die(f, "the custodian sent a message that is the front's");
	}
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	cc_auto_close int passed = -1;
	struct front *f = arg;
	ssize_t n = message_recv(fd, f->buf, &passed);
	struct message m = {0};

	(void)what;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		return die(f, "the custodian is gone");
	if (message_get(f->buf, (size_t)n, &m, &f->err))
		return die(f, "malformed message");
	take(f, &m, &passed);
}

/* ---- the server ---- */

static struct event_base *base_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config && !event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV) &&
	    !event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK))
		base = event_base_new_with_config(config);
	if (config)
		event_config_free(config);
	return base;
}

struct front *front_new(enum plane_bit plane, int link, struct cc_error *err)
{
	struct front *f = calloc(1, sizeof(*f));

	if (!f) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	TAILQ_INIT(&f->all);
	TAILQ_INIT(&f->queue);
	TAILQ_INIT(&f->held);
	TAILQ_INIT(&f->gone);
	f->link = link;
	f->owner = (struct conn_owner){
		.base = base_new(),
		.plane = plane,
		.stranger = stranger,
		.waits = waits,
		.held = held,
		.leaves = leaves,
		.closed = closed,
	};
	if (plane == PLANE_NET) {
		f->owner.tls = f->tls = tls_new(err);
		if (!f->tls) {
			front_free(f);
			return NULL;
		}
	}
	f->answer = evbuffer_new();
	if (f->owner.base) {
		f->readable = event_new(f->owner.base, link, EV_READ | EV_PERSIST, on_readable, f);
		f->writable = event_new(f->owner.base, link, EV_WRITE, on_writable, f);
	}
	if (!f->answer || !f->readable || !f->writable || event_add(f->readable, NULL)) {
		cc_fail(err, CC_E_INTERNAL, "the event loop cannot be set up");
		front_free(f);
		return NULL;
	}
	return f;
}

int front_run(struct front *f, struct cc_error *err)
{
	if (message_send(f->link, f->buf, message_put_plain(f->buf, MESSAGE_READY), -1, 0))
		return cc_fail_errno(err, CC_E_INTERNAL, "the custodian is gone");
	event_base_dispatch(f->owner.base);
	if (f->stopped)
		return 0;
	if (!f->err.code)
		cc_fail(&f->err, CC_E_INTERNAL, "the event loop ended");
	*err = f->err;
	return -1;
}

/* Not by way of closed(): there is nobody to tell any more. */
static void forget(struct conn *c)
{
	free(c);
}

void front_free(struct front *f)
{
	struct conn *c;

	if (!f)
		return;
	f->owner.closed = forget;
	while ((c = TAILQ_FIRST(&f->all))) {
		TAILQ_REMOVE(&f->all, c, all);
		conn_close(c);
	}
	while ((c = TAILQ_FIRST(&f->gone))) {
		TAILQ_REMOVE(&f->gone, c, all);
		free(c);
	}
	if (f->readable)
		event_free(f->readable);
	if (f->writable)
		event_free(f->writable);
	if (f->answer)
		evbuffer_free(f->answer);
	if (f->owner.base)
		event_base_free(f->owner.base);
	tls_free(f->tls);
	close(f->link);
	free(f);
}
