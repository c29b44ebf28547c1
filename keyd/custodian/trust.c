// SPDX-License-Identifier: Apache-2.0
#include "custodian/trust.h"

#include <string.h>

#include "dsse.h"
#include "name.h"
#include "pkey.h"
#include "custodian/scope_check.h"
#include "strv.h"

/**
 * struct attempt - the search for the signer of an envelope.
 * @keyids: one a signature, as the envelope has them
 * @named: only signers whose keys are among them are tried, or only the others
 * @tries: verifications of the others so far
 * @outside: the refusal of a signer that signed it, but is not for its volume; CC_OK: none
 * @identity: out
 */
struct attempt {
	struct kept *kept;
	const char *envelope;
	size_t len;
	struct cc_strv keyids;
	bool named;
	size_t tries;
	struct cc_error outside;
	struct cc_identity *identity;
	char signer[CC_NAME_LEN];
};

/*
 * 1: this signer made it, which ends the search. An envelope that is malformed is so for all; a
 * stored key that is, which upgrade_signers() has logged, is none and hides no other.
 */
static int try_signer(struct attempt *at, const struct store_signer *s, struct cc_error *err)
{
	const struct kept_proof proof = kept_proof(s->pem, at->envelope, at->len);
	cc_auto_free char *payload = NULL;
	cc_auto_pkey EVP_PKEY *key = NULL;
	size_t len;

	at->identity = kept_identity(at->kept, &proof);
	if (!at->identity) {
		key = kept_signer_key(at->kept, s->pem, err);
		if (!key)
			return err->code == CC_E_INVALID ? 0 : cc_prefix(err, "signer %s", s->name);
		if (cc_dsse_verify(at->envelope, at->len, CC_DSSE_INTOTO, key, &payload, &len, err))
			return err->code == CC_E_REFUSED ? 0 : -1;
		at->identity = cc_identity_parse(payload, len, err);
		if (!at->identity)
			return -1;
		kept_identity_put(at->kept, &proof, at->identity, len);
	}
	/* Another one that signed it may be for this volume. */
	if (scope_check("signer", s->name, &s->volumes, at->identity->volume, &at->outside)) {
		cc_identity_free(at->identity);
		at->identity = NULL;
		return 0;
	}
	memcpy(at->signer, s->name, sizeof(at->signer));
	return 1;
}

static int try_each(void *arg, const struct store_signer *s, struct cc_error *err)
{
	struct attempt *at = arg;

	if (cc_strv_has(&at->keyids, s->keyid) != at->named)
		return 0;
	if (!at->named) {
		at->tries += at->keyids.n;
		if (at->tries > TRUST_TRIES_MAX)
			return cc_refuse(err, "signature",
					 "the envelope has %zu signatures and names no enrolled "
					 "signer's key: give its \"keyid\", or fewer signatures",
					 at->keyids.n);
	}
	return try_signer(at, s, err);
}

static int try_all(struct store *st, struct attempt *at, struct cc_error *err)
{
	int rc;

	if (cc_dsse_keyids(at->envelope, at->len, &at->keyids, err))
		return -1;
	at->named = true;
	rc = store_signer_each(st, try_each, at, err);
	if (rc)
		return rc;
	at->named = false;
	return store_signer_each(st, try_each, at, err);
}

static int try_hint(struct store *st, const char *hint, struct attempt *at, struct cc_error *err)
{
	store_auto_signer struct store_signer s = {0};

	if (!hint[0])
		return 0;
	if (store_signer_get(st, hint, &s, err))
		return err->code == CC_E_NOTFOUND ? 0 : -1;
	return try_signer(at, &s, err);
}

struct cc_identity *trust_verify(struct store *st, struct kept *kept, const char *envelope,
				 size_t len, const char *hint, char signer[static CC_NAME_LEN],
				 struct cc_error *err)
{
	struct attempt at = {.kept = kept, .envelope = envelope, .len = len};
	int rc = try_hint(st, hint, &at, err);

	if (rc == 0)
		rc = try_all(st, &at, err);
	cc_strv_clear(&at.keyids);
	if (rc == 0 && at.outside.code)
		*err = at.outside;
	else if (rc == 0)
		cc_refuse(
			err, "signature",
			"no enrolled signer signed this identity: enrol its key (\"dmctl signer add\"), or "
			"sign it with one that is enrolled");
	if (rc <= 0)
		return NULL;
	memcpy(signer, at.signer, sizeof(at.signer));
	return at.identity;
}
