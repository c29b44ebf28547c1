/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seen_end.h - when something was seen to have ended, to tell by the times of files what was
 * changed after it.
 */
#ifndef CC_SEEN_END_H
#define CC_SEEN_END_H

#include <stdbool.h>
#include <stdint.h>

#include "host/boottime.h"

/**
 * struct seen_end - a moment, in nanoseconds.
 * @real: by CLOCK_REALTIME, by which the kernel stamps what is changed; the stamp of a change may
 *        be a tick of the kernel before it
 * @boot: by CLOCK_BOOTTIME, which nobody sets
 */
struct seen_end {
	uint64_t real, boot;
};

/* Now. What delays us in between makes the distance of the two smaller than it is. */
static inline struct seen_end seen_end_now(void)
{
	uint64_t real = clock_read_ns(CLOCK_REALTIME);

	return (struct seen_end){.real = real, .boot = clock_read_ns(CLOCK_BOOTTIME)};
}

/*
 * The wall clock was set back since: what was changed then may have a time of before @at. Slewing
 * does that to both clocks; what delays us here hides no more than as much.
 */
static inline bool seen_end_set_back(const struct seen_end *at)
{
	uint64_t boot = clock_read_ns(CLOCK_BOOTTIME), real = clock_read_ns(CLOCK_REALTIME);

	return (int64_t)(real - boot) < (int64_t)(at->real - at->boot);
}

#endif
