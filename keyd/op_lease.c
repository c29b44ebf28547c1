// SPDX-License-Identifier: Apache-2.0
#include "call.h"

#include <string.h>

#include "volume_json.h"

static int list_one(void *arg, const struct store_lease *l, struct cc_error *err)
{
	json_t *obj = lease_json(l, err);

	if (!obj)
		return -1;
	if (json_array_append_new(arg, obj))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return 0;
}

int op_lease_list(struct custodian *c, struct call *call, struct cc_error *err)
{
	json_t *leases = json_array();

	if (json_object_set_new(call->out, "leases", leases))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return store_lease_each(c->store, list_one, leases, err);
}

static int end(struct custodian *c, struct call *call, struct cc_error *err)
{
	struct store_lease l;

	if (store_lease_get(c->store, call->rq->arg, &l, err))
		return -1;
	NOTE(call->note.agent, l.agent);
	NOTE(call->note.volume, l.volume);
	NOTE(call->note.container, l.container);
	return store_lease_delete(c->store, l.id, err);
}

/* Idempotent: an answer that got lost must not make the second try fail. */
int op_lease_return(struct custodian *c, struct call *call, struct cc_error *err)
{
	static const char *const known[] = {NULL};

	if (cc_json_only(call->in, "request", known, err))
		return -1;
	if (!end(c, call, err))
		return 0;
	call->note.nothing = err->code == CC_E_NOTFOUND;
	return call->note.nothing ? 0 : -1;
}

int op_lease_revoke(struct custodian *c, struct call *call, struct cc_error *err)
{
	return end(c, call, err);
}
