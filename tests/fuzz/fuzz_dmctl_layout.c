// SPDX-License-Identifier: Apache-2.0
/*
 * A directory with images and signatures: {"blobs": [document...], "index": document}. "@0" to "@9"
 * in a document stand for the digest of that blob before it, so that the walk gets from index.json
 * to the signed text. What is found comes out of JSON as it went in, within its bounds.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "client/image_layout.h"
#include "digest.h"
#include "file.h"
#include "fuzz.h"
#include "json_mutate.h"

#define BLOBS_MAX 10
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

static char dir[64];

/* @n: digests that are known */
struct blobs {
	size_t n;
	char digest[BLOBS_MAX][CC_DIGEST_LEN];
};

/* The text of @doc with digests in place of their marks; malloced. */
static char *text_of(const json_t *doc, const struct blobs *known)
{
	char *text = json_dumps(doc, JSON_COMPACT | JSON_ENCODE_ANY);

	for (size_t i = 0; text && i < known->n; i++) {
		char mark[] = {'@', (char)('0' + i), '\0'}, *at = strstr(text, mark), *out;

		if (!at)
			continue;
		REQUIRE(asprintf(&out, "%.*s%s%s", (int)(at - text), text, known->digest[i],
				 at + 2) > 0);
		free(text);
		text = out;
	}
	return text;
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	REQUIRE(fd >= 0 && !cc_write_all(fd, text, strlen(text)));
	close(fd);
}

static const char *blob_path(const char *digest)
{
	static char path[192];

	snprintf(path, sizeof(path), "%s/blobs/sha256/%s", dir, digest + strlen("sha256:"));
	return path;
}

static void make_layout(const json_t *doc, struct blobs *known)
{
	cc_auto_free char *index = NULL;
	char path[128];
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(doc, "blobs"), i, one) {
		cc_auto_free char *text = i < BLOBS_MAX ? text_of(one, known) : NULL;

		if (!text)
			break;
		cc_sha256_digest(text, strlen(text), known->digest[known->n]);
		write_file(blob_path(known->digest[known->n++]), text);
	}
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
	for (size_t i = 0; i < known.n; i++)
		unlink(blob_path(known.digest[i]));
	return n;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	return mutate_json(data, size, max_size, seed, start);
}

static void remove_layout(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/index.json", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/blobs/sha256", dir);
	rmdir(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	rmdir(dir);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char path[128];

	(void)argc;
	(void)argv;
	strcpy(dir, "/tmp/fuzz-layout.XXXXXX");
	REQUIRE(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/blobs", dir);
	REQUIRE(!mkdir(path, 0700));
	strcat(path, "/sha256");
	REQUIRE(!mkdir(path, 0700));
	atexit(remove_layout);
	REQUIRE(look_at(start, strlen(start)) == 1);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	look_at((const char *)data, size);
	return 0;
}
