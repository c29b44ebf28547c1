// SPDX-License-Identifier: Apache-2.0
/*
 * fs_root.c - the root directory of a volume's file system.
 */
#include "volume/fs_root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cleanup.h"
#include "volume/fs_mount.h"

#define LOST_FOUND "lost+found"
#define MKFS_MODE 0755
/* No container sees or sets it: trusted attributes are for CAP_SYS_ADMIN of the host. */
#define SETTLED "trusted.container-crypt.root"

/* A number up to @max at *@s, which is moved behind it. */
static bool take_number(const char **s, int base, unsigned long max, unsigned long *n)
{
	char *end;

	if (**s < '0' || **s > '9')
		return false;
	errno = 0;
	*n = strtoul(*s, &end, base);
	if (errno || *n > max)
		return false;
	*s = end;
	return true;
}

int fs_root_owner(const char *text, struct fs_root *r, struct cc_error *err)
{
	const unsigned long most = UINT32_MAX - 1; /* the last one means "unchanged" */
	const char *s = text;
	unsigned long uid, gid;
	bool ok = take_number(&s, 10, most, &uid) && *s == ':';

	s += ok;
	if (!ok || !take_number(&s, 10, most, &gid) || *s)
		return cc_fail(err, CC_E_USAGE,
			       "\"%.40s\" is not an owner: UID:GID, two numbers, as 999:999", text);
	r->has_owner = true;
	r->uid = (uid_t)uid;
	r->gid = (gid_t)gid;
	return 0;
}

int fs_root_mode(const char *text, struct fs_root *r, struct cc_error *err)
{
	const char *s = text;
	unsigned long mode;

	if (!take_number(&s, 8, 07777, &mode) || *s)
		return cc_fail(err, CC_E_USAGE,
			       "\"%.40s\" is not a mode: an octal number up to 7777, as 0750",
			       text);
	r->has_mode = true;
	r->mode = (mode_t)mode;
	return 0;
}

static int open_root(int mnt)
{
	return openat(mnt, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool is_empty(int dir)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cc_auto_closedir DIR *d = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *e;

	if (!d) {
		if (copy >= 0)
			close(copy);
		return false;
	}
	errno = 0;
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			return false;
	return errno == 0;
}

static int keep_settled(int dir, struct cc_error *err)
{
	return fsetxattr(dir, SETTLED, "1", 1, 0)
		       ? cc_fail_errno(err, CC_E_DEVICE, "the volume's root directory: " SETTLED)
		       : 0;
}

/* The mode first, while it is root's: chown(2) leaves a directory's set-id bits as they are. */
static int give(int dir, uid_t uid, gid_t gid, mode_t mode, struct cc_error *err)
{
	if (fchmod(dir, mode))
		return cc_fail_errno(err, CC_E_DEVICE, "the mode of the volume's root directory");
	return fchown(dir, uid, gid)
		       ? cc_fail_errno(err, CC_E_DEVICE,
				       "the volume's root directory cannot be given to %u:%u", uid,
				       gid)
		       : 0;
}

int fs_root_make(const char *fs, const char *node, const struct fs_root *r, struct cc_error *err)
{
	cc_auto_close int mnt = -1, dir = -1;

	if (fs_mount(fs, node, &(struct fs_mount_how){0}, &mnt, err))
		return -1;
	fs_root_tidy(mnt);
	dir = open_root(mnt);
	if (dir < 0)
		return cc_fail_errno(err, CC_E_DEVICE, "the volume's root directory");
	if (!r->has_owner && !r->has_mode)
		return 0;
	return give(dir, r->has_owner ? r->uid : 0, r->has_owner ? r->gid : 0,
		    r->has_mode ? r->mode : MKFS_MODE, err) ||
			       keep_settled(dir, err)
		       ? -1
		       : 0;
}

void fs_root_tidy(int mnt)
{
	unlinkat(mnt, LOST_FOUND, AT_REMOVEDIR);
}

bool fs_root_is_fresh(int mnt)
{
	cc_auto_close int dir = open_root(mnt);
	struct stat st;

	return dir >= 0 && fstat(dir, &st) == 0 && st.st_uid == 0 && st.st_gid == 0 &&
	       (st.st_mode & 07777) == MKFS_MODE && fgetxattr(dir, SETTLED, NULL, 0) < 0 &&
	       errno == ENODATA && is_empty(dir);
}

int fs_root_adopt(int mnt, const struct stat *like, struct cc_error *err)
{
	cc_auto_close int dir = open_root(mnt);

	if (dir < 0)
		return cc_fail_errno(err, CC_E_DEVICE, "the volume's root directory");
	if (like && give(dir, like->st_uid, like->st_gid, like->st_mode & 07777, err))
		return -1;
	return keep_settled(dir, err);
}
