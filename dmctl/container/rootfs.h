/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfs.h - a container's root file system: whether anything was put into it behind the image's
 * back, and the digest of the image's layers.
 */
#ifndef CC_ROOTFS_H
#define CC_ROOTFS_H

#include <sys/types.h>

#include "engine/engine.h"
#include "measurement.h"
#include "container/rootfs_layers.h"
#include "container/rootfs_overlay.h"

/**
 * rootfs_measure - fills m->upper and m->upper_dirty.
 * @root: config.json's root.path, the merged directory of the overlay
 * @pid: the container's process, in whose mount table the overlay is looked for when it is not in
 * ours
 * @user_ns: the container has ids of its own: the owners in its layers are not compared
 * @engine: what of it is expected there
 * @m: its mounts must be filled: empty files are expected where something is mounted over them
 * @upper: out, the layer's directory, malloced, NULL without one
 *
 * CC_UPPER_NONE when the root is no overlay or has no upper layer.
 */
int rootfs_measure(const char *root, pid_t pid, bool user_ns, const struct engine *engine,
		   struct cc_measurement *m, char **upper, struct cc_error *err);

/* The part of rootfs_measure() behind the mount table. */
int rootfs_walk(const struct overlay *o, bool user_ns, const struct engine *engine,
		struct cc_measurement *m, struct cc_error *err);

/**
 * rootfs_digest - fills m->rootfs_digest: the image's layers (rootfs_layers.h), without the one
 * @engine may put on top of them, as long as only what it makes itself is in that.
 * @cache: what is known of layers already
 * @m: its container_id and mounts must be filled
 *
 * Reads every file of layers that were not read since boot or have changed. CC_E_REFUSED, fact
 * "rootfs", when the root file system is no overlay; CC_E_BUSY when a layer changed meanwhile.
 */
int rootfs_digest(const char *root, pid_t pid, const struct engine *engine,
		  struct layer_cache *cache, struct cc_measurement *m, struct cc_error *err);

/* The part of rootfs_digest() that takes the engine's own layer out of o->lower. */
int rootfs_image_layers(struct overlay *o, const struct engine *engine,
			const struct cc_measurement *m, struct cc_error *err);

#endif
