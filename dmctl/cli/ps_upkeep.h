/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ps_upkeep.h - programs that work on volumes, among the rows of "dmctl ps". Pure.
 */
#ifndef CC_PS_UPKEEP_H
#define CC_PS_UPKEEP_H

#include "json.h"

/**
 * ps_upkeep_add - where a bind waits for a check of its volume, its row has that as its state; any
 * other program has a row of its own, whose container is that program.
 * @rows: bindings, with what the table shows; in and out
 * @upkeep: upkeep_list()'s; each becomes the member "upkeep" of its row
 */
int ps_upkeep_add(json_t *rows, const json_t *upkeep, struct cc_error *err);

/* It is of a program, and of no container. */
bool ps_upkeep_is(const json_t *row);

/* Takes the rows of programs away. New reference: what runs, of all rows; NULL without memory. */
json_t *ps_upkeep_split(json_t *rows);

/* A line for each: what runs, for how long, and how far it is. */
void ps_upkeep_print(FILE *f, const json_t *rows);

#endif
