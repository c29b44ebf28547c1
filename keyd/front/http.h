/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.h - heads of HTTP/1.1 messages (RFC 9110, RFC 9112), the small strict part keyd's API needs.
 *
 * libevent's evhttp is not used for serving: in 2.1 it cannot look at the peer before it parses,
 * nor bound the number of connections or the whole time of a request. What is refused here rather
 * than guessed: bare line feeds, folded lines, repeated or signed lengths, transfer codings, more
 * than one Host.
 */
#ifndef KEYD_HTTP_H
#define KEYD_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#define HTTP_HEAD_MAX (8 * 1024) /* bytes of a request's head */
#define HTTP_TARGET_LEN 256
#define HTTP_ANSWER_HEAD_MAX 256

/**
 * struct http_head - the head of a request.
 * @method: upper-case token
 * @target: path and query as sent; printable ASCII, starts with '/'
 * @json: Content-Type is application/json (parameters are allowed)
 */
struct http_head {
	char method[16];
	char target[HTTP_TARGET_LEN];
	size_t content_length;
	bool json;
	bool keep_alive;
	bool expect_continue;
};

/**
 * http_parse_head - parses a head of @len bytes, the empty line included.
 * Return: 0, or the status to answer with (400, 414, 431, 501, 505).
 */
int http_parse_head(const char *buf, size_t len, struct http_head *head);

/* Head of an answer with @len bytes of @type. Return: its length. */
size_t http_answer_head(char buf[static HTTP_ANSWER_HEAD_MAX], int status, const char *type,
			size_t len, bool keep_alive);

#endif
