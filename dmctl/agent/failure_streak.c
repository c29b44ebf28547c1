// SPDX-License-Identifier: Apache-2.0
/*
 * failure_streak.c - what goes wrong at every try until it works again.
 */
#include "agent/failure_streak.h"

#include <inttypes.h>
#include <stdio.h>

bool failure_streak_add(struct failure_streak *t, uint64_t now)
{
	if (t->tries++)
		return false;
	t->since = now;
	return true;
}

bool failure_streak_end(struct failure_streak *t, uint64_t now,
			char text[static FAILURE_STREAK_TEXT])
{
	if (!t->tries)
		return false;
	snprintf(text, FAILURE_STREAK_TEXT, "after %" PRIu64 " failed tr%s in %" PRIu64 " s",
		 t->tries, t->tries == 1 ? "y" : "ies", (now - t->since + 500) / 1000);
	*t = (struct failure_streak){0};
	return true;
}
