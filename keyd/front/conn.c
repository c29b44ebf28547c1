// SPDX-License-Identifier: Apache-2.0
#include "front/conn.h"

#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <event2/bufferevent.h>

#include "cleanup.h"
#include "error.h"
#include "json.h"

#define LINGER_S 2 /* for a peer that still sends what nobody reads */

/* ---- its end ---- */

static void set_timer(struct conn *c, int seconds)
{
	struct timeval tv = {.tv_sec = seconds};

	event_add(c->timer, &tv);
}

/* From here on only its timer knows the connection, and that closes it. */
static void conn_kill(struct conn *c)
{
	if (c->state == CONN_WAITING || c->state == CONN_HELD)
		c->owner->leaves(c);
	c->state = CONN_DEAD;
	bufferevent_setcb(c->bev, NULL, NULL, NULL, NULL);
	bufferevent_disable(c->bev, EV_READ | EV_WRITE);
	event_active(c->timer, EV_TIMEOUT, 0);
}

void conn_close(struct conn *c)
{
	event_free(c->timer);
	bufferevent_free(c->bev);
	c->owner->closed(c);
}

/* ---- answers ---- */

void conn_answer(struct conn *c, int status, enum text_type type, struct evbuffer *text)
{
	const char *mime = type == TEXT_METRICS ? "text/plain; version=0.0.4" : "application/json";
	struct evbuffer *out = bufferevent_get_output(c->bev);
	char head[HTTP_ANSWER_HEAD_MAX];
	size_t n = http_answer_head(head, status, mime, evbuffer_get_length(text), c->keep_alive);

	/* A peer that has closed its side still gets its answer. */
	bufferevent_disable(c->bev, EV_READ);
	c->state = CONN_ANSWERING;
	set_timer(c, CONN_WRITE_S);
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

void conn_tell(struct conn *c, bool changed)
{
	struct evbuffer *text = evbuffer_new();

	c->state = CONN_ANSWERING;
	c->keep_alive = false;
	if (text && evbuffer_add_printf(text, "{\"changed\":%s}", changed ? "true" : "false") > 0)
		conn_answer(c, 200, TEXT_JSON, text);
	else
		conn_kill(c);
	if (text)
		evbuffer_free(text);
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

	if (!rate_limit_allow(&c->owner->limit, c->who.peer.pid ?: UINT32_MAX, now_ms()))
		return conn_refuse(c, 429, CC_E_BUSY, "rate", "too many requests: slow down");
	if (status == 404)
		return conn_refuse(c, 404, CC_E_NOTFOUND, "path", "no such path: see docs/api.md");
	if (status == 405)
		return conn_refuse(c, 405, CC_E_USAGE, "method",
				   "this path does not have the method");
	if (status)
		return conn_refuse(c, 400, CC_E_USAGE, "path", "malformed name, UUID or query");
	if (!(operations[c->route.op].planes & c->owner->plane))
		return conn_refuse(c, cc_code_http(CC_E_PERM), CC_E_PERM, "plane",
				   "this is keyd's socket for agents: an administrator asks for "
				   "that on the other one");
	if (c->head.content_length > MESSAGE_BODY_MAX)
		return conn_refuse(c, 413, CC_E_INVALID, "size", "body is larger than 64 KiB");
	if (c->head.content_length && !c->head.json)
		return conn_refuse(c, 415, CC_E_INVALID, "type",
				   "Content-Type must be application/json");
	c->keep_alive = c->head.keep_alive;
	c->state = CONN_BODY;
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

/* Goes on reading, to notice when it hangs up. */
static void hold(struct conn *c)
{
	c->state = CONN_HELD;
	set_timer(c, CONN_HOLD_S);
	c->owner->held(c);
}

static void conn_body(struct conn *c)
{
	if (evbuffer_get_length(bufferevent_get_input(c->bev)) < c->head.content_length)
		return;
	if (c->route.op == OP_CHANGES)
		return hold(c);
	/* Whatever comes behind this request waits until it is answered. */
	bufferevent_disable(c->bev, EV_READ);
	c->state = CONN_WAITING;
	set_timer(c, CONN_ANSWER_S);
	c->owner->waits(c);
}

static void conn_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct conn *c = arg;

	if (c->state == CONN_IDLE && evbuffer_get_length(in)) {
		c->state = CONN_HEAD;
		set_timer(c, CONN_READ_S); /* from the first byte, however slowly others follow */
	}
	if (c->state == CONN_HEAD)
		conn_head(c);
	if (c->state == CONN_BODY)
		conn_body(c);
	if (c->state == CONN_LINGERING)
		evbuffer_drain(in, evbuffer_get_length(in));
}

/* Everything of the answer has been written. */
static void conn_written(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	if (c->state != CONN_ANSWERING)
		return;
	bufferevent_enable(bev, EV_READ);
	if (!c->keep_alive) {
		c->state = CONN_LINGERING;
		set_timer(c, LINGER_S);
		shutdown(bufferevent_getfd(bev), SHUT_WR);
	} else {
		c->state = CONN_IDLE;
		set_timer(c, CONN_IDLE_S);
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
	case CONN_DEAD:
		return conn_close(c);
	case CONN_HELD:
		c->owner->leaves(c);
		return conn_tell(c, false);
	case CONN_HEAD:
	case CONN_BODY:
		return conn_refuse(c, 408, CC_E_INVALID, "time",
				   "the request did not arrive in time");
	default:
		return conn_kill(c);
	}
}

struct conn *conn_new(struct conn_owner *owner, const struct connection *who, int fd)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c)
		c->timer = evtimer_new(owner->base, conn_timer, c);
	if (c && c->timer)
		c->bev = bufferevent_socket_new(owner->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!c || !c->bev) {
		if (c && c->timer)
			event_free(c->timer);
		free(c);
		close(fd);
		return NULL;
	}
	c->owner = owner;
	c->who = *who;
	set_timer(c, CONN_IDLE_S);
	bufferevent_setwatermark(c->bev, EV_READ, 0, HTTP_HEAD_MAX + MESSAGE_BODY_MAX);
	bufferevent_setcb(c->bev, conn_read, conn_written, conn_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	return c;
}
