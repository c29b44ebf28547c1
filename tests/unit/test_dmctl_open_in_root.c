// SPDX-License-Identifier: Apache-2.0
/* Opening files of a container's tree: nothing in it leads out of it. */
#include "tree_test.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cleanup.h"
#include "dmctl/host/open_in_root.h"

/* A root with a file, a link to it, and a link that leads out; and a file beside the root. */
static int setup(void **state)
{
	(void)state;
	if (top_new())
		return -1;
	make_dir(top, "/root");
	make_dir(top, "/root/etc");
	make_file(top, "/root/etc/passwd", "inside");
	make_file(top, "/secret", "outside");
	return symlink("/etc/passwd", at("/root/link")) || symlink("../../secret", at("/root/up"));
}

static int open_root(void)
{
	int fd = open(at("/root"), O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void expect_opens(const char *path, uint64_t resolve, const char *text)
{
	cc_auto_close int root = open_root();
	cc_auto_close int fd = open_in_root(root, path, O_RDONLY | O_CLOEXEC, resolve);
	char found[16] = "";

	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	assert_true(read(fd, found, sizeof(found) - 1) > 0);
	assert_string_equal(found, text);
}

static void expect_fails(const char *path, uint64_t resolve, int with)
{
	cc_auto_close int root = open_root();

	assert_int_equal(open_in_root(root, path, O_RDONLY | O_CLOEXEC, resolve), -1);
	assert_int_equal(errno, with);
}

static void a_path_and_a_link_start_at_the_root_that_was_given(void **state)
{
	(void)state;
	expect_opens("/etc/passwd", 0, "inside");
	expect_opens("/link", 0, "inside");
	expect_opens("/../../etc/passwd", 0, "inside");
}

static void neither_dots_nor_a_link_lead_out_of_it(void **state)
{
	(void)state;
	expect_fails("/../secret", 0, ENOENT);
	expect_fails("/up", 0, ENOENT);
}

static void a_link_is_refused_where_none_may_be(void **state)
{
	(void)state;
	expect_opens("/etc/passwd", RESOLVE_NO_SYMLINKS, "inside");
	expect_fails("/link", RESOLVE_NO_SYMLINKS, ELOOP);
}

static void a_magic_link_of_proc_leads_nowhere(void **state)
{
	cc_auto_close int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int pid = getpid();
	char path[64];

	(void)state;
	assert_true(proc >= 0);
	snprintf(path, sizeof(path), "%d/root/etc", pid);
	assert_int_equal(open_in_root(proc, path, O_PATH | O_CLOEXEC, 0), -1);
	assert_int_equal(errno, ELOOP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_and_a_link_start_at_the_root_that_was_given),
		cmocka_unit_test(neither_dots_nor_a_link_lead_out_of_it),
		cmocka_unit_test(a_link_is_refused_where_none_may_be),
		cmocka_unit_test(a_magic_link_of_proc_leads_nowhere),
	};

	return cmocka_run_group_tests(tests, setup, top_remove);
}
