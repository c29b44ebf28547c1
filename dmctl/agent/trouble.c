// SPDX-License-Identifier: Apache-2.0
/*
 * trouble.c - what goes wrong at every try until it works again.
 */
#include "agent/trouble.h"

#include <inttypes.h>
#include <stdio.h>

bool trouble_again(struct trouble *t, uint64_t now)
{
	if (t->tries++)
		return false;
	t->since = now;
	return true;
}

bool trouble_over(struct trouble *t, uint64_t now, char text[static TROUBLE_TEXT])
{
	if (!t->tries)
		return false;
	snprintf(text, TROUBLE_TEXT, "after %" PRIu64 " failed tr%s in %" PRIu64 " s", t->tries,
		 t->tries == 1 ? "y" : "ies", (now - t->since + 500) / 1000);
	*t = (struct trouble){0};
	return true;
}
