/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs_care.h - what a volume's file system needs at a bind: repaired when it has marked itself as damaged.
 */
#ifndef CC_FS_CARE_H
#define CC_FS_CARE_H

#include <stdbool.h>

#include "error.h"

/**
 * fs_repair - has e2fsck mend an ext4 that found errors in itself. Others mend themselves when they are
 * mounted, or not at all. Call interrupt_begin() first.
 * @node: block device, not mounted; not written to when @read_only
 * Return: 0, also when there was nothing to do; -1 with CC_E_DEVICE when it needs somebody to look at it.
 */
int fs_repair(const char *fs, const char *node, bool read_only, struct cc_error *err);

/* ---- pure part ---- */

/* @block: the first 4096 bytes of an ext4 device. It has marked itself as damaged. */
bool fs_ext4_has_errors(const unsigned char block[static 4096]);

#endif
