// SPDX-License-Identifier: Apache-2.0
#include "front/conn.h"

#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/sha.h>

#include "cert.h"
#include "cleanup.h"
#include "error.h"
#include "json.h"

#define LINGER_S 2 /* for a peer that still sends what nobody reads */

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void enter(struct conn *c, enum conn_state state)
{
	c->state = state;
	c->since_ms = now_ms();
}

/* ---- its end ---- */

static void set_timer(struct conn *c, int seconds)
{
	struct timeval tv = {.tv_sec = seconds};

	event_add(c->timer, &tv);
}

/* From here on only its timer knows the connection, and that closes it. */
void conn_kill(struct conn *c)
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
	enter(c, CONN_ANSWERING);
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

	enter(c, CONN_ANSWERING);
	c->keep_alive = false;
	if (text && evbuffer_add_printf(text, "{\"changed\":%s}", changed ? "true" : "false") > 0)
		conn_answer(c, 200, TEXT_JSON, text);
	else
		conn_kill(c);
	if (text)
		evbuffer_free(text);
}

/* ---- reading requests ---- */

static void refuse_barred(struct conn *c)
{
	conn_refuse(c, 403, CC_E_REFUSED, "agent",
		    "the agent of this certificate was removed here, or the certificate is over: "
		    "enrol it again, see \"dmctl agents invite\"");
}

void conn_bar(struct conn *c, bool now)
{
	c->barred = true;
	if (now)
		return conn_kill(c);
	if (c->state != CONN_HELD)
		return;
	c->owner->leaves(c);
	enter(c, CONN_ANSWERING);
	refuse_barred(c);
}

/* What it may ask for that is not on its plane, in words. */
static void refuse_plane(struct conn *c)
{
	if (c->ssl && !c->certified)
		return conn_refuse(c, cc_code_http(CC_E_PERM), CC_E_PERM, "certificate",
				   "that takes a certificate, which an agent gets when it enrols: "
				   "see \"dmctl agents invite\"");
	conn_refuse(c, cc_code_http(CC_E_PERM), CC_E_PERM, "plane",
		    c->ssl ? "agents ask over TLS: an administrator asks for that on the machine "
			     "where keyd is"
			   : "this is keyd's socket for agents: an administrator asks for "
			     "that on the other one");
}

/* The plane of the connection: its owner's, or without a certificate that of those who enrol. */
static enum plane_bit plane_of(const struct conn *c)
{
	return c->ssl && !c->certified ? PLANE_ENROL : c->owner->plane;
}

/* The head is parsed: whatever can be refused without the body is refused now. */
static void conn_route(struct conn *c)
{
	int status = route_find(c->head.method, c->head.target, &c->route);

	if (c->barred)
		return refuse_barred(c);
	if (!rate_limit_allow(&c->owner->limit, &c->who.peer, now_ms()))
		return conn_refuse(c, 429, CC_E_BUSY, "rate", "too many requests: slow down");
	if (status == 404)
		return conn_refuse(c, 404, CC_E_NOTFOUND, "path", "no such path: see docs/api.md");
	if (status == 405)
		return conn_refuse(c, 405, CC_E_USAGE, "method",
				   "this path does not have the method");
	if (status)
		return conn_refuse(c, 400, CC_E_USAGE, "path", "malformed name, UUID or query");
	if (!(operations[c->route.op].planes & plane_of(c)))
		return refuse_plane(c);
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
	enter(c, CONN_HELD);
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
	enter(c, CONN_WAITING);
	set_timer(c, CONN_ANSWER_S);
	c->owner->waits(c);
}

static void conn_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct conn *c = arg;

	if (c->state == CONN_IDLE && evbuffer_get_length(in)) {
		enter(c, CONN_HEAD);
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
		enter(c, CONN_LINGERING);
		set_timer(c, LINGER_S);
		if (c->ssl)
			SSL_shutdown(c->ssl);
		shutdown(bufferevent_getfd(bev), SHUT_WR);
	} else {
		enter(c, CONN_IDLE);
		set_timer(c, CONN_IDLE_S);
	}
	conn_read(bev, c);
}

/* ---- TLS ---- */

/* From now on those of one certificate are counted together, wherever they come from. */
static void count_by_certificate(struct conn *c, const unsigned char *cert, size_t len)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];

	SHA256(cert, len, hash);
	memcpy(&c->who.peer.uid, hash, sizeof(c->who.peer.uid));
	memcpy(&c->who.peer.pid, hash, sizeof(c->who.peer.pid));
}

static void established(struct conn *c)
{
	cc_auto_der unsigned char *cert = NULL;
	unsigned char exporter[MESSAGE_EXPORTER_LEN];
	size_t len;

	if (tls_introduce(c->ssl, exporter, &cert, &len))
		return conn_kill(c);
	c->certified = cert;
	if (cert)
		count_by_certificate(c, cert, len);
	enter(c, CONN_IDLE);
	set_timer(c, CONN_IDLE_S);
	c->owner->stranger(c);
}

static void conn_event(struct bufferevent *bev, short what, void *arg)
{
	struct conn *c = arg;

	(void)bev;
	if (what & BEV_EVENT_CONNECTED && c->state == CONN_HANDSHAKE)
		return established(c);
	conn_kill(c);
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

/* Takes @fd over when it succeeds. */
static struct bufferevent *open_bev(struct conn *c, struct conn_owner *owner, int fd)
{
	struct bufferevent *bev;

	if (!owner->tls)
		return bufferevent_socket_new(owner->base, fd, BEV_OPT_CLOSE_ON_FREE);
	c->ssl = tls_accept(owner->tls);
	if (!c->ssl)
		return NULL;
	bev = bufferevent_openssl_socket_new(owner->base, fd, c->ssl, BUFFEREVENT_SSL_ACCEPTING,
					     BEV_OPT_CLOSE_ON_FREE);
	if (!bev)
		SSL_free(c->ssl);
	return bev;
}

struct conn *conn_new(struct conn_owner *owner, const struct connection *who, int fd)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c)
		c->timer = evtimer_new(owner->base, conn_timer, c);
	if (c && c->timer)
		c->bev = open_bev(c, owner, fd);
	if (!c || !c->bev) {
		if (c && c->timer)
			event_free(c->timer);
		free(c);
		close(fd);
		return NULL;
	}
	c->owner = owner;
	c->who = *who;
	enter(c, c->ssl ? CONN_HANDSHAKE : CONN_IDLE);
	set_timer(c, c->ssl ? CONN_HANDSHAKE_S : CONN_IDLE_S);
	bufferevent_setwatermark(c->bev, EV_READ, 0, HTTP_HEAD_MAX + MESSAGE_BODY_MAX);
	bufferevent_setcb(c->bev, conn_read, conn_written, conn_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	return c;
}
