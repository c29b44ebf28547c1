// SPDX-License-Identifier: Apache-2.0
/*
 * The digest of a directory tree: what changes it, what does not, what is refused. Needs root, for
 * owners, devices and trusted attributes.
 */
#include "tree_test.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "dmctl/container/rootfs_tree.h"

static void make_tree(void)
{
	assert_int_equal(mkdir(at("/bin"), 0755), 0);
	assert_int_equal(mkdir(at("/empty"), 0755), 0);
	make_file(top, "/bin/app", "program");
	make_file(top, "/bin/bpp", "program");
	make_file(top, "/zero", "");
	assert_int_equal(symlink("bin/app", at("/link")), 0);
	assert_int_equal(mknod(at("/tty"), S_IFCHR | 0620, makedev(5, 0)), 0);
	assert_int_equal(mkfifo(at("/pipe"), 0600), 0);
}

static int setup(void **state)
{
	(void)state;
	if (top_new())
		return -1;
	make_tree();
	return 0;
}

static int walk(bool contents, struct tree *t, struct cc_error *err)
{
	int fd = open(top, O_RDONLY | O_DIRECTORY);
	int rc = tree_walk(fd, contents, "tree", t, err);

	close(fd);
	return rc;
}

static const char *digest(void)
{
	static char out[4][72];
	static unsigned int n;
	struct tree t = {0};
	struct cc_error err;
	char *d = out[n++ % 4];

	expect_ok(walk(true, &t, &err), &err);
	strcpy(d, t.digest);
	tree_clear(&t);
	return d;
}

static const char *stamp(void)
{
	static char out[4][72];
	static unsigned int n;
	struct tree t = {0};
	struct cc_error err;
	char *d = out[n++ % 4];

	expect_ok(walk(false, &t, &err), &err);
	assert_string_equal(t.digest, "");
	strcpy(d, t.stamp);
	tree_clear(&t);
	return d;
}

/* ---- what changes it ----------------------------------------------------------------------- */

static int change_content(void)
{
	int fd = open(at("/bin/app"), O_WRONLY);

	return pwrite(fd, "P", 1, 0) == 1 ? close(fd) : -1;
}

static int append(void)
{
	int fd = open(at("/bin/app"), O_WRONLY | O_APPEND);

	return write(fd, "", 1) == 1 ? close(fd) : -1;
}

static int change_mode(void)
{
	return chmod(at("/bin/app"), 04644);
}

static int change_mode_of_directory(void)
{
	return chmod(at("/empty"), 01755);
}

static int change_owner(void)
{
	return chown(at("/bin/app"), 1, -1u);
}

static int change_group(void)
{
	return chown(at("/bin"), -1u, 1);
}

static int change_owner_of_link(void)
{
	return lchown(at("/link"), 1, 1);
}

static int add_file(void)
{
	make_file(top, "/new", "");
	return 0;
}

static int add_directory(void)
{
	return mkdir(at("/empty/new"), 0755);
}

static int remove_file(void)
{
	return unlink(at("/zero"));
}

static int rename_file(void)
{
	return rename(at("/zero"), at("/one"));
}

static int move_file(void)
{
	return rename(at("/zero"), at("/empty/zero"));
}

static int exchange_for_link(void)
{
	return unlink(at("/bin/bpp")) || symlink("app", at("/bin/bpp"));
}

static int change_target(void)
{
	return unlink(at("/link")) || symlink("bin/bpp", at("/link"));
}

static int change_device(void)
{
	return unlink(at("/tty")) || mknod(at("/tty"), S_IFCHR | 0620, makedev(5, 1));
}

static int change_type_of_device(void)
{
	return unlink(at("/tty")) || mknod(at("/tty"), S_IFBLK | 0620, makedev(5, 0));
}

static int exchange_pipe_for_socket(void)
{
	return unlink(at("/pipe")) || mknod(at("/pipe"), S_IFSOCK | 0600, 0);
}

static int white_out(void)
{
	return unlink(at("/zero")) || mknod(at("/zero"), S_IFCHR, makedev(0, 0));
}

static int add_capability(void)
{
	static const unsigned char cap[20] = {1, 0, 0, 2, 0, 0, 32};

	return setxattr(at("/bin/app"), "security.capability", cap, sizeof(cap), 0);
}

static int add_acl(void)
{
	static const unsigned char acl[] = {2,	 0,   0,   0,	1,   0,	  6,  0,   255, 255, 255,
					    255, 2,   0,   7,	0,   9,	  0,  0,   0,	4,   0,
					    4,	 0,   255, 255, 255, 255, 16, 0,   7,	0,   255,
					    255, 255, 255, 32,	0,   4,	  0,  255, 255, 255, 255};

	return setxattr(at("/bin/app"), "system.posix_acl_access", acl, sizeof(acl), 0);
}

static int add_attribute(void)
{
	return setxattr(at("/bin"), "user.mine", "x", 1, 0);
}

static int add_attribute_to_link(void)
{
	return lsetxattr(at("/link"), "trusted.mine", "x", 1, 0);
}

static int add_redirect(void)
{
	return setxattr(at("/bin"), "trusted.overlay.redirect", "/x", 2, 0);
}

static int add_metacopy(void)
{
	return setxattr(at("/bin/app"), "trusted.overlay.metacopy", "", 0, 0);
}

static void each_kind_of_change_changes_it(void **state)
{
	static const struct {
		const char *name;
		int (*change)(void);
	} cases[] = {
#define CASE(f) {#f, f}
		CASE(change_content),
		CASE(append),
		CASE(change_mode),
		CASE(change_mode_of_directory),
		CASE(change_owner),
		CASE(change_group),
		CASE(change_owner_of_link),
		CASE(add_file),
		CASE(add_directory),
		CASE(remove_file),
		CASE(rename_file),
		CASE(move_file),
		CASE(exchange_for_link),
		CASE(change_target),
		CASE(change_device),
		CASE(change_type_of_device),
		CASE(exchange_pipe_for_socket),
		CASE(white_out),
		CASE(add_capability),
		CASE(add_acl),
		CASE(add_attribute),
		CASE(add_attribute_to_link),
		CASE(add_redirect),
		CASE(add_metacopy),
	};
	char before[72], seen[72];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		strcpy(before, digest());
		strcpy(seen, stamp());
		if (cases[i].change())
			fail_msg("%s cannot be tried: %m", cases[i].name);
		if (!strcmp(before, digest()))
			fail_msg("%s does not change the digest", cases[i].name);
		if (!strcmp(seen, stamp()))
			fail_msg("%s does not change the stamp", cases[i].name);
		top_remove(state);
		assert_int_equal(setup(state), 0);
	}
}

/* ---- what does not ------------------------------------------------------------------------- */

static int change_times(void)
{
	const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 2}};

	return utimensat(AT_FDCWD, at("/bin/app"), times, 0) ||
	       utimensat(AT_FDCWD, at("/bin"), times, 0);
}

static int make_anew_in_another_order(void)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -rf %s/*", top);
	if (system(command))
		return -1;
	assert_int_equal(mkfifo(at("/pipe"), 0600), 0);
	assert_int_equal(mknod(at("/tty"), S_IFCHR | 0620, makedev(5, 0)), 0);
	assert_int_equal(symlink("bin/app", at("/link")), 0);
	make_file(top, "/zero", "");
	assert_int_equal(mkdir(at("/empty"), 0755), 0);
	assert_int_equal(mkdir(at("/bin"), 0755), 0);
	make_file(top, "/bin/bpp", "program");
	make_file(top, "/bin/app", "program");
	return 0;
}

static int link_instead_of_copy(void)
{
	return unlink(at("/bin/bpp")) || link(at("/bin/app"), at("/bin/bpp"));
}

static int change_the_roots_own(void)
{
	return chmod(top, 01777) || chown(top, 1, 1) || setxattr(top, "user.mine", "x", 1, 0);
}

static int add_bookkeeping(void)
{
	return setxattr(at("/bin"), "trusted.overlay.origin", "x", 1, 0) ||
	       setxattr(at("/bin"), "trusted.overlay.impure", "y", 1, 0) ||
	       setxattr(at("/bin/app"), "trusted.overlay.nlink", "U+1", 3, 0) ||
	       setxattr(at("/bin/app"), "user.overlay.origin", "x", 1, 0);
}

static void times_order_and_bookkeeping_do_not(void **state)
{
	static const struct {
		const char *name;
		int (*change)(void);
	} cases[] = {
		CASE(change_times),	    CASE(make_anew_in_another_order),
		CASE(link_instead_of_copy), CASE(change_the_roots_own),
		CASE(add_bookkeeping),
	};
	char before[72], seen[72];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		strcpy(before, digest());
		strcpy(seen, stamp());
		if (cases[i].change())
			fail_msg("%s cannot be tried: %m", cases[i].name);
		if (strcmp(before, digest()) != 0)
			fail_msg("%s changes the digest", cases[i].name);
		/* the layer was touched, so it is read again */
		if (!strcmp(seen, stamp()))
			fail_msg("%s does not change the stamp", cases[i].name);
	}
}

static void nothing_but_reading_leaves_the_stamp_as_it_is(void **state)
{
	char before[72];

	(void)state;
	strcpy(before, stamp());
	digest();
	assert_string_equal(before, stamp());
}

static void a_second_walk_of_a_descriptor_sees_the_same(void **state)
{
	int fd = open(top, O_RDONLY | O_DIRECTORY);
	struct tree first = {0}, second = {0};
	struct cc_error err;

	(void)state;
	expect_ok(tree_walk(fd, false, "tree", &first, &err), &err);
	expect_ok(tree_walk(fd, true, "tree", &second, &err), &err);
	assert_string_equal(first.stamp, second.stamp);
	assert_string_equal(second.digest, digest());
	close(fd);
}

static void whiteouts_are_alike_whoever_made_them(void **state)
{
	char before[72];

	(void)state;
	white_out();
	strcpy(before, digest());
	assert_int_equal(chown(at("/zero"), 7, 7), 0);
	assert_int_equal(chmod(at("/zero"), 0666), 0);
	assert_string_equal(before, digest());
}

static void opaque_directories_are_told_apart_from_it(void **state)
{
	struct tree t = {0};
	struct cc_error err;
	char before[72];

	(void)state;
	strcpy(before, digest());
	assert_int_equal(setxattr(at("/empty"), "trusted.overlay.opaque", "y", 1, 0), 0);
	assert_int_equal(setxattr(at("/bin"), "trusted.overlay.opaque", "y", 1, 0), 0);
	assert_int_equal(setxattr(top, "trusted.overlay.opaque", "y", 1, 0), 0);
	expect_ok(walk(true, &t, &err), &err);
	assert_string_equal(t.digest, before);
	assert_int_equal(t.opaque.n, 3);
	assert_string_equal(t.opaque.v[0], "");
	assert_string_equal(t.opaque.v[1], "/bin");
	assert_string_equal(t.opaque.v[2], "/empty");
	tree_clear(&t);
}

/* The trees have the same names and bytes in a different nesting. */
static void nesting_counts(void **state)
{
	char before[72];

	(void)state;
	assert_int_equal(mkdir(at("/empty/a"), 0755), 0);
	assert_int_equal(mkdir(at("/empty/b"), 0755), 0);
	strcpy(before, digest());
	assert_int_equal(rename(at("/empty/b"), at("/empty/a/b")), 0);
	assert_string_not_equal(before, digest());
}

static void it_is_the_same_everywhere(void **state)
{
	(void)state;
	/* computed once: another value means that every signed digest is void */
	assert_string_equal(
		digest(),
		"sha256:fc739f2f07808cec6d66a37b111ca046434c2f6fad9f5843e11c7af2f6eabed4");
}

static void it_says_how_much_there_was(void **state)
{
	struct tree t = {0};
	struct cc_error err;

	(void)state;
	expect_ok(walk(true, &t, &err), &err);
	assert_int_equal(t.entries, 8);
	assert_int_equal(t.bytes, 14);
	tree_clear(&t);
}

/* ---- what is refused ----------------------------------------------------------------------- */

static void too_deep_a_tree_is_refused(void **state)
{
	struct tree t = {0};
	struct cc_error err;
	int dir = open(top, O_RDONLY);

	(void)state;
	for (int i = 0; i < 300; i++) {
		int next;

		assert_int_equal(mkdirat(dir, "d", 0755), 0);
		next = openat(dir, "d", O_RDONLY);
		close(dir);
		dir = next;
	}
	close(dir);
	assert_int_equal(walk(true, &t, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "deep");
	tree_clear(&t);
}

/* In a mount namespace of its own; status 77 where that may not be made. */
static void mount_and_walk(const char *path, bool contents)
{
	struct tree t = {0};
	struct cc_error err;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount(at(path), at(path), NULL, MS_BIND, NULL))
		_exit(77);
	_exit(walk(contents, &t, &err) == -1 && strstr(err.text, "mounted") ? 0 : 1);
}

static void what_is_mounted_over_is_refused(void **state)
{
	int status;

	(void)state;
	for (int i = 0; i < 4; i++) {
		pid_t pid = fork();

		if (pid == 0)
			mount_and_walk(i & 1 ? "/bin" : "/bin/app", i & 2);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WEXITSTATUS(status) == 77)
			skip();
		assert_int_equal(status, 0);
	}
}

static void links_are_not_followed(void **state)
{
	char before[72];

	(void)state;
	assert_int_equal(symlink("/etc/passwd", at("/out")), 0);
	assert_int_equal(symlink("..", at("/up")), 0);
	assert_int_equal(symlink("/nowhere", at("/broken")), 0);
	strcpy(before, digest());
	assert_string_equal(before, digest());
}

int main(void)
{
#define WITH_TREE(f) cmocka_unit_test_setup_teardown(f, setup, top_remove)
	const struct CMUnitTest tests[] = {
		WITH_TREE(each_kind_of_change_changes_it),
		WITH_TREE(times_order_and_bookkeeping_do_not),
		WITH_TREE(nothing_but_reading_leaves_the_stamp_as_it_is),
		WITH_TREE(a_second_walk_of_a_descriptor_sees_the_same),
		WITH_TREE(whiteouts_are_alike_whoever_made_them),
		WITH_TREE(opaque_directories_are_told_apart_from_it),
		WITH_TREE(nesting_counts),
		WITH_TREE(it_is_the_same_everywhere),
		WITH_TREE(it_says_how_much_there_was),
		WITH_TREE(too_deep_a_tree_is_refused),
		WITH_TREE(what_is_mounted_over_is_refused),
		WITH_TREE(links_are_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
