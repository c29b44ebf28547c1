/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trusted_by.h - whether keyd will take an identity, as far as its signature goes. keyd decides;
 * this is so that a document is refused before anything of it was done.
 */
#ifndef CC_STATE_TRUSTED_BY_H
#define CC_STATE_TRUSTED_BY_H

#include "state/state.h"

/* One of the signers that there will be, and that is for the volume, has signed @id. */
bool state_trusted_by(const struct state_identity *id, const struct state *wanted,
		      const struct state *present, bool prune);

#endif
