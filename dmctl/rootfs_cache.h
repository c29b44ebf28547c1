/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfs_cache.h - digests of layers that were taken since this boot.
 *
 * A layer is found again by device and inode number of its directory and believed while the stamp of its tree
 * (rootfs_tree.h) is what it was, for which every entry is looked at but no file is read. So a change through
 * the file system is noticed, as every one sets a new time of last change, which no program can choose.
 *
 * Not noticed: a write below the file system, to its block device; a change after the clock was set back; a file
 * system that was changed elsewhere and mounted again meanwhile. Nothing outlives a boot, so that what was
 * changed while the host was off is read again. Only root writes here.
 */
#ifndef CC_ROOTFS_CACHE_H
#define CC_ROOTFS_CACHE_H

#include "rootfs_tree.h"

/**
 * rootfs_layer - the tree of the layer in directory @fd, out of the cache in directory @cache if it is there.
 * @what: names the layer in error texts
 * @t: zeroed; digest and opaque are filled
 * @cached: out, no file was read
 *
 * Waits for others that read the same layer. A cache that cannot be written is no error.
 */
int rootfs_layer(const char *cache, int fd, const char *what, struct tree *t, bool *cached,
		 struct cc_error *err);

#endif
