// SPDX-License-Identifier: Apache-2.0
/*
 * A directory with images and signatures: {"blobs": [document...], "index": document}. "@0" to "@9"
 * in a document stand for the digest of that blob before it, so that the walk gets from index.json
 * to the signed text. What is found comes out of JSON as it went in, within its bounds.
 */
#include "blobs_made.h"
#include "client/image_layout.h"
#include "json_mutate.h"

#define SHA "sha256:2bdaa0647db89bf4f2abff72c0a71c8f75616a2446b6873eb17399a69df06442"
#define OCI "application/vnd.oci.image."

static const char start[] =
	"{\"blobs\":[{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" OCI
	"config.v1+json\",\"digest\":\"" SHA "\"},\"layers\":[]},"
	"{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" OCI
	"manifest.v1+json\",\"digest\":\"@0\"}]},"
	"{\"critical\":{\"identity\":{\"docker-reference\":\"r.example/db\"},\"image\":{"
	"\"docker-manifest-digest\":\"@1\"},\"type\":\"cosign container image signature\"}},"
	"{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" OCI "config.v1+json\",\"digest\":\"" SHA
	"\"},\"layers\":[{\"mediaType\":\"application/vnd.dev.cosign.simplesigning.v1+json\","
	"\"digest\":\"@2\",\"annotations\":{\"dev.cosignproject.cosign/signature\":\"AA==\"}}]}],"
	"\"index\":{\"manifests\":[{\"mediaType\":\"" OCI "index.v1+json\",\"digest\":\"@1\"},"
	"{\"mediaType\":\"" OCI "manifest.v1+json\",\"digest\":\"@3\"}]}}";

static void make_layout(const json_t *doc, struct blobs *known)
{
	cc_auto_free char *index = NULL;
	char path[128];

	put_blobs(json_object_get(doc, "blobs"), known);
	index = text_of(json_object_get(doc, "index"), known);
	snprintf(path, sizeof(path), "%s/index.json", dir);
	write_file(path, index ? index : "");
}

static int find(void *arg, const struct signed_image *image, struct cc_error *err)
{
	const struct cc_image_proof *p = image->proof;
	cc_auto_json json_t *out = cc_image_proof_to_json(p);
	struct cc_image_proof *back = cc_image_proof_from_json(out, err);

	REQUIRE(cc_is_digest(image->config) && p->n > 0 &&
		cc_image_proof_size(p) <= CC_IMAGE_PROOF_MAX);
	REQUIRE(back);
	cc_image_proof_free(back);
	++*(int *)arg;
	return 0;
}

/* Return: images that were found. */
static int look_at(const char *text, size_t size)
{
	struct cc_error err = {0};
	cc_auto_json json_t *doc = cc_json_parse(text, size, "layout", &err);
	struct blobs known = {0};
	size_t passed_over;
	int n = 0;

	if (!doc)
		return 0;
	make_layout(doc, &known);
	if (image_layout_each(dir, find, &n, &passed_over, &err))
		REQUIRE(err.code && err.code != CC_E_REFUSED && err.text[0]);
	else
		REQUIRE(n > 0);
	remove_blobs(&known);
	return n;
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
	REQUIRE(look_at(start, strlen(start)) == 1);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	look_at((const char *)data, size);
	return 0;
}
