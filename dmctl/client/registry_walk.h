/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry_walk.h - an image and what a registry has beside it: its manifest or index, the
 * manifests that the index names, signatures and attestations of each (OCI distribution
 * specification 1.1: manifests and blobs by digest, the referrers API, and where there is none its
 * fallback, the tag sha256-DIGEST; cosign 2: the tags sha256-DIGEST.sig and .att).
 *
 * What is asked by digest is compared with it before it is parsed. No layer of an image is fetched.
 */
#ifndef CC_REGISTRY_WALK_H
#define CC_REGISTRY_WALK_H

#include "client/registry_name.h"
#include "digest.h"
#include "error.h"

#define REGISTRY_PLATFORMS_MAX 32 /* manifests of an index that are looked at */
#define REGISTRY_REFERRERS_MAX 32 /* manifests beside one of them */
#define REGISTRY_LAYERS_MAX 64	  /* signatures in one manifest */

/* @status: of HTTP; @body: malloced text, NULL unless @status is 200 */
struct registry_answer {
	long status;
	char *body;
	size_t len;
};

void registry_answer_clear(struct registry_answer *a);

/**
 * struct registry_source - whom to ask.
 * @get: GET of @path, "/v2/...", an answer of at most @max bytes; @accept: media types, NULL: any.
 *       Return: 0 when there was an answer, whatever its status; -1 when there was none.
 */
struct registry_source {
	int (*get)(void *arg, const char *path, const char *accept, size_t max,
		   struct registry_answer *a, struct cc_error *err);
	void *arg;
};

/* The kinds go from process to process as numbers (image_pull.c). */
enum registry_kind { REGISTRY_BLOB = 1, REGISTRY_MANIFEST, REGISTRY_INDEX };

/**
 * struct registry_document - one that was fetched.
 * @digest: of @text, which has @len bytes
 * @named: it is one of those to begin with: the image, a signature; others are named by these
 */
struct registry_document {
	enum registry_kind kind;
	bool named;
	const char *digest;
	const char *text;
	size_t len;
};

typedef int registry_document_fn(void *arg, const struct registry_document *d,
				 struct cc_error *err);

/**
 * registry_walk - fetches it all, and hands each document to @fn.
 * Return: 0, also when nothing is signed; -1 with CC_E_NOTFOUND (no such image), CC_E_PERM,
 * CC_E_INVALID (a document that is none, or another than what was asked for), or what @get or @fn
 * said.
 */
int registry_walk(const struct registry_source *source, const struct registry_name *name,
		  registry_document_fn *fn, void *arg, struct cc_error *err);

#endif
