/* SPDX-License-Identifier: Apache-2.0 */
/*
 * boottime.h - the clock that leases are counted by: it goes on in suspend, and nobody sets it.
 */
#ifndef CC_BOOTTIME_H
#define CC_BOOTTIME_H

#include <stdint.h>
#include <time.h>

/* CLOCK_BOOTTIME in milliseconds. */
static inline uint64_t boottime_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

#endif
