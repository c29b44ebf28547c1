/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock.h - one keyd has a state directory.
 */
#ifndef KEYD_LOCK_H
#define KEYD_LOCK_H

#include "error.h"

/* Return: a descriptor, which is the lock; -1 with CC_E_BUSY when another process has it. */
int lock_dir(const char *dir, struct cc_error *err);

#endif
