// SPDX-License-Identifier: Apache-2.0
#include "custodian/call.h"

#include <inttypes.h>
#include <string.h>

#include "digest.h"
#include "identity.h"
#include "custodian/trust.h"

static int answer(struct call *call, const char *volume, const struct store_identity *id,
		  struct cc_error *err)
{
	return call_answer(call->out, err, "{s:s, s:I, s:s, s:s}", "volume", volume, "serial",
			   (json_int_t)id->serial, "digest", id->digest, "signer", id->signer);
}

/* The same envelope again changes nothing. */
static int is_stored(struct custodian *c, const struct store_volume *v, const char *envelope,
		     bool *stored, struct cc_error *err)
{
	store_auto_identity struct store_identity old = {0};

	*stored = false;
	if (store_identity_get(c->store, v->id, &old, err))
		return err->code == CC_E_NOTFOUND ? 0 : -1;
	*stored = !strcmp(old.envelope, envelope);
	return 0;
}

static int identity_put(struct custodian *c, struct store_volume *v,
			const struct store_identity *id, struct cc_error *err)
{
	if (id->serial <= v->serial_floor)
		return cc_refuse(err, "serial",
				 "identity has serial %" PRIu64 ", volume %s has seen %" PRIu64
				 ": sign it with a higher one",
				 id->serial, v->rec.name, v->serial_floor);
	v->serial_floor = id->serial;
	if (store_volume_update(c->store, v, err))
		return -1;
	return store_identity_put(c->store, v->id, id, err);
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
	row.mount_point = strdup(id->mount_point);
	if (!row.mount_point)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	cc_sha256_digest(row.envelope, row.envelope_len, row.digest);
	snprintf(call->note.detail, sizeof(call->note.detail),
		 "serial %" PRIu64 " %s of signer %s, by process %u", row.serial, row.digest,
		 row.signer, call->rq->peer);
	if (is_stored(c, &v, row.envelope, &call->note.nothing, err))
		return -1;
	if (!call->note.nothing && identity_put(c, &v, &row, err))
		return -1;
	return answer(call, v.rec.name, &row, err);
}

int op_identity_get(struct custodian *c, struct call *call, struct cc_error *err)
{
	store_auto_identity struct store_identity row = {0};
	struct store_volume v;

	if (store_volume_get(c->store, call->rq->arg, &v, err))
		return -1;
	if (store_identity_get(c->store, v.id, &row, err))
		return cc_prefix(err, "%s", v.rec.name);
	if (call_answer(call->out, err, "{s:s}", "envelope", row.envelope))
		return -1;
	return answer(call, v.rec.name, &row, err);
}

int op_identity_revoke(struct custodian *c, struct call *call, struct cc_error *err)
{
	store_auto_identity struct store_identity row = {0};
	struct store_volume v;

	NOTE(call->note.volume, call->rq->arg);
	if (store_volume_get(c->store, call->rq->arg, &v, err))
		return -1;
	if (store_identity_get(c->store, v.id, &row, err))
		return cc_prefix(err, "%s", v.rec.name);
	snprintf(call->note.detail, sizeof(call->note.detail), "serial %" PRIu64 ", by process %u",
		 row.serial, call->rq->peer);
	return store_identity_delete(c->store, v.id, err);
}
