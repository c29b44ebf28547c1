/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyd_route.h - one request to keyd, for the files that make such: which way it goes.
 */
#ifndef CC_KEYD_ROUTE_H
#define CC_KEYD_ROUTE_H

#include "host/http_unix.h"
#include "json.h"

/**
 * struct keyd_route - where a request goes.
 * @socket: path or URL
 * @tls: how that URL is spoken to; NULL: as keyd_tls_open() has it
 * @line: over that connection, NULL for one of its own
 * @seconds: to wait for the answer, 0 for as long as an answer takes
 * @sent, @arg: as of struct http_request
 */
struct keyd_route {
	const char *socket;
	const struct http_tls *tls;
	struct http_line *line;
	long seconds;
	void (*sent)(void *arg);
	void *arg;
};

/* As keyd_request() in all else. */
int keyd_request_at(const struct keyd_route *to, const char *method, const char *path,
		    const json_t *body, json_t **answer, struct cc_error *err);

#endif
