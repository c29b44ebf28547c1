// SPDX-License-Identifier: Apache-2.0
#include "client/registry_walk.h"

#include <stdio.h>
#include <string.h>

#include "client/layer_signature.h"
#include "image_doc.h"
#include "json.h"

#define HEX_OF(digest) ((digest) + strlen("sha256:"))
#define SEEN_MAX 2048
#define ACCEPT                                                                                  \
	"application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, " \
	"application/vnd.docker.distribution.manifest.list.v2+json, "                           \
	"application/vnd.docker.distribution.manifest.v2+json"

/**
 * struct walk - on the way.
 * @seen: digests that were handed out, @n_seen of them
 */
struct walk {
	const struct registry_source *source;
	const struct registry_name *name;
	registry_document_fn *fn;
	void *arg;
	size_t n_seen;
	char seen[SEEN_MAX][CC_DIGEST_LEN];
};

/* One that was fetched. @text: owned, of @len bytes; @doc: what it says */
struct document {
	char digest[CC_DIGEST_LEN];
	char *text;
	size_t len;
	json_t *doc;
};

static void document_clear(struct document *d)
{
	free(d->text);
	json_decref(d->doc);
	*d = (struct document){0};
}
#define auto_document cc_cleanup(document_clear) struct document

void registry_answer_clear(struct registry_answer *a)
{
	free(a->body);
	*a = (struct registry_answer){0};
}

static bool is_index(const json_t *doc)
{
	return json_is_array(json_object_get(doc, "manifests"));
}

/* ---- one document -------------------------------------------------------------------------- */

static int refused_status(const struct walk *w, const char *what, const char *reference,
			  long status, struct cc_error *err)
{
	/* else it is something that the registry itself named */
	bool is_image = !strcmp(reference, w->name->reference);

	if (status == 401 || status == 403)
		return cc_fail(
			err, CC_E_PERM,
			"%s refuses %s of %s (HTTP %ld); log in with the engine, or name its "
			"credentials with --auth-file",
			w->name->host, what, w->name->repository, status);
	if (status == 404)
		return cc_fail(err, is_image ? CC_E_NOTFOUND : CC_E_INVALID,
			       "%s has no %s %s of %s", w->name->host, what, reference,
			       w->name->repository);
	return cc_fail(err, CC_E_UNREACHABLE, "%s answers HTTP %ld for %s %s of %s", w->name->host,
		       status, what, reference, w->name->repository);
}

static int request(const struct walk *w, const char *kind, const char *reference,
		   const char *accept, size_t max, struct registry_answer *a, struct cc_error *err)
{
	cc_auto_free char *path = NULL;

	if (asprintf(&path, "/v2/%s/%s/%s", w->name->repository, kind, reference) < 0) {
		path = NULL;
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	return w->source->get(w->source->arg, path, accept, max, a, err);
}

static int check_text(const struct walk *w, const char *reference, const struct document *d,
		      struct cc_error *err)
{
	if (cc_is_digest(reference) && strcmp(reference, d->digest) != 0)
		return cc_fail(err, CC_E_INVALID, "%s: what it has as %s has the digest %s",
			       w->name->host, reference, d->digest);
	return 0;
}

/*
 * @kind: "manifests" or "blobs". Return: 0; 1 when there is none and that is no error (@may_lack);
 * -1.
 */
static int fetch(const struct walk *w, const char *kind, const char *reference, bool may_lack,
		 struct document *d, struct cc_error *err)
{
	bool is_blob = !strcmp(kind, "blobs");
	size_t max = is_blob ? BUNDLE_MAX : CC_IMAGE_DOC_MAX;
	cc_cleanup(registry_answer_clear) struct registry_answer a = {0};

	if (request(w, kind, reference, is_blob ? NULL : ACCEPT, max, &a, err))
		return -1;
	if (a.status == 404 && may_lack)
		return 1;
	if (a.status != 200 || !a.body)
		return refused_status(w, is_blob ? "blob" : "manifest", reference, a.status, err);
	d->text = cc_steal(a.body);
	d->len = a.len;
	cc_sha256_digest(d->text, d->len, d->digest);
	return check_text(w, reference, d, err);
}

/* The same of a manifest or index, which is parsed. */
static int fetch_manifest(const struct walk *w, const char *reference, bool may_lack,
			  struct document *d, struct cc_error *err)
{
	int rc = fetch(w, "manifests", reference, may_lack, d, err);

	if (rc)
		return rc;
	d->doc = cc_json_parse_max(d->text, d->len, CC_IMAGE_DOC_MAX, "manifest", err);
	if (!d->doc)
		return cc_prefix(err, "%s: %s", w->name->host, reference);
	return 0;
}

/* 1: it was handed out before; -1: there are too many. */
static int note_seen(struct walk *w, const char *digest, struct cc_error *err)
{
	for (size_t i = 0; i < w->n_seen; i++)
		if (!strcmp(w->seen[i], digest))
			return 1;
	if (w->n_seen == SEEN_MAX)
		return cc_fail(err, CC_E_INVALID, "%s has more than %d documents of %s",
			       w->name->host, SEEN_MAX, w->name->repository);
	memcpy(w->seen[w->n_seen++], digest, CC_DIGEST_LEN);
	return 0;
}

static int hand_out(struct walk *w, enum registry_kind kind, bool named, const struct document *d,
		    struct cc_error *err)
{
	const struct registry_document out = {kind, named, d->digest, d->text, d->len};
	int seen = note_seen(w, d->digest, err);

	if (seen)
		return seen > 0 ? 0 : -1;
	return w->fn(w->arg, &out, err);
}

/* ---- signatures ---------------------------------------------------------------------------- */

static int fetch_layer(struct walk *w, const json_t *layer, struct cc_error *err)
{
	const char *digest = layer_text(layer, "digest");
	auto_document d = {0};

	if (!cc_is_digest(digest))
		return 0; /* whoever reads the manifest passes it over, and counts it */
	return fetch(w, "blobs", digest, false, &d, err)
		       ? -1
		       : hand_out(w, REGISTRY_BLOB, false, &d, err);
}

/* A manifest that has signatures or attestations; others are passed over. */
static int take_signatures(struct walk *w, const struct document *d, struct cc_error *err)
{
	const json_t *layer;
	size_t i, n = 0;

	if (!layers_have_signature(d->doc))
		return 0;
	if (hand_out(w, REGISTRY_MANIFEST, true, d, err))
		return -1;
	json_array_foreach(json_object_get(d->doc, "layers"), i, layer) {
		if (!layer_is_signature(layer))
			continue;
		if (++n > REGISTRY_LAYERS_MAX)
			return cc_fail(err, CC_E_INVALID,
				       "%s: more than %d signatures in one manifest, %s",
				       w->name->host, REGISTRY_LAYERS_MAX, d->digest);
		if (fetch_layer(w, layer, err))
			return -1;
	}
	return 0;
}

/*
 * By the descriptor in a list of referrers. cosign makes the list itself where the registry does
 * not, and writes the type of the empty configuration into it (go-containerregistry).
 */
static bool may_be_signature(const json_t *entry)
{
	static const char *const others[] = {"", "application/vnd.oci.empty.v1+json",
					     "application/vnd.in-toto+json",
					     "application/vnd.oci.image.config.v1+json"};
	static const char cosign[] = "application/vnd.dev.cosign.artifact.";
	const char *type = layer_text(entry, "artifactType");

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (!strcmp(type, others[i]))
			return true;
	return bundle_is(type) || envelope_is(type) || !strncmp(type, cosign, strlen(cosign));
}

static int take_referrers(struct walk *w, const json_t *index, struct cc_error *err)
{
	const json_t *entry;
	size_t i, n = 0;

	json_array_foreach(json_object_get(index, "manifests"), i, entry) {
		const char *digest = layer_text(entry, "digest");
		auto_document d = {0};
		int rc;

		if (!may_be_signature(entry) || !cc_is_digest(digest))
			continue;
		if (++n > REGISTRY_REFERRERS_MAX)
			return cc_fail(err, CC_E_INVALID,
				       "%s: more than %d signatures and attestations refer to one "
				       "manifest of %s",
				       w->name->host, REGISTRY_REFERRERS_MAX, w->name->repository);
		rc = fetch_manifest(w, digest, true, &d, err);
		if (rc < 0 || (rc == 0 && take_signatures(w, &d, err)))
			return -1;
	}
	return 0;
}

/* The list of what refers to @digest: of the API, or of the tag that stands in for it. */
static int look_at_referrers(struct walk *w, const char *digest, struct cc_error *err)
{
	cc_cleanup(registry_answer_clear) struct registry_answer a = {0};
	auto_document d = {0};
	char tag[CC_DIGEST_LEN];
	int rc;

	if (request(w, "referrers", digest, "application/vnd.oci.image.index.v1+json",
		    CC_IMAGE_DOC_MAX, &a, err))
		return -1;
	if (a.status == 200 && a.body) {
		d.doc = cc_json_parse_max(a.body, a.len, CC_IMAGE_DOC_MAX, "list of referrers",
					  err);
		return d.doc ? take_referrers(w, d.doc, err) : -1;
	}
	snprintf(tag, sizeof(tag), "sha256-%s", HEX_OF(digest));
	rc = fetch_manifest(w, tag, true, &d, err);
	return rc < 0 ? -1 : rc > 0 ? 0 : take_referrers(w, d.doc, err);
}

/* Under cosign 2's tags. */
static int look_at_tag(struct walk *w, const char *digest, const char *what, struct cc_error *err)
{
	auto_document d = {0};
	char tag[CC_DIGEST_LEN + 8];
	int rc;

	snprintf(tag, sizeof(tag), "sha256-%s.%s", HEX_OF(digest), what);
	rc = fetch_manifest(w, tag, true, &d, err);
	return rc < 0 ? -1 : rc > 0 ? 0 : take_signatures(w, &d, err);
}

static int look_beside(struct walk *w, const char *digest, struct cc_error *err)
{
	return look_at_referrers(w, digest, err) || look_at_tag(w, digest, "sig", err) ||
			       look_at_tag(w, digest, "att", err)
		       ? -1
		       : 0;
}

/* ---- the image ----------------------------------------------------------------------------- */

static bool is_platform(const json_t *entry)
{
	const json_t *platform = json_object_get(entry, "platform");

	return cc_image_is_manifest(layer_text(entry, "mediaType")) &&
	       strcmp(layer_text(platform, "os"), "unknown") != 0;
}

static int look_at_platforms(struct walk *w, const json_t *index, struct cc_error *err)
{
	const json_t *entry;
	size_t i, n = 0;

	json_array_foreach(json_object_get(index, "manifests"), i, entry) {
		const char *digest = layer_text(entry, "digest");
		auto_document d = {0};
		int rc;

		if (!is_platform(entry) || !cc_is_digest(digest))
			continue;
		if (++n > REGISTRY_PLATFORMS_MAX)
			return cc_fail(
				err, CC_E_INVALID,
				"%s: the index of %s has more than %d platforms: name one by "
				"its digest",
				w->name->host, w->name->repository, REGISTRY_PLATFORMS_MAX);
		rc = fetch_manifest(w, digest, true, &d, err);
		if (rc < 0 || (rc == 0 && (hand_out(w, REGISTRY_MANIFEST, false, &d, err) ||
					   look_beside(w, d.digest, err))))
			return -1;
	}
	return 0;
}

static int walk_from(struct walk *w, struct cc_error *err)
{
	auto_document d = {0};
	bool index;

	if (fetch_manifest(w, w->name->reference, false, &d, err))
		return -1;
	index = is_index(d.doc);
	if (hand_out(w, index ? REGISTRY_INDEX : REGISTRY_MANIFEST, true, &d, err) ||
	    look_beside(w, d.digest, err))
		return -1;
	return index ? look_at_platforms(w, d.doc, err) : 0;
}

int registry_walk(const struct registry_source *source, const struct registry_name *name,
		  registry_document_fn *fn, void *arg, struct cc_error *err)
{
	cc_auto_free struct walk *w = calloc(1, sizeof(*w));

	if (!w)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	w->source = source;
	w->name = name;
	w->fn = fn;
	w->arg = arg;
	return walk_from(w, err);
}
