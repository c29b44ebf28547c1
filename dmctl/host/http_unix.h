/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_unix.h - one HTTP request over a Unix socket, or to a keyd on another machine, by libcurl.
 * Blocking.
 */
#ifndef CC_HTTP_UNIX_H
#define CC_HTTP_UNIX_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "host/http_tls.h"

/**
 * struct http_request - what is asked of whom.
 * @who: name of the server in error texts ("keyd", "docker")
 * @socket: its path; with @tls what it is called in error texts
 * @tls: it is there; NULL: on this host
 * @method: "GET", "POST", "DELETE"
 * @path: path and query, already escaped
 * @body: JSON text or NULL
 * @max: bytes of the largest answer that is taken
 * @seconds: limit of the whole exchange
 * @line: the connection to use, and to leave open for the next request; NULL: one of its own
 * @sent: called with @arg once when the request has left, some second after that; NULL for nothing
 */
struct http_request {
	const char *who;
	const char *socket;
	const struct http_tls *tls;
	const char *method;
	const char *path;
	const char *body;
	size_t max;
	long seconds;
	struct http_line *line;
	void (*sent)(void *arg);
	void *arg;
};

/*
 * A connection that several requests use one after the other; zeroed to begin with. @exporter: of
 * the last one that was answered over TLS, and @bound that there was one
 */
struct http_line {
	void *curl;
	bool bound;
	unsigned char exporter[CC_TLS_EXPORTER_LEN];
};

void http_line_close(struct http_line *l);

/**
 * struct http_answer - status and body; @body is malloced, NUL terminated behind @len bytes, and
 * may be NULL when @len is 0.
 */
struct http_answer {
	long status;
	char *body;
	size_t len;
};

void http_answer_clear(struct http_answer *a);

/*
 * Return: 0 when there was an answer, whatever its status; -1 with CC_E_UNREACHABLE, CC_E_PERM, or
 * CC_E_INVALID when who answers over TLS is not of that CA.
 */
int http_unix(const struct http_request *r, struct http_answer *a, struct cc_error *err);

/* Escapes @s for a query; malloced, NULL without memory. */
char *http_escape(const char *s);

#endif
