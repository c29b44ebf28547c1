/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity_patch.h - what of a predicate would have to be another so that a container is let in: a
 * JSON Merge Patch (RFC 7396), made on the host that measured the container.
 *
 * A merge patch and not a JSON Patch (RFC 6902), because it reads as a piece of the predicate does,
 * needs no positions in lists, may be applied twice, and takes nothing to apply it but `jq '. *
 * $patch'`; no member of a predicate may be null, so that null always means "take it away". Its
 * lists are whole.
 *
 * It is a proposal for whoever signs. Of variables it has names only, unless values are asked for;
 * the container's arguments it has as they are, as an identity cannot name them otherwise.
 */
#ifndef CC_IDENTITY_PATCH_H
#define CC_IDENTITY_PATCH_H

#include "decide.h"

/**
 * struct identity_repair - what would let a container in.
 * @facts: all that differ from the predicate as it is
 * @patch: of the predicate, all together; empty where nothing differs
 * @patches: by fact, what is for that one alone; none for one that no predicate allows
 * @left: what would still differ after @patch
 */
struct identity_repair {
	struct cc_facts facts;
	json_t *patch, *patches;
	struct cc_facts left;
};

void identity_repair_clear(struct identity_repair *r);
#define identity_auto_repair cc_cleanup(identity_repair_clear)

/**
 * identity_repair_find - decides on @m under @predicate, and looks for a patch.
 * @policy: @policy->volume may be NULL: the predicate's
 * @values: with values of variables
 * @r: zeroed
 * Return: 0, also when it is refused; -1 with CC_E_INVALID when @predicate is none, CC_E_NOMEM.
 */
int identity_repair_find(const json_t *predicate, const struct cc_measurement *m,
			 const struct cc_policy *policy, bool values, struct identity_repair *r,
			 struct cc_error *err);

/* The serial that is in the patch, if one is, is above @last as well. 0 or CC_E_NOMEM. */
int identity_repair_above(struct identity_repair *r, uint64_t last, struct cc_error *err);

/**
 * identity_repair_json - adds to @obj "facts" and "factCount" (lib/facts.h), "patch", "patches"
 * and, where something is left, "left", a list of texts. 0 or CC_E_NOMEM.
 */
int identity_repair_json(const struct identity_repair *r, json_t *obj, struct cc_error *err);

/* RFC 7396: @target with @patch applied, new reference; NULL without memory. */
json_t *identity_patch_apply(const json_t *target, const json_t *patch);

/* The identity that a statement with @predicate would be. NULL with CC_E_INVALID. */
struct cc_identity *identity_of_predicate(const json_t *predicate, struct cc_error *err);

#endif
