/* SPDX-License-Identifier: Apache-2.0 */
/*
 * envelope.h - files that hold signed identities: a DSSE envelope (dmctl identity sign), the lines
 * `cosign download attestation` prints, or a Sigstore bundle with an envelope in it (cosign 3).
 *
 * Attestations of other kinds in between are passed over. Nothing is verified here: what comes out
 * is only good to be shown as such, or to be handed to somebody who verifies.
 */
#ifndef CC_ENVELOPE_H
#define CC_ENVELOPE_H

#include "identity.h"

/**
 * struct envelope - one envelope.
 * @text: its JSON, owned
 * @id: what its payload claims, NOT verified, owned
 */
struct envelope {
	char *text;
	struct cc_identity *id;
};

#define ENVELOPES_MAX 256

struct envelopes {
	size_t n;
	struct envelope v[ENVELOPES_MAX];
};

/* Reads @path ("-" is stdin). CC_E_INVALID when no identity is in it. */
int envelopes_read(const char *path, struct envelopes *e, struct cc_error *err);

/* The same from @len bytes of text; @what names it in errors. */
int envelopes_parse(const char *text, size_t len, const char *what, struct envelopes *e,
		    struct cc_error *err);

/**
 * envelopes_pick - the identity that is meant: the one with the highest serial.
 * @volume: only of this volume; NULL when there is only one volume anyway
 * Return: borrowed; NULL with CC_E_NOTFOUND, or CC_E_USAGE when it is not clear of which volume.
 */
const struct envelope *envelopes_pick(const struct envelopes *e, const char *volume,
				      struct cc_error *err);

/* The bytes that were signed, malloced, NUL terminated, NOT verified; NULL on error. */
char *envelope_payload(const struct envelope *v, size_t *len, struct cc_error *err);

void envelopes_clear(struct envelopes *e);

#endif
