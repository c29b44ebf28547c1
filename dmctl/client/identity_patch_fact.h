/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity_patch_fact.h - the patch (client/identity_patch.h) for one fact.
 */
#ifndef CC_IDENTITY_PATCH_FACT_H
#define CC_IDENTITY_PATCH_FACT_H

#include "decide.h"

/**
 * struct patch_from - what a patch is made from.
 * @predicate: as JSON, and what it says, @id
 * @values: with values of variables
 */
struct patch_from {
	const json_t *predicate;
	const struct cc_identity *id;
	const struct cc_measurement *m;
	const struct cc_policy *policy;
	bool values;
};

/*
 * New reference; NULL for a fact that is nothing of a predicate, or without memory. It has no
 * item of a list that a predicate cannot name.
 */
json_t *patch_for_fact(const char *fact, const struct patch_from *from);

#endif
