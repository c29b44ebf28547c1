/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start.h - a custodian that is fit to serve, and the verb that makes it so.
 */
#ifndef KEYD_START_H
#define KEYD_START_H

#include "custodian/custodian.h"

/*
 * What there is to do after custodian_open(): reads the key generations, holds the database against
 * the high-water mark, goes on with an erasure that was broken off, and settles the leases of
 * before the host was booted. @dir: the anchor directory, made when it is missing
 */
int custodian_ready(struct custodian *c, const char *dir, struct cc_error *err);

/* custodian_open() and custodian_ready(). @anchor: as anchor_dir() */
int custodian_start(struct custodian *c, const char *state_dir, const char *anchor,
		    const char *kek_path, struct cc_error *err);

/**
 * custodian_accept - `keyd accept`: a database that does not fit the mark counts from now on, see
 * quarantine_accept(). One of before rows had MACs is taken over as it is. No keyd may be serving.
 */
int custodian_accept(struct custodian *c, const char *state_dir, const char *anchor,
		     const char *kek_path, bool *was, struct cc_error *err);

#endif
