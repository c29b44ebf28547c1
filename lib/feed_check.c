// SPDX-License-Identifier: Apache-2.0
/* feed_check.c - follows an image back to a signature, and to provenance. */
#include "feed.h"

#include <string.h>

#include "digest.h"
#include "dsse.h"
#include "image_doc.h"
#include "image_statement.h"
#include "pkey.h"
#include "provenance.h"
#include "version_order.h"

/* How far a signature or provenance gets; what it fails at. */
enum stage { SIGNER, REPOSITORY, MANIFEST, FLOOR, BUILT, ALL };

/**
 * struct chain - what a signature is held against.
 * @keys, @keyids: those of the feed; a keyid is "" where there is no key, or one of before again
 * @manifest, @index: digests of what was brought; @index "" without one
 * @provenance: what is asked for now: provenance, not a signature of the image
 * @refusal: of the signature that got furthest, which is @stage
 */
struct chain {
	const struct cc_feed *feed;
	const struct cc_image_proof *proof;
	const char *image_id;
	const struct cc_feed_keys *keys;
	struct cc_image_tries *tries;
	char keyids[CC_FEED_SIGNERS_MAX][CC_DIGEST_LEN];
	char manifest[CC_DIGEST_LEN], index[CC_DIGEST_LEN];
	bool provenance;
	enum stage stage;
	struct cc_error refusal;
};

/* What says nothing of the one signature: it could not be found out, or no more will be. */
static bool ends_all(const struct cc_error *err)
{
	return err->code == CC_E_NOMEM || err->code == CC_E_INTERNAL ||
	       !strcmp(err->fact, "imageSignatures");
}

static int check_repository(const struct chain *c, const struct cc_simplesigning *s,
			    struct cc_error *err)
{
	const char *wanted = c->feed->repository;

	if (cc_feed_is_of(c->feed, s->reference ? s->reference : ""))
		return 0;
	if (!s->reference)
		return cc_refuse(err, "imageRepository",
				 "imageRepository: identity wants an image of %s, the signature "
				 "names no repository, as those of cosign 3; sign the image with "
				 "\"cosign sign -a docker-reference=%s\"",
				 wanted, wanted);
	return cc_refuse(err, "imageRepository",
			 "imageRepository: identity wants an image of %s, the signature is for one "
			 "of %.200s",
			 wanted, s->reference);
}

/* The refusal of a document that was signed, or named by one that was, but is not what it has to
 * be. */
static int refuse_document(struct cc_error *err)
{
	struct cc_error why = *err;

	if (ends_all(err))
		return -1;
	return cc_refuse(err, "imageManifest", "imageManifest: %s", why.text);
}

/* @digest: what was signed */
static int check_signed_digest(const struct chain *c, const char *digest, struct cc_error *err)
{
	const char *index = c->proof->index;

	if (!strcmp(digest, c->manifest))
		return 0;
	if (!index || strcmp(digest, c->index) != 0)
		return cc_refuse(err, "imageManifest",
				 "imageManifest: the signature is for %s, the container's image "
				 "has the manifest %s%s%s",
				 digest, c->manifest, index ? " and the index " : "", c->index);
	/* its digest was signed: now it may be read */
	if (!cc_image_index_names(index, strlen(index), c->manifest, err))
		return 0;
	if (err->code != CC_E_NOTFOUND)
		return refuse_document(err);
	return cc_refuse(err, "imageManifest",
			 "imageManifest: the index that was signed, %s, names no platform with the "
			 "manifest %s of the container's image",
			 c->index, c->manifest);
}

/* The manifest is what was signed, or what an index that was signed names. */
static int check_config(const struct chain *c, struct cc_error *err)
{
	const char *manifest = c->proof->manifest;
	char config[CC_DIGEST_LEN];

	if (cc_image_manifest_config(manifest, strlen(manifest), config, err))
		return refuse_document(err);
	if (c->image_id && !strcmp(config, c->image_id))
		return 0;
	return cc_refuse(err, "imageManifest",
			 "imageManifest: the manifest that was signed, %s, is of the image %s, "
			 "container has %s",
			 c->manifest, config, c->image_id ? c->image_id : "none");
}

static int check_floor(const struct chain *c, const struct cc_simplesigning *s,
		       struct cc_error *err)
{
	const char *name = c->feed->annotation, *minimum = c->feed->minimum;
	const json_t *value = name ? json_object_get(s->optional, name) : NULL;
	const char *version = json_string_value(value);

	if (!name)
		return 0;
	if (!value)
		return cc_refuse(err, "imageFloor",
				 "imageFloor: identity wants %s %s or newer, the signature has no "
				 "annotation %s; sign the image with \"cosign sign -a %s=VERSION\"",
				 name, minimum, name, name);
	if (!version || !cc_is_version(version))
		return cc_refuse(err, "imageFloor",
				 "imageFloor: identity wants %s %s or newer, the signature has "
				 "\"%.80s\", which is not a valid version",
				 name, minimum, version ? version : "something else than text");
	if (cc_version_order(version, minimum) >= 0)
		return 0;
	return cc_refuse(err, "imageFloor",
			 "imageFloor: identity wants %s %s or newer, the image was signed as %s",
			 name, minimum, version);
}

/* What was signed, after its signature has verified. Return: where it ends. */
static enum stage follow_signed(const struct chain *c, const struct cc_simplesigning *s,
				struct cc_error *err)
{
	if (check_repository(c, s, err))
		return REPOSITORY;
	if (check_signed_digest(c, s->digest, err) || check_config(c, err))
		return MANIFEST;
	return check_floor(c, s, err) ? FLOOR : ALL;
}

/* Of several subjects the one that was brought. */
static const json_t *subject_of(const struct chain *c, const struct cc_image_statement *st)
{
	const json_t *subject;
	size_t i;

	json_array_foreach(st->subjects, i, subject) {
		char digest[CC_DIGEST_LEN];

		cc_subject_digest(subject, digest);
		if (!strcmp(digest, c->manifest) || (*digest && !strcmp(digest, c->index)))
			return subject;
	}
	return json_array_get(st->subjects, 0);
}

/* What cosign 3 signs, as if version 2 had. */
static int parse_statement(const struct chain *c, const struct cc_image_signature *sig,
			   struct cc_simplesigning *out, struct cc_error *err)
{
	auto_image_statement st = {0};
	const char *reference;
	const json_t *subject;

	if (cc_image_statement_parse(sig->payload, strlen(sig->payload), &st, err))
		return -1;
	if (!cc_statement_is_signature(st.type))
		return cc_refuse(err, "signature", "signature: the statement is not a signature");
	subject = subject_of(c, &st);
	cc_subject_digest(subject, out->digest);
	out->optional = json_incref(json_object_get(subject, "annotations"));
	reference = cc_subject_repository(subject);
	out->reference = reference ? strdup(reference) : NULL;
	return !reference || out->reference ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

static int parse_signed(const struct chain *c, const struct cc_image_signature *sig,
			struct cc_simplesigning *out, struct cc_error *err)
{
	if (sig->statement)
		return parse_statement(c, sig, out, err);
	return cc_simplesigning_parse(sig->payload, strlen(sig->payload), out, err);
}

static int no_provenance(const struct chain *c, struct cc_error *err)
{
	return cc_refuse(err, "imageProvenance",
			 "imageProvenance: identity wants an image built by %s from %s, no "
			 "provenance of it was brought that is signed by a signer that the "
			 "identity names and that is enrolled",
			 c->feed->builder, c->feed->source);
}

/* Provenance is followed as far as the manifest, whose configuration the signature stands for. */
static enum stage follow_provenance(const struct chain *c, const struct cc_image_signature *sig,
				    struct cc_error *err)
{
	auto_image_statement st = {0};
	char digest[CC_DIGEST_LEN];
	struct cc_error why = {0};

	if (cc_image_statement_parse(sig->payload, strlen(sig->payload), &st, &why)) {
		if (ends_all(&why))
			*err = why;
		else
			cc_refuse(err, "imageProvenance", "imageProvenance: %s", why.text);
		return MANIFEST;
	}
	if (!cc_statement_is_provenance(st.type)) {
		no_provenance(c, err);
		return SIGNER;
	}
	cc_subject_digest(subject_of(c, &st), digest);
	if (check_signed_digest(c, digest, &why)) {
		if (ends_all(&why))
			*err = why;
		else
			cc_refuse(err, "imageProvenance",
				  "imageProvenance: the provenance is for another image than the "
				  "container's, whose manifest is %s",
				  c->manifest);
		return MANIFEST;
	}
	return cc_provenance_check(&st, c->feed->builder, c->feed->source, err) ? BUILT : ALL;
}

static int no_signer(const struct chain *c, struct cc_error *err)
{
	if (c->provenance)
		return no_provenance(c, err);
	return cc_refuse(err, "imageSigner",
			 "imageSigner: no signature of the image is of a signer that the identity "
			 "names and that is enrolled");
}

static enum stage follow_signature(const struct chain *c, const struct cc_image_signature *sig,
				   struct cc_error *err)
{
	cc_cleanup(cc_simplesigning_clear) struct cc_simplesigning s = {0};
	struct cc_error why = {0};

	if (!parse_signed(c, sig, &s, &why))
		return follow_signed(c, &s, err);
	if (ends_all(&why))
		*err = why;
	else if (why.code == CC_E_REFUSED)
		no_signer(c, err);
	else
		cc_refuse(err, "imageSigner", "imageSigner: %s", why.text);
	return SIGNER;
}

static enum stage try_signature(const struct chain *c, const struct cc_image_signature *sig,
				size_t signer, struct cc_error *err)
{
	struct cc_error why = {0};

	if (!cc_image_tries_verify(c->tries, sig, c->keyids[signer], c->keys->v[signer], &why))
		return c->provenance ? follow_provenance(c, sig, err)
				     : follow_signature(c, sig, err);
	if (ends_all(&why))
		*err = why;
	else if (why.code == CC_E_REFUSED)
		no_signer(c, err);
	else
		cc_refuse(err, c->provenance ? "imageProvenance" : "imageSigner", "%s: %s",
			  c->provenance ? "imageProvenance" : "imageSigner", why.text);
	return SIGNER;
}

/* 1: the chain holds; 0: not for this signature; -1: it could not be found out. */
static int try_keys(struct chain *c, const struct cc_image_signature *sig, struct cc_error *out)
{
	for (size_t i = 0; i < c->feed->signed_by.n; i++) {
		struct cc_error err = {0};
		enum stage stage;

		if (!c->keyids[i][0])
			continue;
		stage = try_signature(c, sig, i, &err);
		if (stage == ALL)
			return 1;
		if (ends_all(&err)) {
			*out = err;
			return -1;
		}
		if (c->refusal.code && stage <= c->stage)
			continue;
		c->stage = stage;
		c->refusal = err;
	}
	return 0;
}

/* One that was brought twice says nothing new. */
static bool was_before(const struct cc_image_proof *proof, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (cc_image_signature_eq(&proof->v[j], &proof->v[i]))
			return true;
	return false;
}

static int try_signatures(struct chain *c, struct cc_error *err)
{
	for (size_t i = 0; i < c->proof->n; i++) {
		const struct cc_image_signature *sig = &c->proof->v[i];
		bool skip = was_before(c->proof, i) || (c->provenance && !sig->statement);
		int rc = skip ? 0 : try_keys(c, sig, err);

		if (rc)
			return rc > 0 ? 0 : -1;
	}
	*err = c->refusal;
	return -1;
}

/* Behind the signature: what was built may have been signed by another of the signers. */
static int check_provenance(struct chain *c, struct cc_error *err)
{
	if (!c->feed->builder)
		return 0;
	c->provenance = true;
	c->stage = SIGNER;
	no_provenance(c, &c->refusal);
	return try_signatures(c, err);
}

/* A signer may be named twice, by its name and by its key. */
static int name_keys(struct chain *c, struct cc_error *err)
{
	for (size_t i = 0; i < c->feed->signed_by.n; i++) {
		if (!c->keys->v[i])
			continue;
		if (cc_pubkey_id(c->keys->v[i], c->keyids[i], err))
			return -1;
		for (size_t j = 0; j < i; j++)
			if (!strcmp(c->keyids[j], c->keyids[i]))
				c->keyids[i][0] = '\0';
	}
	return 0;
}

static bool any_key(const struct cc_feed *feed, const struct cc_feed_keys *keys)
{
	for (size_t i = 0; keys && i < feed->signed_by.n; i++)
		if (keys->v[i])
			return true;
	return false;
}

int cc_feed_check(const struct cc_feed *feed, const struct cc_image_proof *proof,
		  const char *image_id, const struct cc_feed_keys *keys,
		  struct cc_image_tries *tries, struct cc_error *err)
{
	auto_image_tries own = {0};
	struct chain c = {.feed = feed,
			  .proof = proof,
			  .image_id = image_id,
			  .keys = keys,
			  .tries = tries ? tries : &own};

	if (!any_key(feed, keys))
		return cc_refuse(err, "imageSigner",
				 "imageSigner: none of the signers whose images the identity lets "
				 "in is enrolled: %s%s",
				 feed->signed_by.v[0], feed->signed_by.n > 1 ? " and others" : "");
	if (!proof || proof->n == 0)
		return cc_refuse(err, "imageProof",
				 "imageProof: identity wants a signed image of %s, no signature of "
				 "%s was brought: give it to this host's agent with \"dmctl "
				 "identity offer\"",
				 feed->repository, image_id ? image_id : "the container's image");
	cc_sha256_digest(proof->manifest, strlen(proof->manifest), c.manifest);
	if (proof->index)
		cc_sha256_digest(proof->index, strlen(proof->index), c.index);
	return name_keys(&c, err) || try_signatures(&c, err) || check_provenance(&c, err) ? -1 : 0;
}
