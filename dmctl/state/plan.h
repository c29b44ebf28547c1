/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - what has to be done so that keyd has what a document says. A pure comparison: keyd is
 * not asked.
 *
 * The order is one in which nothing that runs loses what it needs in between: signers and agents
 * are added and get more volumes first, then volumes are made and changed, then identities added;
 * signers and agents get fewer volumes after that, and what is removed is removed last.
 */
#ifndef CC_STATE_PLAN_H
#define CC_STATE_PLAN_H

#include "state/state.h"

/**
 * struct state_step - one of them.
 * @action: "add", "set", "create" or "remove"
 * @name: of the signer, agent or volume, or the identity's volume; borrowed from a state
 * @members: what becomes another: {"leaseMs":{"from":…,"to":…}}, without "from" where nothing was;
 *           owned
 * @method, @path, @body: the request to keyd; @body owned, may be NULL
 * @create: the volume that is to be made instead; borrowed from the wanted state
 * @done: it was
 */
struct state_step {
	const char *action;
	enum state_kind kind;
	const char *name;
	json_t *members;
	const char *method;
	char path[112];
	json_t *body;
	const struct state_volume *create;
	bool done;
};

struct state_plan {
	size_t n;
	struct state_step *v;
};

/**
 * state_plan_make - compares.
 * @wanted: of a document; @present: of keyd. The plan borrows from both
 * @prune: signers, agents and identities that are missing in a section that the document has are
 *         removed. A volume never is
 * @plan: out, zeroed before; to be cleared also after a failure
 * Return: 0; -1 when that cannot be: CC_E_EXISTS for a name with another key or a member that
 * cannot change, CC_E_NOTFOUND for the volume of an identity, CC_E_REFUSED for its serial or
 * signature, CC_E_INVALID for a volume that cannot be made. The text begins with the path.
 */
int state_plan_make(const struct state *wanted, const struct state *present, bool prune,
		    struct state_plan *plan, struct cc_error *err);

void state_plan_clear(struct state_plan *plan);

#endif
