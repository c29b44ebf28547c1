/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_statement.h - what an in-toto statement (in-toto Attestation Framework, Statement v0.1 and
 * v1) says of an image. It parses bytes whose signature was verified before.
 *
 * Two kinds count: what `cosign sign` of version 3 signs (predicateType CC_STATEMENT_SIGN: the
 * subject has the digest and the annotations, the predicate is empty), and provenance (SLSA v1 and
 * v0.2). Members that are not known are passed over, as the framework wants.
 */
#ifndef CC_IMAGE_STATEMENT_H
#define CC_IMAGE_STATEMENT_H

#include <stdbool.h>

#include "digest.h"
#include "error.h"
#include "json.h"

#define CC_STATEMENT_SIGN "https://sigstore.dev/cosign/sign/v1"
#define CC_STATEMENT_SLSA_V1 "https://slsa.dev/provenance/v1"
#define CC_STATEMENT_SLSA_V02 "https://slsa.dev/provenance/v0.2"

#define CC_STATEMENT_SUBJECTS_MAX 64

/* @doc: owned; the others borrow from it. @subjects: 1 to CC_STATEMENT_SUBJECTS_MAX objects */
struct cc_image_statement {
	json_t *doc;
	const char *type; /* predicateType */
	const json_t *subjects, *predicate;
};

void cc_image_statement_clear(struct cc_image_statement *s);
#define auto_image_statement cc_cleanup(cc_image_statement_clear) struct cc_image_statement

bool cc_statement_is_signature(const char *predicate_type);
bool cc_statement_is_provenance(const char *predicate_type);

/* @out: empty, to be cleared in any case. Return: 0; -1 with CC_E_INVALID. */
int cc_image_statement_parse(const char *text, size_t len, struct cc_image_statement *out,
			     struct cc_error *err);

/* "sha256:..." of a subject; "" where it has none of that kind. */
void cc_subject_digest(const json_t *subject, char digest[static CC_DIGEST_LEN]);

/**
 * cc_subject_repository - of which repository a subject is: its name, or its annotation
 * "docker-reference" where it has no name, as what `cosign sign` of version 3 makes.
 * Return: borrowed; NULL where it says none.
 */
const char *cc_subject_repository(const json_t *subject);

#endif
