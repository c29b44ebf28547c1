/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope.h - which volumes an agent or a signer is for: a list of patterns with commas, as in
 * "pg*,web-?,mail". A pattern is a volume's name in which "*" stands for any characters, also none,
 * and "?" for one; a volume is covered when one of them matches all of its name.
 *
 * "-" alone is a list that covers none: of a signer that signs images (feed.h) and no identities.
 *
 * A pure parser of outside bytes, and a match whose work is bounded by the product of the lengths.
 */
#ifndef CC_SCOPE_H
#define CC_SCOPE_H

#include <stdbool.h>

#include "json.h"

#define CC_SCOPE_LEN 512 /* a list and its NUL; all of it fits into a row of the audit log */

/* The list, checked. */
struct cc_scope {
	char text[CC_SCOPE_LEN];
};

#define CC_SCOPE_ALL {"*"}
#define CC_SCOPE_NONE "-" /* the text of a list that covers no volume */

/**
 * cc_scope_parse - takes a list of one pattern or more.
 * Return: 0; -1 with CC_E_USAGE that names the first pattern that is not one, then @s is unchanged.
 */
int cc_scope_parse(const char *text, struct cc_scope *s, struct cc_error *err);

/**
 * cc_scope_read - the member "volumes" of @obj, such a list.
 * @what: for errors ("request")
 * @given: out, there is one; without it @s stays as it is
 * Return: 0; -1 with CC_E_INVALID, then @s is unchanged.
 */
int cc_scope_read(const json_t *obj, const char *what, struct cc_scope *s, bool *given,
		  struct cc_error *err);

bool cc_scope_eq(const struct cc_scope *a, const struct cc_scope *b);

/* Whether each pattern of @b is in @a, too, or "*" is: then @a covers what @b covers. */
bool cc_scope_includes(const struct cc_scope *a, const struct cc_scope *b);

/* @out: @a and the patterns that only @b has. Return: false when that is too long. */
bool cc_scope_join(const struct cc_scope *a, const struct cc_scope *b, struct cc_scope *out);

bool cc_scope_covers(const struct cc_scope *s, const char *volume);

#endif
