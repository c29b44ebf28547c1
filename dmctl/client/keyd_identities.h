/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyd_identities.h - the identities of a volume that keyd would try at a release, as it tells of
 * them. Nothing is verified here: keyd decides again, on verified bytes.
 */
#ifndef CC_KEYD_IDENTITIES_H
#define CC_KEYD_IDENTITIES_H

#include "client/identity_file.h"
#include "decide.h"
#include "nearest.h"

#define KEYD_IDENTITIES_MAX 64 /* that keyd keeps of a volume */

/**
 * struct keyd_identities - those with which a container starts, the newest first.
 * @n: at least one after keyd_identities_get()
 * @starts: false: with none. @v is then the newest that is kept: drained, below the floor, or of a
 *          signer that was removed
 * @last: the highest serial that the volume has seen; 0 where keyd does not say
 * @rootfs, @demands, @proof: what any of those that count wants of a measurement
 */
struct keyd_identities {
	size_t n;
	struct identity_envelope v[KEYD_IDENTITIES_MAX];
	bool starts;
	uint64_t last;
	bool rootfs, demands, proof;
};

void keyd_identities_clear(struct keyd_identities *list);
#define auto_keyd_identities cc_cleanup(keyd_identities_clear) struct keyd_identities

/**
 * keyd_identities_get - asks keyd for them.
 * @volume: a valid name
 * @all: not the newest only
 * @list: empty
 * Return: 0; -1 with CC_E_NOTFOUND, fact "identity", where the volume has none.
 */
int keyd_identities_get(const char *volume, bool all, struct keyd_identities *list,
			struct cc_error *err);

/**
 * keyd_identities_pick - that by which @m would be let in, as a release picks it: the newest that
 * it matches.
 * @near: out; where there is none those that were tried, and the nearest
 * Return: borrowed; NULL for none.
 */
const struct identity_envelope *keyd_identities_pick(const struct keyd_identities *list,
						     const struct cc_measurement *m,
						     const struct cc_policy *policy,
						     struct cc_nearest *near);

#endif
