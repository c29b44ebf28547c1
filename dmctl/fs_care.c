// SPDX-License-Identifier: Apache-2.0
/*
 * fs_care.c - repairing a volume's file system.
 */
#include "fs_care.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "program.h"

/* ---- repair ------------------------------------------------------------------------------------ */

/* ext4's superblock, at byte 1024 (kernel, Documentation/filesystems/ext4/super.rst); little-endian */
#define SUPER 1024
#define SUPER_MAGIC 0x38
#define SUPER_STATE 0x3a
#define EXT4_MAGIC 0xef53
#define EXT4_ERROR_FS 2
#define FSCK "/usr/sbin/e2fsck"
#define FSCK_MENDED \
	1 /* exit status: bits, this and the next are no trouble when nothing is mounted */
#define FSCK_REBOOT 2

static unsigned int le16(const unsigned char *p)
{
	return p[0] | (unsigned int)p[1] << 8;
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

int fs_repair(const char *fs, const char *node, bool read_only, struct cc_error *err)
{
	const char *const argv[] = {FSCK, "-p", node, NULL};
	unsigned char block[4096];
	cc_auto_close int out = -1;
	int status = 0;

	if (strcmp(fs, "ext4") != 0 || read_only)
		return 0;
	if (read_start(node, block, err))
		return -1;
	if (!fs_ext4_has_errors(block))
		return 0;
	out = memfd_create("fsck", MFD_CLOEXEC);
	if (out < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "memfd_create");
	if (program_run(argv, out, &status, err))
		return -1;
	if (WIFEXITED(status) && (WEXITSTATUS(status) & ~(FSCK_MENDED | FSCK_REBOOT)) == 0)
		return 0;
	program_check(FSCK, status, CC_E_DEVICE, err);
	return cc_prefix(err,
			 "the file system is damaged and cannot be mended without somebody who "
			 "decides");
}
