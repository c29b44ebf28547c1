// SPDX-License-Identifier: Apache-2.0
/*
 * Evidence as a compact JWS, under the key that signed the one in the corpus: serialisation,
 * header, signature. The claims behind it have a target of their own.
 */
#include <string.h>

#include "evidence.h"
#include "fuzz.h"
#include "name.h"

static const char agent[] =
	"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"u5t2_tpl04lYbhIvCpmuFDLuwmyOCGQ_1GUhYoMlxFU\","
	"\"y\":\"D352EkSeyfGBxJJPxYQ5tj7gApi4KXn98yVD9fZGE9I\",\"alg\":\"ES256\",\"kid\":\"host1\"}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static EVP_PKEY *key;
	struct cc_error err = {0};
	struct cc_evidence ev = {0};
	char kid[64] = "";

	if (!key) {
		json_t *jwk = json_loads(agent, 0, NULL);

		key = cc_evidence_key(jwk, &err);
		json_decref(jwk);
	}
	REQUIRE(key);
	if (!cc_evidence_kid((const char *)data, size, kid, &err))
		REQUIRE(cc_is_name(kid));
	if (cc_evidence_verify((const char *)data, size, key, &ev, &err))
		REQUIRE(err.code && err.fact[0] && !ev.iss);
	else
		REQUIRE(!strcmp(ev.iss, kid));
	cc_evidence_clear(&ev);
	return 0;
}
