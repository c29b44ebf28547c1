/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_proof.h - what an agent brings of an image beside its measurement, so that keyd can follow
 * it back to a signature without asking anybody: the bytes of the image's manifest, of the index
 * that names it, and the signatures of one of both. The agent's word for none of it counts: each is
 * believed for its digest or its signature alone (feed.h).
 *
 * JSON, `proof` in the image of a measurement (unknown members are refused):
 *  {"manifest":"<text>","index":"<text>",
 *   "signatures":[{"payload":"<text>","signature":"<base64>"},
 *                 {"statement":"<text>","signature":"<base64>"}]}
 *
 * A payload is cosign's simple signing; a statement is of in-toto, signed as the payload of a DSSE
 * envelope (dsse.h): the envelope itself, and the bundle that it came in, say nothing more.
 *
 * The documents are JSON, so their bytes are UTF-8 and go as text, byte for byte. Together they are
 * at most CC_IMAGE_PROOF_MAX bytes, as evidence has to hold them (lib/evidence.h).
 */
#ifndef CC_IMAGE_PROOF_H
#define CC_IMAGE_PROOF_H

#include <stdbool.h>
#include <stddef.h>

#include "cleanup.h"
#include "json.h"

#define CC_IMAGE_PROOF_MAX (20 * 1024) /* bytes of all texts */
#define CC_IMAGE_SIGNATURES_MAX 8

/**
 * struct cc_image_signature - one signature of an image, or of a statement about it.
 * @payload: the signed bytes; owned
 * @signature: base64, as cosign has it in an annotation or an envelope; owned
 * @statement: @payload is an in-toto statement, and signed as DSSE signs
 */
struct cc_image_signature {
	char *payload;
	char *signature;
	bool statement;
};

/* The same text, signed with the same bytes in the same way. */
bool cc_image_signature_eq(const struct cc_image_signature *a, const struct cc_image_signature *b);

/* @manifest: owned; @index: owned, NULL where the image has no index */
struct cc_image_proof {
	char *manifest;
	char *index;
	size_t n;
	struct cc_image_signature v[CC_IMAGE_SIGNATURES_MAX];
};

void cc_image_proof_free(struct cc_image_proof *p); /* NULL is nothing */
static inline void cc_image_proof_free_ptr(struct cc_image_proof **p)
{
	cc_image_proof_free(*p);
}
#define cc_auto_image_proof cc_cleanup(cc_image_proof_free_ptr)

/* Bytes of all its texts. */
size_t cc_image_proof_size(const struct cc_image_proof *p);

/* Room for one more signature, and @more bytes of texts with it. */
bool cc_image_proof_has_room(const struct cc_image_proof *p, size_t more);

/* Puts a copy behind the signatures of @p, which has room. Return: 0; -1 with CC_E_NOMEM. */
int cc_image_proof_add(struct cc_image_proof *p, const struct cc_image_signature *sig,
		       struct cc_error *err);

/* New reference; NULL without memory, or when a text is not UTF-8. */
json_t *cc_image_proof_to_json(const struct cc_image_proof *p);
/* NULL: CC_E_INVALID. */
struct cc_image_proof *cc_image_proof_from_json(const json_t *obj, struct cc_error *err);

#endif
