/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strv.h - a list of strings.
 */
#ifndef CC_STRV_H
#define CC_STRV_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

/**
 * struct cc_strv - a list of owned strings.
 * @n: how many
 * @v: the strings, never NULL inside
 */
struct cc_strv {
	size_t n;
	char **v;
};

void cc_strv_clear(struct cc_strv *sv);
int cc_strv_push(struct cc_strv *sv, const char *s, struct cc_error *err);
bool cc_strv_has(const struct cc_strv *sv, const char *s);
bool cc_strv_eq(const struct cc_strv *a, const struct cc_strv *b);

#endif
