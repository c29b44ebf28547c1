// SPDX-License-Identifier: Apache-2.0
#include "custodian/call.h"

#include <inttypes.h>
#include <string.h>

#include "custodian/lease.h"
#include "custodian/quarantine.h"
#include "name.h"
#include "custodian/page.h"
#include "custodian/scope_check.h"
#include "custodian/volume_json.h"
#include "custodian/volume_key.h"

static int check(const struct custodian *c, const struct store_volume *v, struct cc_error *err)
{
	const struct cc_volume rec = volume_record(c, v);

	return cc_volume_check(&rec, err);
}

/* It is bound to its volume's state, and may be under another key than that of new ones. */
static int bind_ready(struct custodian *c, struct store_volume *v, struct cc_error *err)
{
	const struct kek *kek = domain_find(&c->domain, &c->kek, v->kek_id, err);

	return !kek || volume_key_bind(kek, v, true, err) ? -1 : 0;
}

/*
 * The counters of a name go on: an identity of a deleted volume does not open the next one, and a
 * fence is never used again.
 */
static int volume_add(struct custodian *c, struct store_volume *v, struct cc_error *err)
{
	return store_tombstone_get(c->store, v, err) || store_volume_add(c->store, v, err) ? -1 : 0;
}

/* One whose creation was broken off has no data yet and gives way; its counters go on. */
static int volume_put(struct custodian *c, struct store_volume *v, struct cc_error *err)
{
	struct store_volume old;

	if (store_volume_get(c->store, v->rec.name, &old, err))
		return err->code == CC_E_NOTFOUND ? volume_add(c, v, err) : -1;
	if (old.rec.ready)
		return cc_fail(err, CC_E_EXISTS, "volume %s exists: remove it first", v->rec.name);
	v->id = old.id;
	v->fence = old.fence;
	v->serial_floor = old.serial_floor;
	return store_volume_update(c->store, v, err);
}

static int answer(struct custodian *c, struct call *call, const struct store_volume *v,
		  struct cc_error *err)
{
	cc_auto_json json_t *obj = volume_json(c, v, err);

	if (!obj)
		return -1;
	return json_object_update(call->out, obj) ? cc_fail(err, CC_E_NOMEM, "out of memory") : 0;
}

/* It is remembered by enrolment: a later agent of that name is another. */
static int name_creator(struct custodian *c, struct store_volume *v, struct cc_error *err)
{
	store_auto_agent struct store_agent a = {0};

	if (!v->rec.creator[0])
		return 0;
	if (store_agent_get(c->store, v->rec.creator, &a, err))
		return cc_prefix(err, "creator of volume %s", v->rec.name);
	if (scope_check("agents", a.name, &a.volumes, v->rec.name, err))
		return -1;
	memcpy(v->creator, a.enrolment, sizeof(v->creator));
	return 0;
}

int op_volume_create(struct custodian *c, struct call *call, struct cc_error *err)
{
	struct store_volume v = {0};

	if (cc_volume_wish_from_json(&v.rec, call->in, err))
		return -1;
	v.rec.generation = 1;
	v.rec.created = c->clock.real();
	if (check(c, &v, err))
		return -1;
	NOTE(call->note.volume, v.rec.name);
	snprintf(call->note.detail, sizeof(call->note.detail), "creator %s, by process %u",
		 v.rec.creator[0] ? v.rec.creator : "none", call->rq->peer);
	if (name_creator(c, &v, err) ||
	    volume_key_make(domain_active(&c->domain, &c->kek), &v, err) || volume_put(c, &v, err))
		return -1;
	quarantine_promise(c, v.rec.terms.lease_ms);
	return answer(c, call, &v, err);
}

int op_volume_ready(struct custodian *c, struct call *call, struct cc_error *err)
{
	static const char *const known[] = {NULL};
	struct store_volume v;

	NOTE(call->note.volume, call->rq->arg);
	if (cc_json_only(call->in, "request", known, err) ||
	    store_volume_get(c->store, call->rq->arg, &v, err))
		return -1;
	call->note.nothing = v.rec.ready;
	if (!call->note.nothing &&
	    (bind_ready(c, &v, err) || store_volume_update(c->store, &v, err)))
		return -1;
	return answer(c, call, &v, err);
}

/* A lease that is held keeps its terms until it is renewed, a mount its options while it lasts. */
int op_volume_set(struct custodian *c, struct call *call, struct cc_error *err)
{
	static const char *const known[] = {CC_LEASE_TERMS_MEMBERS, "mountOptions", NULL};
	struct store_volume was, v;

	NOTE(call->note.volume, call->rq->arg);
	if (cc_json_only(call->in, "request", known, err) ||
	    store_volume_get(c->store, call->rq->arg, &was, err))
		return -1;
	v = was;
	if (cc_lease_terms_read(call->in, "request", &v.rec.terms, err) ||
	    cc_mount_options_read(call->in, "request", &v.rec.mount, err))
		return -1;
	quarantine_promise(c, v.rec.terms.lease_ms);
	call->note.nothing = cc_lease_terms_eq(&was.rec.terms, &v.rec.terms) &&
			     cc_mount_options_eq(&was.rec.mount, &v.rec.mount);
	if (!call->note.nothing && store_volume_update(c->store, &v, err))
		return -1;
	return answer(c, call, &v, err);
}

/* Only ever larger: what is written at the end stays within the record. */
int op_volume_grow(struct custodian *c, struct call *call, struct cc_error *err)
{
	static const char *const known[] = {"sectors", NULL};
	struct store_volume v;
	uint64_t sectors = 0;

	NOTE(call->note.volume, call->rq->arg);
	if (cc_json_only(call->in, "request", known, err) ||
	    cc_json_u64(call->in, "request", "sectors", true, &sectors, err) ||
	    store_volume_get(c->store, call->rq->arg, &v, err))
		return -1;
	if (sectors < v.rec.sectors)
		return cc_fail(err, CC_E_INVALID,
			       "volume %s has %" PRIu64 " sectors and cannot shrink to %" PRIu64,
			       v.rec.name, v.rec.sectors, sectors);
	call->note.nothing = sectors == v.rec.sectors;
	snprintf(call->note.detail, sizeof(call->note.detail),
		 "from %" PRIu64 " to %" PRIu64 " sectors, by process %u", v.rec.sectors, sectors,
		 call->rq->peer);
	v.rec.sectors = sectors;
	if (check(c, &v, err) || (!call->note.nothing && store_volume_update(c->store, &v, err)))
		return -1;
	return answer(c, call, &v, err);
}

int op_volume_get(struct custodian *c, struct call *call, struct cc_error *err)
{
	struct store_volume v;

	if (store_volume_get(c->store, call->rq->arg, &v, err))
		return -1;
	return answer(c, call, &v, err);
}

struct listing {
	struct custodian *c;
	struct page page;
};

static int list_one(void *arg, const struct store_volume *v, struct cc_error *err)
{
	struct listing *l = arg;
	json_t *obj;

	if (page_full(&l->page))
		return PAGE_STOP;
	obj = volume_json(l->c, v, err);
	/* Its identity or lease is not what keyd wrote: the listing names that. */
	if (!obj)
		return store_is_bad_row(err) ? 0 : -1;
	return page_add(&l->page, obj, v->rec.name, err);
}

int op_volume_list(struct custodian *c, struct call *call, struct cc_error *err)
{
	struct listing l = {.c = c};

	if (page_start(&l.page, call, "volumes", err) ||
	    store_volume_page(c->store, call->rq->after, list_one, &l, err) < 0)
		return -1;
	return page_end(&l.page, call, err);
}

/* Leases whose time is over do not keep a volume. */
static int forget_leases(struct custodian *c, const struct store_volume *v, struct cc_error *err)
{
	store_auto_leases struct store_leases list = {0};

	if (store_leases_of(c->store, v->id, &list, err))
		return -1;
	for (size_t i = 0; i < list.n; i++)
		if (store_lease_delete(c->store, list.v[i].id, err))
			return -1;
	return 0;
}

/* To erase its key is to destroy the generation that the newest database may be under. */
static int refuse_to_erase(const struct store_volume *v, struct cc_error *err)
{
	cc_fail(err, CC_E_BUSY,
		"volume %s: keyd's database may be an old one, and to remove a volume would erase "
		"the keys of the newest: restore that, or wait until the quarantine is over (see "
		"keyd(8))",
		v->rec.name);
	return cc_set_fact(err, "quarantine");
}

static int not_leased(struct custodian *c, const struct store_volume *v, struct cc_error *err)
{
	struct store_lease lease;

	if (!lease_live(c->store, v->id, c->clock.boot_ms(), &lease, err)) {
		cc_fail(err, CC_E_BUSY,
			"volume %s is leased to container %.12s of agent %s: stop it first",
			v->rec.name, lease.container, lease.agent);
		return cc_set_fact(err, "lease");
	}
	return err->code == CC_E_NOTFOUND ? 0 : -1;
}

int op_volume_delete(struct custodian *c, struct call *call, struct cc_error *err)
{
	struct store_volume v;

	NOTE(call->note.volume, call->rq->arg);
	if (store_volume_get(c->store, call->rq->arg, &v, err))
		return -1;
	if (v.rec.ready && quarantine_on(c))
		return refuse_to_erase(&v, err);
	if (not_leased(c, &v, err))
		return -1;
	snprintf(call->note.detail, sizeof(call->note.detail), "uuid %s, by process %u", v.rec.uuid,
		 call->rq->peer);
	if (forget_leases(c, &v, err) || store_tombstone_put(c->store, &v, err))
		return -1;
	call->created = v.rec.created;
	if (store_volume_delete(c->store, v.id, err))
		return -1;
	/* Nothing was ever written under the key of one that was not made ready. */
	return v.rec.ready ? domain_retire(&c->domain, c->store, err) : 0;
}

/* ---- another name ---- */

/* Its name is signed: an identity of the old name is none of the new one's. */
static int has_no_identity(struct custodian *c, const struct store_volume *v, struct cc_error *err)
{
	store_auto_identity struct store_identity id = {0};

	if (store_identity_get(c->store, v->id, &id, err))
		return err->code == CC_E_NOTFOUND ? 0 : -1;
	cc_fail(err, CC_E_BUSY,
		"the identity of volume %s is signed for that name: revoke it (dmctl identity rm %s), "
		"and sign one for the new name",
		v->rec.name, v->rec.name);
	return cc_set_fact(err, "identity");
}

static int is_free(struct custodian *c, const char *name, struct cc_error *err)
{
	struct store_volume other;

	if (store_volume_get(c->store, name, &other, err))
		return err->code == CC_E_NOTFOUND ? 0 : -1;
	cc_fail(err, CC_E_EXISTS, "volume %s exists already", name);
	return cc_set_fact(err, "volume");
}

static int may_be_renamed(struct custodian *c, const struct store_volume *v, const char *to,
			  struct cc_error *err)
{
	if (!v->rec.ready)
		return cc_fail(err, CC_E_BUSY, "volume %s is being created", v->rec.name);
	return is_free(c, to, err) || not_leased(c, v, err) || has_no_identity(c, v, err) ? -1 : 0;
}

/*
 * What its key is bound to, and its row's MAC, have the name: both are made again. The counters of
 * both names go on: the old one's in a tombstone, for whatever is made under it next, the new one's
 * from what was deleted or renamed under it before. A lease whose time is over is sealed with the
 * old name; who held it does not come back.
 */
static int rename_row(struct custodian *c, struct store_volume *v,
		      const char to[static CC_NAME_LEN], struct cc_error *err)
{
	const struct kek *kek = domain_find(&c->domain, &c->kek, v->kek_id, err);

	if (!kek || forget_leases(c, v, err) || store_tombstone_put(c->store, v, err) ||
	    volume_key_rename(kek, v, to, err) || store_tombstone_get(c->store, v, err))
		return -1;
	return store_volume_update(c->store, v, err);
}

int op_volume_rename(struct custodian *c, struct call *call, struct cc_error *err)
{
	static const char *const known[] = {"name", NULL};
	cc_auto_free char *name = NULL;
	char to[CC_NAME_LEN] = "";
	struct store_volume v;

	NOTE(call->note.volume, call->rq->arg);
	if (cc_json_only(call->in, "request", known, err) ||
	    cc_json_str(call->in, "request", "name", true, &name, err))
		return -1;
	if (!cc_is_volume_name(name))
		return cc_fail(err, CC_E_INVALID,
			       "\"%.80s\" is not a volume name: " CC_VOLUME_NAME_RULE, name);
	snprintf(to, sizeof(to), "%s", name);
	snprintf(call->note.detail, sizeof(call->note.detail), "to %s, by process %u", to,
		 call->rq->peer);
	if (store_volume_get(c->store, call->rq->arg, &v, err))
		return -1;
	call->note.nothing = strcmp(v.rec.name, to) == 0;
	if (!call->note.nothing &&
	    (may_be_renamed(c, &v, to, err) || rename_row(c, &v, to, err) || check(c, &v, err)))
		return -1;
	return answer(c, call, &v, err);
}
