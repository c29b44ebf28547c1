// SPDX-License-Identifier: Apache-2.0
/* Questions to mount tables. */
#include "lib_test.h"

#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "dmctl/host/mountinfo.h"

#define MERGED "/var/lib/docker/overlay2/85a0/merged"
#define OVERLAY "overlay overlay rw,lowerdir=/l/A:/l/B,upperdir=/o/85a0/diff,workdir=/o/85a0/work"

static const char table[] =
	"24 1 259:0 / / rw,relatime shared:1 - ext4 /dev/root rw\n"
	"36 24 259:0 /var/lib/docker /var/lib/docker rw,relatime shared:2 - ext4 /dev/root rw\n"
	"40 36 0:29 / " MERGED " rw,relatime master:3 - " OVERLAY "\n"
	"41 24 0:30 / /with\\040space rw shared:4 master:5 - tmpfs tmpfs rw\n"
	"42 24 253:0 / /data rw - ext4 /dev/dm-0 rw\n"
	"43 42 253:0 /sub /data/again rw - ext4 /dev/dm-0 rw\n";

static int file_of(const char *text)
{
	int fd = memfd_create("mountinfo", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

static void the_layers_of_an_overlay_are_found(void **state)
{
	cc_auto_free char *upper = NULL, *lower = NULL;
	cc_auto_close int fd = file_of(table);
	struct cc_error err;
	bool found;

	(void)state;
	expect_ok(mountinfo_overlay(fd, MERGED, &upper, &lower, &found, &err), &err);
	assert_true(found);
	assert_string_equal(upper, "/o/85a0/diff");
	assert_string_equal(lower, "/l/A:/l/B");
}

static void layers_that_were_given_one_by_one_are_found(void **state)
{
	cc_auto_free char *upper = NULL, *lower = NULL;
	cc_auto_close int fd = file_of("40 1 0:29 / /m rw - overlay o rw,lowerdir+=/l/A,"
				       "lowerdir+=/l/B,datadir+=/l/C,upperdir=/u,workdir=/w\n");
	struct cc_error err;
	bool found;

	(void)state;
	expect_ok(mountinfo_overlay(fd, "/m", &upper, &lower, &found, &err), &err);
	assert_string_equal(upper, "/u");
	assert_string_equal(lower, "/l/A:/l/B:/l/C");
}

static void what_is_no_overlay_has_no_layers(void **state)
{
	char *upper = NULL, *lower = NULL;
	cc_auto_close int fd = file_of(table);
	struct cc_error err;
	bool found = true;

	(void)state;
	expect_ok(mountinfo_overlay(fd, "/data", &upper, &lower, &found, &err), &err);
	assert_false(found);
	expect_ok(mountinfo_overlay(fd, "/nowhere", &upper, &lower, &found, &err), &err);
	assert_false(found);
	assert_null(upper);
}

static void the_mount_on_top_counts(void **state)
{
	cc_auto_free char *upper = NULL, *lower = NULL;
	cc_auto_close int fd =
		file_of("40 1 0:29 / /m rw - overlay o rw,lowerdir=/l,upperdir=/under\n"
			"41 40 0:30 / /m rw - overlay o rw,lowerdir=/l,upperdir=/top\n");
	struct cc_error err;
	bool found;

	(void)state;
	expect_ok(mountinfo_overlay(fd, "/m", &upper, &lower, &found, &err), &err);
	assert_string_equal(upper, "/top");
}

static void a_shared_mount_is_told_from_a_slave(void **state)
{
	cc_auto_close int fd = file_of(table);
	struct cc_error err;
	bool shared;

	(void)state;
	expect_ok(mountinfo_shared(fd, 24, &shared, &err), &err);
	assert_true(shared);
	expect_ok(mountinfo_shared(fd, 40, &shared, &err), &err);
	assert_false(shared);
	expect_ok(mountinfo_shared(fd, 41, &shared, &err), &err);
	assert_true(shared);
	expect_ok(mountinfo_shared(fd, 42, &shared, &err), &err);
	assert_false(shared);
	assert_int_equal(mountinfo_shared(fd, 99, &shared, &err), -1);
	expect_error(&err, CC_E_NOTFOUND, "", "mount 99");
}

static void all_mounts_of_a_device_are_found_last_first(void **state)
{
	cc_auto_close int fd = file_of(table);
	mounts_auto struct mounts m = {0};
	struct cc_error err;

	(void)state;
	expect_ok(mountinfo_mounts(fd, makedev(253, 0), &m, &err), &err);
	assert_int_equal(m.n, 2);
	assert_string_equal(m.v[0].target, "/data/again");
	assert_int_equal(m.v[0].id, 43);
	assert_string_equal(m.v[1].target, "/data");
	assert_int_equal(m.v[1].id, 42);
}

static void a_table_that_is_not_understood_is_an_error(void **state)
{
	cc_auto_close int fd =
		file_of("24 1 259:0 / / rw shared:1 - ext4 /dev/root rw\nnonsense\n");
	struct cc_error err;
	bool shared;

	(void)state;
	assert_int_equal(mountinfo_shared(fd, 24, &shared, &err), -1);
	expect_error(&err, CC_E_INTERNAL, "", "mount table");
}

static void our_own_table_is_understood(void **state)
{
	struct cc_error err = {0};
	cc_auto_close int fd = mountinfo_open(0, &err);
	mounts_auto struct mounts m = {0};

	(void)state;
	assert_true(fd >= 0);
	expect_ok(mountinfo_mounts(fd, makedev(0, 0), &m, &err), &err);
	assert_int_equal(m.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_layers_of_an_overlay_are_found),
		cmocka_unit_test(layers_that_were_given_one_by_one_are_found),
		cmocka_unit_test(what_is_no_overlay_has_no_layers),
		cmocka_unit_test(the_mount_on_top_counts),
		cmocka_unit_test(a_shared_mount_is_told_from_a_slave),
		cmocka_unit_test(all_mounts_of_a_device_are_found_last_first),
		cmocka_unit_test(a_table_that_is_not_understood_is_an_error),
		cmocka_unit_test(our_own_table_is_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
