// SPDX-License-Identifier: Apache-2.0
#include "custodian/op_identity.h"

#include <inttypes.h>
#include <string.h>

#include "identity.h"
#include "custodian/page.h"
#include "custodian/serials.h"
#include "custodian/trust.h"

/* ---- those of one volume ---- */

/* NULL where no signer of now has signed it. */
static struct cc_identity *verified(struct custodian *c, const struct store_identity *row)
{
	char signer[CC_NAME_LEN];
	struct cc_error why;

	return trust_verify(c->store, c->kept, row->envelope, row->envelope_len, row->signer,
			    signer, &why);
}

/* The newest below @below that a release would try; NULL for none. */
static const struct store_identity *next_start(struct custodian *c,
					       const struct store_identities *list, uint64_t below)
{
	for (size_t i = 0; i < list->n; i++) {
		cc_auto_identity struct cc_identity *id = NULL;

		if (list->v[i].serial >= below || !serials_starts(list, &list->v[i]))
			continue;
		id = verified(c, &list->v[i]);
		if (id)
			return &list->v[i];
	}
	return NULL;
}

static const struct store_identity *newest_kept(const struct store_identities *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].state != IDENTITY_REVOKED)
			return &list->v[i];
	return NULL;
}

/* Whether those with which a container starts, or one runs, want more of a measurement than what
 * costs nothing: an agent measures before it is known which one it is held against. */
static int add_wants(struct custodian *c, struct call *call, const struct store_volume *v,
		     const struct store_identities *list, struct cc_error *err)
{
	store_auto_leases struct store_leases leases = {0};
	bool rootfs = false, demands = false, feed = false;

	if (store_leases_of(c->store, v->id, &leases, err))
		return -1;
	for (size_t i = 0; i < list->n; i++) {
		const struct store_identity *row = &list->v[i];
		cc_auto_identity struct cc_identity *id = NULL;

		if (row->state == IDENTITY_REVOKED ||
		    (row->serial < serials_start(list) && !serials_in_use(&leases, row->serial)))
			continue;
		id = verified(c, row);
		rootfs |= id && id->rootfs_digest;
		demands |= id && id->demands.n;
		feed |= id && id->feed;
	}
	return call_answer(call->out, err, "{s:{s:b, s:b, s:b}}", "wants", "rootfs", rootfs,
			   "demands", demands, "proof", feed);
}

/*
 * Those with which a container starts one by one, the newest first, as a release tries them: with
 * the query that of the highest serial below it. Where it starts with none, the newest that is
 * kept, which says so.
 */
int op_identity_get(struct custodian *c, struct call *call, struct cc_error *err)
{
	store_auto_identities struct store_identities list = {0};
	uint64_t below = call->rq->paged ? strtoull(call->rq->after, NULL, 10) : UINT64_MAX;
	const struct store_identity *row, *next = NULL;
	struct store_volume v;
	bool starts;

	if (store_volume_get(c->store, call->rq->arg, &v, err) ||
	    store_identities_of(c->store, v.id, &list, err))
		return -1;
	row = next_start(c, &list, below);
	starts = row;
	if (!row && !call->rq->paged)
		row = newest_kept(&list);
	if (!row) {
		cc_fail(err, CC_E_NOTFOUND, "%s: the volume has no identity%s", v.rec.name,
			call->rq->paged ? " below that with which a container starts" : "");
		return cc_set_fact(err, "identity");
	}
	if (starts)
		next = next_start(c, &list, row->serial);
	if (call_answer(call->out, err, "{s:s, s:b, s:o, s:I}", "envelope", row->envelope, "starts",
			starts, "next", next ? json_integer((json_int_t)row->serial) : json_null(),
			"lastSerial", (json_int_t)v.serial_floor) ||
	    add_wants(c, call, &v, &list, err))
		return -1;
	return op_identity_answer(call, v.rec.name, row, err);
}

/* ---- those of all volumes ---- */

/**
 * struct listing - a page of identities, by volume and serial.
 * @volume, @serial: those above this one
 */
struct listing {
	struct custodian *c;
	struct page page;
	char volume[CC_NAME_LEN];
	uint64_t serial;
};

static int list_one(struct listing *l, const struct store_volume *v,
		    const struct store_identities *all, const struct store_identity *id,
		    struct cc_error *err)
{
	bool counts = id->state != IDENTITY_REVOKED && id->serial >= serials_floor(all);
	bool starts = serials_starts(all, id);
	char where[OP_AFTER_LEN];
	json_t *obj;

	if (page_full(&l->page))
		return PAGE_STOP;
	snprintf(where, sizeof(where), "%s:%" PRIu64, v->rec.name, id->serial);
	obj = json_pack("{s:s, s:I, s:o, s:s, s:b, s:b, s:s, s:s, s:s}", "volume", v->rec.name,
			"serial", (json_int_t)id->serial, "floor",
			id->floor ? json_integer((json_int_t)id->floor) : json_null(), "state",
			identity_state_name(id->state), "starts", starts, "goesOn", counts,
			"digest", id->digest, "signer", id->signer, "mountPoint", id->mount_point);
	return page_add(&l->page, obj, where, err);
}

static int list_volume(void *arg, const struct store_volume *v, struct cc_error *err)
{
	store_auto_identities struct store_identities all = {0};
	struct listing *l = arg;
	bool first = !strcmp(v->rec.name, l->volume);
	int rc = 0;

	/* The listing names what is not as keyd wrote it. */
	if (store_identities_of(l->c->store, v->id, &all, err))
		return store_is_bad_row(err) ? 0 : -1;
	for (size_t i = all.n; i-- > 0 && rc == 0;)
		if (!first || all.v[i].serial > l->serial)
			rc = list_one(l, v, &all, &all.v[i], err);
	return rc;
}

/* The volume that a page ended in is looked at again. */
int op_identity_list(struct custodian *c, struct call *call, struct cc_error *err)
{
	const char *after = call->rq->after, *colon = strchrnul(after, ':');
	struct listing l = {.c = c, .serial = *colon ? strtoull(colon + 1, NULL, 10) : 0};
	struct store_volume v;
	int rc = 0;

	snprintf(l.volume, sizeof(l.volume), "%.*s", (int)(colon - after), after);
	if (page_start(&l.page, call, "identities", err))
		return -1;
	if (l.volume[0]) {
		if (store_volume_get(c->store, l.volume, &v, err) == 0)
			rc = list_volume(&l, &v, err);
		else if (err->code != CC_E_NOTFOUND && !store_is_bad_row(err))
			return -1;
	}
	if (rc == 0)
		rc = store_volume_page(c->store, l.volume, list_volume, &l, err);
	return rc < 0 ? -1 : page_end(&l.page, call, err);
}
