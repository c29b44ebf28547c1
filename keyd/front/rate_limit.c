// SPDX-License-Identifier: Apache-2.0
#include "front/rate_limit.h"

#include <stddef.h>

#define ONE 1000 /* one request in the bucket's unit */

/* @times: what of the limits of a process */
static bool draw(struct rate_buckets *b, uint64_t whose, int64_t times, int64_t now_ms)
{
	const int64_t burst = times * RATE_LIMIT_BURST * ONE;
	size_t at = 0;

	for (size_t i = 0; i < RATE_LIMIT_PEERS; i++) {
		if (b->bucket[i].whose == whose) {
			at = i;
			break;
		}
		if (b->bucket[i].at_ms < b->bucket[at].at_ms)
			at = i;
	}
	if (b->bucket[at].whose != whose) {
		b->bucket[at].whose = whose;
		b->bucket[at].tokens = burst;
	} else {
		b->bucket[at].tokens +=
			(now_ms - b->bucket[at].at_ms) * times * RATE_LIMIT_PER_SECOND;
		if (b->bucket[at].tokens > burst)
			b->bucket[at].tokens = burst;
	}
	b->bucket[at].at_ms = now_ms;
	if (b->bucket[at].tokens < ONE)
		return false;
	b->bucket[at].tokens -= ONE;
	return true;
}

/* 0 is unused. What a process is refused does not count against its user. */
bool rate_limit_allow(struct rate_limit *l, const struct peer *peer, int64_t now_ms)
{
	return draw(&l->processes, UINT64_C(1) + peer->pid, 1, now_ms) &&
	       draw(&l->users, UINT64_C(1) + peer->uid, RATE_LIMIT_USER, now_ms);
}
