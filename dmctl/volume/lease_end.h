/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease_end.h - how a message names the end of a lease to the target. Pure.
 *
 * The end is named, not how much is left: whatever delays us does not make the lease longer.
 */
#ifndef CC_LEASE_END_H
#define CC_LEASE_END_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct lease_clocks - two clocks at one moment, in milliseconds.
 * @raw: lease_clock_ms()
 * @boot: boottime_ms()
 */
struct lease_clocks {
	uint64_t raw, boot;
};

/* Whether a target of this version (major, minor, patch) takes an end by the raw clock. */
bool lease_end_by_raw(const uint32_t version[static 3]);

#define LEASE_END_TEXT 32

/**
 * lease_end_text - the words of `unlock` and `renew` for a lease.
 * @end_ms: its end by lease_clock_ms(), 0 for a lease without one
 * @by_raw: the target takes that; otherwise the end is told by CLOCK_BOOTTIME, with what is left of
 * the lease @now
 * Return: @out
 */
const char *lease_end_text(uint64_t end_ms, bool by_raw, const struct lease_clocks *now,
			   char out[static LEASE_END_TEXT]);

#endif
