// SPDX-License-Identifier: Apache-2.0
/*
 * Images in containerd's content store: a store made on the spot, and what a container's record
 * says of it.
 */
#include "tree_test.h"

#include <limits.h>
#include <unistd.h>

#include "digest.h"
#include "dmctl/engine/content_store.h"
#include "strv.h"

#define OCI "application/vnd.oci.image."
#define CONFIG "{\"config\":{\"Cmd\":[\"/app\"]}}"
#define OTHER_CONFIG "{\"architecture\":\"arm64\",\"config\":{\"Cmd\":[\"/app\"]}}"
#define CONTENT "/io.containerd.content.v1.content"

typedef char digest_t[CC_DIGEST_LEN];

static digest_t config, manifest, other, other_manifest, image;

/* ---- a store ---- */

/* Below a store; good until the next call. */
static const char *name_of(const char *digest)
{
	static char name[96];

	snprintf(name, sizeof(name), "/blobs/sha256/%s", digest + strlen("sha256:"));
	return name;
}

static const char *path_of(const char *digest)
{
	return at(name_of(digest));
}

static void put(const char *text, digest_t digest)
{
	cc_sha256_digest(text, strlen(text), digest);
	make_file(top, name_of(digest), text);
}

static void put_manifest(const char *of_config, const char *type, digest_t digest)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"schemaVersion\":2,\"mediaType\":\"" OCI
		 "manifest.v1+json\",\"config\":{\"mediaType\":\"%s\",\"digest\":\"%s\"},"
		 "\"layers\":[]}",
		 type, of_config);
	put(text, digest);
}

/* @arch: of @one; "unknown" as builders say of what is none */
static void put_index(const char *arch, const char *one, const char *two, digest_t digest)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "{\"schemaVersion\":2,\"mediaType\":\"" OCI "index.v1+json\",\"manifests\":["
		 "{\"mediaType\":\"" OCI "manifest.v1+json\",\"digest\":\"%s\",\"platform\":{"
		 "\"os\":\"%s\",\"architecture\":\"%s\"}},"
		 "{\"mediaType\":\"" OCI "manifest.v1+json\",\"digest\":\"%s\",\"platform\":{"
		 "\"os\":\"linux\",\"architecture\":\"arm64\"}}]}",
		 one, strcmp(arch, "unknown") == 0 ? arch : "linux", arch, two);
	put(text, digest);
}

/* An image for two platforms. */
static int setup(void **state)
{
	(void)state;
	if (top_new())
		return -1;
	make_dir(top, "/blobs");
	make_dir(top, "/blobs/sha256");
	put(CONFIG, config);
	put(OTHER_CONFIG, other);
	put_manifest(config, OCI "config.v1+json", manifest);
	put_manifest(other, OCI "config.v1+json", other_manifest);
	put_index("amd64", manifest, other_manifest, image);
	return 0;
}

/* ---- what is found there ---- */

static int look(const char *id, const char *of, struct engine_container *c, struct cc_error *err)
{
	char *where[] = {top};
	const struct cc_strv dirs = {.n = 1, .v = where};

	return content_store_image(&dirs, id, of, c, err);
}

static void expect_image(const char *id, const char *of, const char *wanted, size_t manifests)
{
	engine_auto_container struct engine_container c = {0};
	struct cc_error err;

	expect_ok(look(id, of, &c, &err), &err);
	assert_string_equal(c.image_id, wanted);
	assert_int_equal(c.manifests.n, manifests);
	assert_string_equal(c.manifests.v[0], id);
	assert_string_equal(c.manifests.v[manifests - 1], of);
}

static void expect_none(const char *id, const char *of, enum cc_code code, const char *says)
{
	engine_auto_container struct engine_container c = {0};
	struct cc_error err = {0};

	assert_int_equal(look(id, of, &c, &err), -1);
	expect_error(&err, code, code == CC_E_REFUSED ? "image" : "", says);
	assert_null(c.image_config);
}

static void the_configuration_is_that_of_the_recorded_manifest(void **state)
{
	(void)state;
	expect_image(manifest, manifest, config, 1);
	expect_image(image, manifest, config, 2);
	expect_image(image, other_manifest, other, 2);
}

static void documents_of_dockers_own_types_are_read(void **state)
{
	char text[512];
	digest_t docker, list;

	(void)state;
	put_manifest(config, "application/vnd.docker.container.image.v1+json", docker);
	expect_image(docker, docker, config, 1);
	snprintf(text, sizeof(text),
		 "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.docker.distribution."
		 "manifest.list.v2+json\",\"manifests\":[{\"mediaType\":\"application/vnd.docker."
		 "distribution.manifest.v2+json\",\"digest\":\"%s\"}]}",
		 docker);
	put(text, list);
	expect_image(list, docker, config, 2);
}

static void a_manifest_that_the_index_does_not_name_is_refused(void **state)
{
	digest_t alone, index;

	(void)state;
	put_manifest(DIGEST_A, OCI "config.v1+json", alone);
	expect_none(image, alone, CC_E_INVALID, "create the container again");
	/* what a builder says of the image is no platform of it */
	put_index("unknown", manifest, other_manifest, index);
	expect_none(index, manifest, CC_E_INVALID, "create the container again");
	/* a manifest is no index */
	expect_none(other_manifest, manifest, CC_E_INVALID, "mediaType is");
}

static void an_index_in_an_index_is_not_looked_into(void **state)
{
	char text[512];
	digest_t outer;

	(void)state;
	snprintf(text, sizeof(text),
		 "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" OCI
		 "index.v1+json\",\"digest\":\"%s\"}]}",
		 image);
	put(text, outer);
	expect_none(outer, manifest, CC_E_INVALID, "does not have");
	expect_none(outer, image, CC_E_INVALID, "does not have");
	expect_none(image, image, CC_E_INVALID, "mediaType is");
}

static void a_blob_that_is_not_its_digests_is_refused(void **state)
{
	static const struct {
		const char *blob, *text;
	} swaps[] = {
		{config, OTHER_CONFIG}, {config, ""}, {manifest, "{}"},
		{image, CONFIG},	{image, ""},
	};
	char before[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(swaps) / sizeof(swaps[0]); i++) {
		const char *path = path_of(swaps[i].blob);
		cc_auto_free char *text = NULL;
		struct cc_error err;
		size_t len;

		expect_ok(cc_read_file(path, &text, &len, &err), &err);
		snprintf(before, sizeof(before), "%s", text);
		make_file(top, name_of(swaps[i].blob), swaps[i].text);
		expect_none(image, manifest, CC_E_REFUSED, "the engine's store was changed");
		make_file(top, name_of(swaps[i].blob), before);
		assert_int_equal(truncate(path, (off_t)len - 1), 0);
		expect_none(image, manifest, CC_E_REFUSED, "the engine's store was changed");
		make_file(top, name_of(swaps[i].blob), before);
	}
	expect_image(image, manifest, config, 2);
}

static void a_blob_that_is_missing_is_named(void **state)
{
	static const char *const blobs[] = {config, manifest, image};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(rename(path_of(blobs[i]), at("/kept")), 0);
		expect_none(image, manifest, CC_E_INVALID, blobs[i]);
		expect_none(image, manifest, CC_E_INVALID, "pull or build the image again");
		assert_int_equal(rename(at("/kept"), path_of(blobs[i])), 0);
	}
}

static void what_is_no_file_is_not_read(void **state)
{
	static const char *const blobs[] = {config, manifest, image};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const char *path = path_of(blobs[i]);

		assert_int_equal(rename(path, at("/kept")), 0);
		assert_int_equal(symlink(at("/kept"), path), 0);
		expect_none(image, manifest, CC_E_INTERNAL, "symbolic links");
		assert_int_equal(unlink(path), 0);
		assert_int_equal(mkdir(path, 0755), 0);
		expect_none(image, manifest, CC_E_INVALID, "not a regular file");
		assert_int_equal(rmdir(path), 0);
		assert_int_equal(rename(at("/kept"), path), 0);
	}
}

static void a_blob_that_is_too_large_is_not_read(void **state)
{
	static const char *const blobs[] = {config, manifest, image};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const char *path = path_of(blobs[i]);
		struct stat st;

		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(truncate(path, (16 << 20) + 1), 0);
		expect_none(image, manifest, CC_E_INVALID, "too large");
		assert_int_equal(truncate(path, st.st_size), 0);
	}
	expect_image(image, manifest, config, 2);
}

static void documents_of_another_kind_are_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"[]",
		"{",
		"{}",
		"{\"schemaVersion\":1,\"config\":{},\"layers\":[]}",
		/* both of a manifest and of an index (CVE-2021-41190) */
		"{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" OCI
		"config.v1+json\",\"digest\":\"" DIGEST_A "\"},\"layers\":[],\"manifests\":[]}",
		/* nothing that runs */
		"{\"schemaVersion\":2,\"config\":{\"mediaType\":\"application/vnd.oci.empty.v1+json\","
		"\"digest\":\"" DIGEST_A "\"},\"layers\":[]}",
		"{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" OCI
		"config.v1+json\",\"digest\":\"sha256:../../../etc/passwd\"},\"layers\":[]}",
		"{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" OCI
		"config.v1+json\",\"digest\":\"sha512:" DIGEST_A "\"},\"layers\":[]}",
	};
	char says[128];
	digest_t odd;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		put(texts[i], odd);
		snprintf(says, sizeof(says), "manifest %s: ", odd);
		expect_none(odd, odd, CC_E_INVALID, says);
		snprintf(says, sizeof(says), "image %s: ", odd);
		expect_none(odd, manifest, CC_E_INVALID, says);
	}
}

static void a_document_is_longer_than_registries_take_them(void **state)
{
	const size_t len = 5 << 20;
	char *text = malloc(len + 1);
	digest_t large;

	(void)state;
	assert_non_null(text);
	memset(text, ' ', len);
	text[0] = '{';
	text[len - 1] = '}';
	text[len] = '\0';
	put(text, large);
	free(text);
	expect_none(large, large, CC_E_INVALID, "manifest sha256:");
	expect_none(large, manifest, CC_E_INVALID, "image sha256:");
}

static void a_record_names_digests(void **state)
{
	static const char *const odd[] = {"", "app:1", "sha256:", "sha256:../../etc/passwd",
					  "sha512:" DIGEST_A};

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		expect_none(odd[i], manifest, CC_E_INVALID, "is not an image id");
		expect_none(image, odd[i], CC_E_INVALID, "is not an image id");
	}
}

/* ---- several stores ---- */

static void a_blob_may_be_in_any_store(void **state)
{
	char first[96];
	char *where[] = {first, top};
	const struct cc_strv dirs = {.n = 2, .v = where};
	engine_auto_container struct engine_container c = {0}, d = {0};
	struct cc_error err;

	(void)state;
	snprintf(first, sizeof(first), "%s/first", top);
	make_dir(top, "/first");
	make_dir(first, "/blobs");
	make_dir(first, "/blobs/sha256");
	expect_ok(content_store_image(&dirs, image, manifest, &c, &err), &err);
	assert_string_equal(c.image_id, config);
	/* one that was changed in the first is not passed over */
	make_file(first, name_of(config), OTHER_CONFIG);
	assert_int_equal(content_store_image(&dirs, image, manifest, &d, &err), -1);
	expect_error(&err, CC_E_REFUSED, "image", "the engine's store was changed");
}

/* @conf: text of config.toml, NULL for none; @wanted: the first of @n directories */
static void expect_dirs(const char *conf, size_t n, const char *wanted)
{
	cc_cleanup(cc_strv_clear) struct cc_strv dirs = {0};
	char toml[96], usual[96], own[96], path[160];
	const struct containerd_roots roots = {toml, usual};
	struct cc_error err;

	snprintf(toml, sizeof(toml), "%s/config.toml", top);
	snprintf(usual, sizeof(usual), "%s/usual", top);
	snprintf(own, sizeof(own), "%s/own", top);
	unlink(toml);
	if (conf)
		make_file(top, "/config.toml", conf);
	if (!n) {
		assert_int_equal(content_store_dirs(&roots, own, &dirs, &err), -1);
		expect_error(&err, CC_E_INVALID, "", "name it as root in");
		return;
	}
	expect_ok(content_store_dirs(&roots, own, &dirs, &err), &err);
	assert_int_equal(dirs.n, n);
	snprintf(path, sizeof(path), "%s/%s" CONTENT, top, wanted);
	assert_string_equal(dirs.v[0], path);
}

static void make_store(const char *name)
{
	char dir[96];

	make_dir(top, name);
	snprintf(dir, sizeof(dir), "%s/io.containerd.snapshotter.v1.overlayfs", name);
	make_dir(top, dir);
	strcat(dir, "/snapshots");
	make_dir(top, dir);
}

static void the_stores_are_those_of_the_systems_containerd_and_the_engines(void **state)
{
	char conf[256];

	(void)state;
	expect_dirs(NULL, 0, NULL);
	make_file(top, "/own", "no directory");
	expect_dirs(NULL, 0, NULL);
	assert_int_equal(unlink(at("/own")), 0);
	make_store("/own");
	expect_dirs(NULL, 1, "own");
	make_store("/usual");
	expect_dirs(NULL, 2, "usual");
	make_store("/named");
	snprintf(conf, sizeof(conf), "# root = \"/no\"\nversion = 3\n  root = '%s'\n[grpc]\n",
		 at("/named"));
	expect_dirs(conf, 3, "named");
	snprintf(conf, sizeof(conf), "root = \"%s\" # here\n", at("/usual"));
	expect_dirs(conf, 2, "usual");
	/* of a table, and what is no path */
	snprintf(conf, sizeof(conf), "[plugins]\nroot = \"%s\"\n", at("/named"));
	expect_dirs(conf, 2, "usual");
	expect_dirs("root = \"relative\"\n", 2, "usual");
	expect_dirs("root = \"/unended\nroot\n", 2, "usual");
}

#define store_test(f) cmocka_unit_test_setup_teardown(f, setup, top_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(the_configuration_is_that_of_the_recorded_manifest),
		store_test(documents_of_dockers_own_types_are_read),
		store_test(a_manifest_that_the_index_does_not_name_is_refused),
		store_test(an_index_in_an_index_is_not_looked_into),
		store_test(a_blob_that_is_not_its_digests_is_refused),
		store_test(a_blob_that_is_missing_is_named),
		store_test(what_is_no_file_is_not_read),
		store_test(a_blob_that_is_too_large_is_not_read),
		store_test(documents_of_another_kind_are_refused),
		store_test(a_document_is_longer_than_registries_take_them),
		store_test(a_record_names_digests),
		store_test(a_blob_may_be_in_any_store),
		store_test(the_stores_are_those_of_the_systems_containerd_and_the_engines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
