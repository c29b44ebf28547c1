/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program.h - other programs, run without a shell and with an environment of our own.
 */
#ifndef CC_PROGRAM_H
#define CC_PROGRAM_H

#include <sys/types.h>

#include "error.h"

/**
 * program_run - runs @argv[0], an absolute path, and waits for it.
 * @argv: NULL-terminated; never holds a secret
 * @out: descriptor that gets its stdout and stderr
 * @status: out, as of waitpid(2)
 *
 * It dies when we die. Call stop_signals_block() first; a signal then ends it and is an error.
 */
int program_run(const char *const *argv, int out, int *status, struct cc_error *err);

/* The same; -1 with CC_E_BUSY when it has to be ended after @limit_ms, see stop_signals_wait(). */
int program_run_within(const char *const *argv, unsigned int limit_ms, int out, int *status,
		       struct cc_error *err);

/* The same without waiting: @child is out, for stop_signals_wait(). */
int program_start(const char *const *argv, int out, pid_t *child, struct cc_error *err);

/* Turns a @status other than success into an error of kind @code. */
int program_check(const char *name, int status, enum cc_code code, struct cc_error *err);

/* A program of this name is where programs of the system are. */
bool program_installed(const char *name);

#endif
