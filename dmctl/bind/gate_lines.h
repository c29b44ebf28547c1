/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate_lines.h - which container the gate's lines "open" and "look" (gates.h) let through, by
 * bindings.
 */
#ifndef CC_GATE_LINES_H
#define CC_GATE_LINES_H

#include "bind/binding.h"

/*
 * The binding's container looks into the file system on the binding's mapping from now on, beside
 * our own control group, which alone still opens the mapping.
 */
int gate_lines_let_in(const struct binding *b, struct cc_error *err);

/*
 * At the agent's start, which may be in another control group than the last: raises the lines, with
 * this program's version of them, and lets in all that are bound and live. Failures are logged.
 */
void gate_lines_restore(void);

/*
 * Success when all lines stand that are demanded. Where one does not, as somebody took it away,
 * tries to restore them first.
 */
int gate_lines_require(struct cc_error *err);

/* Adds to a binding of the agent's `list` which lines hold for it: "gate". */
int gate_lines_show(const char *name, json_t *binding);

#endif
