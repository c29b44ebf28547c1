/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refusal_text.h - a refusal for people: a line a fact, and the patch that would allow it.
 */
#ifndef CC_REFUSAL_TEXT_H
#define CC_REFUSAL_TEXT_H

#include <stdio.h>

#include "json.h"

/**
 * refusal_text_facts - a line each, and how many are not listed.
 * @prefix: before each line
 * @error: the "error" member of an error object; without facts its message
 */
void refusal_text_facts(FILE *f, const char *prefix, const json_t *error);

/* The patch and what no predicate allows, of an object that has them (client/identity_patch.h). */
void refusal_text_patch(FILE *f, const json_t *error);

#endif
