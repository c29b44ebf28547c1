// SPDX-License-Identifier: Apache-2.0
/*
 * fs_mount.c - a file system that is mounted, but nowhere.
 */
#include "volume/fs_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "cleanup.h"

/* Appends what the kernel wrote into the file system context's log: "e ext4: …". */
static int fs_fail(int fs_fd, bool read_only, struct cc_error *err, const char *node,
		   const char *what)
{
	int saved = errno;
	char log[256];
	ssize_t n;

	n = read(fs_fd, log, sizeof(log) - 1);
	errno = saved;
	/* the file systems say that in the kernel's log only */
	if (saved == EROFS && read_only)
		return cc_fail(err, CC_E_DEVICE,
			       "%s: %s read-only: its journal has to be replayed first, after a "
			       "stop that was not clean; start a container whose identity is not "
			       "readOnly once",
			       node, what);
	if (n <= 2)
		return cc_fail_errno(err, CC_E_DEVICE, "%s: %s", node, what);
	log[n] = '\0';
	log[strcspn(log, "\n")] = '\0';
	return cc_fail_errno(err, CC_E_DEVICE, "%s: %s (%s)", node, what, log + 2);
}

int fs_mount_map_ids(int fd, pid_t pid, struct cc_error *err)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP};
	cc_auto_close int ns = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	attr.userns_fd = (unsigned int)ns;
	if (mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)))
		return cc_fail_errno(
			err, CC_E_INTERNAL,
			"the file system's ids cannot be mapped to the container's user "
			"namespace");
	return 0;
}

const char *fs_mount_context(const char *selinuxfs, const char *label)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/enforce", selinuxfs);
	return access(path, F_OK) == 0 ? label : NULL;
}

static int set_flag(int ctx, const char *name)
{
	return fsconfig(ctx, FSCONFIG_SET_FLAG, name, NULL, 0);
}

int fs_mount(const char *fs, const char *node, const struct fs_mount_how *how, int *fd,
	     struct cc_error *err)
{
	unsigned int attrs = how->attrs | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			     (how->read_only ? MOUNT_ATTR_RDONLY : 0);
	cc_auto_close int ctx = fsopen(fs, FSOPEN_CLOEXEC);
	cc_auto_close int mnt = -1;

	if (ctx < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "the kernel has no file system %s", fs);
	if (fsconfig(ctx, FSCONFIG_SET_STRING, "source", node, 0) ||
	    (how->read_only && set_flag(ctx, "ro")) || (how->discard && set_flag(ctx, "discard")) ||
	    (how->context && fsconfig(ctx, FSCONFIG_SET_STRING, "context", how->context, 0)) ||
	    /*
	     * the same file system may be mounted for another container, too: XFS wants to be told
	     */
	    (how->read_only && strcmp(fs, "xfs") == 0 && set_flag(ctx, "nouuid")) ||
	    fsconfig(ctx, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return fs_fail(ctx, how->read_only, err, node, "cannot be mounted");
	mnt = fsmount(ctx, FSMOUNT_CLOEXEC, attrs);
	if (mnt < 0)
		return fs_fail(ctx, how->read_only, err, node, "cannot be mounted");
	*fd = cc_steal_fd(&mnt);
	return 0;
}

int fs_mount_read_only(int fd, struct cc_error *err)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};

	return mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr))
		       ? cc_fail_errno(err, CC_E_INTERNAL, "making the mount read-only")
		       : 0;
}
