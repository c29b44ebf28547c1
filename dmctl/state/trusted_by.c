// SPDX-License-Identifier: Apache-2.0
/*
 * trusted_by.c - whether keyd will take an identity, as far as its signature goes.
 */
#include "state/trusted_by.h"

#include <string.h>

#include "dsse.h"
#include "pkey.h"

static bool has_signed(const struct state_peer *signer, const struct cc_scope *volumes,
		       const struct state_identity *id)
{
	const char *pem = json_string_value(signer->key) ?: "";
	cc_auto_free char *payload = NULL;
	cc_auto_pkey EVP_PKEY *key = NULL;
	struct cc_error ignored;
	size_t len;

	if (!cc_scope_covers(volumes, id->volume))
		return false;
	key = cc_pubkey_parse(pem, strlen(pem), &ignored);
	return key && cc_dsse_verify(id->envelope, strlen(id->envelope), CC_DSSE_INTOTO, key,
				     &payload, &len, &ignored) == 0;
}

bool state_trusted_by(const struct state_identity *id, const struct state *wanted,
		      const struct state *present, bool prune)
{
	for (size_t i = 0; i < wanted->n_peers[STATE_SIGNER]; i++) {
		const struct state_peer *signer = &wanted->peers[STATE_SIGNER][i];
		const struct state_peer *now = state_find_peer(present, STATE_SIGNER, signer->name);

		/* What nothing is said of stays as it is. */
		if (has_signed(signer,
			       now && !signer->has_volumes ? &now->volumes : &signer->volumes, id))
			return true;
	}
	if (prune && wanted->given[STATE_SIGNER])
		return false;
	for (size_t i = 0; i < present->n_peers[STATE_SIGNER]; i++) {
		const struct state_peer *signer = &present->peers[STATE_SIGNER][i];

		if (!state_find_peer(wanted, STATE_SIGNER, signer->name) &&
		    has_signed(signer, &signer->volumes, id))
			return true;
	}
	return false;
}
