// SPDX-License-Identifier: Apache-2.0
/* What the reader of plain documents makes of one is what jansson makes of it, member by member. */
#include <string.h>

#include "fuzz.h"
#include "json_plain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *plain = cc_json_plain((const char *)data, size), *whole;
	char *mine, *its;

	if (!plain)
		return 0;
	whole = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	REQUIRE(whole && json_equal(plain, whole));
	mine = json_dumps(plain, JSON_COMPACT);
	its = json_dumps(whole, JSON_COMPACT);
	REQUIRE(mine && its && !strcmp(mine, its));
	free(mine);
	free(its);
	json_decref(plain);
	json_decref(whole);
	return 0;
}
