// SPDX-License-Identifier: Apache-2.0
#include "custodian/call.h"

#include <string.h>

#include "custodian/lease.h"
#include "custodian/volume_json.h"

struct listing {
	int64_t now_ms;
	json_t *leases;
};

static int list_one(void *arg, const struct store_lease *l, struct cc_error *err)
{
	const struct listing *list = arg;
	json_t *obj = lease_json(l, list->now_ms, err);

	if (!obj)
		return -1;
	if (json_array_append_new(list->leases, obj))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return 0;
}

int op_lease_list(struct custodian *c, struct call *call, struct cc_error *err)
{
	struct listing list = {c->clock.boot_ms(), json_array()};

	if (json_object_set_new(call->out, "leases", list.leases))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return store_lease_each(c->store, list_one, &list, err);
}

static int lease_get(struct custodian *c, struct call *call, struct store_lease *l,
		     struct cc_error *err)
{
	if (store_lease_get(c->store, call->rq->arg, l, err))
		return -1;
	NOTE(call->note.agent, l->agent);
	NOTE(call->note.volume, l->volume);
	NOTE(call->note.container, l->container);
	return 0;
}

/*
 * The holder has locked the volume. Idempotent: an answer that got lost must not make the second
 * try fail.
 */
int op_lease_return(struct custodian *c, struct call *call, struct cc_error *err)
{
	static const char *const known[] = {NULL};
	struct store_lease l;

	if (cc_json_only(call->in, "request", known, err))
		return -1;
	if (lease_get(c, call, &l, err) == 0)
		return store_lease_delete(c->store, l.id, err);
	call->note.nothing = err->code == CC_E_NOTFOUND;
	return call->note.nothing ? 0 : -1;
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
	left = lease_left(&l, c->clock.boot_ms());
	l.revoked = true;
	if (left > 0 ? store_lease_update(c->store, &l, err)
		     : store_lease_delete(c->store, l.id, err))
		return -1;
	return call_answer(call->out, err, "{s:I}", "leftMs", (json_int_t)(left > 0 ? left : 0));
}
