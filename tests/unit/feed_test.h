/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feed_test.h - an image as a registry has it and as `cosign sign` signs it: a manifest, an index
 * and a signature by a key of ours, as texts that a test may change before they are put together.
 * Version 2 signs "simple signing" (sigstore/cosign, specs/SIGNATURE_SPEC.md); version 3 an in-toto
 * statement (cmd/cosign/cli/sign/sign.go, signDigestBundle()) as DSSE does
 * (secure-systems-lab/dsse, protocol.md), in a Sigstore bundle (sigstore/protobuf-specs,
 * sigstore_bundle.proto, v0.3).
 */
#ifndef CC_FEED_TEST_H
#define CC_FEED_TEST_H

#include "lib_test.h"

#include "b64.h"
#include "digest.h"
#include "image_proof.h"
#include "pkey.h"

#define REPOSITORY "registry.example:5000/shop/db"
#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define OCI_CONFIG "application/vnd.oci.image.config.v1+json"

/* All malloced. */
static inline char *manifest_of(const char *config)
{
	char *text;

	assert_true(asprintf(&text,
			     "{\n   \"schemaVersion\": 2,\n   \"mediaType\": \"" OCI_MANIFEST
			     "\",\n   \"config\": {\"mediaType\": \"" OCI_CONFIG
			     "\", \"digest\": \"%s\", \"size\": 581},\n   \"layers\": []\n}",
			     config) > 0);
	return text;
}

/* @os: of the platform, "unknown" for what is none */
static inline char *index_of(const char *manifest, const char *os)
{
	char digest[CC_DIGEST_LEN], *text;

	cc_sha256_digest(manifest, strlen(manifest), digest);
	assert_true(
		asprintf(
			&text,
			"{\"schemaVersion\":2,\"mediaType\":\"" OCI_INDEX
			"\",\"manifests\":[{\"mediaType\":\"" OCI_MANIFEST
			"\",\"digest\":\"" DIGEST_C
			"\",\"size\":1,\"platform\":{\"architecture\":\"arm64\",\"os\":\"linux\"}},"
			"{\"mediaType\":\"" OCI_MANIFEST
			"\",\"digest\":\"%s\",\"size\":1,\"platform\":{\"architecture\":\"amd64\","
			"\"os\":\"%s\"}}]}",
			digest, os) > 0);
	return text;
}

/* @document: what is signed; @optional: JSON */
static inline char *payload_of(const char *repository, const char *document, const char *optional)
{
	char digest[CC_DIGEST_LEN], *text;

	cc_sha256_digest(document, strlen(document), digest);
	assert_true(asprintf(&text,
			     "{\"critical\":{\"identity\":{\"docker-reference\":\"%s\"},\"image\":{"
			     "\"docker-manifest-digest\":\"%s\"},\"type\":\"cosign container image "
			     "signature\"},\"optional\":%s}",
			     repository, digest, optional) > 0);
	return text;
}

static inline char *signature_by(EVP_PKEY *key, const char *payload)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char sig[80];
	size_t n = sizeof(sig);

	assert_int_equal(EVP_DigestSignInit(ctx, NULL,
					    EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256(),
					    NULL, key),
			 1);
	assert_int_equal(
		EVP_DigestSign(ctx, sig, &n, (const unsigned char *)payload, strlen(payload)), 1);
	EVP_MD_CTX_free(ctx);
	return cc_b64_encode(sig, n);
}

#define SIGN_V1 "https://sigstore.dev/cosign/sign/v1"

/* What cosign 3 signs. @subject: more members of the subject, as JSON with a comma before */
static inline char *statement_of(const char *document, const char *subject, const char *type,
				 const char *predicate)
{
	char digest[CC_DIGEST_LEN], *text;

	cc_sha256_digest(document, strlen(document), digest);
	assert_true(asprintf(&text,
			     "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[{"
			     "\"digest\":{\"sha256\":\"%s\"}%s}],\"predicateType\":\"%s\","
			     "\"predicate\":%s}",
			     digest + strlen("sha256:"), subject, type, predicate) > 0);
	return text;
}

/* The bytes that DSSE signs. */
static inline char *dsse_of(const char *statement)
{
	char *text;

	assert_true(asprintf(&text, "DSSEv1 28 application/vnd.in-toto+json %zu %s",
			     strlen(statement), statement) > 0);
	return text;
}

static inline char *dsse_signature_by(EVP_PKEY *key, const char *statement)
{
	cc_auto_free char *text = dsse_of(statement);

	return signature_by(key, text);
}

/* Takes @payload over. */
static inline void add_signature(struct cc_image_proof *p, EVP_PKEY *key, char *payload)
{
	assert_true(p->n < CC_IMAGE_SIGNATURES_MAX);
	p->v[p->n++] = (struct cc_image_signature){payload, signature_by(key, payload), false};
}

/* Takes @statement over. */
static inline void add_statement(struct cc_image_proof *p, EVP_PKEY *key, char *statement)
{
	assert_true(p->n < CC_IMAGE_SIGNATURES_MAX);
	p->v[p->n++] =
		(struct cc_image_signature){statement, dsse_signature_by(key, statement), true};
}

/* Of the image @config, without a signature. @with_index: what it is named by as well */
static inline struct cc_image_proof *proof_of(const char *config, bool with_index)
{
	struct cc_image_proof *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->manifest = manifest_of(config);
	p->index = with_index ? index_of(p->manifest, "linux") : NULL;
	return p;
}

#endif
