/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volume_make.h - makes a volume on a LUN that has nothing on it.
 */
#ifndef CC_VOLUME_MAKE_H
#define CC_VOLUME_MAKE_H

#include "strv.h"
#include "volume/fs_root.h"
#include "volume.h"

/**
 * struct volume_wish - what is asked for. VOLUME_WISH is what a volume is like unless told
 * otherwise.
 * @name: as cc_is_volume_name() has it
 * @fs, @label: checked with mkfs_check(); @label NULL for none
 * @root: of the file system
 * @wipe: signatures that may be destroyed
 * @terms: members of the API's object for those that were given, or NULL; borrowed
 */
struct volume_wish {
	const char *name;
	const char *device;
	const char *fs;
	const char *label;
	struct fs_root root;
	uint32_t sector_size;
	uint32_t key_bytes;
	struct cc_strv wipe;
	json_t *terms;
};

#define VOLUME_WISH {.fs = "ext4", .sector_size = 4096, .key_bytes = 64}

/**
 * struct volume_made - what came out.
 * @device: name of the LUN to use and to print, owned
 * @stable: that name is the same on the next boot
 * @sectors, @whole: usable ones, and all of the LUN's; 512 bytes
 */
struct volume_made {
	char uuid[37];
	char *device;
	bool stable;
	uint64_t sectors, whole;
};

void volume_made_clear(struct volume_made *m);

/**
 * volume_make - makes it. What is there of a volume of that name that never became ready is cleared
 * away first. Call stop_signals_block() first; a failure, a signal and even SIGKILL undo what was
 * done.
 *
 * Return: 0; -1 with CC_E_USAGE for a name that engines cannot use, CC_E_EXISTS when keyd has a
 * volume of that name, CC_E_DEVICE or CC_E_BUSY when the LUN is not fit, or what keyd says.
 */
int volume_make(const struct volume_wish *r, struct volume_made *made, struct cc_error *err);

#endif
