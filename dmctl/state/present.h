/* SPDX-License-Identifier: Apache-2.0 */
/*
 * present.h - what keyd has.
 */
#ifndef CC_STATE_PRESENT_H
#define CC_STATE_PRESENT_H

#include "state/state.h"

/**
 * state_present_read - asks keyd.
 * @s: out, zeroed before; to be cleared also after a failure. In the order of names
 * @wanted: what it will be compared with: envelopes of identities are asked for only where serial
 *          and digest leave open whether they are the same; NULL: all of them
 * Return: 0; -1 with keyd's error; fact "row" when keyd left something out that it did not write,
 * because what is missing then is not known.
 */
int state_present_read(struct state *s, const struct state *wanted, struct cc_error *err);

#endif
