/* SPDX-License-Identifier: Apache-2.0 */
/*
 * first_line.h - the short files of /proc and /sys.
 */
#ifndef CC_FIRST_LINE_H
#define CC_FIRST_LINE_H

#include <stdio.h>
#include <string.h>

#include "cleanup.h"

/* Without its newline, cut to @size; "" where there is no such file. */
static inline void first_line(const char *path, char *out, size_t size)
{
	cc_auto_fclose FILE *f = fopen(path, "re");

	if (!f || !fgets(out, (int)size, f))
		out[0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

#endif
