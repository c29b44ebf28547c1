/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upgrade.h - what an older keyd wrote and only the custodian can bring up to date, by the KEK or
 * by what a key means; the schema is the store's.
 */
#ifndef KEYD_UPGRADE_H
#define KEYD_UPGRADE_H

#include "custodian/kek.h"
#include "store/store.h"

/**
 * upgrade_accept - whether a database of before rows had MACs is what it says: CC_E_INVALID with
 * fact "schema" when a key in it was wrapped by a keyd that has them, so that somebody took the
 * MACs away. Context: inside the transaction that takes the rows over.
 */
int upgrade_accept(struct store *st, const struct kek *kek, struct cc_error *err);

/**
 * upgrade_keys - wraps the volume keys of older formats again, all or none, with an audit row that
 * says how many. One that does not unwrap stays as it is, is logged, and will never be released.
 * @now: seconds since the epoch, UTC
 */
int upgrade_keys(struct store *st, const struct kek *kek, int64_t now, struct cc_error *err);

/**
 * upgrade_signers - gives signers enrolled by an older keyd, to which one key had as many ids as
 * encodings, the canonical one of cc_pubkey_id(), with an audit row. Two that have one key, and one
 * whose key cannot be read, stay as they are and are logged.
 * @now: seconds since the epoch, UTC
 */
int upgrade_signers(struct store *st, int64_t now, struct cc_error *err);

#endif
