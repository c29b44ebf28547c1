/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust.h - which signatures count: those under the signers that are enrolled.
 */
#ifndef KEYD_TRUST_H
#define KEYD_TRUST_H

#include "custodian/kept.h"
#include "identity.h"
#include "name.h"
#include "store/store.h"

#define TRUST_SIGNERS_MAX 64 /* enrolled at a time */
#define TRUST_TRIES_MAX 128  /* verifications for one envelope under keys that it does not name */

/**
 * trust_verify - verifies a DSSE envelope under the enrolled signers and parses what was signed.
 * First the signers whose keys the envelope names, then the others, as long as the work is bounded.
 * @kept: remembers what was verified; only signers that are in @st now count in any case
 * @hint: name of the signer to try first; may be "" or gone
 * @signer: out, who signed
 * Return: the identity; NULL with CC_E_INVALID fact "envelope" or "identity", or CC_E_REFUSED fact
 * "signature" when no enrolled signer made it, "scope" when none that did is for its volume.
 */
struct cc_identity *trust_verify(struct store *st, struct kept *kept, const char *envelope,
				 size_t len, const char *hint, char signer[static CC_NAME_LEN],
				 struct cc_error *err);

#endif
