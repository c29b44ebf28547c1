/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit_file.h - a file of systemd's format (systemd.syntax(7)) as Podman reads it: sections,
 * assignments, comments, lines that go on on the next one. Values are as they are written: words,
 * quotes and specifiers are for whoever knows the key. Refused is what systemd and the versions of
 * Podman read differently, such as a comment between two lines of one value.
 */
#ifndef CC_DRAFT_UNIT_FILE_H
#define CC_DRAFT_UNIT_FILE_H

#include "error.h"

#define UNIT_MAX ((size_t)1024 * 1024) /* bytes of a file */
#define UNIT_LINES_MAX 8192	       /* assignments in it */

/**
 * struct unit_line - an assignment.
 * @line: number of the line it begins on
 */
struct unit_line {
	char *section, *key, *value;
	size_t line;
};

struct unit_file {
	size_t n;
	struct unit_line *v;
};

void unit_file_clear(struct unit_file *u);

/**
 * unit_file_parse - the assignments of a file, in its order.
 * @what: names it in errors, which go on with the line
 * @u: zeroed
 */
int unit_file_parse(const char *text, size_t len, const char *what, struct unit_file *u,
		    struct cc_error *err);

/**
 * unit_file_next - the next assignment to a key that counts: an empty one takes back those before
 * it.
 * @after: the one before, NULL for the first. Return: NULL: no more
 */
const struct unit_line *unit_file_next(const struct unit_file *u, const char *section,
				       const char *key, const struct unit_line *after);

/* The last one that counts, for keys that have one value. NULL: none */
const struct unit_line *unit_file_last(const struct unit_file *u, const char *section,
				       const char *key);

#endif
