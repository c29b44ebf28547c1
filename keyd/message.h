/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message.h - what a front and the custodian say to each other, one message a packet of a
 * SOCK_SEQPACKET pair. Neither believes the other: every packet is checked for type and exact
 * length when it is read.
 *
 *   head     magic (4), type (2), zero (2), bytes after the head (4)
 *   READY    front → custodian: serving; nothing more
 *   CONNECT  custodian → front: connection (8), peer's uid (4), gid (4), pid (4), and the accepted
 *            socket as the one descriptor that comes with it
 *   CLOSED   front → custodian: connection (8) that has ended
 *   TLS      custodian → front: lengths of the three (4 each), zero (4), certificate of the CA, of
 *            this keyd, and the private key of the latter, DER; at the start, and when there are
 *            newer ones
 *   PEER     front → custodian: connection (8) whose handshake is done, SHA-256 of its exporter
 *            (RFC 9266, 32), the client's certificate, DER, or nothing
 *   BARRED   custodian → front: connection (8) that may ask nothing, closed by force (4) or when
 *            that was said
 *   REQUEST  front → custodian: op (4), paged (4), connection (8), after (OP_AFTER_LEN, NUL
 *            padded), argument (OP_ARG_LEN, NUL padded), body
 *   ANSWER   custodian → front: HTTP status (2), type of the text (1), last (1), part of
 *            the text; an answer is as many packets as its text needs, `last` is 1 in the last one
 *            only
 *   CHANGED  custodian → front: whoever waits for a change is to be told; nothing more
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
#include "name.h"
#include "op.h"

#define MESSAGE_BODY_MAX (64 * 1024)	    /* bytes of a request's body */
#define MESSAGE_PART_MAX (32 * 1024)	    /* bytes of text in one ANSWER */
#define MESSAGE_TEXT_MAX (16 * 1024 * 1024) /* bytes of text of a whole answer */
#define MESSAGE_MAX (MESSAGE_BODY_MAX + 512)
#define MESSAGE_CHANNEL_LEN 64
#define MESSAGE_CERT_MAX 4096 /* bytes of a certificate or a key, DER */
#define MESSAGE_EXPORTER_LEN 32

enum message_type {
	MESSAGE_READY = 1,
	MESSAGE_REQUEST,
	MESSAGE_ANSWER,
	MESSAGE_STOP,
	MESSAGE_CONNECT,
	MESSAGE_CLOSED,
	MESSAGE_CHANGED,
	MESSAGE_TLS,
	MESSAGE_PEER,
	MESSAGE_BARRED,
};
enum text_type { TEXT_JSON = 1, TEXT_METRICS };

/*
 * Who is at the other end of a connection, as the kernel says; @pid is 0 when it is unknown. Of a
 * connection over TLS @uid stands for the network of its address, and @pid for the address, until
 * there is a certificate, for which both stand then; so who has many is told from others.
 */
struct peer {
	uint32_t uid, gid, pid;
};

/* A connection; its number is never used again. */
struct connection {
	uint64_t id;
	struct peer peer;
};

/**
 * struct request - one request of the API.
 * @conn: the connection that it came over, 0 for none
 * @paged: it has the query `after`, whose value is @after
 * @arg: name or UUID of the path, or ""
 * @body: @body_len bytes, unparsed; borrowed
 *
 * Not in the message, because the front has no say in it; filled by who received it (plane.h):
 * @plane: who may ask what; 0 may nothing
 * @peer: pid of who asks, for the audit log; 0 is unknown
 * @channel: how it came: CC_CHANNEL_UNIX, or what is of one TLS connection only (evidence.h)
 * @enrolment: that the client's certificate is for, and @until when, seconds since the epoch; ""
 *             where there is none
 */
struct request {
	enum op op;
	uint64_t conn;
	bool paged;
	char after[OP_AFTER_LEN];
	char arg[OP_ARG_LEN];
	const char *body;
	size_t body_len;
	enum plane_bit plane;
	uint32_t peer;
	char channel[MESSAGE_CHANNEL_LEN];
	char enrolment[CC_UUID_LEN];
	int64_t until;
};

/* A part of an answer; @text borrowed. */
struct answer_part {
	int http;
	enum text_type type;
	bool last;
	const char *text;
	size_t len;
};

/* What a front needs to serve TLS, DER; borrowed. */
struct tls_keys {
	const unsigned char *ca, *cert, *key;
	size_t ca_len, cert_len, key_len;
};

/* Who is at the other end of a TLS connection, as its front says. @cert: borrowed, NULL for none */
struct introduction {
	uint64_t conn;
	unsigned char exporter[MESSAGE_EXPORTER_LEN];
	const unsigned char *cert;
	size_t cert_len;
};

/* @now: close it at once; else when it asks, so that it hears why. */
struct barred {
	uint64_t conn;
	bool now;
};

/* A message read: which of the members counts is said by @type. */
struct message {
	enum message_type type;
	union {
		struct request request;
		struct answer_part part;
		struct connection connection; /* of CLOSED without the peer */
		struct tls_keys tls;
		struct introduction introduction;
		struct barred barred;
	};
};

/* Largest packet is MESSAGE_MAX bytes. Return: bytes written to @buf. */
size_t message_put_request(unsigned char buf[static MESSAGE_MAX], const struct request *rq);
size_t message_put_part(unsigned char buf[static MESSAGE_MAX], const struct answer_part *part);
size_t message_put_connect(unsigned char buf[static MESSAGE_MAX], const struct connection *c);
size_t message_put_closed(unsigned char buf[static MESSAGE_MAX], uint64_t connection);
size_t message_put_tls(unsigned char buf[static MESSAGE_MAX], const struct tls_keys *tls);
size_t message_put_peer(unsigned char buf[static MESSAGE_MAX], const struct introduction *in);
size_t message_put_barred(unsigned char buf[static MESSAGE_MAX], const struct barred *barred);
size_t message_put_plain(unsigned char buf[static MESSAGE_MAX], enum message_type type);

/*
 * Reads one packet; the result points into @buf. CC_E_INVALID for anything but a well-formed one.
 */
int message_get(const unsigned char *buf, size_t len, struct message *m, struct cc_error *err);

/**
 * message_send - sends a packet.
 * @passed: a descriptor that goes with it, -1 for none; stays the caller's
 * @flags: MSG_DONTWAIT or 0
 * Return: 0, or -1 with errno.
 */
int message_send(int fd, const unsigned char *buf, size_t len, int passed, int flags);

/**
 * message_recv - receives a packet. Blocking.
 * @passed: the descriptor that came with it or -1, close-on-exec; NULL: none may come
 * Return: bytes, 0 at the other end's end, -1 with errno: EMSGSIZE for a packet cut short, or with
 * descriptors that may not come.
 */
ssize_t message_recv(int fd, unsigned char buf[static MESSAGE_MAX], int *passed);

#endif
