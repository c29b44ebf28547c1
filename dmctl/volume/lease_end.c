// SPDX-License-Identifier: Apache-2.0
/*
 * lease_end.c - how a message names the end of a lease to the target.
 */
#include "volume/lease_end.h"

#include <inttypes.h>
#include <stdio.h>

#include "container-crypt/dm.h"

bool lease_end_by_raw(const uint32_t version[static 3])
{
	return version[0] == CONTAINER_CRYPT_RAW_LEASE_MAJOR &&
	       version[1] >= CONTAINER_CRYPT_RAW_LEASE_MINOR;
}

/* By CLOCK_BOOTTIME; 0, which has passed, for one that is over before that clock began. */
static uint64_t by_boottime(uint64_t end_ms, const struct lease_clocks *now)
{
	uint64_t over = end_ms < now->raw ? now->raw - end_ms : 0;

	if (over)
		return over < now->boot ? now->boot - over : 0;
	return now->boot + (end_ms - now->raw);
}

const char *lease_end_text(uint64_t end_ms, bool by_raw, const struct lease_clocks *now,
			   char out[static LEASE_END_TEXT])
{
	if (!end_ms)
		snprintf(out, LEASE_END_TEXT, "0");
	else if (by_raw)
		snprintf(out, LEASE_END_TEXT, CONTAINER_CRYPT_LEASE_UNTIL_RAW "%" PRIu64, end_ms);
	else
		snprintf(out, LEASE_END_TEXT, CONTAINER_CRYPT_LEASE_UNTIL "%" PRIu64,
			 by_boottime(end_ms, now));
	return out;
}
