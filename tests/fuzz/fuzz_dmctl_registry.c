// SPDX-License-Identifier: Apache-2.0
/*
 * A registry: {"image": name, "challenge": WWW-Authenticate, "config": of an engine, "blobs":
 * [document...], "tag", "referrers", "fallback", "sig", "att": document}. "@0" to "@9" in a document
 * stand for the digest of that blob before it. Each document that the walk hands out has the digest
 * that it is said to have, and is handed out once.
 */
#include <stdio.h>
#include <string.h>

#include "client/bundle.h"
#include "client/registry_walk.h"
#include "fuzz.h"
#include "image_doc.h"
#include "json_mutate.h"

#define BLOBS_MAX 10
#define SHA "sha256:2bdaa0647db89bf4f2abff72c0a71c8f75616a2446b6873eb17399a69df06442"
#define OCI "application/vnd.oci.image."
#define BUNDLE "application/vnd.dev.sigstore.bundle.v0.3+json"

static const char start[] =
	"{\"image\":\"registry.example:5000/shop/db:v1\",\"challenge\":\"Bearer "
	"realm=\\\"https://a.example/t\\\",service=\\\"x\\\"\",\"config\":{\"auths\":{"
	"\"registry.example:5000\":{\"auth\":\"AA==\"}}},\"blobs\":[{\"bundle\":1},"
	"{\"schemaVersion\":2,\"config\":{},\"layers\":[{\"mediaType\":\"" BUNDLE
	"\",\"digest\":\"@0\"}]},{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" OCI
	"config.v1+json\",\"digest\":\"" SHA "\"},\"layers\":[]}],\"tag\":{\"schemaVersion\":2,"
	"\"manifests\":[{\"mediaType\":\"" OCI "manifest.v1+json\",\"digest\":\"@2\"}]},"
	"\"referrers\":{\"manifests\":[{\"mediaType\":\"" OCI
	"manifest.v1+json\",\"artifactType\":\"" BUNDLE "\",\"digest\":\"@1\"}]}}";

/* @digest: of the blobs that are known */
struct world {
	const json_t *doc;
	size_t n;
	char digest[BLOBS_MAX][CC_DIGEST_LEN];
	char *text[BLOBS_MAX];
	int blobs, all;
	size_t n_out;
	char out[64][CC_DIGEST_LEN];
};

/* The text of @doc with digests in place of their marks; malloced, NULL for none. */
static char *text_of(const json_t *doc, const struct world *w)
{
	char *text = doc ? json_dumps(doc, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	for (size_t i = 0; text && i < w->n; i++) {
		char mark[] = {'@', (char)('0' + i), '\0'}, *at = strstr(text, mark), *out;

		if (!at)
			continue;
		REQUIRE(asprintf(&out, "%.*s%s%s", (int)(at - text), text, w->digest[i], at + 2) >
			0);
		free(text);
		text = out;
	}
	return text;
}

static char *blob_of(const struct world *w, const char *digest)
{
	for (size_t i = 0; i < w->n; i++)
		if (!strcmp(w->digest[i], digest))
			return strdup(w->text[i]);
	return NULL;
}

static bool ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

static char *page_of(const struct world *w, const char *path)
{
	const char *last = strrchr(path, '/') + 1;

	if (strstr(path, "/referrers/"))
		return text_of(json_object_get(w->doc, "referrers"), w);
	if (cc_is_digest(last))
		return blob_of(w, last);
	if (ends_in(last, ".sig") || ends_in(last, ".att"))
		return text_of(json_object_get(w->doc, last + strlen(last) - 3), w);
	return text_of(json_object_get(w->doc, strncmp(last, "sha256-", 7) ? "tag" : "fallback"),
		       w);
}

static int get(void *arg, const char *path, const char *accept, size_t max,
	       struct registry_answer *a, struct cc_error *err)
{
	(void)accept;
	REQUIRE(!strncmp(path, "/v2/", 4) && !strpbrk(path, " \r\n?#%"));
	a->body = page_of(arg, path);
	a->len = a->body ? strlen(a->body) : 0;
	a->status = a->body ? 200 : 404;
	return a->len <= max ? 0 : cc_fail(err, CC_E_INVALID, "the answer is too long");
}

static int take(void *arg, const struct registry_document *d, struct cc_error *err)
{
	struct world *w = arg;
	char digest[CC_DIGEST_LEN];

	(void)err;
	cc_sha256_digest(d->text, d->len, digest);
	REQUIRE(!strcmp(digest, d->digest));
	REQUIRE(d->kind >= REGISTRY_BLOB && d->kind <= REGISTRY_INDEX);
	REQUIRE(d->len <= (d->kind == REGISTRY_BLOB ? BUNDLE_MAX : CC_IMAGE_DOC_MAX));
	for (size_t i = 0; i < w->n_out; i++)
		REQUIRE(strcmp(w->out[i], digest) != 0);
	REQUIRE(w->n_out < 64);
	memcpy(w->out[w->n_out++], digest, sizeof(digest));
	w->blobs += d->kind == REGISTRY_BLOB;
	w->all++;
	return 0;
}

static const char *text_in(const json_t *doc, const char *key)
{
	const char *text = json_string_value(json_object_get(doc, key));

	return text ? text : "";
}

static void small_parsers(const json_t *doc, const struct registry_name *name)
{
	auto_registry_challenge c = {0};
	struct cc_error err = {0};
	char *auth = registry_credentials(json_object_get(doc, "config"), name);

	REQUIRE(!auth || !strpbrk(auth, "\r\n "));
	free(auth);
	if (registry_challenge_parse(text_in(doc, "challenge"), &c, &err))
		REQUIRE(err.code == CC_E_INVALID);
	else
		REQUIRE(c.realm || !c.bearer);
}

static void know_blobs(struct world *w)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(w->doc, "blobs"), i, one) {
		char *text = i < BLOBS_MAX ? text_of(one, w) : NULL;

		if (!text)
			break;
		cc_sha256_digest(text, strlen(text), w->digest[w->n]);
		w->text[w->n++] = text;
	}
}

/* Return: whether it has an image, a manifest of signatures and a signature. */
static bool look_at(const char *text, size_t size)
{
	struct cc_error err = {0};
	cc_auto_json json_t *doc = cc_json_parse(text, size, "registry", &err);
	struct world w = {.doc = doc};
	const struct registry_source source = {get, &w};
	auto_registry_name name = {0};

	if (!doc || registry_name_parse(text_in(doc, "image"), &name, &err)) {
		REQUIRE(err.code == CC_E_INVALID || err.code == CC_E_USAGE);
		return false;
	}
	small_parsers(doc, &name);
	know_blobs(&w);
	if (registry_walk(&source, &name, take, &w, &err))
		REQUIRE(err.code && err.code != CC_E_REFUSED && err.text[0]);
	for (size_t i = 0; i < w.n; i++)
		free(w.text[i]);
	return w.blobs == 1 && w.all >= 3;
}

JSON_TARGET(start, look_at)
