// SPDX-License-Identifier: Apache-2.0
/*
 * placeholder.c - the directory that stands for a volume until it is bound: a tmpfs of its own,
 * read-only as a whole, so that no mount option of an engine makes it writable.
 */
#include "plugin/placeholder.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "paths.h"

#define TEXT                                                                                      \
	"This is not the data. It is the placeholder of container-crypt volume \"%s\".\n"         \
	"\n"                                                                                      \
	"The volume is mounted here before the container's program starts, if the container is\n" \
	"started with its device:\n"                                                              \
	"\n"                                                                                      \
	"    docker run -v NAME:/data --device container-crypt/volume=%s IMAGE\n"                 \
	"    podman run -v NAME:/data --device container-crypt/volume=%s IMAGE\n"                 \
	"\n"                                                                                      \
	"Here that was not done, or the volume was taken away again (\"dmctl unbind\").\n"        \
	"More: container-crypt-plugin(8).\n"

void placeholder_path(const char *volume, char out[static 128])
{
	snprintf(out, 128, CC_PLACEHOLDER_DIR "/%.63s", volume);
}

static bool is_ours(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC && (fs.f_flags & ST_RDONLY);
}

int placeholder_open(const char *volume)
{
	cc_auto_close int fd = -1;
	char path[128];

	placeholder_path(volume, path);
	fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || !is_ours(fd) || faccessat(fd, PLACEHOLDER_FILE, F_OK, 0))
		return -1;
	return cc_steal_fd(&fd);
}

static int write_marker(int dir, const char *volume, struct cc_error *err)
{
	cc_auto_close int fd =
		openat(dir, PLACEHOLDER_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);

	if (fd < 0 || dprintf(fd, TEXT, volume, volume, volume) < 0 || fchmod(fd, 0444))
		return cc_fail_errno(err, CC_E_INTERNAL, "the placeholder's file");
	return 0;
}

/* The file system, attached nowhere yet, finished. Return: a descriptor of its mount. */
static int make_detached(const char *volume, struct cc_error *err)
{
	cc_auto_close int ctx = fsopen("tmpfs", FSOPEN_CLOEXEC);
	cc_auto_close int mnt = -1;

	if (ctx < 0 || fsconfig(ctx, FSCONFIG_SET_STRING, "source", "container-crypt", 0) ||
	    fsconfig(ctx, FSCONFIG_SET_STRING, "mode", "0755", 0) ||
	    fsconfig(ctx, FSCONFIG_SET_STRING, "size", "64k", 0) ||
	    fsconfig(ctx, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return cc_fail_errno(err, CC_E_INTERNAL, "the placeholder's file system");
	mnt = fsmount(ctx, FSMOUNT_CLOEXEC,
		      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (mnt < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "the placeholder's file system");
	if (write_marker(mnt, volume, err))
		return -1;
	if (fsconfig(ctx, FSCONFIG_SET_FLAG, "ro", NULL, 0) ||
	    fsconfig(ctx, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0))
		return cc_fail_errno(err, CC_E_INTERNAL, "making the placeholder read-only");
	return cc_steal_fd(&mnt);
}

int placeholder_make(const char *volume, struct cc_error *err)
{
	cc_auto_close int there = placeholder_open(volume);
	cc_auto_close int mnt = -1;
	char path[128];

	if (there >= 0)
		return 0;
	placeholder_path(volume, path);
	if ((mkdir(CC_RUN_DIR, 0711) && errno != EEXIST) ||
	    (mkdir(CC_PLACEHOLDER_DIR, 0711) && errno != EEXIST) ||
	    (mkdir(path, 0755) && errno != EEXIST))
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	mnt = make_detached(volume, err);
	if (mnt < 0)
		return -1;
	if (move_mount(mnt, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH))
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	return 0;
}

int placeholder_remove(const char *volume, struct cc_error *err)
{
	char path[128];

	placeholder_path(volume, path);
	while (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
	if (errno != EINVAL && errno != ENOENT)
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	if (rmdir(path) && errno != ENOENT)
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	return 0;
}
