/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feed.h - the image of an identity that names no digest: it says who signs images and of which
 * repository, so that a new version needs no new identity.
 *
 *   image             {signedBy, repository, floor, builtBy}
 *     signedBy        names of signers, or digests of their keys (keyid), 1 to CC_FEED_SIGNERS_MAX:
 *                     one of them has signed the image, as `cosign sign` does, and is enrolled now
 *     repository      as cosign writes it into what it signs: "registry.example/shop/db", of
 *                     Docker Hub "index.docker.io/library/postgres"; no tag. cosign 3 writes none:
 *                     it counts as of the annotation docker-reference, if that was signed. "*":
 *                     of any, or none
 *     floor           {annotation, minimum}: the signed annotation (cosign sign -a NAME=VERSION) is
 *                     a version that is not older than the minimum (version_order.h); absent:
 *                     whatever was signed once is let in
 *     builtBy         {builder, source}: one of signedBy has signed provenance that says so as well
 *                     (provenance.h); absent: nobody asks
 *
 * What is decided, from the outside in, nothing being parsed before its signature or digest is
 * verified: a signature of a named signer → the manifest digest that it is of → that is the digest
 * of the manifest, or of an index that names this manifest for a platform → the digest of the
 * configuration → that is the image that was measured.
 *
 * The identity names its signers itself: a signer needs no volumes of its own to sign images
 * (lib/scope.h, CC_SCOPE_NONE), and then signs no identity.
 */
#ifndef CC_FEED_H
#define CC_FEED_H

#include <openssl/evp.h>

#include "image_proof.h"
#include "image_tries.h"
#include "json.h"
#include "strv.h"

#define CC_FEED_SIGNERS_MAX 8

/* All owned. NULL: @annotation, @minimum without a floor; @builder, @source without builtBy */
struct cc_feed {
	struct cc_strv signed_by;
	char *repository;
	char *annotation;
	char *minimum;
	char *builder;
	char *source;
};

void cc_feed_free(struct cc_feed *feed); /* NULL is nothing */

/* Whether the image of a predicate is one. */
bool cc_feed_is(const json_t *image);
/* NULL: CC_E_INVALID. */
struct cc_feed *cc_feed_from_json(const json_t *image, struct cc_error *err);

/* Whether a docker-reference is of its repository; a tag or a digest behind it does not count. */
bool cc_feed_is_of(const struct cc_feed *feed, const char *reference);

/**
 * struct cc_feed_keys - the keys of the signers that a feed names, as they are enrolled now.
 * @v: one for each of signed_by, borrowed; NULL: not enrolled
 */
struct cc_feed_keys {
	EVP_PKEY *v[CC_FEED_SIGNERS_MAX];
};

/**
 * cc_feed_check - follows an image back to a signature.
 * @proof: what was brought; NULL: nothing
 * @image_id: digest of the configuration of the measured image
 * @keys: NULL: none is enrolled
 * @tries: what the request has verified before; NULL: nothing
 *
 * Several signatures are looked at one by one; what is refused is said of the one that got
 * furthest. Facts: imageProof (nothing was brought), imageSigner (no named signer signed it, or is
 * enrolled), imageRepository, imageManifest (what was signed is not the measured image),
 * imageFloor; imageProvenance (none that a named signer signed is of the image), imageBuilder and
 * imageSource; and imageSignatures (they were too much work).
 *
 * Return: 0; -1 with CC_E_REFUSED, or with CC_E_NOMEM or CC_E_INTERNAL when it could not be found
 * out, which is no refusal.
 */
int cc_feed_check(const struct cc_feed *feed, const struct cc_image_proof *proof,
		  const char *image_id, const struct cc_feed_keys *keys,
		  struct cc_image_tries *tries, struct cc_error *err);

#endif
