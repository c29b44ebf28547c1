// SPDX-License-Identifier: Apache-2.0
#include "custodian/call.h"

#include <inttypes.h>
#include <string.h>

#include "digest.h"
#include "identity.h"
#include "custodian/page.h"
#include "custodian/serials.h"
#include "custodian/trust.h"

static int answer(struct call *call, const char *volume, const struct store_identity *id,
		  struct cc_error *err)
{
	return call_answer(call->out, err, "{s:s, s:I, s:o, s:s, s:s, s:s}", "volume", volume,
			   "serial", (json_int_t)id->serial, "floor",
			   id->floor ? json_integer((json_int_t)id->floor) : json_null(), "state",
			   identity_state_name(id->state), "digest", id->digest, "signer",
			   id->signer);
}

/* ---- add ---- */

/* The same envelope again changes nothing; one that was revoked does not come back. */
static const struct store_identity *find_stored(const struct store_identities *list,
						const char *envelope)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].state != IDENTITY_REVOKED && !strcmp(list->v[i].envelope, envelope))
			return &list->v[i];
	return NULL;
}

static bool has_lease(const struct store_leases *leases, uint64_t serial)
{
	for (size_t i = 0; i < leases->n; i++)
		if (leases->v[i].serial == serial)
			return true;
	return false;
}

/* Nobody starts or goes on with it, and no floor is its word alone. */
static bool can_go(const struct store_identity *row, const struct store_leases *leases,
		   uint64_t floor, uint64_t start)
{
	if (row->floor == floor && floor)
		return false;
	return row->state == IDENTITY_REVOKED ||
	       (row->serial < start && !has_lease(leases, row->serial));
}

/* A volume has at most STORE_IDENTITIES_MAX with the new one @id: the oldest that can go goes. */
static int room_for_one(struct custodian *c, const struct store_volume *v,
			const struct store_identities *list, const struct store_identity *id,
			struct cc_error *err)
{
	store_auto_leases struct store_leases leases = {0};
	uint64_t floor = serials_floor(list), start;

	floor = id->floor > floor ? id->floor : floor;
	start = id->floor ? floor : id->serial;
	if (list->n < STORE_IDENTITIES_MAX)
		return 0;
	if (store_leases_of(c->store, v->id, &leases, err))
		return -1;
	for (size_t i = list->n; i-- > 0;)
		if (can_go(&list->v[i], &leases, floor, start))
			return store_identity_drop(c->store, v->id, list->v[i].serial, err);
	cc_fail(err, CC_E_BUSY,
		"volume %s has %zu identities that let in or are in use: revoke some (\"dmctl "
		"identity revoke\"), or sign this one with a higher floor",
		v->rec.name, list->n);
	return cc_set_fact(err, "identities");
}

static int identity_put(struct custodian *c, struct store_volume *v,
			const struct store_identities *list, const struct store_identity *id,
			struct cc_error *err)
{
	if (id->serial <= v->serial_floor)
		return cc_refuse(err, "serial",
				 "identity has serial %" PRIu64 ", volume %s has seen %" PRIu64
				 ": sign it with a higher one",
				 id->serial, v->rec.name, v->serial_floor);
	v->serial_floor = id->serial;
	if (room_for_one(c, v, list, id, err) || store_volume_update(c->store, v, err))
		return -1;
	return store_identity_put(c->store, v->id, id, err);
}

/* @v: the volume it names */
static int add_to_volume(struct custodian *c, struct call *call, struct store_volume *v,
			 const struct store_identity *row, struct cc_error *err)
{
	store_auto_identities struct store_identities list = {0};
	const struct store_identity *stored;

	if (store_identities_of(c->store, v->id, &list, err))
		return -1;
	stored = find_stored(&list, row->envelope);
	call->note.nothing = stored;
	if (!stored && identity_put(c, v, &list, row, err))
		return -1;
	return answer(call, v->rec.name, stored ? stored : row, err);
}

int op_identity_add(struct custodian *c, struct call *call, struct cc_error *err)
{
	static const char *const known[] = {"envelope", NULL};
	store_auto_identity struct store_identity row = {0};
	cc_auto_identity struct cc_identity *id = NULL;
	struct store_volume v;

	if (cc_json_only(call->in, "request", known, err) ||
	    cc_json_str(call->in, "request", "envelope", true, &row.envelope, err))
		return -1;
	row.envelope_len = strlen(row.envelope);
	id = trust_verify(c->store, c->kept, row.envelope, row.envelope_len, "", row.signer, err);
	if (!id)
		return -1;
	NOTE(call->note.volume, id->volume);
	if (store_volume_get(c->store, id->volume, &v, err))
		return -1;
	row.serial = id->serial;
	row.floor = id->floor;
	row.mount_point = strdup(id->mount_point);
	if (!row.mount_point)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	cc_sha256_digest(row.envelope, row.envelope_len, row.digest);
	snprintf(call->note.detail, sizeof(call->note.detail),
		 "serial %" PRIu64 " floor %" PRIu64 " %s of signer %s, by process %u", row.serial,
		 row.floor, row.digest, row.signer, call->rq->peer);
	return add_to_volume(c, call, &v, &row, err);
}

/* ---- looking ---- */

/* Whether those with which a container starts, or one runs, want more of a measurement than what
 * costs nothing: an agent measures before it is known which one it is held against. */
static int add_wants(struct custodian *c, struct call *call, const struct store_volume *v,
		     struct cc_error *err)
{
	store_auto_identities struct store_identities list = {0};
	store_auto_leases struct store_leases leases = {0};
	bool rootfs = false, demands = false;
	char signer[CC_NAME_LEN];

	if (store_identities_of(c->store, v->id, &list, err) ||
	    store_leases_of(c->store, v->id, &leases, err))
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		const struct store_identity *row = &list.v[i];
		cc_auto_identity struct cc_identity *id = NULL;
		struct cc_error why;

		if (row->state == IDENTITY_REVOKED ||
		    (row->serial < serials_start(&list) && !has_lease(&leases, row->serial)))
			continue;
		id = trust_verify(c->store, c->kept, row->envelope, row->envelope_len, row->signer,
				  signer, &why);
		rootfs |= id && id->rootfs_digest;
		demands |= id && id->demands.n;
	}
	return call_answer(call->out, err, "{s:{s:b, s:b}}", "wants", "rootfs", rootfs, "demands",
			   demands);
}

int op_identity_get(struct custodian *c, struct call *call, struct cc_error *err)
{
	store_auto_identity struct store_identity row = {0};
	struct store_volume v;

	if (store_volume_get(c->store, call->rq->arg, &v, err))
		return -1;
	if (store_identity_get(c->store, v.id, &row, err))
		return cc_prefix(err, "%s", v.rec.name);
	if (call_answer(call->out, err, "{s:s}", "envelope", row.envelope) ||
	    add_wants(c, call, &v, err))
		return -1;
	return answer(call, v.rec.name, &row, err);
}

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
	bool starts = id->state == IDENTITY_LIVE && id->serial >= serials_start(all);
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

/* ---- revoke, drain ---- */

/* Only ever stricter: one that was revoked is not drained again. */
static int set_state(struct custodian *c, struct call *call, enum identity_state state,
		     struct cc_error *err)
{
	static const char *const known[] = {"serial", NULL};
	store_auto_identities struct store_identities list = {0};
	struct store_identity row;
	struct store_volume v;
	uint64_t serial = 0;

	NOTE(call->note.volume, call->rq->arg);
	if (cc_json_only(call->in, "request", known, err) ||
	    cc_json_u64(call->in, "request", "serial", true, &serial, err) ||
	    store_volume_get(c->store, call->rq->arg, &v, err) ||
	    store_identities_of(c->store, v.id, &list, err))
		return -1;
	if (!serials_find(&list, serial)) {
		cc_fail(err, CC_E_NOTFOUND,
			"volume %s has no identity of serial %" PRIu64
			"; see \"dmctl identity ls %s\"",
			v.rec.name, serial, v.rec.name);
		return cc_set_fact(err, "identity");
	}
	row = *serials_find(&list, serial);
	snprintf(call->note.detail, sizeof(call->note.detail), "serial %" PRIu64 ", by process %u",
		 serial, call->rq->peer);
	call->note.nothing = row.state >= state;
	if (!call->note.nothing) {
		row.state = state;
		if (store_identity_put(c->store, v.id, &row, err))
			return -1;
	}
	return answer(call, v.rec.name, &row, err);
}

int op_identity_drain(struct custodian *c, struct call *call, struct cc_error *err)
{
	return set_state(c, call, IDENTITY_DRAINED, err);
}

int op_identity_revoke_one(struct custodian *c, struct call *call, struct cc_error *err)
{
	return set_state(c, call, IDENTITY_REVOKED, err);
}

/* All of the volume; CC_E_NOTFOUND when there is none that is not revoked. */
int op_identity_revoke(struct custodian *c, struct call *call, struct cc_error *err)
{
	store_auto_identities struct store_identities list = {0};
	struct store_volume v;
	uint64_t newest = 0;
	size_t n = 0;

	NOTE(call->note.volume, call->rq->arg);
	if (store_volume_get(c->store, call->rq->arg, &v, err) ||
	    store_identities_of(c->store, v.id, &list, err))
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		struct store_identity row = list.v[i];

		if (row.state == IDENTITY_REVOKED)
			continue;
		newest = n++ ? newest : row.serial;
		row.state = IDENTITY_REVOKED;
		if (store_identity_put(c->store, v.id, &row, err))
			return -1;
	}
	if (n == 0) {
		cc_fail(err, CC_E_NOTFOUND, "%s: the volume has no identity", v.rec.name);
		return cc_set_fact(err, "identity");
	}
	snprintf(call->note.detail, sizeof(call->note.detail),
		 "serial %" PRIu64 ", %zu identities, by process %u", newest, n, call->rq->peer);
	return 0;
}
