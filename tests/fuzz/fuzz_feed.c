// SPDX-License-Identifier: Apache-2.0
/*
 * A feed and what an agent brought of an image: {"image": rule, "id": digest, "manifest", "index",
 * "payloads": [JSON], "statements": [JSON]}. Each payload is signed here, each statement as DSSE
 * does, and "@M" and "@I" stand for the digests of manifest and index, "@m" and "@i" for their
 * hexadecimal digits, so that what lies behind signatures and digests is reached. What is let in
 * has the repository of the rule in a signed text, and the image's digest in the manifest.
 */
#include <ctype.h>
#include <string.h>

#include "b64.h"
#include "digest.h"
#include "feed.h"
#include "fuzz.h"
#include "json_mutate.h"
#include "version_order.h"

#define SHA "sha256:2bdaa0647db89bf4f2abff72c0a71c8f75616a2446b6873eb17399a69df06442"
#define OCI "application/vnd.oci.image."

static const char start[] =
	"{\"image\":{\"signedBy\":[\"a\"],\"repository\":\"r.example/shop/db\",\"floor\":{"
	"\"annotation\":\"v\",\"minimum\":\"1.4.2-rc.1\"}},\"id\":\"" SHA
	"\",\"manifest\":{\"schemaVersion\":2,\"mediaType\":\"" OCI
	"manifest.v1+json\",\"config\":{\"mediaType\":\"" OCI "config.v1+json\",\"digest\":\"" SHA
	"\"},\"layers\":[]},\"index\":{\"schemaVersion\":2,\"mediaType\":\"" OCI
	"index.v1+json\",\"manifests\":[{\"mediaType\":\"" OCI
	"manifest.v1+json\",\"digest\":\"@M\",\"platform\":{\"os\":\"linux\"}}]},\"payloads\":[{"
	"\"critical\":{\"identity\":{\"docker-reference\":\"r.example/shop/db\"},\"image\":{"
	"\"docker-manifest-digest\":\"@I\"},\"type\":\"cosign container image signature\"},"
	"\"optional\":{\"v\":\"1.4.2\"}}],\"statements\":[{\"_type\":\"https://in-toto.io/Statement/v1\","
	"\"predicateType\":\"https://sigstore.dev/cosign/sign/v1\",\"predicate\":{},\"subject\":[{"
	"\"digest\":{\"sha256\":\"@i\"},\"annotations\":{\"v\":\"1.4.2\",\"docker-reference\":"
	"\"r.example/shop/db\"}}]}]}";

static EVP_PKEY *the_key(void)
{
	static const unsigned char seed[32] = "feed feed feed feed feed feed fe";
	static EVP_PKEY *key;

	if (!key)
		key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
	REQUIRE(key);
	return key;
}

static char *signature_of(const char *payload, size_t len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char sig[64];
	size_t n = sizeof(sig);

	REQUIRE(EVP_DigestSignInit(ctx, NULL, NULL, NULL, the_key()) == 1);
	REQUIRE(EVP_DigestSign(ctx, sig, &n, (const unsigned char *)payload, len) == 1);
	EVP_MD_CTX_free(ctx);
	return cc_b64_encode(sig, n);
}

/* As DSSE signs it. */
static char *dsse_signature_of(const char *statement)
{
	cc_auto_free char *text = NULL;
	int n = asprintf(&text, "DSSEv1 28 application/vnd.in-toto+json %zu %s", strlen(statement),
			 statement);

	REQUIRE(n > 0);
	return signature_of(text, (size_t)n);
}

/* The text of @value with the digest of @document for @mark; malloced, NULL for no value. */
static char *text_of(const json_t *value, const char *mark, const char *document)
{
	cc_auto_free char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	char digest[CC_DIGEST_LEN], *at, *out;

	at = text && document ? strstr(text, mark) : NULL;
	if (!at)
		return cc_steal(text);
	cc_sha256_digest(document, strlen(document), digest);
	REQUIRE(asprintf(&out, "%.*s%s%s", (int)(at - text), text,
			 digest + (islower((unsigned char)mark[1]) ? strlen("sha256:") : 0),
			 at + strlen(mark)) > 0);
	return out;
}

/* What is signed, with the digests of what was brought: by @marks, of manifest and index. */
static void add_signed(struct cc_image_proof *p, const json_t *one, const char *const marks[2],
		       bool statement)
{
	cc_auto_free char *half = text_of(one, marks[1], p->index);
	cc_auto_json json_t *again = json_loads(half, JSON_DECODE_ANY, NULL);
	struct cc_image_signature *s = &p->v[p->n];

	if (!again || p->n == CC_IMAGE_SIGNATURES_MAX)
		return;
	s->payload = text_of(again, marks[0], p->manifest);
	s->signature = statement ? dsse_signature_of(s->payload)
				 : signature_of(s->payload, strlen(s->payload));
	s->statement = statement;
	p->n++;
}

/* NULL: nothing that could be brought. */
static struct cc_image_proof *proof_of(const json_t *doc)
{
	static const char *const digests[2] = {"@M", "@I"}, *const hex[2] = {"@m", "@i"};
	cc_auto_image_proof struct cc_image_proof *p = calloc(1, sizeof(*p));
	const json_t *one;
	size_t i;

	REQUIRE(p);
	p->manifest = text_of(json_object_get(doc, "manifest"), "@", NULL);
	if (!p->manifest)
		return NULL;
	p->index = text_of(json_object_get(doc, "index"), "@M", p->manifest);
	json_array_foreach(json_object_get(doc, "payloads"), i, one)
		add_signed(p, one, digests, false);
	json_array_foreach(json_object_get(doc, "statements"), i, one)
		add_signed(p, one, hex, true);
	return cc_steal(p);
}

static void comes_out_the_same(const struct cc_image_proof *p)
{
	cc_auto_json json_t *out = cc_image_proof_to_json(p), *again = NULL;
	cc_auto_image_proof struct cc_image_proof *back = NULL;
	struct cc_error err = {0};

	back = cc_image_proof_from_json(out, &err);
	REQUIRE(back || (err.code == CC_E_INVALID && err.text[0]));
	again = back ? cc_image_proof_to_json(back) : NULL;
	REQUIRE(!back || json_equal(out, again));
}

/* One statement has both, which JSON writes as they are. */
static bool is_built(const struct cc_feed *feed, const struct cc_image_proof *p)
{
	cc_auto_json json_t *by = json_string(feed->builder);
	cc_auto_json json_t *from = json_string(feed->source + strlen("git+"));
	cc_auto_free char *builder = json_dumps(by, JSON_ENCODE_ANY);
	cc_auto_free char *source = json_dumps(from, JSON_ENCODE_ANY);

	source[strlen(source) - 1] = '\0'; /* a revision may be behind it */

	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].statement && strstr(p->v[i].payload, builder) &&
		    strstr(p->v[i].payload, "provenance") && strstr(p->v[i].payload, source + 1))
			return true;
	return false;
}

static void is_rightly_let_in(const struct cc_feed *feed, const struct cc_image_proof *p,
			      const char *id)
{
	bool named = false;

	for (size_t i = 0; i < p->n; i++)
		named |= (!strcmp(feed->repository, "*") ||
			  strstr(p->v[i].payload, feed->repository)) &&
			 (!feed->annotation || strstr(p->v[i].payload, "optional") ||
			  strstr(p->v[i].payload, "annotations"));
	REQUIRE(named && strstr(p->manifest, id));
	REQUIRE(!feed->builder || is_built(feed, p));
}

static void free_feed(struct cc_feed **feed)
{
	cc_feed_free(*feed);
}

/* Return: whether it is let in. */
static bool look_at(const char *text, size_t size)
{
	struct cc_error err = {0};
	cc_auto_json json_t *doc = cc_json_parse(text, size, "feed", &err);
	const char *id = json_string_value(json_object_get(doc, "id"));
	cc_cleanup(free_feed) struct cc_feed *feed = NULL;
	cc_auto_image_proof struct cc_image_proof *p = NULL;
	struct cc_feed_keys keys = {{the_key()}};
	json_t *image = json_object_get(doc, "image");

	if (json_is_object(image) && cc_feed_is(image))
		feed = cc_feed_from_json(image, &err);
	p = feed ? proof_of(doc) : NULL;
	if (!feed)
		return false;
	REQUIRE(!feed->minimum || !cc_version_order(feed->minimum, feed->minimum));
	if (p)
		comes_out_the_same(p);
	err = (struct cc_error){0};
	if (cc_feed_check(feed, p, id, &keys, NULL, &err)) {
		REQUIRE(err.code == CC_E_REFUSED && !strncmp(err.fact, "image", 5) &&
			!strncmp(err.text, err.fact, strlen(err.fact)));
		return false;
	}
	is_rightly_let_in(feed, p, id);
	return true;
}

JSON_TARGET(start, look_at)
