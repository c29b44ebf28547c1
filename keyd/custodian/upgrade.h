/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upgrade.h - what an older keyd wrote and only the KEK can bring up to date; the schema is the
 * store's.
 */
#ifndef KEYD_UPGRADE_H
#define KEYD_UPGRADE_H

#include "custodian/custodian.h"

/**
 * upgrade_keys - wraps the volume keys of KEK_FORMAT_1 again, all or none, with an audit row that
 * says how many. One that does not unwrap stays as it is, is logged, and will never be released.
 */
int upgrade_keys(struct custodian *c, struct cc_error *err);

#endif
