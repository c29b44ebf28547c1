// SPDX-License-Identifier: Apache-2.0
/*
 * The writable layer at a container's first start: what the engines leave there, and what
 * somebody put there. Needs root, for whiteouts and trusted attributes.
 */
#include "tree_test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "dmctl/container/image_config.h"
#include "dmctl/container/rootfs.h"
#include "dmctl/engine/engines.h"

static char upper[80], lower[80];
static const struct engine *engine;
static struct cc_mount mounts[] = {{.destination = "/etc/hosts"}, {.destination = "/data"}};

static int setup(void **state)
{
	(void)state;
	engine = &engine_docker;
	if (top_new())
		return -1;
	snprintf(upper, sizeof(upper), "%s/upper", top);
	snprintf(lower, sizeof(lower), "%s/lower", top);
	return mkdir(upper, 0755) || mkdir(lower, 0755);
}

static void walk(bool user_ns, struct cc_measurement *m)
{
	char *layers[] = {lower};
	struct overlay o = {.found = true, .upper = upper, .lower = {.n = 1, .v = layers}};
	struct cc_error err;

	*m = (struct cc_measurement){.n_mounts = 2, .mounts = mounts};
	expect_ok(rootfs_walk(&o, user_ns, engine, m, &err), &err);
}

/* @dirty: the path that must be reported, NULL for clean */
static void expect_upper(const char *dirty)
{
	struct cc_measurement m;

	walk(false, &m);
	if (dirty) {
		assert_int_equal(m.upper, CC_UPPER_DIRTY);
		assert_string_equal(m.upper_dirty, dirty);
	} else {
		assert_null(m.upper_dirty);
		assert_int_equal(m.upper, CC_UPPER_CLEAN);
	}
	free(m.upper_dirty);
}

static void what_engines_leave_is_clean(void **state)
{
	(void)state;
	expect_upper(NULL);
	make_dir(upper, "/etc");
	make_dir(upper, "/data");
	make_dir(upper, "/run");
	make_file(upper, "/etc/hosts", "");
	make_file(upper, "/.dockerenv", "");
	assert_int_equal(symlink("/proc/mounts", in(upper, "/etc/mtab")), 0);
	assert_int_equal(setxattr(in(upper, "/etc"), "trusted.overlay.origin", "x", 1, 0), 0);
	expect_upper(NULL);
}

static void what_only_another_engine_leaves_is_reported(void **state)
{
	(void)state;
	make_dir(upper, "/run");
	make_file(upper, "/run/.containerenv", "");
	expect_upper("/run/.containerenv");
	engine = &engine_podman;
	expect_upper(NULL);
	make_file(upper, "/.dockerenv", "");
	expect_upper("/.dockerenv");
}

static void a_file_with_content_is_reported(void **state)
{
	(void)state;
	make_dir(upper, "/bin");
	make_file(upper, "/bin/evil", "x");
	make_file(upper, "/zzz", "x");
	expect_upper("/bin/evil");
}

static void an_empty_file_where_nothing_is_mounted_is_reported(void **state)
{
	(void)state;
	make_dir(upper, "/etc");
	make_file(upper, "/etc/ld.so.preload", "");
	expect_upper("/etc/ld.so.preload");
}

static void content_below_a_mount_point_is_reported(void **state)
{
	(void)state;
	make_dir(upper, "/etc");
	make_file(upper, "/etc/hosts", "1.2.3.4 keyd");
	expect_upper("/etc/hosts");
}

#define IMAGE_PASSWD "root:x:0:0:root:/root:/bin/sh\n"
#define IMAGE_GROUP "root:x:0:\n"

/* The container's user is 1000:0, its working directory /srv. */
static void expect_accounts(const char *passwd, const char *group, const char *dirty)
{
	static char cwd[] = "/srv";
	char *layers[] = {lower};
	struct overlay o = {.found = true, .upper = upper, .lower = {.n = 1, .v = layers}};
	struct cc_measurement m = {.user = {.uid = 1000}, .cwd = cwd};
	struct cc_error err;

	make_file(upper, "/etc/passwd", passwd);
	make_file(upper, "/etc/group", group);
	expect_ok(rootfs_walk(&o, false, engine, &m, &err), &err);
	if (dirty)
		assert_string_equal(m.upper_dirty ?: "nothing", dirty);
	else
		assert_null(m.upper_dirty);
	free(m.upper_dirty);
}

static void the_lines_podman_adds_for_a_user_without_one_are_clean(void **state)
{
	static const char added[] = "1000:*:1000:0:container user:/:/bin/sh\n";
	static const char group[] = IMAGE_GROUP "1000:x:1000:1000\n";

	(void)state;
	engine = &engine_podman;
	make_dir(upper, "/etc");
	make_dir(lower, "/etc");
	make_file(lower, "/etc/passwd", IMAGE_PASSWD);
	make_file(lower, "/etc/group", IMAGE_GROUP);
	expect_accounts(IMAGE_PASSWD, IMAGE_GROUP, NULL);
	expect_accounts(IMAGE_PASSWD "1000:*:1000:0:container user:/:/bin/sh\n", group, NULL);
	expect_accounts(IMAGE_PASSWD "1000:*:1000:0:container user:/srv:/bin/sh\n",
			IMAGE_GROUP "0:x:0:1000\n", NULL);
	expect_accounts(added, group, "/etc/passwd");
	expect_accounts(IMAGE_PASSWD "1000:*:0:0:container user:/:/bin/sh\n", group, "/etc/passwd");
	expect_accounts(IMAGE_PASSWD "1000::1000:0:container user:/:/bin/sh\n", group,
			"/etc/passwd");
	expect_accounts(IMAGE_PASSWD "1000:*:1000:0:container user:/tmp:/bin/sh\n", group,
			"/etc/passwd");
	expect_accounts(IMAGE_PASSWD "1000:*:1000:0:container user:/:/bin/sh\nx::0:0:::\n", group,
			"/etc/passwd");
	expect_accounts("toor::0:0:root:/root:/bin/sh\n", group, "/etc/passwd");
	expect_accounts(IMAGE_PASSWD, IMAGE_GROUP "1000:x:5:1000\n", "/etc/group");
	expect_accounts(IMAGE_PASSWD, "root:x:0:1000\n", "/etc/group");
	engine = &engine_docker;
	expect_accounts(IMAGE_PASSWD "1000:*:1000:0:container user:/:/bin/sh\n", group,
			"/etc/group");
}

static void accounts_that_the_image_does_not_have_are_reported(void **state)
{
	(void)state;
	engine = &engine_podman;
	make_dir(upper, "/etc");
	make_dir(lower, "/etc");
	expect_accounts("", "", "/etc/group");
}

/* Seen with an image that has /etc/passwd only: Podman makes the other file, for root to read. */
static void a_file_that_podman_makes_for_its_line_is_clean(void **state)
{
	static const char passwd[] = IMAGE_PASSWD "1000:*:1000:0:container user:/:/bin/sh\n";
	static const char group[] = "1000:x:1000:1000\n";

	(void)state;
	engine = &engine_podman;
	make_dir(upper, "/etc");
	make_dir(lower, "/etc");
	make_file(lower, "/etc/passwd", IMAGE_PASSWD);
	make_file(upper, "/etc/group", "");
	assert_int_equal(chmod(in(upper, "/etc/group"), 0600), 0);
	expect_accounts(passwd, group, NULL);
	expect_accounts(passwd, "1000:x:1000:1001\n", "/etc/group");
	expect_accounts(passwd, "1000:x:1000:1000\nroot:x:0:1000\n", "/etc/group");
	expect_accounts(passwd, "", "/etc/group");
	assert_int_equal(chmod(in(upper, "/etc/group"), 0666), 0);
	expect_accounts(passwd, group, "/etc/group");
	engine = &engine_docker;
	assert_int_equal(chmod(in(upper, "/etc/group"), 0600), 0);
	expect_accounts(passwd, group, "/etc/group");
}

static void a_whiteout_is_reported(void **state)
{
	(void)state;
	assert_int_equal(mknod(in(upper, "/lib"), S_IFCHR, makedev(0, 0)), 0);
	expect_upper("/lib");
}

static void a_link_is_reported(void **state)
{
	(void)state;
	assert_int_equal(symlink("/data/bin", in(upper, "/bin")), 0);
	expect_upper("/bin");
}

static void mtab_may_only_lead_to_the_mount_table(void **state)
{
	(void)state;
	make_dir(upper, "/etc");
	assert_int_equal(symlink("/proc/mountsX", in(upper, "/etc/mtab")), 0);
	expect_upper("/etc/mtab");
}

static void an_opaque_directory_that_hides_the_image_is_reported(void **state)
{
	(void)state;
	make_dir(upper, "/data");
	assert_int_equal(setxattr(in(upper, "/data"), "trusted.overlay.opaque", "y", 1, 0), 0);
	expect_upper(NULL);
	make_dir(lower, "/data");
	expect_upper("/data");
}

static void a_redirected_directory_is_reported(void **state)
{
	(void)state;
	make_dir(upper, "/bin");
	assert_int_equal(setxattr(in(upper, "/bin"), "trusted.overlay.redirect", "/x", 2, 0), 0);
	expect_upper("/bin");
}

static void a_directory_in_the_place_of_something_else_is_reported(void **state)
{
	(void)state;
	assert_int_equal(symlink("usr/lib", in(lower, "/lib")), 0);
	make_dir(upper, "/lib");
	expect_upper("/lib");
}

static void permissions_of_the_images_directories_are_compared(void **state)
{
	(void)state;
	make_dir(lower, "/etc");
	make_dir(upper, "/etc");
	expect_upper(NULL);
	assert_int_equal(chmod(in(upper, "/etc"), 0777), 0);
	expect_upper("/etc");
	assert_int_equal(chmod(in(upper, "/etc"), 01755), 0);
	expect_upper("/etc");
}

static void so_are_those_of_the_root(void **state)
{
	(void)state;
	assert_int_equal(chmod(upper, 0777), 0);
	expect_upper("/");
}

static void owners_of_the_images_directories_are_compared(void **state)
{
	struct cc_measurement m;

	(void)state;
	make_dir(lower, "/etc");
	make_dir(upper, "/etc");
	assert_int_equal(chown(in(upper, "/etc"), 0, 1000), 0);
	expect_upper("/etc");
	/* but not where the container has ids of its own */
	walk(true, &m);
	assert_int_equal(m.upper, CC_UPPER_CLEAN);
}

/* Engines keep the list of a container's layers beside the upper one, whatever is mounted. */
static void what_is_hidden_of_the_image_is_reported_under_ids_of_its_own(void **state)
{
	struct cc_measurement m;
	struct cc_error err;
	char *layers[] = {lower};
	struct overlay o = {.found = true, .upper = upper, .lower = {.n = 1, .v = layers}};

	(void)state;
	snprintf(upper, sizeof(upper), "%s/container/diff", top);
	make_dir(top, "/container");
	make_dir(upper, "");
	make_dir(upper, "/etc");
	m = (struct cc_measurement){.n_mounts = 2, .mounts = mounts};
	expect_ok(rootfs_walk(&o, true, engine, &m, &err), &err);
	assert_int_equal(m.upper, CC_UPPER_CLEAN);
	/* the layers cannot be had: an opaque directory may hide anything */
	assert_int_equal(setxattr(in(upper, "/etc"), "trusted.overlay.opaque", "y", 1, 0), 0);
	expect_ok(rootfs_walk(&o, true, engine, &m, &err), &err);
	assert_string_equal(m.upper_dirty, "/etc");
	free(m.upper_dirty);
	/* they can: it hides nothing */
	make_dir(top, "/image");
	make_file(top, "/container/lower", "image");
	m = (struct cc_measurement){.n_mounts = 2, .mounts = mounts};
	expect_ok(rootfs_walk(&o, true, engine, &m, &err), &err);
	assert_int_equal(m.upper, CC_UPPER_CLEAN);
	/* they can, and it does, although the mount table's layers show nothing */
	make_dir(top, "/image/etc");
	expect_ok(rootfs_walk(&o, true, engine, &m, &err), &err);
	assert_int_equal(m.upper, CC_UPPER_DIRTY);
	assert_string_equal(m.upper_dirty, "/etc");
	free(m.upper_dirty);
	/* a whiteout hides in any case */
	assert_int_equal(removexattr(in(upper, "/etc"), "trusted.overlay.opaque"), 0);
	assert_int_equal(mknod(in(upper, "/etc/passwd"), S_IFCHR, makedev(0, 0)), 0);
	m = (struct cc_measurement){.n_mounts = 2, .mounts = mounts};
	expect_ok(rootfs_walk(&o, true, engine, &m, &err), &err);
	assert_string_equal(m.upper_dirty, "/etc/passwd");
	free(m.upper_dirty);
}

static void attributes_of_the_images_directories_are_compared(void **state)
{
	(void)state;
	make_dir(lower, "/etc");
	make_dir(upper, "/etc");
	assert_int_equal(setxattr(in(upper, "/etc"), "trusted.overlay.origin", "x", 1, 0), 0);
	assert_int_equal(setxattr(in(upper, "/etc"), "trusted.overlay.impure", "y", 1, 0), 0);
	expect_upper(NULL);
	assert_int_equal(setxattr(in(upper, "/etc"), "user.mine", "x", 1, 0), 0);
	expect_upper("/etc");
}

static void layers_of_docker(const char *id, struct overlay *o)
{
	struct cc_error err;

	*o = (struct overlay){.found = true};
	o->upper = strdup(in(top, id));
	expect_ok(overlay_split("l/LINK:lower", top, &o->lower, &err), &err);
}

static void dockers_own_layer_counts_only_when_it_is_not_dockers_any_more(void **state)
{
	struct cc_measurement m = {.n_mounts = 2, .mounts = mounts};
	struct cc_error err;
	struct overlay o;

	(void)state;
	make_dir(top, "/upper-init");
	make_dir(top, "/upper-init/diff");
	make_dir(top, "/upper-init/diff/etc");
	make_dir(top, "/l");
	assert_int_equal(symlink("../upper-init/diff", in(top, "/l/LINK")), 0);
	make_file(top, "/upper-init/diff/etc/hosts", "");
	layers_of_docker("/upper/diff", &o);
	expect_ok(rootfs_image_layers(&o, engine, &m, &err), &err);
	assert_int_equal(o.lower.n, 1);
	assert_string_equal(o.lower.v[0], lower);
	overlay_clear(&o);

	/* an engine that has none */
	engine = &engine_podman;
	layers_of_docker("/upper/diff", &o);
	expect_ok(rootfs_image_layers(&o, engine, &m, &err), &err);
	assert_int_equal(o.lower.n, 2);
	overlay_clear(&o);
	engine = &engine_docker;

	/* another container's */
	layers_of_docker("/other/diff", &o);
	expect_ok(rootfs_image_layers(&o, engine, &m, &err), &err);
	assert_int_equal(o.lower.n, 2);
	overlay_clear(&o);

	make_file(top, "/upper-init/diff/etc/ld.so.preload", "x");
	layers_of_docker("/upper/diff", &o);
	expect_ok(rootfs_image_layers(&o, engine, &m, &err), &err);
	assert_int_equal(o.lower.n, 2);
	overlay_clear(&o);
}

static void expect_layers(const char *root, const char *upper_dir, const char *list,
			  const char *wanted_upper, const char *wanted)
{
	overlay_auto struct overlay o = {0};
	struct cc_error err;

	expect_ok(overlay_dirs(root, upper_dir, list, &o, &err), &err);
	if (wanted_upper)
		assert_string_equal(o.upper, wanted_upper);
	else
		assert_null(o.upper);
	assert_int_equal(o.lower.n, wanted ? 2 : 0);
	if (wanted)
		assert_string_equal(o.lower.v[1], wanted);
}

/* As Docker, Podman and containerd mount them, with few layers and with many. */
static void layers_are_found_where_their_driver_keeps_them(void **state)
{
	static const char merged[] = "/var/lib/docker/overlay2/ID/merged";
	static const char rootfs[] = "/var/lib/docker/rootfs/overlayfs/ID";

	(void)state;
	expect_layers(merged, "/var/lib/docker/overlay2/ID/diff", "/x/1:/x/2",
		      "/var/lib/docker/overlay2/ID/diff", "/x/2");
	expect_layers(merged, "ID/diff", "l/A:l/B", "/var/lib/docker/overlay2/ID/diff",
		      "/var/lib/docker/overlay2/l/B");
	expect_layers(merged, NULL, "l/A:l/B", NULL, "/var/lib/docker/overlay2/l/B");
	expect_layers(rootfs, "/c/snapshots/3/fs", "/c/snapshots/2/fs:/c/snapshots/1/fs",
		      "/c/snapshots/3/fs", "/c/snapshots/1/fs");
	expect_layers(rootfs, "/c/snapshots/3/fs", "2/fs:1/fs", "/c/snapshots/3/fs",
		      "/c/snapshots/1/fs");
	expect_layers(rootfs, "/c/snapshots/3/fs", NULL, "/c/snapshots/3/fs", NULL);
}

#define SNAPSHOTS "/io.containerd.snapshotter.v1.overlayfs"

static void layers_of_snapshots(const char *list, struct overlay *o)
{
	struct cc_error err;

	*o = (struct overlay){.found = true};
	o->upper = strdup(at(SNAPSHOTS "/snapshots/12/fs"));
	expect_ok(overlay_split(list, at(SNAPSHOTS "/snapshots"), &o->lower, &err), &err);
}

/* Its name is in containerd's database only: it is the topmost one. */
static void dockers_own_layer_is_the_topmost_snapshot(void **state)
{
	struct cc_measurement m = {.n_mounts = 2, .mounts = mounts};
	struct cc_error err;
	struct overlay o;

	(void)state;
	make_dir(top, SNAPSHOTS);
	make_dir(top, SNAPSHOTS "/snapshots");
	for (int i = 9; i < 13; i++) {
		char path[96];

		snprintf(path, sizeof(path), SNAPSHOTS "/snapshots/%d", i);
		make_dir(top, path);
		strcat(path, "/fs");
		make_dir(top, path);
	}
	make_file(top, SNAPSHOTS "/snapshots/11/fs/.dockerenv", "");
	layers_of_snapshots("11/fs:10/fs:9/fs", &o);
	expect_ok(rootfs_image_layers(&o, engine, &m, &err), &err);
	assert_int_equal(o.lower.n, 2);
	assert_string_equal(o.lower.v[0], at(SNAPSHOTS "/snapshots/10/fs"));
	overlay_clear(&o);

	/* an engine that has none, and a layer from somewhere else */
	engine = &engine_podman;
	layers_of_snapshots("11/fs:10/fs", &o);
	expect_ok(rootfs_image_layers(&o, engine, &m, &err), &err);
	assert_int_equal(o.lower.n, 2);
	overlay_clear(&o);
	engine = &engine_docker;
	layers_of_snapshots(lower, &o);
	expect_ok(rootfs_image_layers(&o, engine, &m, &err), &err);
	assert_int_equal(o.lower.n, 1);
	overlay_clear(&o);

	make_file(top, SNAPSHOTS "/snapshots/11/fs/evil", "x");
	layers_of_snapshots("11/fs:10/fs", &o);
	expect_ok(rootfs_image_layers(&o, engine, &m, &err), &err);
	assert_int_equal(o.lower.n, 2);
	overlay_clear(&o);
}

static void resolve(const char *name, uint32_t uid, uint32_t gid, size_t groups)
{
	struct cc_user u = {0};
	struct cc_error err;

	expect_ok(image_user(name, upper, &u, &err), &err);
	assert_int_equal(u.uid, uid);
	assert_int_equal(u.gid, gid);
	assert_int_equal(u.n_groups, groups);
	free(u.groups);
}

static void users_are_resolved_as_the_engines_do(void **state)
{
	struct cc_user u = {0};
	struct cc_error err;

	(void)state;
	resolve("", 0, 0, 0);
	resolve("1000", 1000, 0, 0);
	resolve("1000:5", 1000, 5, 0);
	make_dir(upper, "/etc");
	make_file(upper, "/etc/passwd", "root:x:0:0::/:\npg:x:70:71::/:\n");
	make_file(upper, "/etc/group", "pg:x:71:\nssl:x:99:pg,other\nadm:x:4:root,pg\n");
	resolve("", 0, 0, 1);
	resolve("pg", 70, 71, 2);
	resolve("70", 70, 71, 2);
	resolve("pg:ssl", 70, 99, 0);
	/* Podman's own lines are not the image's */
	make_file(upper, "/etc/passwd", "root:x:0:0::/:\n1000:*:1000:5:container user:/:/bin/sh\n");
	make_file(upper, "/etc/group", "root:x:0:\n1000:x:1000:1000\n");
	resolve("1000", 1000, 0, 0);
	make_file(upper, "/etc/passwd", "root:x:0:0::/:\n1000:x:1000:5:container user:/:/bin/sh\n");
	resolve("1000", 1000, 5, 1);
	make_file(upper, "/etc/passwd", "pg:x:70:71::/:\n");
	assert_int_equal(image_user("nobody", upper, &u, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "nobody");
	assert_int_equal(image_user("pg:none", upper, &u, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "none");
}

static void a_link_in_the_image_does_not_lead_out_of_it(void **state)
{
	(void)state;
	make_dir(upper, "/etc");
	make_file(lower, "/passwd", "pg:x:70:71::/:\n");
	assert_int_equal(symlink(in(lower, "/passwd"), in(upper, "/etc/passwd")), 0);
	resolve("70", 70, 0, 0);
}

int main(void)
{
#define WITH_DIRS(f) cmocka_unit_test_setup_teardown(f, setup, top_remove)
	const struct CMUnitTest tests[] = {
		WITH_DIRS(what_engines_leave_is_clean),
		WITH_DIRS(what_only_another_engine_leaves_is_reported),
		WITH_DIRS(a_file_with_content_is_reported),
		WITH_DIRS(an_empty_file_where_nothing_is_mounted_is_reported),
		WITH_DIRS(content_below_a_mount_point_is_reported),
		WITH_DIRS(the_lines_podman_adds_for_a_user_without_one_are_clean),
		WITH_DIRS(a_file_that_podman_makes_for_its_line_is_clean),
		WITH_DIRS(accounts_that_the_image_does_not_have_are_reported),
		WITH_DIRS(a_whiteout_is_reported),
		WITH_DIRS(a_link_is_reported),
		WITH_DIRS(mtab_may_only_lead_to_the_mount_table),
		WITH_DIRS(an_opaque_directory_that_hides_the_image_is_reported),
		WITH_DIRS(a_redirected_directory_is_reported),
		WITH_DIRS(a_directory_in_the_place_of_something_else_is_reported),
		WITH_DIRS(permissions_of_the_images_directories_are_compared),
		WITH_DIRS(so_are_those_of_the_root),
		WITH_DIRS(owners_of_the_images_directories_are_compared),
		WITH_DIRS(what_is_hidden_of_the_image_is_reported_under_ids_of_its_own),
		WITH_DIRS(attributes_of_the_images_directories_are_compared),
		WITH_DIRS(dockers_own_layer_counts_only_when_it_is_not_dockers_any_more),
		WITH_DIRS(layers_are_found_where_their_driver_keeps_them),
		WITH_DIRS(dockers_own_layer_is_the_topmost_snapshot),
		WITH_DIRS(users_are_resolved_as_the_engines_do),
		WITH_DIRS(a_link_in_the_image_does_not_lead_out_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
