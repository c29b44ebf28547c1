/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs_care.h - what a volume's file system needs at a bind: repaired when it has marked itself as
 * damaged, grown when the volume has grown.
 */
#ifndef CC_FS_CARE_H
#define CC_FS_CARE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

/**
 * struct fs_watcher - who wants to know of a repair. Each gets @arg.
 * @begins: one is about to begin; a descriptor for its progress, as "e2fsck -C", or -1
 * @runs: it has begun, as process @pid, which is @command
 * @ends: of each that begins
 */
struct fs_watcher {
	int (*begins)(void *arg);
	void (*runs)(void *arg, const char *command, pid_t pid);
	void (*ends)(void *arg);
	void *arg;
};

/**
 * struct fs_patience - for how long a repair is waited for.
 * @limit_ms: longer than that it does not last
 * @mark: a file that is there while one is under way, and when one did not come to its end
 * @watcher: may be NULL
 */
struct fs_patience {
	unsigned int limit_ms;
	const char *mark;
	const struct fs_watcher *watcher;
};

/**
 * fs_repair - has e2fsck repair an ext4 that found errors in itself. Others repair themselves when
 * they are mounted, or not at all. Call stop_signals_block() first.
 * @node: block device, not mounted; not written to when @read_only
 * @repaired: out; set when e2fsck was run
 * Return: 0, also when there was nothing to do; -1 with CC_E_BUSY when it takes longer than there
 * is patience for, and at once when that is known, CC_E_DEVICE when it needs somebody to look at
 * it.
 */
int fs_repair(const char *fs, const char *node, bool read_only, const struct fs_patience *patience,
	      bool *repaired, struct cc_error *err);

/**
 * fs_grow - makes a mounted file system as large as its device; success when it is.
 * @node: the device; NULL when it cannot be opened: then the kernel is asked in any case
 * @dir: descriptor of a directory in it, writable, O_PATH will do
 * @sectors: of the device, 512 bytes
 */
int fs_grow(const char *fs, const char *node, int dir, uint64_t sectors, struct cc_error *err);

/* ---- pure parts ---- */

/* @block: the first 4096 bytes of an ext4 device. Its size in 512-byte sectors; 0 for nonsense. */
uint64_t fs_ext4_sectors(const unsigned char block[static 4096]);

/* It has marked itself as damaged. */
bool fs_ext4_has_errors(const unsigned char block[static 4096]);

#endif
