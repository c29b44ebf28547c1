/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn.h - one connection of a front: reads requests, finds their operation, refuses what need not
 * go on, writes answers, and watches the time that all of it takes.
 *
 * Bounds: CONN_HANDSHAKE_S for TLS to be set up,
 * HTTP_HEAD_MAX of head, MESSAGE_BODY_MAX of body, CONN_READ_S for a whole request,
 * CONN_IDLE_S between requests, CONN_ANSWER_S for the custodian, CONN_HOLD_S for a change to come,
 * CONN_WRITE_S for taking the answer, and the rate of rate_limit.h.
 */
#ifndef KEYD_CONN_H
#define KEYD_CONN_H

#include <sys/queue.h>
#include <event2/buffer.h>
#include <event2/event.h>

#include "front/http.h"
#include "front/rate_limit.h"
#include "front/route.h"
#include "front/tls.h"
#include "message.h"

#define CONN_HANDSHAKE_S 10
#define CONN_READ_S 10
#define CONN_IDLE_S 60
#define CONN_ANSWER_S 60
#define CONN_WRITE_S 30
#define CONN_HOLD_S 300

/**
 * enum conn_state - what is going on.
 * @CONN_HANDSHAKE: TLS is being set up
 * @CONN_IDLE: nothing of a request has come
 * @CONN_HEAD: reading a head
 * @CONN_BODY: reading a body
 * @CONN_WAITING: for the custodian
 * @CONN_HELD: for a change
 * @CONN_ANSWERING: writing the answer
 * @CONN_LINGERING: answered, reading away what the peer still sends (a close would make it lose the
 * answer)
 * @CONN_DEAD: closed as soon as no callback runs
 */
enum conn_state {
	CONN_HANDSHAKE,
	CONN_IDLE,
	CONN_HEAD,
	CONN_BODY,
	CONN_WAITING,
	CONN_HELD,
	CONN_ANSWERING,
	CONN_LINGERING,
	CONN_DEAD,
};

/**
 * struct conn - a connection.
 * @all, @queue: for the owner's lists
 * @ssl: of @bev, NULL without TLS; @certified: it has a certificate; @stranger: the custodian has
 *       not heard of it; @barred: it has, and whoever is there may ask nothing
 * @since_ms: CLOCK_MONOTONIC, since when it is in @state, but that reading a body goes on from
 * reading the head
 */
struct conn {
	TAILQ_ENTRY(conn) all;
	TAILQ_ENTRY(conn) queue;
	struct conn_owner *owner;
	struct bufferevent *bev;
	SSL *ssl;
	bool certified, stranger, barred;
	struct event *timer;
	struct connection who;
	enum conn_state state;
	int64_t since_ms;
	bool keep_alive;
	struct http_head head;
	struct route route;
};

TAILQ_HEAD(conns, conn);

/**
 * struct conn_owner - whose connections they are.
 * @plane: what may be asked; PLANE_NET: by those who have a certificate
 * @tls: NULL for none
 * @stranger: TLS is set up, and a certificate is good, if there is one
 * @waits: a request has come whole and is CONN_WAITING; its body is the input of @bev
 * @held: somebody waits for a change, CONN_HELD
 * @leaves: it no longer waits, nor is held, and has not been answered either
 * @closed: it is closed and the owner's to free with free()
 */
struct conn_owner {
	struct event_base *base;
	enum plane_bit plane;
	const struct tls *tls;
	struct rate_limit limit;
	void (*stranger)(struct conn *c);
	void (*waits)(struct conn *c);
	void (*held)(struct conn *c);
	void (*leaves)(struct conn *c);
	void (*closed)(struct conn *c);
};

/**
 * conn_new - starts to read.
 * @fd: taken over, also on error
 * Return: NULL without memory, or keys for TLS.
 */
struct conn *conn_new(struct conn_owner *owner, const struct connection *who, int fd);

/* Answers a request; drains @text. The state must be CONN_WAITING or CONN_HELD. */
void conn_answer(struct conn *c, int status, enum text_type type, struct evbuffer *text);

/* Answers who waits for a change. */
void conn_tell(struct conn *c, bool changed);

/* Closes it as soon as no callback runs. */
void conn_kill(struct conn *c);

/* Whoever is there may ask nothing: @now: closed; else he hears why when he asks. */
void conn_bar(struct conn *c, bool now);

/* Closes it now; the owner must not be in one of its callbacks. */
void conn_close(struct conn *c);

#endif
