/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.h - what keyd is to have, or has: signers, agents, volumes and identities. One structure
 * for a document that somebody wrote (state/document.h) and for what keyd says (state/present.h),
 * so that the two can be compared (state/plan.h).
 *
 * No secret is ever in it: keys are public ones, identities are signed and not secret.
 */
#ifndef CC_STATE_H
#define CC_STATE_H

#include "json.h"
#include "name.h"
#include "scope.h"
#include "volume/fs_root.h"

#define STATE_VERSION "container-crypt/v1"
#define STATE_DIGEST_LEN 80 /* "sha256:…", a key's id or thumbprint, and its NUL */

enum state_kind { STATE_SIGNER, STATE_AGENT, STATE_VOLUME, STATE_IDENTITY, STATE_KINDS };

/* "signer" … */
const char *state_noun(enum state_kind kind);
/* "signers" …, the member of the document; of keyd's API the path and member, too. */
const char *state_section(enum state_kind kind);

/**
 * struct state_peer - a signer or an agent.
 * @key: PEM text or public JWK, as the API has it; owned. NULL: an older keyd did not say
 * @key_id: of that key: keyid or thumbprint
 * @has_volumes: @volumes was said
 */
struct state_peer {
	char name[CC_NAME_LEN];
	json_t *key;
	char key_id[STATE_DIGEST_LEN];
	bool has_volumes;
	struct cc_scope volumes;
};

/**
 * struct state_volume - a volume.
 * @ready: of keyd's: false when its creation was broken off
 * @terms: members of the API's object that were said and can change, in one way of writing; owned
 * @made: those that cannot: "fs", "cipher", "keyBytes", "sectorSize"; owned
 * @lun, @label, @root: only to create it by; owned, NULL where nothing was said
 */
struct state_volume {
	char name[CC_NAME_LEN];
	bool ready;
	json_t *terms, *made;
	char *lun, *label;
	struct fs_root root;
};

/**
 * struct state_identity - a volume's identity.
 * @envelope: DSSE, owned; of keyd's NULL where it did not have to be asked for
 * @digest: of the envelope's text, as keyd names it
 */
struct state_identity {
	char volume[CC_NAME_LEN];
	char *envelope;
	uint64_t serial;
	char digest[STATE_DIGEST_LEN];
};

/**
 * struct state - all of it. Zeroed: nothing.
 * @given: the document has that section; one that it lacks is left alone
 * @peers: signers and agents, by STATE_SIGNER and STATE_AGENT
 */
struct state {
	bool given[STATE_KINDS];
	size_t n_peers[2];
	struct state_peer *peers[2];
	size_t n_volumes;
	struct state_volume *volumes;
	size_t n_identities;
	struct state_identity *identities;
};

void state_clear(struct state *s);

/* The one of that name; borrowed, NULL without. */
const struct state_peer *state_find_peer(const struct state *s, enum state_kind kind,
					 const char *name);
const struct state_volume *state_find_volume(const struct state *s, const char *name);
const struct state_identity *state_find_identity(const struct state *s, const char *volume);

/* The signer or agent of that key. */
const struct state_peer *state_find_key(const struct state *s, enum state_kind kind,
					const char *key_id);

/**
 * state_terms_read - of @obj, an object of the API or of a document, the members that are terms or
 * mount options and are there, checked, and in the one way of writing by which they can be
 * compared.
 * @what: for errors ("volumes[0]")
 * @terms: out, new reference
 * Return: 0; -1 with CC_E_INVALID.
 */
int state_terms_read(const json_t *obj, const char *what, json_t **terms, struct cc_error *err);

/* Those that cannot change, as they are there: new reference, NULL without memory. */
json_t *state_made_read(const json_t *obj);

/* The document that says all this, which state_document_parse() takes; NULL without memory. */
json_t *state_to_json(const struct state *s);

#endif
