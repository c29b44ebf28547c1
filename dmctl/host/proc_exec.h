/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_exec.h - what a process executes, as the kernel says it.
 */
#ifndef CC_PROC_EXEC_H
#define CC_PROC_EXEC_H

#include <stdbool.h>
#include <sys/types.h>

#include "error.h"
#include "strv.h"

/**
 * proc_executed - the program of @pid is from a mount of its own mount namespace. A runtime's
 * process in a new container is not there yet: it runs the runtime, which was opened outside, or a
 * copy of that in memory.
 *
 * Return: 0; -1 with CC_E_NOTFOUND when the process is gone.
 */
int proc_executed(pid_t pid, bool *yes, struct cc_error *err);

/* @pid stands still, and it is for its tracer @tracer to let it go on (proc_pid_status(5)). */
bool proc_stands_for(pid_t pid, pid_t tracer);

/* /proc/PID/@file, "cmdline" or "environ", string by string. @out: empty. CC_E_INVALID: too long. */
int proc_strings(pid_t pid, const char *file, struct cc_strv *out, struct cc_error *err);

#endif
