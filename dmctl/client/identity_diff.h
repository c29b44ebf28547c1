/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity_diff.h - in which facts two identities differ.
 */
#ifndef CC_IDENTITY_DIFF_H
#define CC_IDENTITY_DIFF_H

#include "json.h"

/**
 * identity_diff - compares two predicates, in the order of the decision.
 *
 * Lists of which the order means nothing are compared as sets, one line for each that only one of
 * them has. Of variables the names only.
 * Return: an array of {"fact","member","text"}, new reference; NULL with CC_E_NOMEM.
 */
json_t *identity_diff(const json_t *a, const json_t *b, struct cc_error *err);

#endif
