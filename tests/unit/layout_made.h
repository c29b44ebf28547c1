/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout_made.h - a directory with images and signatures, as `cosign save` makes one, and what is
 * found in it.
 */
#ifndef CC_LAYOUT_MADE_H
#define CC_LAYOUT_MADE_H

#include "feed_test.h"
#include "tree_test.h"

#include "client/image_layout.h"
#include "feed.h"

static EVP_PKEY *release;

/* ---- a layout ---- */

static inline void put_blob(const char *text, char digest[static CC_DIGEST_LEN])
{
	char path[160];

	cc_sha256_digest(text, strlen(text), digest);
	snprintf(path, sizeof(path), "/blobs/sha256/%s", digest + strlen("sha256:"));
	make_file(top, path, text);
}

/* One layer of the manifest that cosign keeps signatures in; new reference. */
static inline json_t *layer_of(const char *payload, const char *value)
{
	char of_payload[CC_DIGEST_LEN];

	put_blob(payload, of_payload);
	return json_pack("{s:s, s:s, s:i, s:{s:s}}", "mediaType",
			 "application/vnd.dev.cosign.simplesigning.v1+json", "digest", of_payload,
			 "size", 1, "annotations", "dev.cosignproject.cosign/signature", value);
}

/* Takes @layers over. */
static inline void put_layers(json_t *layers, char digest[static CC_DIGEST_LEN])
{
	cc_auto_json json_t *manifest = json_pack(
		"{s:i, s:s, s:{s:s, s:s, s:i}, s:o}", "schemaVersion", 2, "mediaType", OCI_MANIFEST,
		"config", "mediaType", OCI_CONFIG, "digest", DIGEST_B, "size", 1, "layers", layers);
	cc_auto_free char *text = json_dumps(manifest, 0);

	assert_non_null(text);
	put_blob(text, digest);
}

/* @payload is freed. */
static inline void put_signature(char *payload, EVP_PKEY *key, char digest[static CC_DIGEST_LEN])
{
	cc_auto_free char *value = signature_by(key, payload);

	put_layers(json_pack("[o]", layer_of(payload, value)), digest);
	free(payload);
}

/* index.json with these, of a type each, "manifest" or "index"; ends with NULL. */
static inline void put_top(const char *type, const char *digest, ...)
{
	cc_auto_json json_t *top_level = json_pack("{s:i, s:[]}", "schemaVersion", 2, "manifests");
	cc_auto_free char *text = NULL;
	va_list ap;

	va_start(ap, digest);
	while (type) {
		json_array_append_new(
			json_object_get(top_level, "manifests"),
			json_pack("{s:s+, s:s, s:i}", "mediaType", "application/vnd.oci.image.",
				  !strcmp(type, "index") ? "index.v1+json" : "manifest.v1+json",
				  "digest", digest, "size", 1));
		type = va_arg(ap, const char *);
		digest = type ? va_arg(ap, const char *) : NULL;
	}
	va_end(ap);
	text = json_dumps(top_level, 0);
	make_file(top, "/index.json", text);
}

static inline void make_layout(void)
{
	top_remove(NULL);
	assert_int_equal(top_new(), 0);
	make_dir(top, "/blobs");
	make_dir(top, "/blobs/sha256");
}

/* ---- what is found ---- */

static struct cc_image_proof *found;
static char found_config[CC_DIGEST_LEN];
static int n_found;
static size_t left_out, passed_over;

static inline int find(void *arg, const struct signed_image *image, struct cc_error *err)
{
	cc_auto_json json_t *obj = cc_image_proof_to_json(image->proof);

	assert_null(arg);
	cc_image_proof_free(found);
	found = cc_image_proof_from_json(obj, err);
	assert_non_null(found);
	snprintf(found_config, sizeof(found_config), "%s", image->config);
	left_out = image->left_out;
	n_found++;
	return 0;
}

static inline void look(void)
{
	struct cc_error err = {0};

	n_found = 0;
	expect_ok(image_layout_each(top, find, NULL, &passed_over, &err), &err);
}

static inline void look_fails(const char *says)
{
	struct cc_error err = {0};

	n_found = 0;
	assert_int_equal(image_layout_each(top, find, NULL, &passed_over, &err), -1);
	if (!strstr(err.text, says))
		fail_msg("\"%s\" does not say \"%s\"", err.text, says);
	assert_int_equal(n_found, 0);
}

/* What was found lets the image in under the rule @image, which is freed. */
static inline void lets_in_by(json_t *image, const char *config)
{
	const struct cc_feed_keys keys = {{release}};
	struct cc_error err = {0};
	struct cc_feed *feed = cc_feed_from_json(image, &err);

	json_decref(image);
	if (!feed)
		fail_msg("%s", err.text);
	assert_string_equal(found_config, config);
	expect_ok(cc_feed_check(feed, found, config, &keys, NULL, &err), &err);
	cc_feed_free(feed);
}

static inline void lets_in(const char *config)
{
	lets_in_by(json_pack("{s:[s], s:s}", "signedBy", "release", "repository", REPOSITORY),
		   config);
}

static inline int layout_setup(void **state)
{
	(void)state;
	release = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	return !release || top_new();
}

static inline int layout_teardown(void **state)
{
	cc_image_proof_free(found);
	EVP_PKEY_free(release);
	return top_remove(state);
}

#endif
