/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pull_made.h - an image and its signatures as a registry serves them, and the pull of it.
 */
#ifndef CC_PULL_MADE_H
#define CC_PULL_MADE_H

#include "bundle_made.h"
#include "registry_served.h"

#include "client/image_pull.h"

/* What is served outlives the requests. */
static char *texts[64];
static size_t n_texts;

static inline const char *text(char *malloced)
{
	assert_non_null(malloced);
	assert_true(n_texts < sizeof(texts) / sizeof(texts[0]));
	return texts[n_texts++] = malloced;
}

static inline const char *dumped(json_t *obj)
{
	const char *out = text(json_dumps(obj, JSON_COMPACT));

	json_decref(obj);
	return out;
}

/* The digest of @document; good for the next eight. */
static inline const char *digest(const char *document)
{
	static char out[8][CC_DIGEST_LEN];
	static size_t n;

	cc_sha256_digest(document, strlen(document), out[n % 8]);
	return out[n++ % 8];
}

static inline const char *hex(const char *document)
{
	return digest(document) + strlen("sha256:");
}

/* ---- what is served ---- */

static inline void serve_blob(const char *blob)
{
	serve("blobs/", digest(blob), blob);
}

static inline void serve_manifest(const char *manifest)
{
	serve("manifests/", digest(manifest), manifest);
}

/* By tag and by digest. */
static inline const char *serve_image(void)
{
	const char *manifest = text(manifest_of(DIGEST_A));

	serve("manifests/", "v1", manifest);
	serve_manifest(manifest);
	return manifest;
}

/* A manifest whose one layer is @blob of @type; with @value an annotation of the layer. */
static inline const char *manifest_with(const char *type, const char *blob, const char *value)
{
	return dumped(json_pack("{s:i, s:s, s:{s:s, s:s, s:i}, s:[{s:s, s:s, s:i, s:{s:s*}}]}",
				"schemaVersion", 2, "mediaType", OCI_MANIFEST, "config",
				"mediaType", OCI_CONFIG, "digest", DIGEST_B, "size", 1, "layers",
				"mediaType", type, "digest", digest(blob), "size", 1, "annotations",
				"dev.cosignproject.cosign/signature", value));
}

/* As cosign 2 keeps it: under a tag. */
static inline void serve_tagged_signature(const char *document)
{
	const char *payload = text(payload_of(REPOSITORY, document, "null"));
	cc_auto_free char *value = signature_by(release, payload);
	char tag[CC_DIGEST_LEN + 16];

	snprintf(tag, sizeof(tag), "sha256-%s.sig", hex(document));
	serve_blob(payload);
	serve("manifests/", tag,
	      manifest_with("application/vnd.dev.cosign.simplesigning.v1+json", payload, value));
}

static const char *listed_as = BUNDLE_V03;

/* As cosign 3 keeps it; the list that has it. */
static inline const char *serve_bundle(const char *document)
{
	cc_auto_free char *statement =
		statement_of(document, ",\"annotations\":{\"docker-reference\":\"" REPOSITORY "\"}",
			     SIGN_V1, "{}");
	const char *bundle = dumped(bundle_of(envelope_of(statement, release)));
	const char *manifest = manifest_with(BUNDLE_V03, bundle, NULL);

	serve_blob(bundle);
	serve_manifest(manifest);
	return dumped(json_pack("{s:i, s:s, s:[{s:s, s:s, s:s, s:i}]}", "schemaVersion", 2,
				"mediaType", OCI_INDEX, "manifests", "mediaType", OCI_MANIFEST,
				"artifactType", listed_as, "digest", digest(manifest), "size", 1));
}

/* ---- the pull ---- */

static struct image_pull how;

/* @reference: with its ":" or "@"; into a new directory. */
static inline void begin(const char *reference)
{
	static char image[256];

	snprintf(image, sizeof(image), "127.0.0.1:%d/shop/db%s", served.port, reference);
	how.image = image;
	top_remove(NULL);
	assert_int_equal(top_new(), 0);
}

static inline int pull(const char *reference, struct cc_error *err)
{
	begin(reference);
	*err = (struct cc_error){0};
	return image_pull(&how, top, err);
}

static inline void pulls(const char *reference)
{
	struct cc_error err;

	registry_start();
	if (pull(reference, &err))
		fail_msg("%s", err.text);
	look();
}

static inline void fails(const char *reference, enum cc_code code, const char *says)
{
	struct cc_error err;

	registry_start();
	assert_int_equal(pull(reference, &err), -1);
	expect_error(&err, code, "", says);
}

static char place[64], auth_path[96];

/* A file of this test; good for the next three calls. */
static inline const char *placed(const char *name)
{
	return in(place, name);
}

static inline int one_setup(void **state)
{
	(void)state;
	make_file(place, "/none.json", "{}");
	snprintf(auth_path, sizeof(auth_path), "%s", placed("/none.json"));
	how = (struct image_pull){.auth_file = auth_path};
	n_found = 0;
	registry_new();
	return 0;
}

static inline int one_teardown(void **state)
{
	(void)state;
	registry_stop();
	while (n_texts)
		free(texts[--n_texts]);
	return 0;
}

static inline int pull_setup(void **state)
{
	strcpy(place, "/tmp/test-pull.XXXXXX");
	return !mkdtemp(place) || layout_setup(state);
}

static inline int pull_teardown(void **state)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -rf %s", place);
	return system(command) || layout_teardown(state);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, one_setup, one_teardown)

#endif
