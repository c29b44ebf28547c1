// SPDX-License-Identifier: Apache-2.0
#include "message.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define MAGIC 0x6b636363u

struct head {
	uint32_t magic;
	uint16_t type;
	uint16_t zero;
	uint32_t len;
};

struct request_head {
	uint32_t op;
	uint32_t peer;
	uint64_t after;
	char arg[OP_ARG_LEN];
	char channel[MESSAGE_CHANNEL_LEN];
};

struct answer_head {
	uint16_t http;
	uint8_t type;
	uint8_t last;
};

_Static_assert(sizeof(struct head) + sizeof(struct request_head) + MESSAGE_BODY_MAX <= MESSAGE_MAX,
	       "the largest request fits");
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

size_t message_put_request(unsigned char buf[static MESSAGE_MAX], const struct request *rq)
{
	struct request_head h = {.op = rq->op, .peer = rq->peer, .after = rq->after};

	memcpy(h.arg, rq->arg, strnlen(rq->arg, OP_ARG_LEN - 1));
	memcpy(h.channel, rq->channel, strnlen(rq->channel, MESSAGE_CHANNEL_LEN - 1));
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
	if (!padded(h.arg, sizeof(h.arg)) || !padded(h.channel, sizeof(h.channel)))
		return cc_fail(err, CC_E_INVALID, "request message with an unterminated text");
	*rq = (struct request){
		.op = (enum op)h.op,
		.peer = h.peer,
		.after = h.after,
		.body = (const char *)p + sizeof(h),
		.body_len = len - sizeof(h),
	};
	memcpy(rq->arg, h.arg, sizeof(rq->arg));
	memcpy(rq->channel, h.channel, sizeof(rq->channel));
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
	case MESSAGE_READY:
	case MESSAGE_STOP:
		return h.len ? cc_fail(err, CC_E_INVALID, "message of type %u is too long", h.type)
			     : 0;
	default:
		return cc_fail(err, CC_E_INVALID, "message of unknown type %u", h.type);
	}
}

static int send_with(int fd, const unsigned char *buf, size_t len, int flags)
{
	ssize_t n;

	do {
		n = send(fd, buf, len, MSG_NOSIGNAL | flags);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

int message_send(int fd, const unsigned char *buf, size_t len)
{
	return send_with(fd, buf, len, 0);
}

int message_try_send(int fd, const unsigned char *buf, size_t len)
{
	return send_with(fd, buf, len, MSG_DONTWAIT);
}

ssize_t message_recv(int fd, unsigned char buf[static MESSAGE_MAX])
{
	struct iovec iov = {.iov_base = buf, .iov_len = MESSAGE_MAX};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	do {
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n > 0 && (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		errno = EMSGSIZE;
		return -1;
	}
	return n;
}
