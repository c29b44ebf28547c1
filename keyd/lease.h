/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease.h - who may hold a volume's key. A lease is exclusive and lasts until it is returned or revoked.
 */
#ifndef KEYD_LEASE_H
#define KEYD_LEASE_H

#include "evidence.h"
#include "store.h"

/**
 * lease_grant - the lease for a release that was decided.
 * @v: the volume; its fence is raised, here and in the store, with a new lease
 * @now: seconds since the epoch, UTC
 *
 * Free: a new lease with the next fence. Held by the same container of the same agent and boot:
 * that lease again. Held by the same agent before its host was booted again: replaced by a new
 * one, for the kernel that held the key is gone. Else CC_E_BUSY fact "lease" that names the
 * holder. Context: inside a transaction.
 */
int lease_grant(struct store *st, struct store_volume *v, const struct cc_evidence *ev, int64_t now,
		struct store_lease *lease, struct cc_error *err);

#endif
