// SPDX-License-Identifier: Apache-2.0
#include "custodian/call.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "custodian/lease.h"
#include "name.h"
#include "custodian/volume_json.h"

#define CIPHER "aes-xts-plain64"
#define SECTORS_MAX (UINT64_C(1) << 54) /* 8 EiB in 512-byte sectors, what a loff_t can address */

static int copy_str(const json_t *obj, const char *key, char *buf, size_t size,
		    struct cc_error *err)
{
	cc_auto_free char *s = NULL;

	if (cc_json_str(obj, "volume", key, true, &s, err))
		return -1;
	if (strlen(s) >= size)
		return cc_fail(err, CC_E_INVALID, "volume: \"%s\" is too long", key);
	memcpy(buf, s, strlen(s) + 1);
	return 0;
}

static int get_u32(const json_t *obj, const char *key, uint32_t *out, struct cc_error *err)
{
	uint64_t v = 0;

	if (cc_json_u64(obj, "volume", key, true, &v, err))
		return -1;
	if (v > UINT32_MAX)
		return cc_fail(err, CC_E_INVALID, "volume: \"%s\" is too large", key);
	*out = (uint32_t)v;
	return 0;
}

static bool is_fs(const char *s)
{
	for (size_t i = 0; s[i]; i++)
		if (!islower((unsigned char)s[i]) && !isdigit((unsigned char)s[i]))
			return false;
	return s[0];
}

static int check(const struct store_volume *v, struct cc_error *err)
{
	uint64_t per_sector = v->sector_size / 512;

	if (!cc_is_name(v->name))
		return cc_fail(err, CC_E_INVALID,
			       "volume: a name is [a-z0-9][a-z0-9_.-]{0,62}, not \"%s\"", v->name);
	if (!cc_is_uuid(v->uuid))
		return cc_fail(err, CC_E_INVALID, "volume: uuid must be a lower-case UUID");
	if (strcmp(v->cipher, CIPHER) != 0)
		return cc_fail(err, CC_E_INVALID, "volume: cipher must be " CIPHER);
	if (v->key_bytes != 32 && v->key_bytes != 64)
		return cc_fail(err, CC_E_INVALID, "volume: keyBytes must be 32 or 64, not %u",
			       v->key_bytes);
	if (v->sector_size != 512 && v->sector_size != 4096)
		return cc_fail(err, CC_E_INVALID, "volume: sectorSize must be 512 or 4096, not %u",
			       v->sector_size);
	if (v->sectors == 0 || v->sectors > SECTORS_MAX || v->offset > SECTORS_MAX ||
	    v->sectors % per_sector || v->offset % per_sector)
		return cc_fail(
			err, CC_E_INVALID,
			"volume: offset and sectors must be whole encryption sectors, sectors "
			"not 0");
	if (!is_fs(v->fs))
		return cc_fail(err, CC_E_INVALID, "volume: \"%s\" is not a file system", v->fs);
	return 0;
}

static int parse(const json_t *obj, struct store_volume *v, struct cc_error *err)
{
	static const char *const known[] = {"name",	    "uuid",	  "cipher",
					    "keyBytes",	    "sectorSize", "offset",
					    "sectors",	    "fs",	  CC_LEASE_TERMS_MEMBERS,
					    "mountOptions", NULL};

	if (cc_json_only(obj, "volume", known, err) ||
	    copy_str(obj, "name", v->name, sizeof(v->name), err) ||
	    copy_str(obj, "uuid", v->uuid, sizeof(v->uuid), err) ||
	    copy_str(obj, "cipher", v->cipher, sizeof(v->cipher), err) ||
	    get_u32(obj, "keyBytes", &v->key_bytes, err) ||
	    get_u32(obj, "sectorSize", &v->sector_size, err) ||
	    cc_json_u64(obj, "volume", "offset", true, &v->offset, err) ||
	    cc_json_u64(obj, "volume", "sectors", true, &v->sectors, err) ||
	    copy_str(obj, "fs", v->fs, sizeof(v->fs), err) ||
	    cc_lease_terms_read(obj, "volume", &v->terms, err) ||
	    cc_mount_options_read(obj, "volume", &v->mount, err))
		return -1;
	return check(v, err);
}

static int make_key(struct custodian *c, struct store_volume *v, struct cc_error *err)
{
	struct kek_use use = {v->name, v->uuid, v->generation, v->cipher, v->key_bytes};
	cc_auto_secret struct cc_secret key = {0};

	memcpy(v->kek_id, c->kek.id, sizeof(v->kek_id));
	v->wrap_format = KEK_FORMAT;
	if (cc_secret_random(&key, v->key_bytes, err))
		return -1;
	return kek_wrap(&c->kek, &use, &key, v->wrapped, &v->wrapped_len, err);
}

/* One whose creation was broken off has no data yet and gives way; its counters go on. */
static int put(struct custodian *c, struct store_volume *v, struct cc_error *err)
{
	struct store_volume old;

	if (store_volume_get(c->store, v->name, &old, err))
		return err->code == CC_E_NOTFOUND ? store_volume_add(c->store, v, err) : -1;
	if (old.ready)
		return cc_fail(err, CC_E_EXISTS, "volume %s exists: remove it first", v->name);
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

int op_volume_create(struct custodian *c, struct call *call, struct cc_error *err)
{
	struct store_volume v = {
		.generation = 1, .created = c->clock.real(), .terms = CC_LEASE_TERMS_DEFAULT};

	if (parse(call->in, &v, err))
		return -1;
	NOTE(call->note.volume, v.name);
	if (make_key(c, &v, err) || put(c, &v, err))
		return -1;
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
	call->note.nothing = v.ready;
	v.ready = true;
	if (!call->note.nothing && store_volume_update(c->store, &v, err))
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
	if (cc_lease_terms_read(call->in, "request", &v.terms, err) ||
	    cc_mount_options_read(call->in, "request", &v.mount, err))
		return -1;
	call->note.nothing = cc_lease_terms_eq(&was.terms, &v.terms) &&
			     cc_mount_options_eq(&was.mount, &v.mount);
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
	if (sectors < v.sectors)
		return cc_fail(err, CC_E_INVALID,
			       "volume %s has %" PRIu64 " sectors and does not shrink to %" PRIu64,
			       v.name, v.sectors, sectors);
	call->note.nothing = sectors == v.sectors;
	snprintf(call->note.detail, sizeof(call->note.detail),
		 "from %" PRIu64 " to %" PRIu64 " sectors, by process %u", v.sectors, sectors,
		 call->rq->peer);
	v.sectors = sectors;
	if (check(&v, err) || (!call->note.nothing && store_volume_update(c->store, &v, err)))
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
	json_t *volumes;
};

static int list_one(void *arg, const struct store_volume *v, struct cc_error *err)
{
	struct listing *l = arg;
	json_t *obj = volume_json(l->c, v, err);

	if (!obj)
		return -1;
	if (json_array_append_new(l->volumes, obj))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return 0;
}

int op_volume_list(struct custodian *c, struct call *call, struct cc_error *err)
{
	struct listing l = {c, json_array()};

	if (json_object_set_new(call->out, "volumes", l.volumes))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return store_volume_each(c->store, list_one, &l, err);
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

int op_volume_delete(struct custodian *c, struct call *call, struct cc_error *err)
{
	struct store_lease lease;
	struct store_volume v;

	NOTE(call->note.volume, call->rq->arg);
	if (store_volume_get(c->store, call->rq->arg, &v, err))
		return -1;
	if (!lease_live(c->store, v.id, c->clock.boot_ms(), &lease, err)) {
		cc_fail(err, CC_E_BUSY,
			"volume %s is leased to container %.12s of agent %s: stop it first", v.name,
			lease.container, lease.agent);
		return cc_set_fact(err, "lease");
	}
	if (err->code != CC_E_NOTFOUND)
		return -1;
	snprintf(call->note.detail, sizeof(call->note.detail), "uuid %s, by process %u", v.uuid,
		 call->rq->peer);
	if (forget_leases(c, &v, err))
		return -1;
	return store_volume_delete(c->store, v.id, err);
}
