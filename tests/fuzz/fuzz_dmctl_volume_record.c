// SPDX-License-Identifier: Apache-2.0
/* keyd's record of a volume: what is taken is safe to put into a table line and a file name. */
#include <string.h>

#include "dmctl/volume/luks.h"
#include "name.h"
#include "dmctl/client/volume_record.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cc_error err = {0};
	struct volume_record v;
	json_t *obj = cc_json_parse((const char *)data, size, "record", &err);

	if (!obj)
		return 0;
	if (volume_record_from_json(&v, obj, &err)) {
		REQUIRE(err.code && err.text[0]);
	} else {
		REQUIRE(cc_is_name(v.name) && cc_is_uuid(v.uuid) && cc_is_name(v.realm));
		REQUIRE(!strcmp(v.cipher, VOLUME_CIPHER));
		REQUIRE(v.offset >= LUKS_DATA_OFFSET_SECTORS && v.sectors);
		REQUIRE((v.offset + v.sectors) * 512 / 512 == v.offset + v.sectors);
		REQUIRE(v.sectors % (v.sector_size / 512) == 0);
	}
	json_decref(obj);
	return 0;
}
