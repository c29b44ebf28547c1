/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rate_limit.h - a token bucket for each peer, so that one that asks too often is turned away
 * before its request costs a signature or a synced row.
 */
#ifndef KEYD_RATE_LIMIT_H
#define KEYD_RATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define RATE_LIMIT_PEERS 64
#define RATE_LIMIT_PER_SECOND 200
#define RATE_LIMIT_BURST 400

/* Zeroed to begin with. A peer is forgotten when RATE_LIMIT_PEERS others came after it. */
struct rate_limit {
	struct {
		uint32_t peer;	/* 0: unused */
		int64_t at_ms;	/* when @tokens was right */
		int64_t tokens; /* thousandths of a request */
	} bucket[RATE_LIMIT_PEERS];
};

/*
 * @now_ms: a monotonic clock. Return: whether this request of @peer (a pid, not 0) is within the
 * limit.
 */
bool rate_limit_allow(struct rate_limit *l, uint32_t peer, int64_t now_ms);

#endif
