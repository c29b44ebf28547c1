// SPDX-License-Identifier: Apache-2.0
/* A file of identities from a stranger; what was read can be picked from and read again. */
#include <string.h>

#include "dmctl/client/identity_file.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct identity_file e, again;
	struct cc_error err = {0};
	const struct identity_envelope *v;

	if (identity_file_parse((const char *)data, size, "file", &e, &err)) {
		REQUIRE(err.code && err.text[0] && e.n == 0);
		return 0;
	}
	for (size_t i = 0; i < e.n; i++) {
		size_t len;
		char *payload = identity_envelope_payload(&e.v[i], &len, &err);

		REQUIRE(payload && !payload[len]);
		free(payload);
		v = identity_file_pick(&e, e.v[i].id->volume, &err);
		REQUIRE(v && v->id->serial >= e.v[i].id->serial);
	}
	REQUIRE(!identity_file_parse(e.v[0].text, strlen(e.v[0].text), "file", &again, &err));
	REQUIRE(again.n == 1 && again.v[0].id->serial == e.v[0].id->serial);
	identity_file_clear(&again);
	identity_file_clear(&e);
	return 0;
}
