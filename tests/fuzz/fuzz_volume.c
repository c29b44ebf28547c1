// SPDX-License-Identifier: Apache-2.0
/*
 * keyd's record of a volume: what is taken is safe to put into a table line and a file name, and
 * written and read again it is the same. The same bytes as a wish: what passes the check makes a
 * record that is taken, too.
 */
#include <string.h>

#include "fuzz.h"
#include "name.h"
#include "volume.h"

static void check_record(const struct cc_volume *v)
{
	cc_auto_json json_t *out = cc_volume_to_json(v), *again = NULL;
	struct cc_error err = {0};
	struct cc_volume back;

	REQUIRE(cc_is_name(v->name) && cc_is_uuid(v->uuid) && cc_is_name(v->realm));
	REQUIRE(!strcmp(v->cipher, CC_VOLUME_CIPHER));
	REQUIRE(v->offset >= CC_VOLUME_HEADER_SECTORS && v->sectors);
	REQUIRE((v->offset + v->sectors) * 512 / 512 == v->offset + v->sectors);
	REQUIRE(v->sectors % (v->sector_size / 512) == 0);
	REQUIRE(out && !cc_volume_from_json(&back, out, &err));
	again = cc_volume_to_json(&back);
	REQUIRE(again && json_equal(out, again));
}

/* As keyd does at creation. */
static void check_wish(const json_t *obj)
{
	struct cc_error err = {0};
	struct cc_volume v;

	if (cc_volume_wish_from_json(&v, obj, &err)) {
		REQUIRE(err.code && err.text[0]);
		return;
	}
	v.generation = 1;
	strcpy(v.realm, "fuzz");
	if (!cc_volume_check(&v, &err))
		check_record(&v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cc_error err = {0};
	struct cc_volume v;
	json_t *obj = cc_json_parse((const char *)data, size, "record", &err);

	if (!obj)
		return 0;
	if (cc_volume_from_json(&v, obj, &err))
		REQUIRE(err.code && err.text[0]);
	else
		check_record(&v);
	check_wish(obj);
	json_decref(obj);
	return 0;
}
