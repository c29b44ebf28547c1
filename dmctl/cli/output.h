/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.h - results on stdout: JSON, or a table of columns.
 */
#ifndef CC_OUTPUT_H
#define CC_OUTPUT_H

#include "json.h"

#define TABLE_COLUMNS_MAX 8

/**
 * struct column - one column of a table of JSON objects.
 * @title: heading, upper case
 * @key: member of each object; "a.b" for a member of a member. Absent or null shows "-".
 */
struct column {
	const char *title;
	const char *key;
};

/* Prints @obj, indented, and a newline. Borrowed. */
void output_json(const json_t *obj);

/**
 * output_table - prints an array of objects, one a row, under headings.
 * @columns: at most TABLE_COLUMNS_MAX, ended by a NULL title
 * @width: columns of the terminal, beyond which the widest columns are cut; 0: nothing is cut
 */
void output_table(FILE *f, const json_t *rows, const struct column *columns, unsigned int width);

/* The table on stdout, as wide as the terminal it is. */
void output_rows(const json_t *rows, const struct column *columns);

/* "Title:  value" lines for one object. */
void output_record(FILE *f, const json_t *obj, const struct column *fields);

/* Adds member @as, "9m 12s", to @obj for its member @key in milliseconds; nothing without that. */
void output_add_time(json_t *obj, const char *key, const char *as);

#endif
