// SPDX-License-Identifier: Apache-2.0
#include "custodian/caller.h"

#include <string.h>

#include "custodian/quarantine.h"

static int make(struct custodian *c, struct cc_error *err)
{
	int64_t now;

	if (custodian_now(c, &now, err) || store_begin(c->store, err))
		return -1;
	if (ca_make(&c->ca, c->store, &c->kek, c->realm, now, err) || store_commit(c->store, err)) {
		store_rollback(c->store);
		return -1;
	}
	return quarantine_follow(c, err);
}

int caller_start(struct custodian *c, bool wanted, struct cc_error *err)
{
	bool there;

	if (ca_load(&c->ca, c->store, &c->kek, &there, err))
		return -1;
	return there || !wanted ? 0 : make(c, err);
}

int caller_check(struct custodian *c, const struct ca_name *who, struct cc_error *err)
{
	store_auto_agent struct store_agent a = {0};
	int64_t now;

	if (custodian_now(c, &now, err))
		return -1;
	if (who->enrolment[0] && now >= who->until)
		return cc_refuse(err, "certificate",
				 "the client's certificate is over: enrol the agent again, see "
				 "\"dmctl agents invite\"");
	if (who->enrolment[0]) {
		if (store_agent_by_enrolment(c->store, who->enrolment, &a, err) == 0)
			return 0;
		if (err->code != CC_E_NOTFOUND)
			return -1;
	}
	return cc_refuse(err, "agent",
			 "the agent of the client's certificate was removed here: enrol it again, "
			 "see \"dmctl agents invite\"");
}

int caller_may_ask(struct custodian *c, const struct request *rq, struct cc_error *err)
{
	struct ca_name who = {.until = rq->until};

	if (rq->plane != PLANE_NET)
		return 0;
	memcpy(who.enrolment, rq->enrolment, sizeof(who.enrolment));
	return caller_check(c, &who, err);
}

int caller_of(struct custodian *c, const unsigned char *der, size_t len, struct ca_name *who,
	      struct cc_error *err)
{
	int64_t now;

	if (custodian_now(c, &now, err) == 0 && ca_who(&c->ca, der, len, now, who, err) == 0 &&
	    caller_check(c, who, err) == 0)
		return 0;
	*who = (struct ca_name){0};
	return -1;
}
