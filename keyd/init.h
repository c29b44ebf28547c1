/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init.h - `keyd init`.
 */
#ifndef KEYD_INIT_H
#define KEYD_INIT_H

#include <stddef.h>

#include "error.h"

/**
 * struct init_options - what `keyd init` makes.
 * @anchor: as anchor_dir()
 * @realm: NULL: the one there is, or "keyd-" and a prefix of a hash of the machine id
 * @agents: files with JWKs, @n_agents of them
 */
struct init_options {
	const char *state_dir;
	const char *anchor;
	const char *kek;
	const char *realm;
	char *const *agents;
	size_t n_agents;
};

/**
 * keyd_init - makes KEK, database and realm and enrols the agents, as far as they are not there.
 * Each thing made or found is a line on stdout, each agent that is enrolled a row of the audit log
 * as well, "agent.add". Nothing that exists is changed, but a database of
 * an older keyd, which is brought up to date; one with another KEK or realm is an error, and one
 * of before rows had MACs where there is a high-water mark (CC_E_INVALID, fact "mark").
 */
int keyd_init(const struct init_options *opts, struct cc_error *err);

#endif
