// SPDX-License-Identifier: Apache-2.0
/*
 * Layers over each other, and what is remembered of them. Needs root, for whiteouts and trusted
 * attributes.
 */
#include "tree_test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "dmctl/container/rootfs_layers.h"
#include "dmctl/container/rootfs_overlay.h"
#include "strv.h"

static char cache[80];
static struct layers_cost cost;

static void mark_opaque(const char *path)
{
	assert_int_equal(setxattr(at(path), "trusted.overlay.opaque", "y", 1, 0), 0);
}

/* Three layers, "/2" on top. */
static int setup(void **state)
{
	(void)state;
	if (top_new())
		return -1;
	snprintf(cache, sizeof(cache), "%s/cache", top);
	make_dir(top, "/0");
	make_dir(top, "/0/etc");
	make_file(top, "/0/etc/passwd", "root");
	make_dir(top, "/1");
	make_dir(top, "/1/bin");
	make_file(top, "/1/bin/app", "program");
	make_dir(top, "/2");
	make_dir(top, "/2/data");
	return 0;
}

/* @order: names of the layers, the top one first */
static const char *digest_of(const char *order)
{
	static char out[4][72];
	static unsigned int n;
	layer_cache_auto struct layer_cache known = {.dir = cache};
	struct cc_strv dirs = {0};
	struct cc_error err;
	char *d = out[n++ % 4];

	expect_ok(overlay_split(order, top, &dirs, &err), &err);
	expect_ok(layers_digest(&dirs, &known, d, &cost, &err), &err);
	cc_strv_clear(&dirs);
	return d;
}

static void layers_and_their_order_count(void **state)
{
	char all[72];

	(void)state;
	strcpy(all, digest_of("2:1:0"));
	assert_string_equal(all, digest_of("2:1:0"));
	assert_string_not_equal(all, digest_of("1:2:0"));
	assert_string_not_equal(all, digest_of("2:1"));
	make_file(top, "/0/etc/passwd", "rooX");
	assert_string_not_equal(all, digest_of("2:1:0"));
}

static void a_layer_without_entries_does_not_count(void **state)
{
	char all[72];

	(void)state;
	strcpy(all, digest_of("2:1:0"));
	make_dir(top, "/empty");
	assert_string_equal(all, digest_of("empty:2:1:empty:0"));
}

/* As a layer is left that was built here, and as the same is unpacked when it was pulled. */
static void an_opaque_directory_counts_where_it_hides_something(void **state)
{
	char all[72];

	(void)state;
	strcpy(all, digest_of("2:1:0"));
	mark_opaque("/2/data");
	assert_string_equal(all, digest_of("2:1:0"));
	make_dir(top, "/2/etc");
	strcpy(all, digest_of("2:1:0"));
	mark_opaque("/2/etc");
	assert_string_not_equal(all, digest_of("2:1:0"));
	/* what is hidden by another layer already, is not hidden by this one */
	strcpy(all, digest_of("2:1:0"));
	assert_int_equal(mknod(at("/1/etc"), S_IFCHR, makedev(0, 0)), 0);
	assert_string_not_equal(all, digest_of("2:1:0"));
	strcpy(all, digest_of("2:1:0"));
	assert_int_equal(removexattr(at("/2/etc"), "trusted.overlay.opaque"), 0);
	assert_string_equal(all, digest_of("2:1:0"));
}

static void expect_shown(const char *path, bool shown, const char *directory)
{
	struct cc_strv dirs = {0};
	layers_auto struct layers l = {0};
	struct stat want, got;
	struct cc_error err;
	int fd;

	expect_ok(overlay_split("2:1:0", top, &dirs, &err), &err);
	expect_ok(layers_open(&dirs, &l, &err), &err);
	cc_strv_clear(&dirs);
	assert_int_equal(layers_show(&l, 0, path, &fd), shown);
	if (!directory) {
		assert_int_equal(fd, -1);
		return;
	}
	assert_int_equal(fstat(fd, &got), 0);
	assert_int_equal(stat(at(directory), &want), 0);
	assert_int_equal(got.st_ino, want.st_ino);
	close(fd);
}

static void layers_show_what_an_overlay_of_them_would(void **state)
{
	(void)state;
	make_dir(top, "/2/etc");
	make_dir(top, "/0/opt");
	make_dir(top, "/0/opt/x");
	assert_int_equal(mknod(at("/1/opt"), S_IFCHR, makedev(0, 0)), 0);
	make_dir(top, "/0/var");
	make_dir(top, "/0/var/lib");
	make_dir(top, "/1/var");
	mark_opaque("/1/var");
	assert_int_equal(symlink("etc", at("/1/conf")), 0);
	make_file(top, "/1/mnt", "");
	make_dir(top, "/0/mnt");
	make_dir(top, "/0/mnt/x");
	expect_shown("", true, "/2");
	expect_shown("/etc", true, "/2/etc");
	expect_shown("/etc/passwd", true, NULL);
	expect_shown("/bin", true, "/1/bin");
	expect_shown("/bin/none", false, NULL);
	expect_shown("/opt", false, NULL);
	expect_shown("/opt/x", false, NULL);
	expect_shown("/var", true, "/1/var");
	expect_shown("/var/lib", false, NULL);
	expect_shown("/conf", true, NULL);
	expect_shown("/conf/passwd", false, NULL);
	expect_shown("/mnt/x", false, NULL);
}

/* ---- what is remembered -------------------------------------------------------------------- */

/* Only what has been left alone for a while is remembered. */
static void let_it_settle(void)
{
	sleep(3);
}

static void a_layer_that_was_read_is_not_read_again(void **state)
{
	char all[72];

	(void)state;
	mark_opaque("/2/data");
	let_it_settle();
	strcpy(all, digest_of("2:1:0"));
	assert_int_equal(cost.cached, 0);
	assert_int_equal(cost.bytes, 11);
	assert_string_equal(all, digest_of("2:1:0"));
	assert_int_equal(cost.layers, 3);
	assert_int_equal(cost.cached, 3);
	assert_int_equal(cost.bytes, 0);
	/* under another one, too, and opaque directories with it */
	make_dir(top, "/0/data");
	strcpy(all, digest_of("2:0"));
	assert_int_equal(cost.cached, 1);
	assert_int_equal(removexattr(at("/2/data"), "trusted.overlay.opaque"), 0);
	assert_string_not_equal(all, digest_of("2:0"));
}

static void a_change_is_noticed_whatever_its_times_say(void **state)
{
	struct timespec times[2];
	char all[72];
	struct stat st;
	int fd;

	(void)state;
	let_it_settle();
	strcpy(all, digest_of("2:1:0"));
	digest_of("2:1:0");
	assert_int_equal(cost.cached, 3);
	/* same size, same time of modification */
	assert_int_equal(stat(at("/1/bin/app"), &st), 0);
	fd = open(at("/1/bin/app"), O_WRONLY);
	assert_int_equal(pwrite(fd, "P", 1, 0), 1);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
	assert_string_not_equal(all, digest_of("2:1:0"));
	assert_int_equal(cost.cached, 2);
	/* and as it was: the digest is, too */
	make_file(top, "/1/bin/app", "program");
	assert_string_equal(all, digest_of("2:1:0"));
}

static void what_was_changed_just_now_is_not_remembered(void **state)
{
	(void)state;
	make_file(top, "/1/bin/new", "");
	digest_of("1");
	digest_of("1");
	assert_int_equal(cost.cached, 0);
	let_it_settle();
	digest_of("1");
	digest_of("1");
	assert_int_equal(cost.cached, 1);
}

static void damage_every_file_of_the_cache(const char *command)
{
	char line[256];

	snprintf(line, sizeof(line), "for f in %s/*; do %s; done", cache, command);
	assert_int_equal(system(line), 0);
}

static void layers_that_containers_share_are_looked_at_once(void **state)
{
	layer_cache_auto struct layer_cache known = {.dir = "/proc/none"};
	cc_cleanup(cc_strv_clear) struct cc_strv all = {0}, some = {0};
	char digest[72], want[72];
	struct cc_error err;

	(void)state;
	mark_opaque("/2/data");
	make_dir(top, "/0/data");
	expect_ok(overlay_split("2:1:0", top, &all, &err), &err);
	expect_ok(overlay_split("2:0", top, &some, &err), &err);
	expect_ok(layers_digest(&all, &known, digest, &cost, &err), &err);
	assert_int_equal(cost.cached, 0);
	expect_ok(layers_digest(&some, &known, digest, &cost, &err), &err);
	assert_int_equal(cost.cached, 2);
	assert_int_equal(cost.bytes, 0);
	strcpy(want, digest_of("2:0"));
	assert_string_equal(digest, want);
	expect_ok(layers_digest(&all, &known, digest, &cost, &err), &err);
	assert_int_equal(cost.cached, 3);
}

static void a_damaged_cache_is_not_believed(void **state)
{
	static const char *const damages[] = {
		"printf y | dd of=$f bs=1 seek=150 conv=notrunc status=none",
		"printf y | dd of=$f bs=1 seek=10 conv=notrunc status=none",
		"truncate -s 100 $f",
		"truncate -s 0 $f",
		"echo >>$f",
		"chmod 777 ${f%/*}",
	};
	char all[72];

	(void)state;
	let_it_settle();
	strcpy(all, digest_of("2:1:0"));
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		digest_of("2:1:0");
		assert_int_equal(cost.cached, 3);
		damage_every_file_of_the_cache(damages[i]);
		assert_string_equal(all, digest_of("2:1:0"));
		assert_int_equal(cost.cached, 0);
	}
}

static void without_a_place_for_the_cache_everything_is_read(void **state)
{
	(void)state;
	strcpy(cache, "/proc/none");
	digest_of("2:1:0");
	assert_int_equal(cost.cached, 0);
	assert_int_equal(cost.bytes, 11);
}

static void a_layer_that_is_missing_is_an_error(void **state)
{
	char none[] = "/nowhere/at/all", *list[] = {none};
	struct cc_strv dirs = {.n = 1, .v = list};
	struct layer_cache known = {.dir = cache};
	struct cc_error err;
	char digest[72];

	(void)state;
	assert_int_equal(layers_digest(&dirs, &known, digest, &cost, &err), -1);
	expect_error(&err, CC_E_INTERNAL, "", "/nowhere/at/all");
}

int main(void)
{
#define WITH_LAYERS(f) cmocka_unit_test_setup_teardown(f, setup, top_remove)
	const struct CMUnitTest tests[] = {
		WITH_LAYERS(layers_and_their_order_count),
		WITH_LAYERS(a_layer_without_entries_does_not_count),
		WITH_LAYERS(an_opaque_directory_counts_where_it_hides_something),
		WITH_LAYERS(layers_show_what_an_overlay_of_them_would),
		WITH_LAYERS(a_layer_that_was_read_is_not_read_again),
		WITH_LAYERS(a_change_is_noticed_whatever_its_times_say),
		WITH_LAYERS(what_was_changed_just_now_is_not_remembered),
		WITH_LAYERS(layers_that_containers_share_are_looked_at_once),
		WITH_LAYERS(a_damaged_cache_is_not_believed),
		WITH_LAYERS(without_a_place_for_the_cache_everything_is_read),
		WITH_LAYERS(a_layer_that_is_missing_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
