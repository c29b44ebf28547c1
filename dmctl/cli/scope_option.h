/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope_option.h - the option that says which volumes an agent or a signer is for (lib/scope.h),
 * and the verb that changes it.
 */
#ifndef CC_SCOPE_OPTION_H
#define CC_SCOPE_OPTION_H

#include "cli/cmd.h"

/* For help. */
#define SCOPE_HELP                                                                 \
	"  --volumes PATTERN,…  names of volumes, in which \"*\" stands for any\n" \
	"                       characters and \"?\" for one"

/**
 * scope_take - the argument @text of that option of @verb.
 * @value: out, it
 * Return: 0, or CC_E_USAGE, reported.
 */
int scope_take(const struct global_options *g, const char *verb, const char *text,
	       const char **value);

/**
 * scope_option - parses the arguments of a verb that has this option only, and takes @names.
 * @value: out, the list as keyd takes it; NULL when it was not given
 * Return: 0, or CC_E_USAGE, reported.
 */
int scope_option(int argc, char **argv, const struct global_options *g, const char *const *names,
		 const char **value);

/* A verb "set NAME --volumes …" of the @what that its only argument names: POST @path/NAME/set. */
int scope_set(int argc, char **argv, const struct global_options *g, const char *path,
	      const char *what);

#endif
