/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plane.h - the custodian's side of a plane: the socket where its peers come, and the link to the
 * process that reads what they say.
 *
 * The custodian accepts the connections itself, asks the kernel who is at the other end, and hands
 * them to the front by descriptor. So a front that somebody has taken over asks for what its plane
 * may ask and nothing else, and only in the name of somebody whose connection it has.
 */
#ifndef KEYD_PLANE_H
#define KEYD_PLANE_H

#include <sys/types.h>

#include "custodian/custodian.h"
#include "message.h"

#define PLANE_CONNECTIONS 640 /* of one plane; further ones wait in the listen queue */
#define PLANE_SEND_S 10	      /* for a front to read what it is sent, then it is hung */

/**
 * struct plane - one of them.
 * @listener: non-blocking; @link: to the front; both are owned, -1 for none
 * @front: its process, 0 for none
 * @conn: those that the front has, @n of them
 */
struct plane {
	enum plane_bit which;
	const char *name;
	int listener, link;
	pid_t front;
	size_t n;
	struct connection conn[PLANE_CONNECTIONS];
};

/* @last: number of the last connection that was accepted, of any plane */
struct planes {
	struct plane admin, agents;
	uint64_t last;
	unsigned char buf[MESSAGE_MAX];
};

/* Both without sockets. */
void planes_init(struct planes *ps);
/* Closes what they have; the fronts end by that. */
void planes_close(struct planes *ps);

/* A link for the plane; the front's end is returned, -1 on error. */
int plane_link(struct plane *p, struct cc_error *err);

/**
 * plane_wait_ready - waits for the first message of a front, which says that it is READY.
 * Return: 0 when the front is ready, 1 when @signals is readable, -1: it is not, or too late.
 */
int plane_wait_ready(struct planes *ps, struct plane *p, int signals, int timeout_ms,
		     struct cc_error *err);

/**
 * planes_serve - serves: takes from each plane in turn, so that neither keeps the other waiting
 * for longer than the requests of one transaction take (GROUP_MAX of custodian/handle.h).
 *
 * What a front sends is checked here: message, connection, and then by group_add() whether
 * its plane may ask that. Whoever waits for a change on any of the planes hears of it before the
 * answer leaves.
 *
 * Return: 1 when @signals is readable, 0 when the front of *@gone hung up, -1 when a front broke
 * the rules or does not read.
 */
int planes_serve(struct planes *ps, struct custodian *c, int signals, struct plane **gone,
		 struct cc_error *err);

/* Tells the front to end. Return: whether it was told. */
bool plane_stop(struct planes *ps, struct plane *p);

#endif
