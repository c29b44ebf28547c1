/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfs_overlay.h - the directories a container's root file system is made of.
 */
#ifndef CC_ROOTFS_OVERLAY_H
#define CC_ROOTFS_OVERLAY_H

#include <sys/types.h>

#include "json.h"
#include "strv.h"

/**
 * struct overlay - an overlay mount, paths absolute. Zero it first.
 * @found: false: the root file system is something else
 * @upper: NULL when it has none
 * @lower: the top one first
 */
struct overlay {
	bool found;
	char *upper;
	struct cc_strv lower;
};

void overlay_clear(struct overlay *o);
#define overlay_auto cc_cleanup(overlay_clear)

/**
 * overlay_of - as the kernel's mount table has it.
 * @root: config.json's root.path, the merged directory of the overlay
 * @pid: the container's process, in whose mount table it is looked for when it is not in ours
 */
int overlay_of(const char *root, pid_t pid, struct overlay *o, struct cc_error *err);

/**
 * overlay_dirs - the part of overlay_of() behind the mount table: fills all but o->found.
 * @upper, @lower: as the table has them, NULL where it has none. Relative ones, where there are too
 *                 many for absolute ones, start from where the driver keeps all layers: two above
 *                 the upper one, or where that is relative, too, above @root
 */
int overlay_dirs(const char *root, const char *upper, const char *lower, struct overlay *o,
		 struct cc_error *err);

/**
 * overlay_split - splits the layers of a mount table.
 * @list: ":" between; relative ones start from @base
 */
int overlay_split(const char *list, const char *base, struct cc_strv *dirs, struct cc_error *err);

#endif
