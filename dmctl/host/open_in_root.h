/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open_in_root.h - opening files of a tree that somebody else made, without being led out of it.
 */
#ifndef CC_OPEN_IN_ROOT_H
#define CC_OPEN_IN_ROOT_H

#include <linux/openat2.h>
#include <stdint.h>

/**
 * open_in_root - openat2(2) of @path as if the directory @root were the root: absolute paths, ".."
 * and symbolic links lead nowhere but below it, and /proc's magic links nowhere at all.
 * @flags: O_…, none that makes a file
 * @resolve: RESOLVE_… on top of that: RESOLVE_NO_SYMLINKS refuses symbolic links, 0 follows them
 * Return: descriptor, or -1 with errno.
 */
int open_in_root(int root, const char *path, int flags, uint64_t resolve);

#endif
