// SPDX-License-Identifier: Apache-2.0
#include "custodian/op_identity.h"

#include <inttypes.h>
#include <string.h>

#include "digest.h"
#include "identity.h"
#include "custodian/serials.h"
#include "custodian/trust.h"

int op_identity_answer(struct call *call, const char *volume, const struct store_identity *id,
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

/* Nobody starts or goes on with it, and no floor is its word alone. */
static bool can_go(const struct store_identity *row, const struct store_leases *leases,
		   uint64_t floor, uint64_t start)
{
	if (row->floor == floor && floor)
		return false;
	return row->state == IDENTITY_REVOKED ||
	       (row->serial < start && !serials_in_use(leases, row->serial));
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
	return op_identity_answer(call, v->rec.name, stored ? stored : row, err);
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
	return op_identity_answer(call, v.rec.name, &row, err);
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
