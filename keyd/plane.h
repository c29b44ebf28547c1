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

#define PLANE_STRANGERS 16 /* connections of one address that have shown no certificate */

/**
 * struct visitor - a connection that a front has.
 * @introduced: its front has said who it is; of TLS
 * @certified: it has a certificate; @who: of it, zeroed when it does not count
 * @channel: as of struct request
 */
struct visitor {
	struct connection c;
	bool introduced, certified;
	struct ca_name who;
	char channel[MESSAGE_CHANNEL_LEN];
};

/**
 * struct plane - one of them.
 * @name: of those who ask; @process: of the front
 * @listener: non-blocking; @link: to the front; both are owned, -1 for none
 * @front: its process, 0 for none
 * @conn: those that the front has, @n of them
 */
struct plane {
	enum plane_bit which;
	const char *name, *process;
	int listener, link;
	pid_t front;
	size_t n;
	struct visitor conn[PLANE_CONNECTIONS];
};

#define PLANE_N 3

/**
 * struct planes - all of them.
 * @net: over TLS; without a listener and a front where keyd serves none
 * @last: number of the last connection that was accepted, of any plane
 * @salt: of the numbers that stand for addresses
 * @renew_ms: CLOCK_BOOTTIME, when keyd needs a new certificate
 */
struct planes {
	struct plane admin, agents, net;
	uint64_t last;
	unsigned char salt[16];
	int64_t renew_ms;
	unsigned char buf[MESSAGE_MAX];
};

/* All without sockets. */
int planes_init(struct planes *ps, struct cc_error *err);
/* The one with that number, below PLANE_N. */
struct plane *plane_at(struct planes *ps, size_t i);
/* Closes what they have; the fronts end by that. */
void planes_close(struct planes *ps);

/*
 * Gives the front of the agents over TLS a key and a certificate, if it is time. Where there is no
 * listener for them there is nothing to do.
 */
int plane_certify(struct planes *ps, struct custodian *c, struct cc_error *err);

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
