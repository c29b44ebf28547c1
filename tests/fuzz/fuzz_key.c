// SPDX-License-Identifier: Apache-2.0
/*
 * Public keys that administrators and agents hand in: a signer's PEM, an agent's or one-time JWK.
 */
#include "digest.h"
#include "fuzz.h"
#include "jwk.h"
#include "pkey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cc_error err = {0};
	EVP_PKEY *key = cc_pubkey_parse((const char *)data, size, &err);
	json_t *jwk = cc_json_parse((const char *)data, size, "key", &err);
	char id[72], *thumbprint;

	if (key)
		REQUIRE(!cc_pubkey_id(key, id, &err) && cc_is_digest(id));
	if (jwk && !cc_jwk_check_public(jwk, &err)) {
		thumbprint = cc_jwk_thumbprint(jwk, &err);
		REQUIRE(thumbprint);
		free(thumbprint);
	}
	EVP_PKEY_free(key);
	json_decref(jwk);
	return 0;
}
