/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyd_load.h - the pieces of the load program of tests/bench/keyd: peers that ask over keyd's Unix
 * socket, what they ask, and what the same work costs in OpenSSL alone. A failure ends the program.
 */
#ifndef BENCH_KEYD_LOAD_H
#define BENCH_KEYD_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

#include "evidence.h"

#define PEERS 16   /* connections, each of a process of its own: the rate limit is by process */
#define PER_PEER 4 /* requests of one in a batch: as many nonces as a connection may have */

/**
 * struct order - one request.
 * @text: all of it, malloced
 * @due_ns: CLOCK_MONOTONIC, when it is sent; 0: as soon as its peer is free
 * @took_ns: out, from then to the answer's last byte
 */
struct order {
	char *text;
	size_t len;
	int64_t due_ns, took_ns;
};

/*
 * @orders: of this connection, one after the other
 * @refusals: answers other than 200 are what is wanted
 */
struct peer {
	int fd;
	struct order orders[PER_PEER];
	size_t n, sent, answered;
	char *answer; /* the last one's body, malloced */
	char *in;     /* what has come of the next */
	size_t in_len;
	bool refusals;
};

/* ---- keyd_load_peer.c ---- */

int64_t clock_ns(clockid_t clock);
/* What process @pid has run, from /proc/PID/schedstat. */
int64_t cpu_ns(int pid);
/* Connects to @path as a process of its own. */
void peer_connect(struct peer *p, const char *path);
/* Takes a stream that is connected already. */
void peer_take(struct peer *p, int fd);
/* Adds a request; @body NULL for a GET. */
void peer_order(struct peer *p, const char *path, const char *body, int64_t due_ns);
/* All orders of all peers, each peer for itself; every answer must be 200. */
void peers_run(struct peer *peers, size_t n);
/* One after the other over all peers in turn. */
void peers_run_in_turn(struct peer *peers, size_t n);
/* Forgets the orders, keeps the connections. */
void peers_clear(struct peer *peers, size_t n);
/* One request and its answer, which must be JSON; new reference. */
json_t *peer_ask(struct peer *p, const char *path, const char *body);

/* ---- keyd_load_floor.c ---- */

/* CPU time of one of each, the mean of some. */
struct floor {
	int64_t verify_ns, ecdh_ns, keygen_ns, ecdh521_ns;
};

struct floor floor_measure(void);
/* Prints what Tang's server needs for the same number of recoveries. */
void tang_measure(const char *program, const char *keys, size_t rounds);

#endif
