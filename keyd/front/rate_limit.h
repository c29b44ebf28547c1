/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rate_limit.h - how often may be asked, so that whoever asks too often is turned away before his
 * request costs a signature or a synced row.
 *
 * A token bucket for each process, so that one that runs wild does not use up what its user has,
 * and one for each user, so that more processes do not have more.
 */
#ifndef KEYD_RATE_LIMIT_H
#define KEYD_RATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "message.h"

#define RATE_LIMIT_PEERS 64
#define RATE_LIMIT_PER_SECOND 200 /* of a process */
#define RATE_LIMIT_BURST 400
#define RATE_LIMIT_USER 4 /* as many times of a user */

/* Of one who is forgotten when RATE_LIMIT_PEERS others came after him. */
struct rate_buckets {
	struct {
		uint64_t whose; /* 0: unused */
		int64_t at_ms;	/* when @tokens was right */
		int64_t tokens; /* thousandths of a request */
	} bucket[RATE_LIMIT_PEERS];
};

/* Zeroed to begin with. */
struct rate_limit {
	struct rate_buckets processes, users;
};

/*
 * @now_ms: a monotonic clock. Return: whether this request of @peer is within the limits.
 */
bool rate_limit_allow(struct rate_limit *l, const struct peer *peer, int64_t now_ms);

#endif
