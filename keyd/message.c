// SPDX-License-Identifier: Apache-2.0
#include "message.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"

#define MAGIC 0x6b636363u

struct head {
	uint32_t magic;
	uint16_t type;
	uint16_t zero;
	uint32_t len;
};

struct request_head {
	uint32_t op;
	uint32_t paged;
	uint64_t conn;
	char after[OP_AFTER_LEN];
	char arg[OP_ARG_LEN];
};

struct connect_head {
	uint64_t id;
	uint32_t uid, gid, pid, zero;
};

struct tls_head {
	uint32_t ca_len, cert_len, key_len, zero;
};

struct peer_head {
	uint64_t conn;
	unsigned char exporter[MESSAGE_EXPORTER_LEN];
};

struct barred_body {
	uint64_t conn;
	uint32_t now, zero;
};

struct answer_head {
	uint16_t http;
	uint8_t type;
	uint8_t last;
};

_Static_assert(sizeof(struct head) + sizeof(struct request_head) + MESSAGE_BODY_MAX <= MESSAGE_MAX,
	       "the largest request fits");
_Static_assert(sizeof(struct head) + sizeof(struct tls_head) + 3 * MESSAGE_CERT_MAX <= MESSAGE_MAX,
	       "the largest certificates fit");
_Static_assert(sizeof(struct head) + sizeof(struct answer_head) + MESSAGE_PART_MAX <= MESSAGE_MAX,
	       "the largest part of an answer fits");

static size_t message_put(unsigned char *buf, enum message_type type, const void *head,
			  size_t head_len, const void *rest, size_t rest_len)
{
	struct head h = {
		.magic = MAGIC,
		.type = (uint16_t)type,
		.len = (uint32_t)(head_len + rest_len),
	};

	memcpy(buf, &h, sizeof(h));
	if (head_len)
		memcpy(buf + sizeof(h), head, head_len);
	if (rest_len)
		memcpy(buf + sizeof(h) + head_len, rest, rest_len);
	return sizeof(h) + head_len + rest_len;
}

/* What stands behind the head already belongs to the message. Return: @len */
static size_t message_more(unsigned char *buf, size_t len)
{
	struct head h;

	memcpy(&h, buf, sizeof(h));
	h.len += (uint32_t)len;
	memcpy(buf, &h, sizeof(h));
	return len;
}

size_t message_put_request(unsigned char buf[static MESSAGE_MAX], const struct request *rq)
{
	struct request_head h = {.op = rq->op, .conn = rq->conn, .paged = rq->paged};

	memcpy(h.after, rq->after, strnlen(rq->after, OP_AFTER_LEN - 1));
	memcpy(h.arg, rq->arg, strnlen(rq->arg, OP_ARG_LEN - 1));
	return message_put(buf, MESSAGE_REQUEST, &h, sizeof(h), rq->body, rq->body_len);
}

size_t message_put_part(unsigned char buf[static MESSAGE_MAX], const struct answer_part *part)
{
	struct answer_head h = {
		.http = (uint16_t)part->http,
		.type = (uint8_t)part->type,
		.last = part->last,
	};

	return message_put(buf, MESSAGE_ANSWER, &h, sizeof(h), part->text, part->len);
}

size_t message_put_connect(unsigned char buf[static MESSAGE_MAX], const struct connection *c)
{
	const struct connect_head h = {
		.id = c->id, .uid = c->peer.uid, .gid = c->peer.gid, .pid = c->peer.pid};

	return message_put(buf, MESSAGE_CONNECT, &h, sizeof(h), NULL, 0);
}

size_t message_put_closed(unsigned char buf[static MESSAGE_MAX], uint64_t connection)
{
	return message_put(buf, MESSAGE_CLOSED, &connection, sizeof(connection), NULL, 0);
}

size_t message_put_tls(unsigned char buf[static MESSAGE_MAX], const struct tls_keys *tls)
{
	const struct tls_head h = {(uint32_t)tls->ca_len, (uint32_t)tls->cert_len,
				   (uint32_t)tls->key_len, 0};
	unsigned char *rest = buf + sizeof(struct head) + sizeof(h);

	memcpy(rest, tls->ca, tls->ca_len);
	memcpy(rest + tls->ca_len, tls->cert, tls->cert_len);
	memcpy(rest + tls->ca_len + tls->cert_len, tls->key, tls->key_len);
	return message_put(buf, MESSAGE_TLS, &h, sizeof(h), NULL, 0) +
	       message_more(buf, tls->ca_len + tls->cert_len + tls->key_len);
}

size_t message_put_peer(unsigned char buf[static MESSAGE_MAX], const struct introduction *in)
{
	struct peer_head h = {.conn = in->conn};

	memcpy(h.exporter, in->exporter, sizeof(h.exporter));
	return message_put(buf, MESSAGE_PEER, &h, sizeof(h), in->cert, in->cert_len);
}

size_t message_put_barred(unsigned char buf[static MESSAGE_MAX], const struct barred *barred)
{
	const struct barred_body b = {.conn = barred->conn, .now = barred->now};

	return message_put(buf, MESSAGE_BARRED, &b, sizeof(b), NULL, 0);
}

size_t message_put_plain(unsigned char buf[static MESSAGE_MAX], enum message_type type)
{
	return message_put(buf, type, NULL, 0, NULL, 0);
}

/* A text of @size bytes that has its NUL and nothing behind it. */
static bool padded(const char *text, size_t size)
{
	for (size_t i = strnlen(text, size); i < size; i++)
		if (text[i])
			return false;
	return !text[size - 1];
}

static int get_request(const unsigned char *p, size_t len, struct request *rq, struct cc_error *err)
{
	struct request_head h;

	if (len < sizeof(h) || len - sizeof(h) > MESSAGE_BODY_MAX)
		return cc_fail(err, CC_E_INVALID, "request message of %zu bytes", len);
	memcpy(&h, p, sizeof(h));
	if (h.op == OP_NONE || h.op >= OP_END)
		return cc_fail(err, CC_E_INVALID, "request message with operation %u", h.op);
	if (!padded(h.arg, sizeof(h.arg)) || !padded(h.after, sizeof(h.after)) || h.paged > 1)
		return cc_fail(err, CC_E_INVALID, "request message with an unterminated text");
	*rq = (struct request){
		.op = (enum op)h.op,
		.conn = h.conn,
		.paged = h.paged,
		.body = (const char *)p + sizeof(h),
		.body_len = len - sizeof(h),
	};
	memcpy(rq->after, h.after, sizeof(rq->after));
	memcpy(rq->arg, h.arg, sizeof(rq->arg));
	return 0;
}

static int get_part(const unsigned char *p, size_t len, struct answer_part *part,
		    struct cc_error *err)
{
	struct answer_head h;

	if (len < sizeof(h) || len - sizeof(h) > MESSAGE_PART_MAX)
		return cc_fail(err, CC_E_INVALID, "answer message of %zu bytes", len);
	memcpy(&h, p, sizeof(h));
	if (h.http < 100 || h.http > 599 || h.last > 1 ||
	    (h.type != TEXT_JSON && h.type != TEXT_METRICS))
		return cc_fail(err, CC_E_INVALID, "answer message with status %u, type %u, last %u",
			       h.http, h.type, h.last);
	*part = (struct answer_part){
		.http = h.http,
		.type = (enum text_type)h.type,
		.last = h.last,
		.text = (const char *)p + sizeof(h),
		.len = len - sizeof(h),
	};
	return 0;
}

static int get_connect(const unsigned char *p, size_t len, struct connection *c,
		       struct cc_error *err)
{
	struct connect_head h;

	if (len != sizeof(h))
		return cc_fail(err, CC_E_INVALID, "connect message of %zu bytes", len);
	memcpy(&h, p, sizeof(h));
	if (h.zero)
		return cc_fail(err, CC_E_INVALID, "connect message with something behind it");
	*c = (struct connection){h.id, {h.uid, h.gid, h.pid}};
	return 0;
}

static int get_closed(const unsigned char *p, size_t len, struct connection *c,
		      struct cc_error *err)
{
	*c = (struct connection){0};
	if (len != sizeof(c->id))
		return cc_fail(err, CC_E_INVALID, "closed message of %zu bytes", len);
	memcpy(&c->id, p, sizeof(c->id));
	return 0;
}

static bool der_fits(size_t len)
{
	return len > 0 && len <= MESSAGE_CERT_MAX;
}

static int get_tls(const unsigned char *p, size_t len, struct tls_keys *tls, struct cc_error *err)
{
	struct tls_head h = {0};

	if (len >= sizeof(h))
		memcpy(&h, p, sizeof(h));
	if (h.zero || !der_fits(h.ca_len) || !der_fits(h.cert_len) || !der_fits(h.key_len) ||
	    len != sizeof(h) + h.ca_len + h.cert_len + h.key_len)
		return cc_fail(err, CC_E_INVALID, "TLS message of %zu bytes", len);
	p += sizeof(h);
	*tls = (struct tls_keys){
		.ca = p,
		.cert = p + h.ca_len,
		.key = p + h.ca_len + h.cert_len,
		.ca_len = h.ca_len,
		.cert_len = h.cert_len,
		.key_len = h.key_len,
	};
	return 0;
}

static int get_peer(const unsigned char *p, size_t len, struct introduction *in,
		    struct cc_error *err)
{
	struct peer_head h;

	if (len < sizeof(h) || len - sizeof(h) > MESSAGE_CERT_MAX)
		return cc_fail(err, CC_E_INVALID, "peer message of %zu bytes", len);
	memcpy(&h, p, sizeof(h));
	*in = (struct introduction){.conn = h.conn, .cert_len = len - sizeof(h)};
	in->cert = in->cert_len ? p + sizeof(h) : NULL;
	memcpy(in->exporter, h.exporter, sizeof(in->exporter));
	return 0;
}

static int get_barred(const unsigned char *p, size_t len, struct barred *barred,
		      struct cc_error *err)
{
	struct barred_body b;

	if (len != sizeof(b))
		return cc_fail(err, CC_E_INVALID, "barred message of %zu bytes", len);
	memcpy(&b, p, sizeof(b));
	if (b.now > 1 || b.zero)
		return cc_fail(err, CC_E_INVALID, "barred message with something behind it");
	*barred = (struct barred){b.conn, b.now};
	return 0;
}

int message_get(const unsigned char *buf, size_t len, struct message *m, struct cc_error *err)
{
	struct head h;

	if (len < sizeof(h) || len > MESSAGE_MAX)
		return cc_fail(err, CC_E_INVALID, "message of %zu bytes", len);
	memcpy(&h, buf, sizeof(h));
	if (h.magic != MAGIC || h.zero || h.len != len - sizeof(h))
		return cc_fail(err, CC_E_INVALID, "message with a wrong head");

	m->type = (enum message_type)h.type;
	switch (h.type) {
	case MESSAGE_REQUEST:
		return get_request(buf + sizeof(h), h.len, &m->request, err);
	case MESSAGE_ANSWER:
		return get_part(buf + sizeof(h), h.len, &m->part, err);
	case MESSAGE_CONNECT:
		return get_connect(buf + sizeof(h), h.len, &m->connection, err);
	case MESSAGE_CLOSED:
		return get_closed(buf + sizeof(h), h.len, &m->connection, err);
	case MESSAGE_TLS:
		return get_tls(buf + sizeof(h), h.len, &m->tls, err);
	case MESSAGE_PEER:
		return get_peer(buf + sizeof(h), h.len, &m->introduction, err);
	case MESSAGE_BARRED:
		return get_barred(buf + sizeof(h), h.len, &m->barred, err);
	case MESSAGE_READY:
	case MESSAGE_CHANGED:
	case MESSAGE_STOP:
		return h.len ? cc_fail(err, CC_E_INVALID, "message of type %u is too long", h.type)
			     : 0;
	default:
		return cc_fail(err, CC_E_INVALID, "message of unknown type %u", h.type);
	}
}

/* Room for one descriptor. */
union control {
	char buf[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

int message_send(int fd, const unsigned char *buf, size_t len, int passed, int flags)
{
	struct iovec iov = {.iov_base = (void *)buf, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	union control control = {0};
	ssize_t n;

	if (passed >= 0) {
		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		*CMSG_FIRSTHDR(&msg) = (struct cmsghdr){
			.cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		};
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), &passed, sizeof(passed));
	}
	do {
		n = sendmsg(fd, &msg, MSG_NOSIGNAL | flags);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

static int passed_fd(struct msghdr *msg)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	int fd = -1;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

ssize_t message_recv(int fd, unsigned char buf[static MESSAGE_MAX], int *passed)
{
	struct iovec iov = {.iov_base = buf, .iov_len = MESSAGE_MAX};
	union control control = {0};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = passed ? control.buf : NULL,
		.msg_controllen = passed ? CMSG_LEN(sizeof(int)) : 0,
	};
	ssize_t n;

	do {
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (passed)
		*passed = n > 0 ? passed_fd(&msg) : -1;
	if (n > 0 && (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		if (passed)
			close(cc_steal_fd(passed));
		errno = EMSGSIZE;
		return -1;
	}
	return n;
}
