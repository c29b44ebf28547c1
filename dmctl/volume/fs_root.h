/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs_root.h - the root directory of a volume's file system: owner and mode, and nothing in it.
 *
 * mke2fs puts "lost+found" there, and PostgreSQL, MariaDB and Kafka refuse a directory that is not
 * empty. It is removed: e2fsck makes it again by itself when it has something to put into it. To
 * mount a directory below the root instead would have kept it, but needs an attached mount of the
 * whole first, which a container could see.
 */
#ifndef CC_FS_ROOT_H
#define CC_FS_ROOT_H

#include <stdbool.h>
#include <sys/stat.h>

#include "error.h"

/**
 * struct fs_root - what was asked for. Zero: root's, 0755, and until the first container has had it
 * nobody's choice.
 */
struct fs_root {
	bool has_owner, has_mode;
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

/* "UID:GID", decimal. CC_E_USAGE. */
int fs_root_owner(const char *text, struct fs_root *r, struct cc_error *err);
/* Octal, at most 7777. CC_E_USAGE. */
int fs_root_mode(const char *text, struct fs_root *r, struct cc_error *err);

/**
 * fs_root_make - empties the root of a file system that was just made, and gives it to whom it is
 * for. Call stop_signals_block() first.
 * @node: its block device, not mounted
 */
int fs_root_make(const char *fs, const char *node, const struct fs_root *r, struct cc_error *err);

/* ---- of a mount: @mnt is a descriptor of its root, O_PATH will do ---- */

/* Removes a "lost+found" that has nothing in it. */
void fs_root_tidy(int mnt);

/*
 * It is empty, and as mkfs has left it: nobody has chosen an owner or mode, nor has a container had
 * it. @mnt: ids not mapped.
 */
bool fs_root_is_fresh(int mnt);

/**
 * fs_root_adopt - gives it owner and mode of a directory of the image, as Docker's own volumes have
 * them at first use, and lets it be fresh no longer.
 * @like: of the mount point in the container's root file system; NULL: there is none
 */
int fs_root_adopt(int mnt, const struct stat *like, struct cc_error *err);

#endif
