// SPDX-License-Identifier: Apache-2.0
/*
 * volume_record.c - keyd's record of a volume, parsed and range-checked.
 */
#include "client/volume_record.h"

#include <inttypes.h>
#include <string.h>

#include "volume/luks.h"
#include "name.h"

#define WHAT "volume record"
/* The last byte of the LUN must have an offset that fits off_t. */
#define SECTORS_MAX ((uint64_t)INT64_MAX / 512)

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

static int get_number(const json_t *obj, const char *key, uint64_t min, uint64_t max, uint64_t *out,
		      struct cc_error *err)
{
	if (cc_json_u64(obj, WHAT, key, true, out, err))
		return -1;
	if (*out < min || *out > max)
		return cc_fail(err, CC_E_INVALID,
			       WHAT ": %s is %" PRIu64 ", not between %" PRIu64 " and %" PRIu64,
			       key, *out, min, max);
	return 0;
}

/* A number that is one of two. */
static int get_either(const json_t *obj, const char *key, uint32_t a, uint32_t b, uint32_t *out,
		      struct cc_error *err)
{
	uint64_t n = 0;

	if (cc_json_u64(obj, WHAT, key, true, &n, err))
		return -1;
	if (n != a && n != b)
		return cc_fail(err, CC_E_INVALID, WHAT ": %s is %" PRIu64 ", not %u or %u", key, n,
			       a, b);
	*out = (uint32_t)n;
	return 0;
}

static bool is_fs(const char *fs)
{
	return strcmp(fs, "ext4") == 0 || strcmp(fs, "xfs") == 0 || strcmp(fs, "none") == 0;
}

static int check(const struct volume_record *v, struct cc_error *err)
{
	if (!cc_is_name(v->name))
		return cc_fail(err, CC_E_INVALID, WHAT ": name is not [a-z0-9][a-z0-9_.-]{0,62}");
	if (!cc_is_uuid(v->uuid))
		return cc_fail(err, CC_E_INVALID, WHAT ": uuid is not a lower-case UUID");
	if (strcmp(v->cipher, VOLUME_CIPHER))
		return cc_fail(err, CC_E_INVALID, WHAT ": cipher is not " VOLUME_CIPHER);
	if (!is_fs(v->fs))
		return cc_fail(err, CC_E_INVALID, WHAT ": fs is not ext4, xfs or none");
	if (!cc_is_name(v->realm))
		return cc_fail(err, CC_E_INVALID, WHAT ": realm is not [a-z0-9][a-z0-9_.-]{0,62}");
	if (v->offset % (v->sector_size / 512) || v->sectors % (v->sector_size / 512))
		return cc_fail(err, CC_E_INVALID,
			       WHAT ": offset or sectors is no multiple of the sector size");
	if (v->sectors > SECTORS_MAX - v->offset)
		return cc_fail(err, CC_E_INVALID, WHAT ": offset and sectors exceed any device");
	return 0;
}

int volume_record_from_json(struct volume_record *v, const json_t *obj, struct cc_error *err)
{
	char state[16];

	*v = (struct volume_record){.terms = CC_LEASE_TERMS_DEFAULT};
	if (!json_is_object(obj))
		return cc_fail(err, CC_E_INVALID, WHAT ": not a JSON object");
	if (get_text(obj, "name", v->name, sizeof(v->name), err) ||
	    get_text(obj, "uuid", v->uuid, sizeof(v->uuid), err) ||
	    get_text(obj, "cipher", v->cipher, sizeof(v->cipher), err) ||
	    get_either(obj, "keyBytes", 32, 64, &v->key_bytes, err) ||
	    get_either(obj, "sectorSize", 512, 4096, &v->sector_size, err) ||
	    get_number(obj, "offset", LUKS_DATA_OFFSET_SECTORS, SECTORS_MAX, &v->offset, err) ||
	    get_number(obj, "sectors", 1, SECTORS_MAX, &v->sectors, err) ||
	    get_text(obj, "fs", v->fs, sizeof(v->fs), err) ||
	    get_number(obj, "generation", 1, UINT32_MAX, &v->generation, err) ||
	    get_text(obj, "realm", v->realm, sizeof(v->realm), err) ||
	    get_text(obj, "state", state, sizeof(state), err) ||
	    cc_lease_terms_read(obj, WHAT, &v->terms, err) ||
	    cc_mount_options_read(obj, WHAT, &v->mount, err) || check(v, err))
		return -1;
	v->ready = strcmp(state, "ready") == 0;
	if (!v->ready && strcmp(state, "creating"))
		return cc_fail(err, CC_E_INVALID, WHAT ": state is not creating or ready");
	return 0;
}
