/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env_file.h - files of variables, a line each. Errors have the line's number and never a value.
 */
#ifndef CC_DRAFT_ENV_FILE_H
#define CC_DRAFT_ENV_FILE_H

#include "strv.h"

/**
 * env_file_of_compose - NAME=VALUE as Compose reads it: comments, "export", quotes of both kinds, a
 * comment after a blank and #. A variable in a value, and a value of several lines, are refused.
 * @what: names the file in errors
 * @out: "NAME=value" is added for each; a later one of the same name counts
 */
int env_file_of_compose(const char *text, const char *what, struct cc_strv *out,
			struct cc_error *err);

/*
 * The same as Podman reads it: a value is the rest of the line. Refused are quotes around it, which
 * its versions do not read alike, and a line without a value, which is of Podman's own environment.
 */
int env_file_of_podman(const char *text, const char *what, struct cc_strv *out,
		       struct cc_error *err);

/* The value of @name in "NAME=value"s, the last one; NULL: none. */
const char *env_value(const struct cc_strv *env, const char *name);

#endif
