/* SPDX-License-Identifier: Apache-2.0 */
/*
 * undo_guard.h - undo that happens whatever becomes of this process, SIGKILL included: a child that
 * does nothing but wait for us to say "done", and undoes when we are gone without having said it.
 *
 * The undo looks at what is there instead of keeping books, so it may run at any moment and more
 * than once. The child inherits our descriptors and with them our locks, so nobody else gets in
 * between.
 */
#ifndef CC_UNDO_GUARD_H
#define CC_UNDO_GUARD_H

#include <sys/types.h>
#include "error.h"

typedef void undo_guard_fn(void *arg);

struct undo_guard {
	pid_t pid;
	int fd;
};

/* Starts the child. Call before there is any secret in memory. */
int undo_guard_start(struct undo_guard *g, undo_guard_fn *undo, void *arg, struct cc_error *err);

/* All went well: nothing to undo. */
void undo_guard_done(struct undo_guard *g);

/* Has the child undo, and waits until that is over. */
void undo_guard_undo(struct undo_guard *g);

#endif
