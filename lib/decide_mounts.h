/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decide_mounts.h - the decision's part about mounts. Pure as the rest of it.
 */
#ifndef CC_DECIDE_MOUNTS_H
#define CC_DECIDE_MOUNTS_H

#include "facts.h"
#include "identity.h"
#include "measurement.h"

/**
 * cc_decide_mounts - each mount is the engine's own and away from the volume, the placeholder of
 * the volume where the volume goes, or one elsewhere that a rule allows; none has an option
 * that gives more than a mount without options has, unless the rule names it.
 *
 * @out: fact "mounts" for each that is not
 * Return: 0 to go on, -1 when no more is wanted.
 */
int cc_decide_mounts(const struct cc_identity *id, const struct cc_measurement *m,
		     struct cc_facts *out);

/* The same of one mount of a container. */
bool cc_mount_is_allowed(const struct cc_identity *id, const struct cc_mount *mt);

/**
 * cc_mount_is_in_the_way - it lies where the volume goes, and is not its placeholder. The volume is
 * mounted over nothing else, so no rule allows it.
 */
bool cc_mount_is_in_the_way(const struct cc_identity *id, const struct cc_mount *mt);

#endif
