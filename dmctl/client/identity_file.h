/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity_file.h - files that hold signed identities: a DSSE envelope (dmctl identity sign), the
 * lines `cosign download attestation` prints, or a Sigstore bundle with an envelope in it (cosign
 * 3).
 *
 * Attestations of other kinds in between are passed over. Nothing is verified here: what comes out
 * is only good to be shown as such, or to be handed to somebody who verifies.
 */
#ifndef CC_IDENTITY_FILE_H
#define CC_IDENTITY_FILE_H

#include "identity.h"

/**
 * struct identity_envelope - one envelope.
 * @text: its JSON, owned
 * @id: what its payload claims, NOT verified, owned
 */
struct identity_envelope {
	char *text;
	struct cc_identity *id;
};

#define IDENTITY_FILE_MAX 256

struct identity_file {
	size_t n;
	struct identity_envelope v[IDENTITY_FILE_MAX];
};

/* Reads @path ("-" is stdin). CC_E_INVALID when no identity is in it. */
int identity_file_read(const char *path, struct identity_file *e, struct cc_error *err);

/* The same from @len bytes of text; @what names it in errors. */
int identity_file_parse(const char *text, size_t len, const char *what, struct identity_file *e,
			struct cc_error *err);

/**
 * identity_file_pick - the identity that is meant: the one with the highest serial.
 * @volume: only of this volume; NULL when there is only one volume anyway
 * Return: borrowed; NULL with CC_E_NOTFOUND, or CC_E_USAGE when it is not clear of which volume.
 */
const struct identity_envelope *identity_file_pick(const struct identity_file *e,
						   const char *volume, struct cc_error *err);

/* The bytes that were signed, malloced, NUL terminated, NOT verified; NULL on error. */
char *identity_envelope_payload(const struct identity_envelope *v, size_t *len,
				struct cc_error *err);

/* The predicate in them, NOT verified; new reference, NULL on error. */
json_t *identity_envelope_predicate(const struct identity_envelope *v, struct cc_error *err);

void identity_file_clear(struct identity_file *e);

#endif
