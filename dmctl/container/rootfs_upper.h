/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfs_upper.h - a container's writable layer as one digest, taken when the container has ended
 * and compared when it is started again.
 */
#ifndef CC_ROOTFS_UPPER_H
#define CC_ROOTFS_UPPER_H

#include "container/rootfs_cache.h"
#include "host/seen_end.h"

/* What is read of a layer at most: more than that has no digest. */
#define UPPER_ENTRIES_MAX 200000u
#define UPPER_BYTES_MAX (UINT64_C(1) << 30)

/**
 * upper_digest - the digest of a writable layer: of its tree (rootfs_tree.h), its opaque
 * directories, and owner, permissions and attributes of its root directory.
 * @dir: its directory
 * @cache: what is known of it since boot; its limit is set here
 *
 * Return: 0; -1 with CC_E_BUSY when it changed meanwhile, CC_E_INVALID when it is larger than the
 * bounds above or cannot be read whole, CC_E_INTERNAL.
 */
int upper_digest(const char *dir, struct layer_cache *cache, char digest[static 72],
		 struct cc_error *err);

/**
 * upper_left - the digest of what a container left there, and of nothing that came later.
 * @at: when its end was seen
 *
 * What was changed after that is told by its time of last change, which no program can choose. Also
 * a file that was put into a directory which the walk had not come to yet is not the container's.
 *
 * Return: as upper_digest(); also -1 with CC_E_BUSY when something was changed after @at, or when
 * the clock was set back, so that nobody can tell. @digest is "" then.
 */
int upper_left(const char *dir, const struct seen_end *at, struct layer_cache *cache,
	       char digest[static 72], struct cc_error *err);

#endif
