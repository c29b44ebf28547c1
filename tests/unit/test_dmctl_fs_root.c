// SPDX-License-Identifier: Apache-2.0
/* The root directory of a volume's file system: a directory stands for it. */
#include "lib_test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "dmctl/volume/fs_root.h"

static char dir[64];

static int make_root(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/fs-root-test.XXXXXX");
	return mkdtemp(dir) && chmod(dir, 0755) == 0 ? 0 : -1;
}

static int remove_root(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static int open_dir(void)
{
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void an_owner_is_two_numbers(void **state)
{
	static const char *const bad[] = {
		"",	"999",	"999:", ":999", "pg:pg",	"1:2:3",
		"-1:0", "1: 2", " 1:2", "1:2 ", "4294967295:0", "0:99999999999999999999"};
	struct fs_root r = {0};
	struct cc_error err = {0};

	(void)state;
	expect_ok(fs_root_owner("999:4294967294", &r, &err), &err);
	assert_true(r.has_owner && r.uid == 999 && r.gid == 4294967294);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(fs_root_owner(bad[i], &r, &err), -1);
		expect_error(&err, CC_E_USAGE, "", "is not an owner");
	}
}

static void a_mode_is_octal(void **state)
{
	static const char *const bad[] = {"", "8", "0x1", "u=rwx", "10000", "-1", "755 "};
	struct fs_root r = {0};
	struct cc_error err = {0};

	(void)state;
	expect_ok(fs_root_mode("0750", &r, &err), &err);
	assert_true(r.has_mode && r.mode == 0750);
	expect_ok(fs_root_mode("1777", &r, &err), &err);
	assert_int_equal(r.mode, 01777);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(fs_root_mode(bad[i], &r, &err), -1);
		expect_error(&err, CC_E_USAGE, "", "is not a mode");
	}
}

static void a_volume_at_first_use_takes_owner_and_mode_of_the_images_directory_once(void **state)
{
	const struct stat first = {.st_uid = 999, .st_gid = 998, .st_mode = S_IFDIR | 02770};
	cc_auto_close int mnt = open_dir();
	struct cc_error err = {0};
	struct stat st;

	(void)state;
	assert_true(fs_root_is_fresh(mnt));
	expect_ok(fs_root_adopt(mnt, &first, &err), &err);
	assert_int_equal(stat(dir, &st), 0);
	assert_true(st.st_uid == 999 && st.st_gid == 998 && (st.st_mode & 07777) == 02770);
	assert_int_equal(chown(dir, 0, 0) + chmod(dir, 0755), 0);
	assert_false(fs_root_is_fresh(mnt)); /* the container has given it back */
}

static void an_image_without_such_a_directory_leaves_the_volume_to_root(void **state)
{
	cc_auto_close int mnt = open_dir();
	struct cc_error err = {0};
	struct stat st;

	(void)state;
	expect_ok(fs_root_adopt(mnt, NULL, &err), &err);
	assert_int_equal(stat(dir, &st), 0);
	assert_true(st.st_uid == 0 && (st.st_mode & 07777) == 0755);
	assert_false(fs_root_is_fresh(mnt));
}

static void a_volume_with_data_or_with_an_owner_is_not_fresh(void **state)
{
	cc_auto_close int mnt = open_dir();

	(void)state;
	assert_int_equal(chown(dir, 7, 0), 0);
	assert_false(fs_root_is_fresh(mnt));
	assert_int_equal(chown(dir, 0, 0) + chmod(dir, 0700), 0);
	assert_false(fs_root_is_fresh(mnt));
	assert_int_equal(chmod(dir, 0755), 0);
	assert_true(fs_root_is_fresh(mnt));
	assert_int_equal(mkdirat(mnt, "lost+found", 0700), 0);
	assert_false(fs_root_is_fresh(mnt));
}

static void lost_and_found_goes_unless_something_is_in_it(void **state)
{
	cc_auto_close int mnt = open_dir();

	(void)state;
	assert_int_equal(mkdirat(mnt, "lost+found", 0700), 0);
	assert_int_equal(mkdirat(mnt, "lost+found/#12", 0700), 0);
	fs_root_tidy(mnt);
	assert_int_equal(faccessat(mnt, "lost+found/#12", F_OK, 0), 0);
	assert_int_equal(unlinkat(mnt, "lost+found/#12", AT_REMOVEDIR), 0);
	fs_root_tidy(mnt);
	assert_int_equal(faccessat(mnt, "lost+found", F_OK, 0), -1);
}

#define on_root(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_owner_is_two_numbers),
		cmocka_unit_test(a_mode_is_octal),
		on_root(a_volume_at_first_use_takes_owner_and_mode_of_the_images_directory_once),
		on_root(an_image_without_such_a_directory_leaves_the_volume_to_root),
		on_root(a_volume_with_data_or_with_an_owner_is_not_fresh),
		on_root(lost_and_found_goes_unless_something_is_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
