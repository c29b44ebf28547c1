// SPDX-License-Identifier: Apache-2.0
#include "custodian/call.h"

#include <inttypes.h>
#include <string.h>

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
		return 0;
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
	    store_lease_page(c->store, volume, *colon ? strtoull(colon + 1, NULL, 10) : 0,
			     page_limit(&list.page), list_one, &list, err))
		return -1;
	return page_end(&list.page, call, err);
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
