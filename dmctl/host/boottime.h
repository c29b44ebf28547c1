/* SPDX-License-Identifier: Apache-2.0 */
/*
 * boottime.h - clocks that go on in suspend and that nobody sets.
 */
#ifndef CC_BOOTTIME_H
#define CC_BOOTTIME_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_read_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* CLOCK_BOOTTIME in milliseconds. An NTP daemon may slew it, by up to a tenth. */
static inline uint64_t boottime_ms(void)
{
	return clock_read_ns(CLOCK_BOOTTIME) / 1000000;
}

/**
 * lease_clock_ms - the clock by which the kernel judges leases, in milliseconds.
 *
 * CLOCK_MONOTONIC_RAW, which nobody slews, plus the time suspended. The order of the three matters:
 * what delays us in between makes it no later than it is when we return
 * (docs/container-crypt.rst).
 */
static inline uint64_t lease_clock_ms(void)
{
	uint64_t raw = clock_read_ns(CLOCK_MONOTONIC_RAW);
	uint64_t boot = clock_read_ns(CLOCK_BOOTTIME);

	return (raw + boot - clock_read_ns(CLOCK_MONOTONIC)) / 1000000;
}

#endif
