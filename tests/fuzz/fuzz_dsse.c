// SPDX-License-Identifier: Apache-2.0
/*
 * A DSSE envelope under the key that signed the one in the corpus, and a simple-signing payload
 * whose signature is good, so that what lies behind the verification is reached too.
 */
#include <string.h>

#include "b64.h"
#include "digest.h"
#include "dsse.h"
#include "fuzz.h"
#include "pkey.h"

static const char pem[] = "-----BEGIN PUBLIC KEY-----\n"
			  "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAErWxtJQNGtNpATEfSn6l63QCq/mlb\n"
			  "vprHw1f4cGuwwjDUFUEibu8lrQn5KAW102OVEFMwMbi9lYUXY2U0tQPkSg==\n"
			  "-----END PUBLIC KEY-----\n";

static void simple_signing(const uint8_t *data, size_t size)
{
	static EVP_PKEY *key;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char sig[64];
	size_t n = sizeof(sig);
	struct cc_error err = {0};
	struct cc_simplesigning got = {0};
	char *b64;

	if (!key)
		key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	REQUIRE(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1);
	REQUIRE(EVP_DigestSign(ctx, sig, &n, data, size) == 1);
	EVP_MD_CTX_free(ctx);
	b64 = cc_b64_encode(sig, n);
	if (cc_simplesigning_verify((const char *)data, size, b64, key, &got, &err))
		REQUIRE(err.code == CC_E_INVALID && err.text[0]);
	else
		REQUIRE(cc_is_digest(got.digest) && got.reference);
	cc_simplesigning_clear(&got);
	free(b64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static EVP_PKEY *key;
	struct cc_error err = {0};
	char *payload = NULL;
	size_t len = 0;

	if (!key)
		key = cc_pubkey_parse(pem, strlen(pem), &err);
	REQUIRE(key);
	if (cc_dsse_verify((const char *)data, size, CC_DSSE_INTOTO, key, &payload, &len, &err))
		REQUIRE(err.code && err.text[0] && !payload);
	else
		REQUIRE(payload[len] == '\0');
	free(payload);
	simple_signing(data, size);
	return 0;
}
