/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failure_streak.h - what goes wrong at every try until it works again: said when it begins and
 * when it ends, and counted in between.
 */
#ifndef CC_FAILURE_STREAK_H
#define CC_FAILURE_STREAK_H

#include <stdbool.h>
#include <stdint.h>

#define FAILURE_STREAK_TEXT 64

/**
 * struct failure_streak - one that may be going on. Zeroed: none.
 * @tries: that failed since it began
 * @since: when it began, CLOCK_BOOTTIME in milliseconds
 */
struct failure_streak {
	uint64_t tries, since;
};

/* A try has failed. True for the first: say it. @now: CLOCK_BOOTTIME in milliseconds */
bool failure_streak_add(struct failure_streak *t, uint64_t now);

/*
 * A try has succeeded. True when there was trouble: say so; @text: "after 12 failed tries in 61 s".
 */
bool failure_streak_end(struct failure_streak *t, uint64_t now,
			char text[static FAILURE_STREAK_TEXT]);

#endif
