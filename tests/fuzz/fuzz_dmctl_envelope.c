// SPDX-License-Identifier: Apache-2.0
/* A file of identities from a stranger; what was read can be picked from and read again. */
#include <string.h>

#include "dmctl/client/envelope.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct envelopes e, again;
	struct cc_error err = {0};
	const struct envelope *v;

	if (envelopes_parse((const char *)data, size, "file", &e, &err)) {
		REQUIRE(err.code && err.text[0] && e.n == 0);
		return 0;
	}
	for (size_t i = 0; i < e.n; i++) {
		size_t len;
		char *payload = envelope_payload(&e.v[i], &len, &err);

		REQUIRE(payload && !payload[len]);
		free(payload);
		v = envelopes_pick(&e, e.v[i].id->volume, &err);
		REQUIRE(v && v->id->serial >= e.v[i].id->serial);
	}
	REQUIRE(!envelopes_parse(e.v[0].text, strlen(e.v[0].text), "file", &again, &err));
	REQUIRE(again.n == 1 && again.v[0].id->serial == e.v[0].id->serial);
	envelopes_clear(&again);
	envelopes_clear(&e);
	return 0;
}
