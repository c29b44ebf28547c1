/* SPDX-License-Identifier: Apache-2.0 */
/*
 * globals.h - the options that may stand anywhere on the command line.
 */
#ifndef CC_GLOBALS_H
#define CC_GLOBALS_H

#include "cli/cmd.h"

/**
 * globals_take - takes the global options out of @argv, up to a "--".
 * @argc: in and out
 * @help, @version: out, whether they were asked for
 * Return: 0; -1 with CC_E_USAGE when one lacks its value or is given one it does not have.
 */
int globals_take(int *argc, char **argv, struct globals *g, bool *help, bool *version,
		 struct cc_error *err);

#endif
