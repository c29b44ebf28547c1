/* SPDX-License-Identifier: Apache-2.0 */
/*
 * global_options.h - the options that may stand anywhere on the command line.
 */
#ifndef CC_GLOBAL_OPTIONS_H
#define CC_GLOBAL_OPTIONS_H

#include "cli/cmd.h"

/**
 * global_options_take - takes the global options out of @argv, up to a "--".
 * @argc: in and out
 * @help, @version: out, whether they were asked for
 * Return: 0; -1 with CC_E_USAGE when one lacks its value or is given one it does not have.
 */
int global_options_take(int *argc, char **argv, struct global_options *g, bool *help, bool *version,
			struct cc_error *err);

#endif
