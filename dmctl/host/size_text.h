/* SPDX-License-Identifier: Apache-2.0 */
/*
 * size_text.h - sizes for people.
 */
#ifndef CC_SIZE_TEXT_H
#define CC_SIZE_TEXT_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

#define SIZE_TEXT 24

/* @sectors (of 512 bytes) as "992 MiB" or "1.5 GiB". */
static inline void size_text(uint64_t sectors, char out[static SIZE_TEXT])
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	uint64_t tenths = sectors * 5; /* of a KiB */
	unsigned int u = 0;

	while (tenths >= 10240 && u < 5) {
		tenths /= 1024;
		u++;
	}
	if (tenths % 10)
		snprintf(out, SIZE_TEXT, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10,
			 units[u]);
	else
		snprintf(out, SIZE_TEXT, "%" PRIu64 " %s", tenths / 10, units[u]);
}

#endif
