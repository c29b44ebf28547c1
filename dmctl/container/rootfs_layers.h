/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfs_layers.h - the read-only layers of a container's root file system: what they show
 * together, and their digest.
 *
 * The digest is over those of the layers (rootfs_tree.h) from the top one down, each with the
 * opaque directories that hide something of the layers below it. A layer without entries does not
 * count. So an image has the same digest on every host and under every engine that unpacks its
 * layers one directory each, as Docker's overlay2 and Podman's overlay driver do, however the
 * engine came by it (built, pulled, loaded).
 */
#ifndef CC_ROOTFS_LAYERS_H
#define CC_ROOTFS_LAYERS_H

#include "container/rootfs_cache.h"
#include "strv.h"

#define LAYERS_MAX 500 /* of an overlay: OVL_MAX_STACK */

/**
 * struct layers - open directories of layers, the top one first. Zero it first.
 */
struct layers {
	size_t n;
	int fds[LAYERS_MAX];
};

int layers_open(const struct cc_strv *dirs, struct layers *l, struct cc_error *err);
void layers_close(struct layers *l);
#define layers_auto cc_cleanup(layers_close)

/**
 * layers_show - whether the layers from number @first on show anything at @path, below their roots
 * ("" or "/a/b").
 * @dir: out, when that is a directory, a descriptor of it in the layer that has its attributes,
 * else -1; may be NULL
 */
bool layers_show(const struct layers *l, size_t first, const char *path, int *dir);

/**
 * layers_dir_of - the directory of a file that the layers show, in the layer whose file it is.
 * @path: below their roots, "/a/b"
 * Return: descriptor; -1 when they show no such file, or something else there.
 */
int layers_dir_of(const struct layers *l, const char *path);

/**
 * struct layers_cost - what a digest took.
 * @layers, @cached: layers, and those of them that no file was read of
 */
struct layers_cost {
	unsigned int layers, cached;
	uint64_t entries, bytes;
};

/**
 * layers_digest - the digest of layers.
 * @dirs: their directories, the top one first
 * @cache: what is known of them already
 * @cost: out
 */
int layers_digest(const struct cc_strv *dirs, struct layer_cache *cache, char digest[static 72],
		  struct layers_cost *cost, struct cc_error *err);

#endif
