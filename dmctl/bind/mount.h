/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount.h - a file system that is mounted in one container and nowhere else.
 *
 * It is made detached (volume/fs_mount.h) and moved into the container's mount namespace by a
 * forked, single-threaded child.
 */
#ifndef CC_MOUNT_H
#define CC_MOUNT_H

#include <stdbool.h>
#include <sys/types.h>

#include "container/measure.h"

/**
 * mount_attach - moves it to @point in the container.
 * @volume: whose placeholder (placeholder.h) may be mounted there
 * @point: normalised absolute path; missing directories are made
 *
 * Refuses (CC_E_REFUSED, fact "mountPoint") a symbolic link on the way, a target that is another
 * mount already, and a parent that would show the mount to others (shared).
 */
int mount_attach(int fd, const struct measured *seen, const char *volume, const char *point,
		 struct cc_error *err);

/**
 * mount_detach - unmounts every mount of device @dev from the mount namespace of @proc.
 * @lazy: also when it is in use (MNT_DETACH)
 * Return: 0, also when there is none; -1 with CC_E_BUSY when the container uses it or has mounted
 * something else over it, which stays.
 */
int mount_detach(const struct proc_ref *proc, dev_t dev, bool lazy, struct cc_error *err);

/**
 * mount_grow - makes the file system of device @dev, which the container of @proc has mounted, as
 * large as the device, @sectors of 512 bytes. The mount may be read-only, the file system not.
 * CC_E_BUSY while the container is paused.
 */
int mount_grow(const struct proc_ref *proc, dev_t dev, const char *fs, uint64_t sectors,
	       struct cc_error *err);

#endif
