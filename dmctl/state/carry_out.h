/* SPDX-License-Identifier: Apache-2.0 */
/*
 * carry_out.h - does what a plan says.
 */
#ifndef CC_STATE_CARRY_OUT_H
#define CC_STATE_CARRY_OUT_H

#include "state/plan.h"

/**
 * state_carry_out - step by step, up to the first that fails. Each is done wholly or not at all;
 * what was done stays. Call stop_signals_block() first if a volume is to be made.
 * @done: told after each; may be NULL
 * Return: 0; -1 with the failed step's error, which it begins by naming. Which steps were done,
 * they say themselves.
 */
int state_carry_out(struct state_plan *plan, void (*done)(const struct state_step *step),
		    struct cc_error *err);

#endif
