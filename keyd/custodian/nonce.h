/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nonce.h - the challenges that are out: 32 random bytes, used once, short-lived. They live in the
 * custodian's memory only; a restart makes all of them stale.
 *
 * Each belongs to the connection that asked for it, and has a place that nobody else can take for
 * as long as the connection lasts. Those of connections that have ended, and of agents that ask for
 * a challenge on one connection and answer it on another, share a number of places, from which a
 * new one drives out the oldest.
 */
#ifndef KEYD_NONCE_H
#define KEYD_NONCE_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "evidence.h"

#define NONCE_PER_CONNECTION 4
#define NONCE_LEFT_MAX 256     /* of connections that have ended */
#define NONCE_CONNECTIONS 1920 /* those of all planes, plane.h */
#define NONCE_MAX (NONCE_LEFT_MAX + NONCE_CONNECTIONS * NONCE_PER_CONNECTION)
#define NONCE_LIFE_MS 30000

/* In order of time. @conn: 0 when its connection has ended */
struct nonce_table {
	size_t n;
	struct {
		unsigned char value[CC_NONCE_LEN];
		int64_t end_ms;
		uint64_t conn;
	} out[NONCE_MAX];
};

/**
 * nonce_issue - a new nonce.
 * @conn: number of the connection, 0 for none
 * @now_ms: CLOCK_BOOTTIME
 * Return: 0; -1 with CC_E_BUSY fact "nonces" when NONCE_PER_CONNECTION of it are out.
 */
int nonce_issue(struct nonce_table *t, uint64_t conn, int64_t now_ms,
		unsigned char nonce[static CC_NONCE_LEN], struct cc_error *err);

/* The connection has ended. */
void nonce_leave(struct nonce_table *t, uint64_t conn);

/*
 * Takes @nonce out of the table, whatever follows, whosever it is. CC_E_REFUSED fact "nonce" if it
 * is not in there.
 */
int nonce_consume(struct nonce_table *t, int64_t now_ms,
		  const unsigned char nonce[static CC_NONCE_LEN], struct cc_error *err);

#endif
