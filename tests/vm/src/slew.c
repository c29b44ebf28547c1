// SPDX-License-Identifier: Apache-2.0
/*
 * slew - the clock of leases, and the rate of the others.
 *
 *	slew		prints the raw clock in ms: CLOCK_MONOTONIC_RAW plus the time suspended
 *	slew TICK       lets CLOCK_MONOTONIC advance by TICK us where it should by
 *			10000 (9000 to 11000), as an NTP daemon does that slews
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timex.h>
#include <time.h>

static int64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts))
		err(1, "clock_gettime");
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int main(int argc, char **argv)
{
	struct timex timex = {.modes = ADJ_TICK};

	if (argc == 1) {
		int64_t raw = now_ns(CLOCK_MONOTONIC_RAW), boot = now_ns(CLOCK_BOOTTIME);

		printf("%lld\n", (long long)(raw + boot - now_ns(CLOCK_MONOTONIC)) / 1000000);
		return 0;
	}
	if (argc != 2) {
		fprintf(stderr, "usage: slew [TICK]\n");
		return 2;
	}
	timex.tick = strtol(argv[1], NULL, 10);
	if (adjtimex(&timex) < 0)
		err(1, "adjtimex");
	return 0;
}
