/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mountinfo.h - questions to mount tables, by libmount.
 *
 * A container can mount what it likes where it likes in its own namespace, so a table of a process
 * in it is only asked about mounts whose id or device the kernel gave us another way.
 */
#ifndef CC_MOUNTINFO_H
#define CC_MOUNTINFO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "json.h"

/* Opens /proc/PID/mountinfo; @pid 0 is ourselves. */
int mountinfo_open(pid_t pid, struct cc_error *err);

/*
 * All of these read the table from the start of @fd, a mountinfo file (proc_pid_mountinfo(5)).
 */

/**
 * mountinfo_overlay - upperdir and lowerdir of the overlay mounted on @target.
 * @upper, @lower: out, malloced, NULL when the overlay has none
 * @found: out, false when @target is not an overlay mount in that table
 */
int mountinfo_overlay(int fd, const char *target, char **upper, char **lower, bool *found,
		      struct cc_error *err);

/**
 * mountinfo_shared - the mount with the kernel's id @mnt_id propagates what is mounted below it
 * to others ("shared:").
 * CC_E_NOTFOUND when there is no such mount in the table.
 */
int mountinfo_shared(int fd, uint64_t mnt_id, bool *shared, struct cc_error *err);

/**
 * struct mounts - mounts of a table.
 * @id: the kernel's, as statx(2) has it: of this mount, not of what else is mounted there
 */
struct mounts {
	size_t n;
	struct mount_at {
		uint64_t id;
		char *target;
	} *v;
};

void mounts_clear(struct mounts *m);
#define mounts_auto cc_cleanup(mounts_clear)

/* All mounts of device @dev, last mounted first. @m: zeroed */
int mountinfo_mounts(int fd, dev_t dev, struct mounts *m, struct cc_error *err);

#endif
