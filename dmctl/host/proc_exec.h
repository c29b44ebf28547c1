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

#define PROC_EXE_LEN 80

/**
 * proc_exe_id - what @pid executes, as one word: the file, the mount that it was opened on, and
 * where its stack is, by which the same file that is executed again is told from itself.
 *
 * Return: 0; -1 with CC_E_NOTFOUND when the process is gone.
 */
int proc_exe_id(pid_t pid, char id[static PROC_EXE_LEN], struct cc_error *err);

/**
 * proc_executed - @pid has executed something since proc_exe_id() said @id of it, whatever file
 * that is; @id "": not known, which is as if it had.
 *
 * Return: as proc_exe_id().
 */
int proc_executed(pid_t pid, const char *id, bool *yes, struct cc_error *err);

/*
 * The file that @pid executes is from a mount of its own mount namespace: not from outside, and not
 * in memory. Return: as proc_exe_id().
 */
int proc_exe_is_own(pid_t pid, bool *own, struct cc_error *err);

/* @pid stands still, and it is for its tracer @tracer to let it go on (proc_pid_status(5)). */
bool proc_stands_for(pid_t pid, pid_t tracer);

/* /proc/PID/@file, "cmdline" or "environ", string by string. @out: empty. CC_E_INVALID: too long. */
int proc_strings(pid_t pid, const char *file, struct cc_strv *out, struct cc_error *err);

#endif
