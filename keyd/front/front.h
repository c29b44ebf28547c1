/* SPDX-License-Identifier: Apache-2.0 */
/*
 * front.h - the process that faces the peers of one plane: takes the connections that the custodian
 * hands it, reads HTTP, bounds everything, and hands whole requests to the custodian, FRONT_SENT at
 * a time, which answers them in that order. It parses no JSON and never holds a key: what a release
 * carries is encrypted before it comes here.
 *
 * Bounds: FRONT_CONNECTIONS, and FRONT_HELD more that wait for a change. Beyond these somebody
 * makes room (crowd.h), of those who have most, the idle first: nobody keeps others out by staying.
 * And those of conn.h.
 */
#ifndef KEYD_FRONT_H
#define KEYD_FRONT_H

#include "error.h"
#include "op.h"

#define FRONT_CONNECTIONS 64
#define FRONT_HELD 512
#define FRONT_SENT 16 /* requests that the custodian has at a time */

struct front;

/**
 * front_new - sets up, so that nothing but the link and what comes by it is needed afterwards.
 * @plane: which one; what it may not ask is refused here already
 * @link: to the custodian; taken over
 */
struct front *front_new(enum plane_bit plane, int link, struct cc_error *err);

/* Says READY and serves until the custodian says STOP (0) or is gone (-1, the reason in @err). */
int front_run(struct front *f, struct cc_error *err);
void front_free(struct front *f);

#endif
