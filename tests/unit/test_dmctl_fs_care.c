// SPDX-License-Identifier: Apache-2.0
/* When a file system says of itself that it is damaged, and with which label it is mounted. */
#include "lib_test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "dmctl/volume/fs_care.h"
#include "dmctl/volume/fs_mount.h"

static void only_an_ext4_that_found_errors_needs_repair(void **state)
{
	unsigned char block[4096] = {0};

	(void)state;
	assert_false(fs_ext4_has_errors(block));
	block[1024 + 0x3a] = 2;
	assert_false(fs_ext4_has_errors(block)); /* no ext4 */
	block[1024 + 0x38] = 0x53;
	block[1024 + 0x39] = 0xef;
	assert_true(fs_ext4_has_errors(block));
	block[1024 + 0x3a] = 3; /* unmounted cleanly, with errors */
	assert_true(fs_ext4_has_errors(block));
	block[1024 + 0x3a] = 1;
	assert_false(fs_ext4_has_errors(block));
	block[1024 + 0x3a] = 4; /* orphans: the journal mends them */
	assert_false(fs_ext4_has_errors(block));
}

static void the_size_of_an_ext4_is_read_from_its_superblock(void **state)
{
	unsigned char block[4096] = {0};

	(void)state;
	block[1024 + 4] = 0x10; /* 16 blocks of 4 KiB */
	block[1024 + 0x18] = 2;
	assert_int_equal(fs_ext4_sectors(block), 128);
	block[1024 + 0x150] = 1; /* and 2^32 more */
	assert_true(fs_ext4_sectors(block) == 128 + (UINT64_C(8) << 32));
	block[1024 + 0x18] = 200; /* no such block size */
	assert_int_equal(fs_ext4_sectors(block), 0);
}

static void a_label_is_given_to_the_mount_only_where_there_is_selinux(void **state)
{
	static const char label[] = "system_u:object_r:container_file_t:s0:c1,c2";
	char dir[] = "/tmp/test-selinuxfs-XXXXXX", file[64];
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_null(fs_mount_context(dir, label));
	snprintf(file, sizeof(file), "%s/enforce", dir);
	fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_ptr_equal(fs_mount_context(dir, label), label);
	assert_null(fs_mount_context(dir, NULL));
	unlink(file);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_size_of_an_ext4_is_read_from_its_superblock),
		cmocka_unit_test(a_label_is_given_to_the_mount_only_where_there_is_selinux),
		cmocka_unit_test(only_an_ext4_that_found_errors_needs_repair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
