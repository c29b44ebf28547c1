/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfs_cache.h - digests of layers that were taken since this boot.
 *
 * A layer is found again by device and inode number of its directory and believed while the stamp
 * of its tree (rootfs_tree.h) is what it was, for which every entry is looked at but no file is
 * read. So a change through the file system is noticed, as every one sets a new time of last
 * change, which no program can choose.
 *
 * Not noticed: a write below the file system, to its block device; a change after the clock was set
 * back; a file system that was changed elsewhere and mounted again meanwhile. Nothing outlives a
 * boot, so that what was changed while the host was off is read again. Only root writes here.
 */
#ifndef CC_ROOTFS_CACHE_H
#define CC_ROOTFS_CACHE_H

#include "container/rootfs_tree.h"

/**
 * struct layer_cache - what is known of layers. Give it its directory, zero the rest.
 * @dir: CC_ROOTFS_DIR; what is in it outlives the process
 * @limit: of a layer that is read; a larger one is CC_E_INVALID
 * @seen: layers that were looked at since this was made: of many containers that are
 *        measured at one time, each layer they share is looked at once
 */
struct layer_cache {
	const char *dir;
	struct tree_limit limit;
	size_t n;
	struct layer_seen *seen;
};

void layer_cache_clear(struct layer_cache *c);
#define layer_cache_auto cc_cleanup(layer_cache_clear)

/**
 * rootfs_layer - the tree of the layer in directory @fd, out of the cache if it is there.
 * @what: names the layer in error texts
 * @t: zeroed; newest, digest and opaque are filled
 * @cached: out, no file was read
 *
 * Waits for others that read the same layer. It is not an error if the cache cannot be written.
 */
int rootfs_layer(struct layer_cache *c, int fd, const char *what, struct tree *t, bool *cached,
		 struct cc_error *err);

#endif
