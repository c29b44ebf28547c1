/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upkeep.h - `keyd backup` and `keyd accept`.
 */
#ifndef KEYD_UPKEEP_H
#define KEYD_UPKEEP_H

#include "error.h"

/**
 * keyd_backup - copies the database into the new file @path, also while keyd is serving: a snapshot
 * that is whole, checked, synced, mode 0600. Neither key-encryption key nor mark are in it.
 */
int keyd_backup(const char *state_dir, const char *path, struct cc_error *err);

/**
 * keyd_accept - takes a database that does not fit the high-water mark as the one that counts, or
 * ends the quarantine; an audit row says so. CC_E_BUSY while a keyd serves.
 * @anchor: as anchor_dir()
 * @yes: without it, nothing is done and that is CC_E_USAGE
 */
int keyd_accept(const char *state_dir, const char *anchor, const char *kek, bool yes,
		struct cc_error *err);

#endif
