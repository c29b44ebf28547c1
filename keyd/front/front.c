// SPDX-License-Identifier: Apache-2.0
#include "front/front.h"

#include <errno.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "cleanup.h"
#include "evidence.h"
#include "front/http.h"
#include "front/rate_limit.h"
#include "log.h"
#include "message.h"
#include "front/route.h"

#define ANSWER_MAX (16 * 1024 * 1024) /* bytes the custodian may answer with */
#define LINGER_S 2		      /* for a peer that still sends what nobody reads */

/*
 * IDLE: nothing of a request has come, HEAD: reading a head, BODY: a body, WAITING: for the
 * custodian, HELD: for a change, ANSWERING: writing the answer, LINGERING: answered, reading away
 * what the peer still sends (a close would make it lose the answer), DEAD: freed as soon as no
 * callback runs.
 */
enum state { IDLE, HEAD, BODY, WAITING, HELD, ANSWERING, LINGERING, DEAD };

struct conn {
	TAILQ_ENTRY(conn) all;
	TAILQ_ENTRY(conn) queue;
	struct front *front;
	struct bufferevent *bev;
	struct event *timer;
	uint32_t peer; /* pid */
	enum state state;
	bool keep_alive;
	struct http_head head;
	struct route route;
};

TAILQ_HEAD(conns, conn);

/* A request that the custodian has. @conn: whose, NULL if it hung up */
struct sent {
	struct conn *conn;
	enum op op;
};

/**
 * struct front - the server.
 * @queue: connections WAITING whose request has not been sent yet
 * @held: connections HELD
 * @sent: requests the custodian has, @n_sent of them in the order in which it will answer
 * @answer: what has come of the answer to the first of them
 */
struct front {
	struct event_base *base;
	struct evconnlistener *listener;
	int link;
	struct event *link_event;
	struct conns all, queue, held;
	size_t n;
	struct sent sent[FRONT_SENT];
	size_t n_sent;
	struct evbuffer *answer;
	struct rate_limit limit;
	bool stopped;
	struct cc_error err;
	unsigned char buf[MESSAGE_MAX];
};

/* ---- end of service ---- */

static void stop(struct front *f)
{
	f->stopped = true;
	event_base_loopbreak(f->base);
}

static void die(struct front *f, const char *why)
{
	if (!f->err.code)
		cc_fail(&f->err, CC_E_INTERNAL, "%s", why);
	event_base_loopbreak(f->base);
}

/* ---- connections ---- */

static void set_timer(struct conn *c, int seconds)
{
	struct timeval tv = {.tv_sec = seconds};

	event_add(c->timer, &tv);
}

/* The custodian has the request of @c, and its answer will have nowhere to go. */
static bool forget_sent(struct front *f, const struct conn *c)
{
	for (size_t i = 0; i < f->n_sent; i++) {
		if (f->sent[i].conn != c)
			continue;
		f->sent[i].conn = NULL;
		return true;
	}
	return false;
}

/* From here on only its timer knows the connection, and that frees it. */
static void conn_kill(struct conn *c)
{
	struct front *f = c->front;

	if (c->state == WAITING && !forget_sent(f, c))
		TAILQ_REMOVE(&f->queue, c, queue);
	else if (c->state == HELD)
		TAILQ_REMOVE(&f->held, c, queue);
	c->state = DEAD;
	bufferevent_setcb(c->bev, NULL, NULL, NULL, NULL);
	bufferevent_disable(c->bev, EV_READ | EV_WRITE);
	event_active(c->timer, EV_TIMEOUT, 0);
}

static void conn_free(struct conn *c)
{
	TAILQ_REMOVE(&c->front->all, c, all);
	c->front->n--;
	evconnlistener_enable(c->front->listener);
	if (c->timer)
		event_free(c->timer);
	bufferevent_free(c->bev);
	free(c);
}

static void conn_answer(struct conn *c, int status, enum text_type type, struct evbuffer *text)
{
	const char *mime = type == TEXT_METRICS ? "text/plain; version=0.0.4" : "application/json";
	struct evbuffer *out = bufferevent_get_output(c->bev);
	char head[HTTP_ANSWER_HEAD_MAX];
	size_t n = http_answer_head(head, status, mime, evbuffer_get_length(text), c->keep_alive);

	/* A peer that has closed its side still gets its answer. */
	bufferevent_disable(c->bev, EV_READ);
	c->state = ANSWERING;
	set_timer(c, FRONT_WRITE_S);
	if (evbuffer_add(out, head, n) || evbuffer_add_buffer(out, text))
		conn_kill(c);
}

/* What the front refuses itself; after that the connection cannot be trusted to be in step. */
static void conn_refuse(struct conn *c, int status, enum cc_code code, const char *fact,
			const char *why)
{
	struct evbuffer *text = evbuffer_new();
	cc_auto_free char *json = NULL;
	cc_auto_json json_t *obj = NULL;
	struct cc_error err;

	cc_fail(&err, code, "%s", why);
	cc_set_fact(&err, fact);
	obj = cc_error_to_json(&err);
	json = obj ? json_dumps(obj, JSON_COMPACT) : NULL;
	c->keep_alive = false;
	if (text && json && !evbuffer_add(text, json, strlen(json)))
		conn_answer(c, status, TEXT_JSON, text);
	else
		conn_kill(c);
	if (text)
		evbuffer_free(text);
}

/* ---- those who wait for a change ---- */

static void conn_release(struct conn *c, bool changed)
{
	struct evbuffer *text = evbuffer_new();

	TAILQ_REMOVE(&c->front->held, c, queue);
	c->state = ANSWERING;
	c->keep_alive = false;
	if (text && evbuffer_add_printf(text, "{\"changed\":%s}", changed ? "true" : "false") > 0)
		conn_answer(c, 200, TEXT_JSON, text);
	else
		conn_kill(c);
	if (text)
		evbuffer_free(text);
}

static void release_all(struct front *f)
{
	struct conn *c;

	while ((c = TAILQ_FIRST(&f->held)))
		conn_release(c, true);
}

/* Goes on reading, to notice when it hangs up. */
static void conn_hold(struct conn *c)
{
	c->state = HELD;
	set_timer(c, FRONT_HOLD_S);
	TAILQ_INSERT_TAIL(&c->front->held, c, queue);
}

/* ---- to the custodian and back ---- */

/* False when it has to wait; the connection's state tells when it has been killed. */
static bool send_request(struct front *f, struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	struct request rq = {
		.op = c->route.op,
		.after = c->route.after,
		.peer = c->peer,
		.body_len = c->head.content_length,
	};

	memcpy(rq.arg, c->route.arg, sizeof(rq.arg));
	memcpy(rq.channel, CC_CHANNEL_UNIX, sizeof(CC_CHANNEL_UNIX));
	rq.body = rq.body_len ? (const char *)evbuffer_pullup(in, (ev_ssize_t)rq.body_len) : "";
	if (!rq.body) {
		die(f, "out of memory");
		return false;
	}
	/*
	 * Never blocks: the custodian may be waiting for us to take an answer. There is room for
	 * one request while it has none, and another try when the next answer has come.
	 */
	if (message_try_send(f->link, f->buf, message_put_request(f->buf, &rq))) {
		if (errno != EAGAIN || !f->n_sent)
			die(f, "the custodian no longer takes requests");
		return false;
	}
	evbuffer_drain(in, rq.body_len);
	return true;
}

/* Several may be with the custodian: those that wait for it together share a transaction. */
static void send_next(struct front *f)
{
	struct conn *c;

	while (f->n_sent < FRONT_SENT && (c = TAILQ_FIRST(&f->queue))) {
		if (!send_request(f, c))
			return;
		TAILQ_REMOVE(&f->queue, c, queue);
		f->sent[f->n_sent++] = (struct sent){c, c->route.op};
	}
}

static void take_part(struct front *f, const struct answer_part *part)
{
	struct sent first = f->sent[0];

	if (!f->n_sent || evbuffer_get_length(f->answer) + part->len > ANSWER_MAX)
		return die(f, "the custodian answered out of turn or without end");
	if (evbuffer_add(f->answer, part->text, part->len))
		return die(f, "out of memory");
	if (!part->last)
		return;

	f->n_sent--;
	memmove(f->sent, f->sent + 1, f->n_sent * sizeof(f->sent[0]));
	if (part->http == 200 && operations[first.op].flags & OPF_WAKES)
		release_all(f);
	if (first.conn)
		conn_answer(first.conn, part->http, part->type, f->answer);
	evbuffer_drain(f->answer, evbuffer_get_length(f->answer));
	send_next(f);
}

static void on_link(evutil_socket_t fd, short what, void *arg)
{
	struct front *f = arg;
	ssize_t n = message_recv(fd, f->buf);
	struct message m = {0};

	(void)what;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		return die(f, "the custodian is gone");
	if (message_get(f->buf, (size_t)n, &m, &f->err))
		return die(f, "malformed message");
	if (m.type == MESSAGE_STOP)
		return stop(f);
	if (m.type != MESSAGE_ANSWER)
		return die(f, "the custodian sent a message that is the front's");
	take_part(f, &m.part);
}

/* ---- reading requests ---- */

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The head is parsed: whatever can be refused without the body is refused now. */
static void conn_route(struct conn *c)
{
	int status = route_find(c->head.method, c->head.target, &c->route);

	if (!rate_limit_allow(&c->front->limit, c->peer, now_ms()))
		return conn_refuse(c, 429, CC_E_BUSY, "rate", "too many requests: slow down");
	if (status == 404)
		return conn_refuse(c, 404, CC_E_NOTFOUND, "path", "no such path: see docs/api.md");
	if (status == 405)
		return conn_refuse(c, 405, CC_E_USAGE, "method",
				   "this path does not have the method");
	if (status)
		return conn_refuse(c, 400, CC_E_USAGE, "path", "malformed name, UUID or query");
	if (c->head.content_length > MESSAGE_BODY_MAX)
		return conn_refuse(c, 413, CC_E_INVALID, "size", "body is larger than 64 KiB");
	if (c->head.content_length && !c->head.json)
		return conn_refuse(c, 415, CC_E_INVALID, "type",
				   "Content-Type must be application/json");
	c->keep_alive = c->head.keep_alive;
	c->state = BODY;
	if (c->head.expect_continue && !evbuffer_get_length(bufferevent_get_input(c->bev)))
		bufferevent_write(c->bev, "HTTP/1.1 100 Continue\r\n\r\n", 25);
}

static void conn_head(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	size_t len = end.pos < 0 ? evbuffer_get_length(in) : (size_t)end.pos + 4;
	char head[HTTP_HEAD_MAX];
	int status;

	if (len > sizeof(head))
		return conn_refuse(c, 431, CC_E_INVALID, "head",
				   "request head is larger than 8 KiB");
	if (end.pos < 0)
		return;
	evbuffer_remove(in, head, len);
	status = http_parse_head(head, len, &c->head);
	if (status)
		return conn_refuse(c, status, CC_E_INVALID, "head", "malformed HTTP request");
	conn_route(c);
}

static void conn_body(struct conn *c)
{
	if (evbuffer_get_length(bufferevent_get_input(c->bev)) < c->head.content_length)
		return;
	if (c->route.op == OP_CHANGES)
		return conn_hold(c);
	/* Whatever comes behind this request waits until it is answered. */
	bufferevent_disable(c->bev, EV_READ);
	c->state = WAITING;
	set_timer(c, FRONT_ANSWER_S);
	TAILQ_INSERT_TAIL(&c->front->queue, c, queue);
	send_next(c->front);
}

static void conn_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct conn *c = arg;

	if (c->state == IDLE && evbuffer_get_length(in)) {
		c->state = HEAD;
		set_timer(c, FRONT_READ_S); /* from the first byte, however slowly others follow */
	}
	if (c->state == HEAD)
		conn_head(c);
	if (c->state == BODY)
		conn_body(c);
	if (c->state == LINGERING)
		evbuffer_drain(in, evbuffer_get_length(in));
}

/* Everything of the answer has been written. */
static void conn_written(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	if (c->state != ANSWERING)
		return;
	bufferevent_enable(bev, EV_READ);
	if (!c->keep_alive) {
		c->state = LINGERING;
		set_timer(c, LINGER_S);
		shutdown(bufferevent_getfd(bev), SHUT_WR);
	} else {
		c->state = IDLE;
		set_timer(c, FRONT_IDLE_S);
	}
	conn_read(bev, c);
}

static void conn_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)what;
	conn_kill(arg);
}

static void conn_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	switch (c->state) {
	case DEAD:
		return conn_free(c);
	case HELD:
		return conn_release(c, false);
	case HEAD:
	case BODY:
		return conn_refuse(c, 408, CC_E_INVALID, "time",
				   "the request did not arrive in time");
	default:
		return conn_kill(c);
	}
}

/* ---- accepting ---- */

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *addr,
		      int len, void *arg)
{
	struct front *f = arg;
	struct ucred peer;
	socklen_t peer_len = sizeof(peer);
	struct conn *c;

	(void)addr;
	(void)len;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_len) || peer.uid != 0) {
		cc_log(LOG_WARNING, "a connection was refused: its peer is not root");
		close(fd);
		return;
	}
	c = calloc(1, sizeof(*c));
	if (c)
		c->bev = bufferevent_socket_new(f->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!c || !c->bev) {
		free(c);
		close(fd);
		return;
	}
	c->front = f;
	c->peer = peer.pid > 0 ? (uint32_t)peer.pid : UINT32_MAX;
	TAILQ_INSERT_TAIL(&f->all, c, all);
	if (++f->n == FRONT_CONNECTIONS)
		evconnlistener_disable(listener);
	c->timer = evtimer_new(f->base, conn_timer, c);
	if (!c->timer)
		return conn_free(c);
	set_timer(c, FRONT_IDLE_S);
	bufferevent_setwatermark(c->bev, EV_READ, 0, HTTP_HEAD_MAX + MESSAGE_BODY_MAX);
	bufferevent_setcb(c->bev, conn_read, conn_written, conn_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
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

struct front *front_new(int listener, int link, struct cc_error *err)
{
	struct front *f = calloc(1, sizeof(*f));

	if (!f) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	TAILQ_INIT(&f->all);
	TAILQ_INIT(&f->queue);
	TAILQ_INIT(&f->held);
	f->link = link;
	f->base = base_new();
	f->answer = evbuffer_new();
	if (f->base) {
		f->listener = evconnlistener_new(f->base, on_accept, f, LEV_OPT_CLOSE_ON_FREE, 0,
						 listener);
		f->link_event = event_new(f->base, link, EV_READ | EV_PERSIST, on_link, f);
	}
	if (!f->answer || !f->listener || !f->link_event || event_add(f->link_event, NULL)) {
		cc_fail(err, CC_E_INTERNAL, "the event loop cannot be set up");
		front_free(f);
		return NULL;
	}
	return f;
}

int front_run(struct front *f, struct cc_error *err)
{
	if (message_send(f->link, f->buf, message_put_plain(f->buf, MESSAGE_READY)))
		return cc_fail_errno(err, CC_E_INTERNAL, "the custodian is gone");
	event_base_dispatch(f->base);
	if (f->stopped)
		return 0;
	if (!f->err.code)
		cc_fail(&f->err, CC_E_INTERNAL, "the event loop ended");
	*err = f->err;
	return -1;
}

void front_free(struct front *f)
{
	struct conn *c;

	if (!f)
		return;
	while ((c = TAILQ_FIRST(&f->all)))
		conn_free(c);
	if (f->link_event)
		event_free(f->link_event);
	if (f->listener)
		evconnlistener_free(f->listener);
	if (f->answer)
		evbuffer_free(f->answer);
	if (f->base)
		event_base_free(f->base);
	close(f->link);
	free(f);
}
