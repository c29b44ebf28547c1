// SPDX-License-Identifier: Apache-2.0
/*
 * fs_care.c - repairing and growing a volume's file system.
 */
#include "volume/fs_care.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/types.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "host/program.h"
#include "host/stop_signals.h"

/* ---- repair -------------------------------------------------------------------------------- */

/*
 * ext4's superblock, at byte 1024 (kernel, Documentation/filesystems/ext4/super.rst); little-endian
 */
#define SUPER 1024
#define SUPER_BLOCKS_LO 0x04
#define SUPER_LOG_BLOCK_SIZE 0x18
#define SUPER_BLOCKS_HI 0x150
#define SUPER_MAGIC 0x38
#define SUPER_STATE 0x3a
#define EXT4_MAGIC 0xef53
#define EXT4_ERROR_FS 2
#define FSCK "/usr/sbin/e2fsck"
#define FSCK_REPAIRED \
	1 /* exit status: bits, this and the next are no trouble when nothing is mounted */
#define FSCK_REBOOT 2

static unsigned int le16(const unsigned char *p)
{
	return p[0] | (unsigned int)p[1] << 8;
}

static uint64_t le32(const unsigned char *p)
{
	return le16(p) | (uint64_t)le16(p + 2) << 16;
}

uint64_t fs_ext4_sectors(const unsigned char block[static 4096])
{
	uint64_t blocks =
		le32(block + SUPER + SUPER_BLOCKS_LO) | le32(block + SUPER + SUPER_BLOCKS_HI) << 32;
	uint64_t log = le32(block + SUPER + SUPER_LOG_BLOCK_SIZE);

	return log > 6 ? 0 : blocks * (2u << log); /* 1 KiB << log each */
}

bool fs_ext4_has_errors(const unsigned char block[static 4096])
{
	return le16(block + SUPER + SUPER_MAGIC) == EXT4_MAGIC &&
	       (le16(block + SUPER + SUPER_STATE) & EXT4_ERROR_FS);
}

static int read_start(const char *node, unsigned char block[static 4096], struct cc_error *err)
{
	cc_auto_close int fd = open(node, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || pread(fd, block, 4096, 0) != 4096)
		return cc_fail_errno(err, CC_E_DEVICE, "%s cannot be read", node);
	return 0;
}

static int takes_long(struct cc_error *err)
{
	return cc_fail(err, CC_E_BUSY, "checking the file system takes too long");
}

/* @watcher may be NULL. */
static int check_watched(const char *node, const struct fs_patience *patience, int out, int *status,
			 struct cc_error *err)
{
	const struct fs_watcher *w = patience->watcher;
	int progress = w ? w->begins(w->arg) : -1;
	char number[16], command[128];
	const char *const argv[] = {FSCK, "-p", node, progress < 0 ? NULL : "-C", number, NULL};
	pid_t child;
	int rc;

	snprintf(number, sizeof(number), "%d", progress);
	snprintf(command, sizeof(command), "e2fsck -p %s", node);
	if (progress >= 0)
		fcntl(progress, F_SETFD, 0);
	rc = program_start(argv, out, &child, err);
	if (progress >= 0)
		fcntl(progress, F_SETFD, FD_CLOEXEC);
	if (rc == 0 && w)
		w->runs(w->arg, command, child);
	if (rc == 0)
		rc = stop_signals_wait(child, patience->limit_ms, status, err);
	if (w)
		w->ends(w->arg);
	return rc;
}

/*
 * Ended in the middle it begins anew the next time: for ever, if nobody remembers. The mark is
 * there first, as we may be killed while e2fsck waits for a device.
 */
static int run_fsck(const char *node, const struct fs_patience *patience, int *status,
		    struct cc_error *err)
{
	cc_auto_close int mark = -1, out = memfd_create("fsck", MFD_CLOEXEC);
	int rc;

	if (out < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "memfd_create");
	mark = open(patience->mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (mark < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", patience->mark);
	rc = check_watched(node, patience, out, status, err);
	if (rc && err->code == CC_E_BUSY)
		return takes_long(err);
	unlink(patience->mark);
	return rc;
}

int fs_repair(const char *fs, const char *node, bool read_only, const struct fs_patience *patience,
	      bool *repaired, struct cc_error *err)
{
	unsigned char block[4096];
	int status = 0;

	if (strcmp(fs, "ext4") != 0 || read_only)
		return 0;
	if (read_start(node, block, err))
		return -1;
	if (!fs_ext4_has_errors(block)) {
		unlink(patience->mark);
		return 0;
	}
	if (access(patience->mark, F_OK) == 0)
		return takes_long(err);
	*repaired = true;
	if (run_fsck(node, patience, &status, err))
		return -1;
	if (WIFEXITED(status) && (WEXITSTATUS(status) & ~(FSCK_REPAIRED | FSCK_REBOOT)) == 0)
		return 0;
	program_check(FSCK, status, CC_E_DEVICE, err);
	return cc_prefix(err, "the file system is damaged and cannot be repaired automatically");
}

/* ---- grow ---------------------------------------------------------------------------------- */

/* Of the kernel's headers, which libc does not have. */
#define EXT4_IOC_RESIZE_FS _IOW('f', 16, __u64)

struct xfs_fsop_geom_v1 {
	__u32 blocksize, rtextsize, agblocks, agcount, logblocks, sectsize, inodesize, imaxpct;
	__u64 datablocks, rtblocks, rtextents, logstart;
	unsigned char uuid[16];
	__u32 sunit, swidth;
	__s32 version;
	__u32 flags, logsectsize, rtsectsize, dirblocksize;
};

struct xfs_growfs_data {
	__u64 newblocks;
	__u32 imaxpct;
};

#define XFS_IOC_FSGEOMETRY_V1 _IOR('X', 100, struct xfs_fsop_geom_v1)
#define XFS_IOC_FSGROWFSDATA _IOW('X', 110, struct xfs_growfs_data)

static int grow_ext4(int fd, const char *node, uint64_t sectors)
{
	unsigned char block[4096];
	struct cc_error ignored;
	struct statfs st;
	__u64 blocks;

	/* the kernel's own check flushes the journal first */
	if (node && read_start(node, block, &ignored) == 0 && fs_ext4_sectors(block) >= sectors)
		return 0;
	if (fstatfs(fd, &st))
		return -1;
	blocks = sectors * 512 / (uint64_t)st.f_bsize;
	return ioctl(fd, EXT4_IOC_RESIZE_FS, &blocks);
}

static int grow_xfs(int fd, uint64_t sectors)
{
	struct xfs_fsop_geom_v1 geo;
	struct xfs_growfs_data in;

	if (ioctl(fd, XFS_IOC_FSGEOMETRY_V1, &geo))
		return -1;
	in = (struct xfs_growfs_data){.newblocks = sectors * 512 / geo.blocksize,
				      .imaxpct = geo.imaxpct};
	return in.newblocks <= geo.datablocks ? 0 : ioctl(fd, XFS_IOC_FSGROWFSDATA, &in);
}

int fs_grow(const char *fs, const char *node, int dir, uint64_t sectors, struct cc_error *err)
{
	cc_auto_close int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = -1;

	if (fd >= 0 && strcmp(fs, "ext4") == 0)
		rc = grow_ext4(fd, node, sectors);
	else if (fd >= 0)
		rc = strcmp(fs, "xfs") == 0 ? grow_xfs(fd, sectors) : 0;
	return rc ? cc_fail_errno(err, CC_E_DEVICE, "the %s cannot be made larger", fs) : 0;
}
