/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serials.h - which of a volume's identities let in, by their serials and floors. All pure.
 *
 * An identity that signs a floor says which serials are let in besides it; one that signs none
 * says: for new starts only this one. What the newest says counts, and no floor that was ever
 * signed goes down again, so that nothing an administrator does to one identity lets in what
 * another one has shut out. That is why those that are revoked are among them.
 */
#ifndef KEYD_SERIALS_H
#define KEYD_SERIALS_H

#include "store/store.h"

/* The highest floor that any signs; 0 for none. What runs below it ends. */
uint64_t serials_floor(const struct store_identities *list);

/* The lowest serial with which a container starts. @list is not empty. */
uint64_t serials_start(const struct store_identities *list);

/* Whether a container starts with @row, as far as its serial and state are concerned. */
bool serials_starts(const struct store_identities *list, const struct store_identity *row);

/* Whether one of @leases was given under @serial. */
bool serials_in_use(const struct store_leases *leases, uint64_t serial);

/* That with @serial; NULL for none. */
const struct store_identity *serials_find(const struct store_identities *list, uint64_t serial);

#endif
