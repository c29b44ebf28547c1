/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle_made.h - a Sigstore bundle as cosign 3 makes one with a key and without a log
 * (sigstore/protobuf-specs, sigstore_bundle.proto, v0.3, in the JSON of protobuf: camelCase, bytes
 * in base64), and the manifest that refers to the image (OCI image specification 1.1, manifest.md,
 * `subject`, as cosign's pkg/oci/remote/write.go, WriteReferrer()).
 */
#ifndef CC_BUNDLE_MADE_H
#define CC_BUNDLE_MADE_H

#include "layout_made.h"

#define BUNDLE_V03 "application/vnd.dev.sigstore.bundle.v0.3+json"
#define ENVELOPE "application/vnd.dsse.envelope.v1+json"

/* New reference; the envelope of @statement, signed by @key. */
static inline json_t *envelope_of(const char *statement, EVP_PKEY *key)
{
	cc_auto_free char *sig = dsse_signature_by(key, statement);
	cc_auto_free char *b64 = cc_b64_encode(statement, strlen(statement));
	json_t *obj = json_pack("{s:s, s:s, s:[{s:s}]}", "payload", b64, "payloadType",
				"application/vnd.in-toto+json", "signatures", "sig", sig);

	assert_non_null(obj);
	return obj;
}

/* New reference; takes @envelope over. */
static inline json_t *bundle_of(json_t *envelope)
{
	json_t *obj =
		json_pack("{s:s, s:{s:{s:s}}, s:o}", "mediaType", BUNDLE_V03,
			  "verificationMaterial", "publicKey", "hint",
			  "mPZLY4AvmrBBnRgkXh0k5sJx0Tl4YKhL4bMRhq8TJyE=", "dsseEnvelope", envelope);

	assert_non_null(obj);
	return obj;
}

/* What refers to the image @of, created at @created; @layer is the text of @type. */
static inline void put_referrer_of(const char *of, const char *type, const char *layer,
				   const char *created, char digest[static CC_DIGEST_LEN])
{
	char of_layer[CC_DIGEST_LEN];
	cc_auto_json json_t *manifest = NULL;
	cc_auto_free char *text = NULL;

	put_blob(layer, of_layer);
	manifest = json_pack(
		"{s:i, s:s, s:s, s:{s:s, s:s, s:i}, s:[{s:s, s:s, s:i}], s:{s:s, s:s, s:i}, "
		"s:{s:s, s:s}}",
		"schemaVersion", 2, "mediaType", OCI_MANIFEST, "artifactType", type, "config",
		"mediaType", "application/vnd.oci.empty.v1+json", "digest",
		"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", "size",
		2, "layers", "mediaType", type, "digest", of_layer, "size", 1, "subject",
		"mediaType", OCI_MANIFEST, "digest", of, "size", 1, "annotations",
		"dev.sigstore.bundle.content", "dsse-envelope", "org.opencontainers.image.created",
		created);
	text = json_dumps(manifest, JSON_COMPACT);
	assert_non_null(text);
	put_blob(text, digest);
}

/* A bundle with @statement, which is freed. */
static inline void put_bundle(const char *of, char *statement, const char *created,
			      char digest[static CC_DIGEST_LEN])
{
	cc_auto_json json_t *bundle = bundle_of(envelope_of(statement, release));
	cc_auto_free char *text = json_dumps(bundle, JSON_COMPACT);

	put_referrer_of(of, BUNDLE_V03, text, created, digest);
	free(statement);
}

#endif
