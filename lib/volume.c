// SPDX-License-Identifier: Apache-2.0
#include "volume.h"

#include <inttypes.h>
#include <string.h>

#include "timestamp.h"

#define WHAT "volume"
/* The last byte of the LUN must have an offset that fits off_t. */
#define SECTORS_MAX ((uint64_t)INT64_MAX / 512)

/* ---- check --------------------------------------------------------------------------------- */

static int check_number(const char *key, uint64_t n, uint64_t min, uint64_t max,
			struct cc_error *err)
{
	if (n >= min && n <= max)
		return 0;
	return cc_fail(err, CC_E_INVALID,
		       WHAT ": %s is %" PRIu64 ", not between %" PRIu64 " and %" PRIu64, key, n,
		       min, max);
}

static int check_either(const char *key, uint32_t n, uint32_t a, uint32_t b, struct cc_error *err)
{
	if (n == a || n == b)
		return 0;
	return cc_fail(err, CC_E_INVALID, WHAT ": %s is %u, not %u or %u", key, n, a, b);
}

static int check_name(const char *key, const char *s, struct cc_error *err)
{
	if (cc_is_name(s))
		return 0;
	return cc_fail(err, CC_E_INVALID, WHAT ": %s is \"%s\", not " CC_NAME_RULE, key, s);
}

static bool is_fs(const char *fs)
{
	return strcmp(fs, "ext4") == 0 || strcmp(fs, "xfs") == 0 || strcmp(fs, "none") == 0;
}

/* What the mapping spans: whole encryption sectors, behind the header, on a device that can be. */
static int check_span(const struct cc_volume *v, struct cc_error *err)
{
	uint64_t per_sector = v->sector_size / 512;

	if (check_number("offset", v->offset, CC_VOLUME_HEADER_SECTORS, SECTORS_MAX, err) ||
	    check_number("sectors", v->sectors, 1, SECTORS_MAX, err))
		return -1;
	if (v->offset % per_sector || v->sectors % per_sector)
		return cc_fail(err, CC_E_INVALID,
			       WHAT ": %s is not a multiple of the sector size, %u bytes",
			       v->offset % per_sector ? "offset" : "sectors", v->sector_size);
	if (v->sectors > SECTORS_MAX - v->offset)
		return cc_fail(err, CC_E_INVALID, WHAT ": offset and sectors exceed any device");
	return 0;
}

int cc_volume_check(const struct cc_volume *v, struct cc_error *err)
{
	if (check_name("name", v->name, err))
		return -1;
	if (!cc_is_uuid(v->uuid))
		return cc_fail(err, CC_E_INVALID, WHAT ": uuid is not a lower-case UUID");
	if (strcmp(v->cipher, CC_VOLUME_CIPHER) != 0)
		return cc_fail(err, CC_E_INVALID, WHAT ": cipher is not " CC_VOLUME_CIPHER);
	if (check_either("keyBytes", v->key_bytes, 32, 64, err) ||
	    check_either("sectorSize", v->sector_size, 512, 4096, err) || check_span(v, err))
		return -1;
	if (!is_fs(v->fs))
		return cc_fail(err, CC_E_INVALID, WHAT ": fs is \"%s\", not ext4, xfs or none",
			       v->fs);
	if (check_number("generation", v->generation, 1, UINT32_MAX, err))
		return -1;
	if (v->creator[0] && check_name("creator", v->creator, err))
		return -1;
	return check_name("realm", v->realm, err);
}

/* ---- from JSON ----------------------------------------------------------------------------- */

static int get_text(const json_t *obj, const char *key, char *out, size_t size,
		    struct cc_error *err)
{
	cc_auto_free char *s = NULL;

	if (cc_json_str(obj, WHAT, key, true, &s, err))
		return -1;
	if (strlen(s) >= size)
		return cc_fail(err, CC_E_INVALID, WHAT ": %s is too long", key);
	memcpy(out, s, strlen(s) + 1);
	return 0;
}

/* Nobody is "" in the structure, and absent in JSON. */
static int get_creator(const json_t *obj, char out[static CC_NAME_LEN], struct cc_error *err)
{
	if (!json_object_get(obj, "creator"))
		return 0;
	return get_text(obj, "creator", out, CC_NAME_LEN, err) || check_name("creator", out, err)
		       ? -1
		       : 0;
}

static int get_u32(const json_t *obj, const char *key, uint32_t *out, struct cc_error *err)
{
	uint64_t n = 0;

	if (cc_json_u64(obj, WHAT, key, true, &n, err) || check_number(key, n, 0, UINT32_MAX, err))
		return -1;
	*out = (uint32_t)n;
	return 0;
}

static int get_state(const json_t *obj, bool *ready, struct cc_error *err)
{
	char state[16];

	if (get_text(obj, "state", state, sizeof(state), err))
		return -1;
	*ready = strcmp(state, "ready") == 0;
	if (!*ready && strcmp(state, "creating") != 0)
		return cc_fail(err, CC_E_INVALID, WHAT ": state is not creating or ready");
	return 0;
}

static int get_created(const json_t *obj, int64_t *created, struct cc_error *err)
{
	char text[CC_TIME_LEN];

	if (get_text(obj, "created", text, sizeof(text), err))
		return -1;
	if (cc_time_parse(text, created))
		return cc_fail(err, CC_E_INVALID, WHAT ": created is not a time in UTC");
	return 0;
}

static int get_wish(struct cc_volume *v, const json_t *obj, struct cc_error *err)
{
	*v = (struct cc_volume){.terms = CC_LEASE_TERMS_DEFAULT};
	if (get_text(obj, "name", v->name, sizeof(v->name), err) ||
	    get_text(obj, "uuid", v->uuid, sizeof(v->uuid), err) ||
	    get_text(obj, "cipher", v->cipher, sizeof(v->cipher), err) ||
	    get_u32(obj, "keyBytes", &v->key_bytes, err) ||
	    get_u32(obj, "sectorSize", &v->sector_size, err) ||
	    cc_json_u64(obj, WHAT, "offset", true, &v->offset, err) ||
	    cc_json_u64(obj, WHAT, "sectors", true, &v->sectors, err) ||
	    get_text(obj, "fs", v->fs, sizeof(v->fs), err) || get_creator(obj, v->creator, err) ||
	    cc_lease_terms_read(obj, WHAT, &v->terms, err) ||
	    cc_mount_options_read(obj, WHAT, &v->mount, err))
		return -1;
	return 0;
}

int cc_volume_wish_from_json(struct cc_volume *v, const json_t *obj, struct cc_error *err)
{
	static const char *const known[] = {"name",	    "uuid",	  "cipher",
					    "keyBytes",	    "sectorSize", "offset",
					    "sectors",	    "fs",	  CC_LEASE_TERMS_MEMBERS,
					    "mountOptions", "creator",	  NULL};

	return cc_json_only(obj, WHAT, known, err) || get_wish(v, obj, err) ? -1 : 0;
}

int cc_volume_from_json(struct cc_volume *v, const json_t *obj, struct cc_error *err)
{
	if (!json_is_object(obj))
		return cc_fail(err, CC_E_INVALID, WHAT ": not a JSON object");
	if (get_wish(v, obj, err) ||
	    cc_json_u64(obj, WHAT, "generation", true, &v->generation, err) ||
	    get_text(obj, "realm", v->realm, sizeof(v->realm), err) ||
	    get_state(obj, &v->ready, err) || get_created(obj, &v->created, err))
		return -1;
	return cc_volume_check(v, err);
}

/* ---- to JSON ------------------------------------------------------------------------------- */

json_t *cc_volume_wish_to_json(const struct cc_volume *v)
{
	cc_auto_json json_t *terms = cc_lease_terms_to_json(&v->terms);
	cc_auto_json json_t *obj = NULL;
	char mount[CC_MOUNT_OPTIONS_TEXT];

	cc_mount_options_text(&v->mount, mount);
	obj = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s, s:s}", "name", v->name, "uuid",
			v->uuid, "cipher", v->cipher, "keyBytes", (json_int_t)v->key_bytes,
			"sectorSize", (json_int_t)v->sector_size, "offset", (json_int_t)v->offset,
			"sectors", (json_int_t)v->sectors, "fs", v->fs, "mountOptions", mount);
	if (!obj || !terms || json_object_update(obj, terms) ||
	    (v->creator[0] && json_object_set_new(obj, "creator", json_string(v->creator))))
		return NULL;
	return cc_steal(obj);
}

json_t *cc_volume_to_json(const struct cc_volume *v)
{
	cc_auto_json json_t *obj = cc_volume_wish_to_json(v), *rest = NULL;
	char created[CC_TIME_LEN];

	cc_time_format(v->created, created);
	rest = json_pack("{s:I, s:s, s:s, s:s}", "generation", (json_int_t)v->generation, "state",
			 v->ready ? "ready" : "creating", "realm", v->realm, "created", created);
	if (!obj || !rest || json_object_update(obj, rest))
		return NULL;
	return cc_steal(obj);
}
