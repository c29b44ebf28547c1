/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.h - which rows of a list are shown, and how, as podman and docker users type it:
 * --filter KEY=VALUE, --format '{{.Member}}'.
 */
#ifndef CC_ROWS_H
#define CC_ROWS_H

#include "json.h"

#define ROW_FILTERS_MAX 16

/**
 * struct row_key - something that rows are chosen by.
 * @key: as it is typed
 * @member: of the row; "a.b" for a member of a member
 * @prefix: the beginning of the value is enough
 */
struct row_key {
	const char *key, *member;
	bool prefix;
};

/**
 * struct row_filter - which are. Zeroed: all. Of several values for one key one has to fit, and of
 * all keys that are given every one.
 */
struct row_filter {
	size_t n;
	struct {
		const struct row_key *key;
		const char *value;
	} one[ROW_FILTERS_MAX];
};

/**
 * row_filter_add - takes "key=value". @text is borrowed.
 * @keys: those there are, with a zeroed one at the end
 * Return: 0; -1 with CC_E_USAGE, which names the keys.
 */
int row_filter_add(struct row_filter *f, const struct row_key *keys, const char *text,
		   struct cc_error *err);

/* Takes the rows that do not fit out of the array. */
void row_filter_apply(const struct row_filter *f, json_t *rows);

/* Whether one does. */
bool row_filter_fits(const struct row_filter *f, const json_t *row);

/**
 * row_format - one line for each row: @format with {{.Member}} and {{.Member.member}} replaced by
 * the value ("-" for none), {{json .}} and {{json .Member}} by its JSON; \t and \n as in C. Members
 * are found whatever their case. "json": the whole array.
 * Return: 0; -1 with CC_E_USAGE for a template that is not one.
 */
int row_format(FILE *f, const json_t *rows, const char *format, struct cc_error *err);

/**
 * row_span - a length of time on the command line: "90s", "10m", "2h", "7d"; without a unit
 * seconds.
 * Return: 0; -1 when it is none.
 */
int row_span(const char *text, int64_t *seconds);

/**
 * row_moment - a time on the command line: RFC 3339 in UTC, seconds since the epoch, or a time
 * before @now: "90s", "10m", "2h", "7d".
 * Return: 0; -1 when it is none.
 */
int row_moment(const char *text, int64_t now, int64_t *t);

#endif
