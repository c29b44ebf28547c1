/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start.h - a custodian that is fit to serve, and the verb that makes it so.
 */
#ifndef KEYD_START_H
#define KEYD_START_H

#include "custodian/custodian.h"

/**
 * custodian_start - custodian_open(); then holds the database against the high-water mark, and
 * settles the leases of before the host was booted.
 * @anchor: directory of the mark, as anchor_dir()
 */
int custodian_start(struct custodian *c, const char *state_dir, const char *anchor,
		    const char *kek_path, struct cc_error *err);

/**
 * custodian_accept - `keyd accept`: a database that does not fit the mark counts from now on, see
 * quarantine_accept(). No keyd may be serving.
 */
int custodian_accept(struct custodian *c, const char *state_dir, const char *anchor,
		     const char *kek_path, bool *was, struct cc_error *err);

#endif
