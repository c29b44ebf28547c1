// SPDX-License-Identifier: Apache-2.0
/*
 * What a container leaves in its writable layer: the layer's digest, and the mark it is kept in.
 * Needs root, for whiteouts and trusted attributes.
 */
#include "tree_test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "dmctl/container/rootfs_upper.h"
#include "dmctl/container/start_mark.h"
#include "dmctl/host/proc.h"

static char upper[80];

static int setup(void **state)
{
	(void)state;
	if (top_new())
		return -1;
	snprintf(upper, sizeof(upper), "%s/diff", top);
	return mkdir(upper, 0755);
}

/* Read again each time: what is tested is the digest, not what is remembered of it. */
static int take(char digest[static 72], struct cc_error *err)
{
	layer_cache_auto struct layer_cache cache = {.dir = "/nowhere/at/all"};

	return upper_digest(upper, &cache, digest, err);
}

static const char *digest(void)
{
	static char digests[2][72];
	static unsigned int n;
	char *out = digests[n++ % 2];
	struct cc_error err;

	expect_ok(take(out, &err), &err);
	return out;
}

static void a_layer_that_nobody_changed_has_the_digest_it_had(void **state)
{
	char before[72];

	(void)state;
	make_dir(upper, "/var");
	make_file(upper, "/var/log", "one line");
	strcpy(before, digest());
	assert_string_equal(before, digest());
	/* a start that reads and touches it changes nothing */
	assert_int_equal(utimensat(AT_FDCWD, in(upper, "/var/log"), NULL, 0), 0);
	assert_string_equal(before, digest());
}

static void change_content(void)
{
	make_file(upper, "/var/log", "two lines");
}
static void add_a_file(void)
{
	make_file(upper, "/var/evil", "");
}
static void add_a_directory(void)
{
	make_dir(upper, "/opt");
}
static void remove_a_file(void)
{
	unlink(in(upper, "/var/log"));
}
static void make_it_setuid(void)
{
	chmod(in(upper, "/var/log"), 04755);
}
static void change_the_owner(void)
{
	assert_int_equal(chown(in(upper, "/var/log"), 1, 0), 0);
}
static void make_the_root_writable(void)
{
	chmod(upper, 0777);
}
static void give_the_root_away(void)
{
	assert_int_equal(chown(upper, 1000, 1000), 0);
}
static void add_a_link(void)
{
	assert_int_equal(symlink("/data", in(upper, "/var/link")), 0);
}
static void hide_a_file(void)
{
	assert_int_equal(mknod(in(upper, "/bin"), S_IFCHR, makedev(0, 0)), 0);
}
static void add_an_attribute(void)
{
	assert_int_equal(setxattr(in(upper, "/var/log"), "user.a", "b", 1, 0), 0);
}
static void hide_a_directory(void)
{
	assert_int_equal(setxattr(in(upper, "/var"), "trusted.overlay.opaque", "y", 1, 0), 0);
}
static void hide_the_image(void)
{
	assert_int_equal(setxattr(upper, "trusted.overlay.opaque", "y", 1, 0), 0);
}
static void change_an_attribute_of_the_root(void)
{
	assert_int_equal(setxattr(upper, "user.a", "b", 1, 0), 0);
}

static void every_change_of_a_layer_changes_its_digest(void **state)
{
	static void (*const changes[])(void) = {
		change_content,	    add_a_file,
		add_a_directory,    remove_a_file,
		make_it_setuid,	    change_the_owner,
		add_a_link,	    hide_a_file,
		add_an_attribute,   hide_a_directory,
		hide_the_image,	    make_the_root_writable,
		give_the_root_away, change_an_attribute_of_the_root,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		char before[72];

		make_dir(upper, "/var");
		make_file(upper, "/var/log", "one line");
		strcpy(before, digest());
		changes[i]();
		if (!strcmp(before, digest()))
			fail_msg("change %zu is not noticed", i);
		assert_int_equal(top_remove(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

static void a_layer_beyond_the_bounds_has_no_digest(void **state)
{
	struct cc_error err;
	char out[72];

	(void)state;
	make_file(upper, "/sparse", "");
	assert_int_equal(truncate(in(upper, "/sparse"), (off_t)UPPER_BYTES_MAX + 1), 0);
	assert_int_equal(take(out, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "too large to be read");
}

static void a_layer_of_too_many_files_has_no_digest(void **state)
{
	layer_cache_auto struct layer_cache cache = {.dir = "/nowhere/at/all", .limit = {3, 0}};
	cc_auto_close int fd = open(upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tree_auto struct tree t = {0}, more = {0};
	struct cc_error err;
	bool cached;

	(void)state;
	for (int i = 0; i < 3; i++) {
		char name[16];

		snprintf(name, sizeof(name), "/%d", i);
		make_file(upper, name, "");
	}
	expect_ok(rootfs_layer(&cache, fd, "layer", &t, &cached, &err), &err);
	layer_cache_clear(&cache);
	make_file(upper, "/3", "");
	assert_int_equal(rootfs_layer(&cache, fd, "layer", &more, &cached, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "more than 3 entries");
}

/* ---- at the end ---------------------------------------------------------------------------- */

/* Stamps are a tick coarse; what is changed after this has a later one. */
static struct seen_end seen_now(void)
{
	struct seen_end at = seen_end_now();

	while (clock_read_ns(CLOCK_REALTIME_COARSE) <= at.real)
		;
	return at;
}

static int left(const struct seen_end *at, char digest[static 72], struct cc_error *err)
{
	layer_cache_auto struct layer_cache cache = {.dir = "/nowhere/at/all"};

	return upper_left(upper, at, &cache, digest, err);
}

static void what_was_there_at_its_end_is_what_a_container_left(void **state)
{
	struct seen_end at;
	struct cc_error err;
	char out[72];

	(void)state;
	make_dir(upper, "/var");
	make_file(upper, "/var/log", "one line");
	at = seen_now();
	expect_ok(left(&at, out, &err), &err);
	assert_string_equal(out, digest());
}

static void put_a_file_into_a_directory(void)
{
	make_file(upper, "/var/evil", "#!/bin/sh");
}
static void remove_it(void)
{
	unlink(in(upper, "/var/log"));
}
static void link_it_elsewhere(void)
{
	assert_int_equal(rename(in(upper, "/var/log"), in(upper, "/var/other")), 0);
}
static void change_it_and_set_its_times_back(void)
{
	const struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

	make_file(upper, "/var/log", "two lines");
	assert_int_equal(utimensat(AT_FDCWD, in(upper, "/var/log"), old, 0), 0);
	assert_int_equal(utimensat(AT_FDCWD, in(upper, "/var"), old, 0), 0);
}
static void open_its_root(void)
{
	chmod(upper, 0777);
}

static void what_is_changed_after_its_end_is_not_what_a_container_left(void **state)
{
	static void (*const changes[])(void) = {put_a_file_into_a_directory, remove_it,
						link_it_elsewhere, change_it_and_set_its_times_back,
						open_its_root};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct cc_error err;
		struct seen_end at;
		char out[72] = "x";

		make_dir(upper, "/var");
		make_file(upper, "/var/log", "one line");
		at = seen_now();
		changes[i]();
		assert_int_equal(left(&at, out, &err), -1);
		expect_error(&err, CC_E_BUSY, "", "changed after the container had ended");
		assert_string_equal(out, "");
		assert_int_equal(top_remove(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

/* The digest that is remembered is believed for a tree that is what it was; its times count. */
static void a_layer_that_is_known_is_asked_when_it_was_changed_too(void **state)
{
	struct layer_cache cache = {.dir = at("/cache")};
	struct seen_end early = seen_now(), late;
	struct cc_error err;
	char out[72];

	(void)state;
	make_file(upper, "/log", "one line");
	late = seen_now();
	expect_ok(upper_left(upper, &late, &cache, out, &err), &err);
	assert_int_equal(upper_left(upper, &early, &cache, out, &err), -1); /* just seen */
	layer_cache_clear(&cache);
	assert_int_equal(upper_left(upper, &early, &cache, out, &err), -1);
	layer_cache_clear(&cache);
}

static void where_the_clock_was_set_back_since_the_end_nothing_can_be_told(void **state)
{
	struct seen_end at;
	struct cc_error err;
	char out[72];

	(void)state;
	make_file(upper, "/log", "one line");
	at = seen_now();
	at.real += UINT64_C(1000000000); /* as it would be, had somebody set it by a second */
	assert_int_equal(left(&at, out, &err), -1);
	expect_error(&err, CC_E_BUSY, "", "the clock was set back");
	assert_string_equal(out, "");
}

/* ---- the mark ------------------------------------------------------------------------------ */

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void a_mark_is_what_was_written(void **state)
{
	struct start_mark k = {.there = true,
			       .pid = getpid(),
			       .start_time = 7,
			       .upper = upper,
			       .sure = true,
			       .filter = DIGEST_B,
			       .end = DIGEST_A};
	start_mark_auto struct start_mark back = {0};
	struct cc_error err;

	(void)state;
	expect_ok(start_mark_save(at("/agent/bound"), "docker", ID, &k, &err), &err);
	start_mark_load(at("/agent/bound"), "docker", ID, &back);
	assert_true(back.there && back.sure && !back.first);
	assert_string_equal(back.upper, upper);
	assert_string_equal(back.end, DIGEST_A);
	assert_string_equal(back.filter, DIGEST_B);
	assert_true(start_mark_is_of(&back, getpid(), 7));
	assert_false(start_mark_is_of(&back, getpid(), 8));
	assert_false(start_mark_is_of(&back, getppid(), 7));
	/* the same numbers after a reboot are another process's */
	back.boot[0] = back.boot[0] == 'a' ? 'b' : 'a';
	assert_false(start_mark_is_of(&back, getpid(), 7));
	expect_ok(start_mark_remove(at("/agent/bound"), "docker", ID, &err), &err);
	start_mark_clear(&back);
	start_mark_load(at("/agent/bound"), "docker", ID, &back);
	assert_false(back.there);
}

static void only_root_reads_a_mark(void **state)
{
	struct start_mark k = {.there = true};
	struct cc_error err;
	struct stat st;

	(void)state;
	expect_ok(start_mark_save(at("/bound"), "docker", ID, &k, &err), &err);
	assert_int_equal(stat(at("/bound/docker-" ID), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(at("/bound"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	/* on a host where there is nothing of ours yet */
	expect_ok(start_mark_save(at("/lib/container-crypt/agent/bound"), "docker", ID, &k, &err),
		  &err);
	assert_int_equal(stat(at("/lib/container-crypt/agent/bound"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

/* The container was bound, and of what it left nothing is known: that is the strict answer. */
static void a_damaged_mark_is_one_that_says_nothing(void **state)
{
	static const char *const texts[] = {
		"",
		"x",
		"{",
		"[]",
		"{\"end\":\"sha256:1\",\"sure\":true}",
		"{\"upper\":\"../x\",\"end\":\"" DIGEST_A "\"}",
		"{\"process\":{\"pid\":0,\"startTime\":1,\"boot\":"
		"\"01234567-89ab-cdef-0123-456789abcdef\"},\"sure\":true}",
		"{\"sure\":true,\"more\":1}",
		"{\"sure\":true,\"filter\":\"sha256:1\"}",
	};

	(void)state;
	make_dir(top, "/bound");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		start_mark_auto struct start_mark k = {0};

		make_file(top, "/bound/docker-" ID, texts[i]);
		start_mark_load(at("/bound"), "docker", ID, &k);
		assert_true(k.there);
		assert_false(k.sure || k.first || k.pid || k.upper || k.end[0]);
	}
}

int main(void)
{
#define WITH_DIRS(f) cmocka_unit_test_setup_teardown(f, setup, top_remove)
	const struct CMUnitTest tests[] = {
		WITH_DIRS(a_layer_that_nobody_changed_has_the_digest_it_had),
		WITH_DIRS(every_change_of_a_layer_changes_its_digest),
		WITH_DIRS(a_layer_beyond_the_bounds_has_no_digest),
		WITH_DIRS(a_layer_of_too_many_files_has_no_digest),
		WITH_DIRS(what_was_there_at_its_end_is_what_a_container_left),
		WITH_DIRS(what_is_changed_after_its_end_is_not_what_a_container_left),
		WITH_DIRS(a_layer_that_is_known_is_asked_when_it_was_changed_too),
		WITH_DIRS(where_the_clock_was_set_back_since_the_end_nothing_can_be_told),
		WITH_DIRS(a_mark_is_what_was_written),
		WITH_DIRS(only_root_reads_a_mark),
		WITH_DIRS(a_damaged_mark_is_one_that_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
