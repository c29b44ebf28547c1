/* SPDX-License-Identifier: Apache-2.0 */
/*
 * version_order.h - which of two versions is the older one: precedence as in Semantic Versioning
 * 2.0.0 (section 11), for any count of numbers.
 *
 * A version is a "v" that may be there, numbers with dots, and maybe "-" with words of a
 * pre-release and "+" with words of a build: "1.4.2", "v17", "2026.11.28", "2.0.0-rc.1+linux". A
 * number that is not there is 0, and zeros that begin one do not count. A pre-release is older than
 * what it comes before; its words are compared as numbers where both are, else by their bytes, a
 * number being older than a word and fewer words older than more. A build does not count.
 *
 * Pure, nothing is allocated; numbers may be of any length.
 */
#ifndef CC_VERSION_ORDER_H
#define CC_VERSION_ORDER_H

#include <stdbool.h>

#define CC_VERSION_MAX 128 /* bytes */

bool cc_is_version(const char *s);

/* Both are versions. Return: below 0 when @a is the older one, 0 for the same, above 0. */
int cc_version_order(const char *a, const char *b);

#endif
