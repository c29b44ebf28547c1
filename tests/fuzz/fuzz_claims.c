// SPDX-License-Identifier: Apache-2.0
/* The claims of evidence whose signature has verified; what parses can be signed again. */
#include <string.h>

#include "evidence.h"
#include "fuzz.h"
#include "jwk.h"
#include "name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cc_error err = {0};
	struct cc_evidence ev, back = {0};
	json_t *key, *public;
	char *jws = NULL;

	if (cc_evidence_claims_parse((const char *)data, size, &ev, &err)) {
		REQUIRE(err.code && err.text[0] && !ev.aud && !ev.measurement);
		return 0;
	}
	if (cc_is_name(ev.iss)) {
		key = cc_jwk_new(ev.iss, false, &err);
		public = cc_jwk_public(key, &err);
		if (cc_evidence_sign(&ev, key, &jws, &err)) {
			REQUIRE(strstr(err.text, "longer than"));
		} else {
			EVP_PKEY *pkey = cc_evidence_key(public, &err);

			REQUIRE(pkey && !cc_evidence_verify(jws, strlen(jws), pkey, &back, &err));
			EVP_PKEY_free(pkey);
			REQUIRE(!memcmp(back.nonce, ev.nonce, CC_NONCE_LEN) && back.op == ev.op);
		}
		json_decref(key);
		json_decref(public);
	}
	free(jws);
	cc_evidence_clear(&back);
	cc_evidence_clear(&ev);
	return 0;
}
