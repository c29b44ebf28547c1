/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.h - where a file is that says what an engine is to start, and what it is read with.
 */
#ifndef CC_DRAFT_SOURCE_H
#define CC_DRAFT_SOURCE_H

#include "strv.h"

/**
 * struct draft_source - all borrowed.
 * @path: names the file in errors
 * @dir: its directory, absolute: relative paths begin there
 * @service: of a Compose file the name of the service; NULL: the only one
 * @vars: of a Compose file: "NAME=value" that ${NAME} stands for; may be NULL
 * @read: reads a file that it names; malloced, with a NUL behind the text. CC_E_NOTFOUND
 */
struct draft_source {
	const char *path, *dir, *service;
	const struct cc_strv *vars;
	int (*read)(const char *path, char **text, size_t *len, struct cc_error *err);
};

#endif
