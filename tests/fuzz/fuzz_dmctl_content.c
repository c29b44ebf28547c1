// SPDX-License-Identifier: Apache-2.0
/*
 * An image in containerd's content store, by the engine's record: {"blobs": [document...],
 * "record": {"id", "manifest"}, "conf": text of config.toml}; blobs_made.h says how documents name
 * each other. What is taken is a configuration of the digest that stands there as the image's.
 */
#include "blobs_made.h"
#include "engine/content_store.h"
#include "json_mutate.h"
#include "strv.h"

#define OCI "application/vnd.oci.image."

static const char start[] =
	"{\"blobs\":[{\"config\":{\"Cmd\":[\"/app\"]}},"
	"{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" OCI
	"config.v1+json\",\"digest\":\"@0\"},\"layers\":[]},"
	"{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" OCI
	"manifest.v1+json\",\"digest\":\"@1\",\"platform\":{\"os\":\"linux\"}}]}],"
	"\"record\":{\"id\":\"@2\",\"manifest\":\"@1\"},\"conf\":\"version = 2\\nroot = '/x'\\n\"}";

/* The directories are the same whatever is in the file, or one more that there is. */
static void look_for_dirs(const char *conf)
{
	cc_cleanup(cc_strv_clear) struct cc_strv dirs = {0};
	char path[128];
	const struct containerd_roots roots = {path, dir};
	struct cc_error err = {0};

	snprintf(path, sizeof(path), "%s/index.json", dir);
	write_file(path, conf);
	REQUIRE(content_store_dirs(&roots, "/nonexistent", &dirs, &err) == 0 || err.text[0]);
}

/* Return: an image was found. */
static bool look_at(const char *text, size_t size)
{
	char *where[] = {dir};
	const struct cc_strv dirs = {.n = 1, .v = where};
	engine_auto_container struct engine_container c = {0};
	struct cc_error err = {0};
	cc_auto_json json_t *doc = cc_json_parse(text, size, "store", &err), *record = NULL;
	cc_auto_free char *of_record = NULL;
	const char *id, *manifest;
	struct blobs known = {0};
	char digest[CC_DIGEST_LEN];
	bool found;

	if (!doc)
		return false;
	look_for_dirs(json_string_value(json_object_get(doc, "conf")) ?: "");
	put_blobs(json_object_get(doc, "blobs"), &known);
	of_record = text_of(json_object_get(doc, "record"), &known);
	record = of_record ? json_loads(of_record, 0, NULL) : NULL;
	id = json_string_value(json_object_get(record, "id")) ?: "";
	manifest = json_string_value(json_object_get(record, "manifest")) ?: "";
	found = content_store_image(&dirs, id, manifest, &c, &err) == 0;
	if (found) {
		cc_sha256_digest(c.image_config, c.image_config_len, digest);
		REQUIRE(!strcmp(digest, c.image_id) && c.manifests.n > 0 &&
			!strcmp(c.manifests.v[0], id));
	} else {
		REQUIRE(err.code && err.text[0]);
	}
	remove_blobs(&known);
	return found;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	return mutate_json(data, size, max_size, seed, start);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	make_blobs_dir();
	REQUIRE(look_at(start, strlen(start)));
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	look_at((const char *)data, size);
	return 0;
}
