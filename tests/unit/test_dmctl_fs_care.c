// SPDX-License-Identifier: Apache-2.0
/* When a file system says that it is damaged, how it is repaired, and its label when mounted. */
#include "lib_test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dmctl/volume/fs_care.h"
#include "dmctl/host/stop_signals.h"
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

/* An ext4 that has found errors, in a directory of its own, and where the mark would be. */
struct damaged {
	char dir[64], node[128], mark[128];
};

static void damage(const struct damaged *d)
{
	char command[512];

	snprintf(command, sizeof(command),
		 "/usr/sbin/debugfs -w -R 'set_super_value state 2' %s >%s/log 2>&1", d->node,
		 d->dir);
	assert_int_equal(system(command), 0);
}

static void make_damaged(struct damaged *d)
{
	char command[512];

	snprintf(d->dir, sizeof(d->dir), "/tmp/test-fsck-XXXXXX");
	assert_non_null(mkdtemp(d->dir));
	snprintf(d->node, sizeof(d->node), "%s/fs", d->dir);
	snprintf(d->mark, sizeof(d->mark), "%s/mark", d->dir);
	snprintf(command, sizeof(command), "/usr/sbin/mke2fs -q -t ext4 %s 16M", d->node);
	assert_int_equal(system(command), 0);
	damage(d);
}

static void clear_damaged(struct damaged *d)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", d->dir);
	assert_int_equal(system(command), 0);
}

static void a_damaged_ext4_is_repaired_at_a_bind(void **state)
{
	struct damaged d;
	const struct fs_patience patience = {.limit_ms = 60000, .mark = d.mark};
	struct cc_error err = {0};
	bool repaired = false;

	(void)state;
	make_damaged(&d);
	stop_signals_block();
	expect_ok(fs_repair("ext4", d.node, true, &patience, &repaired, &err), &err);
	assert_false(repaired);
	expect_ok(fs_repair("ext4", d.node, false, &patience, &repaired, &err), &err);
	assert_true(repaired);
	repaired = false;
	expect_ok(fs_repair("ext4", d.node, false, &patience, &repaired, &err), &err);
	assert_false(repaired);
	assert_int_equal(access(d.mark, F_OK), -1);
	stop_signals_unblock();
	clear_damaged(&d);
}

/* What a watcher has seen. */
struct seen {
	int ends[2], begun, ended;
	pid_t pid;
	char command[256];
};

static int see_begin(void *arg)
{
	struct seen *s = arg;

	s->begun++;
	assert_int_equal(pipe2(s->ends, O_CLOEXEC), 0);
	return s->ends[1];
}

static void see_run(void *arg, const char *command, pid_t pid)
{
	struct seen *s = arg;

	s->pid = pid;
	snprintf(s->command, sizeof(s->command), "%s", command);
}

static void see_end(void *arg)
{
	struct seen *s = arg;

	s->ended++;
	close(s->ends[1]);
}

static void who_watches_a_check_sees_its_process_and_its_progress(void **state)
{
	struct damaged d;
	struct seen seen = {0};
	const struct fs_watcher watcher = {see_begin, see_run, see_end, &seen};
	const struct fs_patience patience = {
		.limit_ms = 60000, .mark = d.mark, .watcher = &watcher};
	char said[4096] = "", want[256];
	struct cc_error err = {0};
	bool repaired = false;

	(void)state;
	make_damaged(&d);
	stop_signals_block();
	expect_ok(fs_repair("ext4", d.node, true, &patience, &repaired, &err), &err);
	assert_int_equal(seen.begun, 0); /* nothing was run */
	expect_ok(fs_repair("ext4", d.node, false, &patience, &repaired, &err), &err);
	stop_signals_unblock();
	assert_true(repaired);
	assert_int_equal(seen.begun, 1);
	assert_int_equal(seen.ended, 1);
	assert_true(seen.pid > 0);
	snprintf(want, sizeof(want), "e2fsck -p %s", d.node);
	assert_string_equal(seen.command, want);
	assert_true(read(seen.ends[0], said, sizeof(said) - 1) > 0);
	assert_memory_equal(said, "1 ", 2);
	close(seen.ends[0]);
	clear_damaged(&d);
}

static void a_check_that_takes_too_long_is_not_begun_anew_at_every_start(void **state)
{
	struct damaged d;
	const struct fs_patience none = {.limit_ms = 1, .mark = d.mark},
				 much = {.limit_ms = 60000, .mark = d.mark};
	struct cc_error err = {0};
	bool repaired = false;

	(void)state;
	make_damaged(&d);
	stop_signals_block();
	assert_int_equal(fs_repair("ext4", d.node, false, &none, &repaired, &err), -1);
	expect_error(&err, CC_E_BUSY, "", "takes too long");
	damage(&d); /* should it have come to its end all the same */
	repaired = false;
	assert_int_equal(fs_repair("ext4", d.node, false, &much, &repaired, &err), -1);
	expect_error(&err, CC_E_BUSY, "", "takes too long");
	assert_false(repaired);
	{
		char command[256];

		snprintf(command, sizeof(command), "/usr/sbin/e2fsck -p %s >%s/log 2>&1", d.node,
			 d.dir);
		assert_int_equal(WEXITSTATUS(system(command)), 1);
	}
	expect_ok(fs_repair("ext4", d.node, false, &much, &repaired, &err), &err);
	assert_int_equal(access(d.mark, F_OK), -1);
	stop_signals_unblock();
	clear_damaged(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_size_of_an_ext4_is_read_from_its_superblock),
		cmocka_unit_test(a_label_is_given_to_the_mount_only_where_there_is_selinux),
		cmocka_unit_test(only_an_ext4_that_found_errors_needs_repair),
		cmocka_unit_test(a_damaged_ext4_is_repaired_at_a_bind),
		cmocka_unit_test(who_watches_a_check_sees_its_process_and_its_progress),
		cmocka_unit_test(a_check_that_takes_too_long_is_not_begun_anew_at_every_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
