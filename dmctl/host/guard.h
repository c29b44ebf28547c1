/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard.h - undo that happens whatever becomes of this process, SIGKILL included: a child that does
 * nothing but wait for us to say "done", and undoes when we are gone without having said it.
 *
 * The undo looks at what is there instead of keeping books, so it may run at any moment and more than
 * once. The child inherits our descriptors and with them our locks, so nobody else gets in between.
 */
#ifndef CC_GUARD_H
#define CC_GUARD_H

#include <sys/types.h>
#include "error.h"

typedef void guard_fn(void *arg);

struct guard {
	pid_t pid;
	int fd;
};

/* Starts the child. Call before there is any secret in memory. */
int guard_start(struct guard *g, guard_fn *undo, void *arg, struct cc_error *err);

/* All went well: nothing to undo. */
void guard_done(struct guard *g);

/* Has the child undo, and waits until that is over. */
void guard_undo(struct guard *g);

#endif
