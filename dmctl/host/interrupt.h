/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interrupt.h - SIGINT, SIGTERM and SIGHUP as an error between two steps instead of a death in the
 * middle of one, so that what was done is undone.
 */
#ifndef CC_INTERRUPT_H
#define CC_INTERRUPT_H

#include <sys/types.h>
#include "error.h"

/* Blocks the three signals and SIGCHLD for the rest of the program. */
void interrupt_begin(void);

/* -1 when one of them has come. */
int interrupt_check(struct cc_error *err);

/* Unblocks them again, in a child that will exec. */
void interrupt_end(void);

/* Waits for @child, a direct child. A signal kills it: -1. *status as of waitpid(2). */
int interrupt_wait(pid_t child, int *status, struct cc_error *err);

#endif
