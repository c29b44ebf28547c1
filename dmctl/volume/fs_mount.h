/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs_mount.h - a file system that is mounted, but nowhere: made by fsopen(2) and fsmount(2), so no
 * mount table of the host ever has it.
 */
#ifndef CC_FS_MOUNT_H
#define CC_FS_MOUNT_H

#include <stdbool.h>
#include <sys/types.h>

#include "error.h"

/**
 * struct fs_mount_how - what may differ from one mount to another.
 * @read_only: the file system, not this mount of it only
 * @discard: what is freed is discarded at once
 * @attrs: MOUNT_ATTR_… beyond nosuid and nodev
 * @context: the SELinux label that all of its files have, fs_mount_context(); NULL: their own
 */
struct fs_mount_how {
	bool read_only, discard;
	unsigned int attrs;
	const char *context;
};

/**
 * fs_mount - makes the mount, nosuid and nodev, attached nowhere.
 * @fs: "ext4", "xfs"
 * @node: block device
 * @fd: out; closing it unless it was attached unmounts
 *
 * Return: 0; -1 with CC_E_DEVICE, which says what to do about a journal that a read-only device
 * keeps from being replayed.
 */
int fs_mount(const char *fs, const char *node, const struct fs_mount_how *how, int *fd,
	     struct cc_error *err);

#define SELINUXFS "/sys/fs/selinux"

/**
 * fs_mount_context - @label, or NULL where the kernel has no SELinux and would refuse the mount.
 * @selinuxfs: SELINUXFS
 */
const char *fs_mount_context(const char *selinuxfs, const char *label);

/*
 * Maps the ids of mount @fd, which is attached nowhere yet, to the user namespace of process @pid
 * (mount_setattr(2), MOUNT_ATTR_IDMAP).
 */
int fs_mount_map_ids(int fd, pid_t pid, struct cc_error *err);

/* Makes the mount @fd read-only, which its file system is not. */
int fs_mount_read_only(int fd, struct cc_error *err);

#endif
