// SPDX-License-Identifier: Apache-2.0
#include "custodian/volume_json.h"

#include "custodian/lease.h"
#include "timestamp.h"

json_t *lease_json(const struct store_lease *l, int64_t now_ms, struct cc_error *err)
{
	int64_t left = lease_left(l, now_ms);
	char granted[21];
	json_t *obj;

	cc_time_format(l->granted, granted);
	obj = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:I, s:b, s:b, s:o, s:I}", "id", l->id,
			"volume", l->volume, "volumeUuid", l->volume_uuid, "agent", l->agent,
			"container", l->container, "fence", (json_int_t)l->fence, "granted",
			granted, "ms", (json_int_t)l->ms, "shared", l->shared, "revoked",
			l->revoked, "leftMs", left < 0 ? json_null() : json_integer(left), "serial",
			(json_int_t)l->serial);
	if (!obj)
		cc_fail(err, CC_E_NOMEM, "out of memory");
	return obj;
}

/* The object or null when there is none; NULL on error. */
static json_t *lease_of(struct custodian *c, const struct store_volume *v, struct cc_error *err)
{
	int64_t now_ms = c->clock.boot_ms();
	struct store_lease l;

	if (!lease_live(c->store, v->id, now_ms, &l, err))
		return lease_json(&l, now_ms, err);
	return err->code == CC_E_NOTFOUND ? json_null() : NULL;
}

struct cc_volume volume_record(const struct custodian *c, const struct store_volume *v)
{
	struct cc_volume rec = v->rec;

	snprintf(rec.realm, sizeof(rec.realm), "%s", c->realm);
	rec.creator[0] = '\0'; /* of a wish; add_creator() says who it is */
	return rec;
}

/* Who may format it, as long as it is not. */
static int add_creator(struct custodian *c, const struct store_volume *v, json_t *obj,
		       struct cc_error *err)
{
	store_auto_agent struct store_agent a = {0};

	if (v->rec.ready || !v->creator[0])
		return 0;
	if (store_agent_by_enrolment(c->store, v->creator, &a, err))
		return err->code == CC_E_NOTFOUND ? 0 : -1;
	return json_object_set_new(obj, "creator", json_string(a.name))
		       ? cc_fail(err, CC_E_NOMEM, "out of memory")
		       : 0;
}

static json_t *identity_json(const struct store_identity *id)
{
	if (!id)
		return json_null();
	return json_pack("{s:I, s:s, s:s, s:s}", "serial", (json_int_t)id->serial, "digest",
			 id->digest, "signer", id->signer, "mountPoint", id->mount_point);
}

json_t *volume_and_identity_json(const struct custodian *c, const struct store_volume *v,
				 const struct store_identity *id, struct cc_error *err)
{
	const struct cc_volume rec = volume_record(c, v);
	cc_auto_json json_t *obj = cc_volume_to_json(&rec);

	if (!obj || json_object_set_new(obj, "identity", identity_json(id))) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	return cc_steal(obj);
}

/* NULL: each is drained or revoked, or there is none. */
static const struct store_identity *newest_live(const struct store_identities *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].state == IDENTITY_LIVE)
			return &list->v[i];
	return NULL;
}

json_t *volume_json(struct custodian *c, const struct store_volume *v, struct cc_error *err)
{
	store_auto_identities struct store_identities list = {0};
	cc_auto_json json_t *obj = NULL;
	json_t *lease;

	if (store_identities_of(c->store, v->id, &list, err))
		return NULL;
	obj = volume_and_identity_json(c, v, newest_live(&list), err);
	lease = obj ? lease_of(c, v, err) : NULL;
	if (!lease)
		return NULL;
	if (json_object_set_new(obj, "lease", lease)) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	return add_creator(c, v, obj, err) ? NULL : cc_steal(obj);
}
