/* SPDX-License-Identifier: Apache-2.0 */
/*
 * front.h - the process that faces the peers: accepts, checks who asks, reads HTTP, bounds
 * everything, and hands whole requests to the custodian one after the other. It parses no JSON and
 * never holds a key: what a release carries is encrypted before it comes here.
 *
 * Bounds: FRONT_CONNECTIONS at a time (further ones wait in the listen queue), HTTP_HEAD_MAX of
 * head, MESSAGE_BODY_MAX of body, FRONT_READ_S for a whole request, FRONT_IDLE_S between requests,
 * FRONT_ANSWER_S for the custodian, FRONT_HOLD_S for a change to come, FRONT_WRITE_S for taking the
 * answer, and the rate of rate_limit.h.
 */
#ifndef KEYD_FRONT_H
#define KEYD_FRONT_H

#include "error.h"

#define FRONT_CONNECTIONS 64
#define FRONT_SENT 16 /* requests that the custodian has at a time */
#define FRONT_READ_S 10
#define FRONT_IDLE_S 60
#define FRONT_ANSWER_S 60
#define FRONT_WRITE_S 30
#define FRONT_HOLD_S 300

struct front;

/**
 * front_new - sets up, so that nothing but the two sockets is needed afterwards.
 * @listener: listening Unix socket, non-blocking
 * @link: to the custodian
 * Both are taken over.
 */
struct front *front_new(int listener, int link, struct cc_error *err);

/* Says READY and serves until the custodian says STOP (0) or is gone (-1, the reason in @err). */
int front_run(struct front *f, struct cc_error *err);
void front_free(struct front *f);

#endif
