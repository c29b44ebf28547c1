/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfs.h - a container's root file system: whether anything was put into it behind the image's
 * back, and opening files in it without being led out of it.
 */
#ifndef CC_ROOTFS_H
#define CC_ROOTFS_H

#include <sys/types.h>

#include "measurement.h"

/**
 * rootfs_open - openat2() of @path below @root_fd with RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS:
 * symbolic links lead nowhere but below the root.
 * Return: descriptor, or -1 with errno.
 */
int rootfs_open(int root_fd, const char *path, int flags);

/**
 * rootfs_measure - fills m->upper and m->upper_dirty.
 * @root: config.json's root.path, the merged directory of the overlay
 * @pid: the container's process, in whose mount table the overlay is looked for when it is not in ours
 * @m: its mounts must be filled: empty files are expected where something is mounted over them
 *
 * CC_UPPER_NONE when the root is no overlay or has no upper layer.
 */
int rootfs_measure(const char *root, pid_t pid, struct cc_measurement *m, struct cc_error *err);

/**
 * rootfs_walk - the part of rootfs_measure() behind the mount table.
 * @upper: directory of the upper layer
 * @lower: directories of the lower layers as overlayfs shows them, ":" between
 * @base: directory that relative ones of them start from
 */
int rootfs_walk(const char *upper, const char *lower, const char *base, struct cc_measurement *m,
		struct cc_error *err);

#endif
