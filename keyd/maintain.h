/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maintain.h - `keyd check` and `keyd prune`, which may be run beside a keyd that serves.
 */
#ifndef KEYD_MAINTAIN_H
#define KEYD_MAINTAIN_H

#include "error.h"

/**
 * keyd_check - verifies database, rows and audit log, reading only; prints what it found.
 * @anchor: as anchor_dir()
 * @kek: as kek_load(); NULL: what can be verified without
 * CC_E_INVALID when something is damaged, not keyd's, or not what was served last.
 */
int keyd_check(const char *state_dir, const char *anchor, const char *kek, struct cc_error *err);

/**
 * keyd_prune - forgets audit rows; prints how many.
 * @anchor: as anchor_dir(): no row goes that is later than the mark's
 * @before: RFC 3339 date, or date and time in UTC
 * With fact "mark" where the database says that there is a mark but none can be read, and where it
 * does not lead to the end of the log.
 */
int keyd_prune(const char *state_dir, const char *anchor, const char *kek, const char *before,
	       struct cc_error *err);

#endif
