/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user.h - who a process is: uid, gid, additional gids.
 */
#ifndef CC_USER_H
#define CC_USER_H

#include <stdint.h>

#include "json.h"

/*
 * Additional groups of a process, at most: a decision compares each of one list with each of another,
 * and evidence has to have them all.
 */
#define CC_GROUPS_MAX 256

struct cc_user {
	uint32_t uid;
	uint32_t gid;
	size_t n_groups;
	uint32_t *groups; /* additional gids, owned */
};

void cc_user_clear(struct cc_user *u);
/*
 * {"uid":0,"gid":0,"additionalGids":[]}, the last may be absent; unknown members are refused.
 * @what: names the object in error texts. *u must be empty. CC_E_INVALID also for more than
 * CC_GROUPS_MAX groups.
 */
int cc_user_from_json(const json_t *obj, const char *what, struct cc_user *u, struct cc_error *err);
json_t *cc_user_to_json(const struct cc_user *u); /* NULL without memory */

#endif
