/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trouble.h - what goes wrong at every try until it works again: said when it begins and when it ends, and
 * counted in between.
 */
#ifndef CC_TROUBLE_H
#define CC_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>

#define TROUBLE_TEXT 64

/**
 * struct trouble - one that may be going on. Zeroed: none.
 * @tries: that failed since it began
 * @since: when it began, CLOCK_BOOTTIME in milliseconds
 */
struct trouble {
	uint64_t tries, since;
};

/* A try has failed. True for the first: say it. @now: CLOCK_BOOTTIME in milliseconds */
bool trouble_again(struct trouble *t, uint64_t now);

/* A try has succeeded. True when there was trouble: say so; @text: "after 12 failed tries in 61 s". */
bool trouble_over(struct trouble *t, uint64_t now, char text[static TROUBLE_TEXT]);

#endif
