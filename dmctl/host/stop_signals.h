/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stop_signals.h - SIGINT, SIGTERM and SIGHUP as an error between two steps instead of a death in
 * the middle of one, so that what was done is undone.
 */
#ifndef CC_STOP_SIGNALS_H
#define CC_STOP_SIGNALS_H

#include <stdint.h>
#include <sys/types.h>
#include "error.h"

/* Blocks the three signals and SIGCHLD for the rest of the program. */
void stop_signals_block(void);

/* -1 when one of them has come. */
int stop_signals_check(struct cc_error *err);

/*
 * The next of these signals, or SIGCHLD; 0 when @until has come (boottime_ms(); 0: never), or for
 * no reason.
 */
int stop_signals_next(uint64_t until);

/* Unblocks them again, in a child that will exec. */
void stop_signals_unblock(void);

/**
 * stop_signals_wait - waits for @child, a direct child, which is gone when this returns.
 * @limit_ms: after which it gets SIGTERM, and SIGKILL that long after, or STOP_SIGNALS_TERM_MS if
 *            that is less; 0: never
 * @status: out, as of waitpid(2)
 * Return: 0; -1 when a signal has come, which kills it, or with CC_E_BUSY after @limit_ms.
 */
#define STOP_SIGNALS_TERM_MS 5000
int stop_signals_wait(pid_t child, unsigned int limit_ms, int *status, struct cc_error *err);

#endif
