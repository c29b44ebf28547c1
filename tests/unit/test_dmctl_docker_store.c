// SPDX-License-Identifier: Apache-2.0
/* What Docker's files say of a container, without a daemon. */
#include "tree_test.h"
#include "docker_tree.h"

#include <unistd.h>

#include "cleanup.h"
#include "demand.h"
#include "dmctl/engine/docker_store.h"
#include "strv.h"

#define ID "1111111111111111111111111111111111111111111111111111111111111111"
#define OTHER "2222222222222222222222222222222222222222222222222222222222222222"

static char remembered[96], config[96], usual[96], toml[96], containerd[96];
static const struct docker_roots roots = {remembered, config, usual, {toml, containerd}};

static void expect_ports(const char *of_host, bool published)
{
	engine_auto_container struct engine_container c = {0};
	struct cc_error err;

	put_container(usual, ID, "overlay2");
	put(usual, "containers/" ID "/hostconfig.json", of_host);
	c.id = strdup(ID);
	expect_ok(docker_store_describe(&roots, usual, &c, &err), &err);
	assert_int_equal(cc_strv_has(&c.holds, CC_NO_PORTS), !published);
}

/* What Docker 26 writes, and what it never does: that is not known to be none. */
static void a_published_port_is_seen(void **state)
{
	(void)state;
	expect_ports("{\"PortBindings\":{},\"PublishAllPorts\":false}", false);
	expect_ports("{\"PortBindings\":null,\"PublishAllPorts\":false}", false);
	expect_ports("{\"PortBindings\":{},\"PublishAllPorts\":true}", true);
	expect_ports("{\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"\"}]},"
		     "\"PublishAllPorts\":false}",
		     true);
	expect_ports("{\"PortBindings\":[],\"PublishAllPorts\":false}", true);
	expect_ports("{\"PublishAllPorts\":false}", true);
	expect_ports("{}", true);
}

static int setup(void **state)
{
	(void)state;
	if (top_new())
		return -1;
	snprintf(remembered, sizeof(remembered), "%s/docker-root", top);
	snprintf(config, sizeof(config), "%s/daemon.json", top);
	snprintf(usual, sizeof(usual), "%s/usual", top);
	snprintf(toml, sizeof(toml), "%s/config.toml", top);
	snprintf(containerd, sizeof(containerd), "%s/containerd", top);
	return 0;
}

static void expect_root(const char *id, const char *below)
{
	cc_auto_free char *root = NULL;
	struct cc_error err;
	char want[256];

	snprintf(want, sizeof(want), "%s/%s", top, below);
	expect_ok(docker_store_dir(&roots, id, &root, &err), &err);
	assert_string_equal(root, want);
}

static void the_daemons_directory_is_the_one_that_has_the_container(void **state)
{
	char dir[128], text[256];
	cc_auto_free char *root = NULL;
	struct cc_error err;

	(void)state;
	assert_int_equal(docker_store_dir(&roots, ID, &root, &err), -1);
	assert_int_equal(err.code, CC_E_NOTFOUND);
	put_container(usual, ID, "overlay2");
	expect_root(ID, "usual");
	snprintf(dir, sizeof(dir), "%s/configured", top);
	put_container(dir, OTHER, "overlay2");
	snprintf(text, sizeof(text), "{\"data-root\":\"%s\"}", dir);
	put(top, "daemon.json", text);
	expect_root(OTHER, "configured");
	expect_root(ID, "usual");
}

static void a_directory_that_nobody_names_is_remembered_from_the_daemon(void **state)
{
	cc_auto_free char *root = NULL;
	struct cc_error err;
	char dir[128];

	(void)state;
	snprintf(dir, sizeof(dir), "%s/by-option", top);
	put_container(dir, ID, "overlay2");
	assert_int_equal(docker_store_dir(&roots, ID, &root, &err), -1);
	docker_store_remember(&roots, dir);
	docker_store_remember(&roots, dir);
	expect_root(ID, "by-option");
}

static void that_of_a_daemon_with_a_user_namespace_is_in_it(void **state)
{
	char dir[128];

	(void)state;
	snprintf(dir, sizeof(dir), "%s/100000.100000", usual);
	put_container(dir, ID, "overlay2");
	expect_root(ID, "usual/100000.100000");
}

static int describe(struct engine_container *c, struct cc_error *err)
{
	c->id = strdup(ID);
	return docker_store_describe(&roots, usual, c, err);
}

static void all_that_is_needed_of_a_container_is_in_the_files(void **state)
{
	engine_auto_container struct engine_container c = {0};
	struct cc_error err;
	char text[1024];

	(void)state;
	put_container(usual, ID, "overlay2");
	snprintf(text, sizeof(text),
		 "{\"Repositories\":{\"app\":{\"app:1\":\"%s\",\"app@" DIGEST_A "\":\"%s\","
		 "\"app@" DIGEST_B "\":\"" DIGEST_C "\"},\"reg:5000/app\":{\"reg:5000/app@" DIGEST_C
		 "\":\"%s\"}}}",
		 image, image, image);
	put(usual, "image/overlay2/repositories.json", text);
	expect_ok(describe(&c, &err), &err);
	assert_string_equal(c.name, "db");
	assert_string_equal(c.image_id, image);
	assert_string_equal(c.image_ref, "app:1");
	assert_string_equal(c.image_config, IMAGE);
	assert_int_equal(c.manifests.n, 2);
	assert_true(cc_strv_has(&c.manifests, DIGEST_A) && cc_strv_has(&c.manifests, DIGEST_C));
	assert_true(c.own_seccomp);
	assert_true(cc_strv_has(&c.holds, "no-stdin"));
	assert_true(cc_strv_has(&c.holds, "network:back"));
	assert_int_equal(json_array_size(c.health), 1);
	assert_int_equal(c.own_dirs.n, 1);
}

static void an_image_that_was_never_in_a_registry_has_no_manifest(void **state)
{
	engine_auto_container struct engine_container c = {0};
	struct cc_error err;

	(void)state;
	put_container(usual, ID, "overlay2");
	expect_ok(describe(&c, &err), &err);
	assert_int_equal(c.manifests.n, 0);
}

static void a_store_that_does_not_show_files_is_refused_with_what_to_do(void **state)
{
	engine_auto_container struct engine_container c = {0};
	struct cc_error err;

	(void)state;
	put_container(usual, ID, "btrfs");
	assert_int_equal(describe(&c, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "storage driver is btrfs");
	assert_non_null(strstr(err.text, "containerd-snapshotter"));
}

/* ---- containerd's image store ---- */

#define BLOBS "io.containerd.content.v1.content/blobs/sha256/"

static char manifest[CC_DIGEST_LEN];

/* The container's image is in containerd's store below @root. */
static void put_in_containerd(const char *root)
{
	char text[512], path[160];

	put_container(usual, ID, "overlayfs");
	snprintf(path, sizeof(path), BLOBS "%s", image + 7);
	put(root, path, IMAGE);
	snprintf(text, sizeof(text),
		 "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"application/vnd.oci.image."
		 "config.v1+json\",\"digest\":\"%s\"},\"layers\":[]}",
		 image);
	cc_sha256_digest(text, strlen(text), manifest);
	snprintf(path, sizeof(path), BLOBS "%s", manifest + 7);
	put(root, path, text);
	put(root, "io.containerd.snapshotter.v1.overlayfs/snapshots/1/fs/app", "");
}

/* What Docker 26 writes with that store; @more: of the manifest */
static void put_record(const char *more)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "{\"ID\":\"" ID "\",\"Name\":\"/db\",\"Image\":\"%s\",%s"
		 "\"Driver\":\"overlayfs\",\"Config\":{\"Image\":\"app:1\"}}",
		 manifest, more);
	put(usual, "containers/" ID "/config.v2.json", text);
}

static void put_whole_record(void)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "\"ImageManifest\":{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
		 "\"digest\":\"%s\",\"size\":1},",
		 manifest);
	put_record(text);
}

static void the_image_is_the_configuration_behind_containerds_manifest(void **state)
{
	char own[160];

	(void)state;
	snprintf(own, sizeof(own), "%s/containerd/daemon", usual);
	for (int i = 0; i < 2; i++) {
		engine_auto_container struct engine_container c = {0};
		struct cc_error err;

		put_in_containerd(i ? own : containerd);
		put_whole_record();
		expect_ok(describe(&c, &err), &err);
		assert_string_equal(c.image_id, image);
		assert_string_equal(c.image_config, IMAGE);
		assert_string_equal(c.image_ref, "app:1");
		assert_int_equal(c.manifests.n, 1);
		assert_string_equal(c.manifests.v[0], manifest);
		assert_int_equal(top_remove(NULL), 0);
		assert_int_equal(mkdir(top, 0755), 0);
	}
}

static void a_record_without_its_manifest_is_refused(void **state)
{
	static const char *const odd[] = {
		"",
		"\"ImageManifest\":null,",
		"\"ImageManifest\":\"sha256\",",
		"\"ImageManifest\":{\"digest\":1},",
		"\"ImageManifest\":[],",
	};

	(void)state;
	put_in_containerd(containerd);
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		engine_auto_container struct engine_container c = {0};
		struct cc_error err;

		put_record(odd[i]);
		assert_int_equal(describe(&c, &err), -1);
		expect_error(&err, CC_E_INVALID, "", "create the container again");
	}
}

static void a_store_of_containerds_that_is_not_found_is_said_so(void **state)
{
	engine_auto_container struct engine_container c = {0};
	struct cc_error err;

	(void)state;
	put_in_containerd(containerd);
	put_whole_record();
	snprintf(containerd, sizeof(containerd), "%s/elsewhere", top);
	assert_int_equal(describe(&c, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "name it as root in");
}

static void the_stores_that_are_understood_are_in_order(void **state)
{
	static const char *const others[] = {"vfs",    "btrfs",	 "zfs",	    "fuse-overlayfs",
					     "native", "stargz", "overlay", ""};
	struct cc_error err;

	(void)state;
	expect_ok(docker_store_check(&roots, usual, "overlay2", &err), &err);
	assert_int_equal(docker_store_check(&roots, usual, "overlayfs", &err), -1);
	expect_error(&err, CC_E_INVALID, "", "containerd has no snapshots in");
	put_in_containerd(containerd);
	expect_ok(docker_store_check(&roots, usual, "overlayfs", &err), &err);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(docker_store_check(&roots, usual, others[i], &err), -1);
		expect_error(&err, CC_E_INVALID, "", others[i]);
	}
}

static void a_record_of_another_container_is_not_believed(void **state)
{
	engine_auto_container struct engine_container c = {0};
	struct cc_error err;

	(void)state;
	put_container(usual, ID, "overlay2");
	put(usual, "containers/" ID "/config.v2.json",
	    "{\"ID\":\"" OTHER "\",\"Name\":\"/db\",\"Driver\":\"overlay2\"}");
	assert_int_equal(describe(&c, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "is of container 222222222222");
}

static void an_image_that_was_changed_in_the_store_is_refused(void **state)
{
	engine_auto_container struct engine_container c = {0};
	struct cc_error err;
	char path[256];

	(void)state;
	put_container(usual, ID, "overlay2");
	snprintf(path, sizeof(path), "image/overlay2/imagedb/content/sha256/%s", image + 7);
	put(usual, path, "{\"config\":{\"Cmd\":[\"/evil\"]}}");
	assert_int_equal(describe(&c, &err), -1);
	expect_error(&err, CC_E_REFUSED, "image", "store was changed");
}

#define store_test(f) cmocka_unit_test_setup_teardown(f, setup, top_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(the_daemons_directory_is_the_one_that_has_the_container),
		store_test(a_directory_that_nobody_names_is_remembered_from_the_daemon),
		store_test(that_of_a_daemon_with_a_user_namespace_is_in_it),
		store_test(all_that_is_needed_of_a_container_is_in_the_files),
		store_test(an_image_that_was_never_in_a_registry_has_no_manifest),
		store_test(a_published_port_is_seen),
		store_test(a_store_that_does_not_show_files_is_refused_with_what_to_do),
		store_test(the_image_is_the_configuration_behind_containerds_manifest),
		store_test(a_record_without_its_manifest_is_refused),
		store_test(a_store_of_containerds_that_is_not_found_is_said_so),
		store_test(the_stores_that_are_understood_are_in_order),
		store_test(a_record_of_another_container_is_not_believed),
		store_test(an_image_that_was_changed_in_the_store_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
