/* SPDX-License-Identifier: Apache-2.0 */
/*
 * script.h - the first line of a script, as the kernel reads it (execve(2), "Interpreter scripts").
 */
#ifndef CC_SCRIPT_H
#define CC_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#define SCRIPT_LINE 256 /* what the kernel reads of a file (BINPRM_BUF_SIZE) */

/**
 * struct script - what it says.
 * @line: how the file begins, which the others point into
 * @interpreter: not empty
 * @argument: all behind it, as one; NULL without one
 */
struct script {
	char line[SCRIPT_LINE + 1];
	char *interpreter, *argument;
};

/* @s->line holds the first @n bytes of a file, at most SCRIPT_LINE. False: it is no script. */
bool script_parse(struct script *s, size_t n);

#endif
