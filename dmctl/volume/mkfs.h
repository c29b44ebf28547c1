/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mkfs.h - file systems of a volume, made by the distribution's mkfs programs.
 */
#ifndef CC_MKFS_H
#define CC_MKFS_H

#include <stdbool.h>
#include <stdint.h>
#include "error.h"

/* Smallest data area in 512-byte sectors for @fs; 0 when @fs is not "ext4", "xfs" or "none". */
uint64_t mkfs_min_sectors(const char *fs);

/* Checks that the program is installed and @label (may be NULL) is not too long for @fs. */
int mkfs_check(const char *fs, const char *label, struct cc_error *err);

/*
 * Makes @fs on @node. What the program says is shown on stderr only if it fails. Call
 * stop_signals_block() first; a signal ends it.
 */
int mkfs_run(const char *fs, const char *label, const char *node, struct cc_error *err);

#endif
