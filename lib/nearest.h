/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nearest.h - several identities were tried on one container, the newest first, and none lets it
 * in: what is said of that. It is held against the one of which least differs; that is the one that
 * was meant where a version is started with something beside it, and of which a patch is smallest.
 */
#ifndef CC_NEAREST_H
#define CC_NEAREST_H

#include <stdint.h>

#include "facts.h"

/**
 * struct cc_nearest - what is known of those that were tried. Empty it with cc_nearest_init().
 * @tried: how many
 * @at: the how-manieth of them it is, from 0
 * @serial: its serial
 * @facts: all that differs from it; empty where it was refused for something else
 * @first: why it was refused
 */
struct cc_nearest {
	size_t tried, at;
	uint64_t serial;
	struct cc_facts facts;
	struct cc_error first;
};

void cc_nearest_init(struct cc_nearest *n);

/**
 * cc_nearest_take - one more that does not let it in; of those that differ in as much the first.
 * @differ: what differs; empty where it is refused for what the container has nothing to do with,
 *          as its signature: then any other is nearer
 */
void cc_nearest_take(struct cc_nearest *n, uint64_t serial, const struct cc_facts *differ,
		     const struct cc_error *err);

/*
 * -1 with why none lets it in, also as the first of @n->facts: "none of N identities, of the
 * nearest, serial S: …" where there are several. Context: one at least was tried.
 */
int cc_nearest_say(struct cc_nearest *n, struct cc_error *err);

#endif
