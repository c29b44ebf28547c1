// SPDX-License-Identifier: Apache-2.0
#include "front/rate_limit.h"

#include <stddef.h>

#define ONE 1000 /* one request in the bucket's unit */

bool rate_limit_allow(struct rate_limit *l, uint32_t peer, int64_t now_ms)
{
	size_t at = 0;

	for (size_t i = 0; i < RATE_LIMIT_PEERS; i++) {
		if (l->bucket[i].peer == peer) {
			at = i;
			break;
		}
		if (l->bucket[i].at_ms < l->bucket[at].at_ms)
			at = i;
	}
	if (l->bucket[at].peer != peer) {
		l->bucket[at].peer = peer;
		l->bucket[at].tokens = (int64_t)RATE_LIMIT_BURST * ONE;
	} else {
		l->bucket[at].tokens += (now_ms - l->bucket[at].at_ms) * RATE_LIMIT_PER_SECOND;
		if (l->bucket[at].tokens > (int64_t)RATE_LIMIT_BURST * ONE)
			l->bucket[at].tokens = (int64_t)RATE_LIMIT_BURST * ONE;
	}
	l->bucket[at].at_ms = now_ms;
	if (l->bucket[at].tokens < ONE)
		return false;
	l->bucket[at].tokens -= ONE;
	return true;
}
