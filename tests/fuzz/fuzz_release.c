// SPDX-License-Identifier: Apache-2.0
/* A release as a compact JWE, under the one-time key that the one in the corpus is for. */
#include "fuzz.h"
#include "release.h"

/* Made for this file; it never protected anything. */
static const char recipient[] =
	"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"aSwMedJ96dImtTtKMxdDUiFYXYPZruBN4wDUX7ksLhg\","
	"\"y\":\"jFEQS-UafHDnc37O2VWO04NbzVJb2mHnpuakakM2VD8\","
	"\"d\":\"oNiqat3Lt1Fv7mjX3CMhKr_bgNwC_xtbyH_bFYt0qCM\",\"alg\":\"ECDH-ES\"}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static json_t *key;
	struct cc_error err = {0};
	struct cc_secret out = {0};

	if (!key) {
		REQUIRE(!cc_secret_heap_init(&err));
		key = json_loads(recipient, 0, NULL);
	}
	REQUIRE(key);
	if (cc_release_open((const char *)data, size, key, &out, &err))
		REQUIRE(err.code && err.text[0] && !out.p);
	else
		REQUIRE(out.len > 0 && out.len <= CC_VOLUME_KEY_MAX);
	cc_secret_clear(&out);
	return 0;
}
