/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tracee.h - being told that a process executes a program, while that stands before its first
 * instruction (ptrace(2)).
 *
 * All of it is for one thread, which gets SIGCHLD when there is something to tell. What a thread
 * that ends leaves goes on by itself.
 */
#ifndef CC_TRACEE_H
#define CC_TRACEE_H

#include <sys/types.h>

#include "error.h"

/**
 * enum tracee_event - what has happened.
 * @TRACEE_NOTHING: nothing
 * @TRACEE_EXECUTED: it has executed a program and stands
 * @TRACEE_STANDS: it was interrupted and stands
 * @TRACEE_GONE: it has ended, or is no longer ours
 */
enum tracee_event { TRACEE_NOTHING, TRACEE_EXECUTED, TRACEE_STANDS, TRACEE_GONE };

/*
 * From now on that is told of the first thread of @pid, which runs on as it would. CC_E_PERM: not
 * allowed here (Yama), or somebody else traces it.
 */
int tracee_seize(pid_t pid, struct cc_error *err);

/* What there is to tell; ask until there is nothing. Signals on their way are passed on. */
enum tracee_event tracee_next(pid_t pid);

/* One that stands goes on, and is still ours. */
void tracee_go_on(pid_t pid);

/* One that runs will stand, or is gone: TRACEE_STANDS. */
void tracee_interrupt(pid_t pid);

/*
 * One that stands goes on, and is no longer ours. -1: it was killed where it stood, and is ours
 * until that was told (TRACEE_GONE): its parent hears of it only then.
 */
int tracee_leave(pid_t pid);

#endif
