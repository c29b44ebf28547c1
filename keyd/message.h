/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message.h - what front and custodian say to each other, one message a packet of a SOCK_SEQPACKET
 * pair. Neither believes the other: every packet is checked for type and exact length when it is
 * read.
 *
 *   head     magic (4), type (2), zero (2), bytes after the head (4)
 *   READY    front → custodian: serving; nothing more
 *   REQUEST  front → custodian: op (4), peer's pid (4), after (8), argument (OP_ARG_LEN,
 *            NUL padded), channel (MESSAGE_CHANNEL_LEN, NUL padded), body
 *   ANSWER   custodian → front: HTTP status (2), type of the text (1), last (1), part of
 *            the text; an answer is as many packets as its text needs, `last` is 1 in the last one
 *            only
 *   STOP     custodian → front: end, there is nothing wrong; nothing more
 *
 * Numbers are in host order: both ends are one binary.
 */
#ifndef KEYD_MESSAGE_H
#define KEYD_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "op.h"

#define MESSAGE_BODY_MAX (64 * 1024) /* bytes of a request's body */
#define MESSAGE_PART_MAX (32 * 1024) /* bytes of text in one ANSWER */
#define MESSAGE_MAX (MESSAGE_BODY_MAX + 512)
#define MESSAGE_CHANNEL_LEN 64

enum message_type { MESSAGE_READY = 1, MESSAGE_REQUEST, MESSAGE_ANSWER, MESSAGE_STOP };
enum text_type { TEXT_JSON = 1, TEXT_METRICS };

/**
 * struct request - one request of the API.
 * @peer: pid of who asks, for the audit log; 0 is unknown
 * @after: the audit log's query
 * @arg: name or UUID of the path, or ""
 * @channel: how it came: CC_CHANNEL_UNIX
 * @body: @body_len bytes, unparsed; borrowed
 */
struct request {
	enum op op;
	uint32_t peer;
	uint64_t after;
	char arg[OP_ARG_LEN];
	char channel[MESSAGE_CHANNEL_LEN];
	const char *body;
	size_t body_len;
};

/* A part of an answer; @text borrowed. */
struct answer_part {
	int http;
	enum text_type type;
	bool last;
	const char *text;
	size_t len;
};

/* A message read: which of the members counts is said by @type. */
struct message {
	enum message_type type;
	union {
		struct request request;
		struct answer_part part;
	};
};

/* Largest packet is MESSAGE_MAX bytes. Return: bytes written to @buf. */
size_t message_put_request(unsigned char buf[static MESSAGE_MAX], const struct request *rq);
size_t message_put_part(unsigned char buf[static MESSAGE_MAX], const struct answer_part *part);
size_t message_put_plain(unsigned char buf[static MESSAGE_MAX], enum message_type type);

/*
 * Reads one packet; the result points into @buf. CC_E_INVALID for anything but a well-formed one.
 */
int message_get(const unsigned char *buf, size_t len, struct message *m, struct cc_error *err);

/* Blocking; -1 with errno set, EMSGSIZE for a packet cut short, 0 at the other end's end. */
int message_send(int fd, const unsigned char *buf, size_t len);
/* The same, but EAGAIN instead of blocking. */
int message_try_send(int fd, const unsigned char *buf, size_t len);
ssize_t message_recv(int fd, unsigned char buf[static MESSAGE_MAX]);

#endif
