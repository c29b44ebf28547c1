/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_identity.h - what the operations on identities have in common.
 */
#ifndef KEYD_OP_IDENTITY_H
#define KEYD_OP_IDENTITY_H

#include "custodian/call.h"

/* Adds to the answer what is known of the identity @id of @volume beside its envelope. */
int op_identity_answer(struct call *call, const char *volume, const struct store_identity *id,
		       struct cc_error *err);

#endif
