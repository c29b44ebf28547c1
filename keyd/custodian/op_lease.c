// SPDX-License-Identifier: Apache-2.0
#include "custodian/call.h"

#include <inttypes.h>
#include <string.h>

#include "custodian/attest.h"
#include "custodian/lease.h"
#include "custodian/page.h"
#include "custodian/volume_json.h"

struct listing {
	int64_t now_ms;
	struct page page;
};

static int list_one(void *arg, const struct store_lease *l, struct cc_error *err)
{
	struct listing *list = arg;
	char where[OP_AFTER_LEN];
	json_t *obj;

	if (page_full(&list->page))
		return PAGE_STOP;
	snprintf(where, sizeof(where), "%s:%" PRIu64, l->volume, l->fence);
	obj = lease_json(l, list->now_ms, err);
	return obj ? page_add(&list->page, obj, where, err) : -1;
}

int op_lease_list(struct custodian *c, struct call *call, struct cc_error *err)
{
	struct listing list = {.now_ms = c->clock.boot_ms()};
	const char *after = call->rq->after;
	const char *colon = strchrnul(after, ':');
	char volume[CC_NAME_LEN];

	snprintf(volume, sizeof(volume), "%.*s", (int)(colon - after), after);
	if (page_start(&list.page, call, "leases", err) ||
	    store_lease_page(c->store, volume, *colon ? strtoull(colon + 1, NULL, 10) : 0, list_one,
			     &list, err) < 0)
		return -1;
	return page_end(&list.page, call, err);
}

static int lease_get(struct custodian *c, struct call *call, struct store_lease *l,
		     struct cc_error *err)
{
	if (store_lease_get(c->store, call->rq->arg, l, err))
		return -1;
	NOTE(call->note.volume, l->volume);
	NOTE(call->note.container, l->container);
	return 0;
}

/* Absent evidence is that of an agent of before returns were signed. */
static int return_evidence(struct call *call, char **jws, struct cc_error *err)
{
	static const char *const known[] = {"evidence", NULL};

	if (cc_json_only(call->in, "request", known, err) ||
	    cc_json_str(call->in, "request", "evidence", false, jws, err))
		return -1;
	if (*jws)
		return 0;
	return cc_refuse(
		err, "evidence",
		"a lease is returned with evidence of the agent that holds it: upgrade "
		"container-crypt on the host that asks; an administrator ends a lease with "
		"\"dmctl lease revoke\"");
}

/* Whoever had the key knows that it is wiped: the enrolment, in the boot in which it asked. */
static int check_holder(const struct store_lease *l, const struct store_agent *agent,
			const struct cc_evidence *ev, struct cc_error *err)
{
	if (!strcmp(l->enrolment, agent->enrolment) && !strcmp(l->boot_id, ev->boot_id))
		return 0;
	return cc_refuse(err, "lease",
			 "lease %s of volume %s is not held by agent %s in this boot of its host: "
			 "its holder returns it, or an administrator ends it with \"dmctl lease "
			 "revoke\"",
			 l->id, l->volume, agent->name);
}

/* Idempotent: an answer that got lost must not make the second try fail. */
static int give_back(struct custodian *c, struct call *call, const struct store_agent *agent,
		     const struct cc_evidence *ev, struct cc_error *err)
{
	struct store_lease l;

	if (lease_get(c, call, &l, err)) {
		call->note.nothing = err->code == CC_E_NOTFOUND;
		return call->note.nothing ? 0 : -1;
	}
	if (check_holder(&l, agent, ev, err))
		return -1;
	snprintf(call->note.detail, sizeof(call->note.detail), "lease %s, fence %" PRIu64, l.id,
		 l.fence);
	return store_lease_delete(c->store, l.id, err);
}

int op_lease_return(struct custodian *c, struct call *call, struct cc_error *err)
{
	cc_cleanup(cc_evidence_clear) struct cc_evidence ev = {0};
	store_auto_agent struct store_agent agent = {0};
	cc_auto_free char *jws = NULL;

	if (return_evidence(call, &jws, err) || attest_verify(c, call, jws, &agent, &ev, err))
		return -1;
	if (ev.op != CC_OP_RETURN || strcmp(ev.lease, call->rq->arg) != 0) {
		cc_fail(err, CC_E_INVALID, "evidence is not of operation \"return\" of lease %s",
			call->rq->arg);
		return cc_set_fact(err, "evidence");
	}
	return give_back(c, call, &agent, &ev, err);
}

/*
 * The holder's kernel has the key until the lease ends, whatever is said here: others wait for
 * that.
 */
int op_lease_revoke(struct custodian *c, struct call *call, struct cc_error *err)
{
	struct store_lease l;
	int64_t left;

	if (lease_get(c, call, &l, err))
		return -1;
	NOTE(call->note.agent, l.agent);
	left = lease_left(&l, c->clock.boot_ms());
	l.revoked = true;
	if (left > 0 ? store_lease_update(c->store, &l, err)
		     : store_lease_delete(c->store, l.id, err))
		return -1;
	return call_answer(call->out, err, "{s:I}", "leftMs", (json_int_t)(left > 0 ? left : 0));
}
