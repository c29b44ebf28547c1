// SPDX-License-Identifier: Apache-2.0
/*
 * key_file.c - files with the public keys that keyd is to trust.
 */
#include "client/key_file.h"

#include <openssl/crypto.h>

#include "file.h"
#include "jwk.h"
#include "pkey.h"

char *key_file_pem(const char *path, struct cc_error *err)
{
	cc_auto_free char *pem = NULL;
	cc_auto_pkey EVP_PKEY *key = NULL;
	size_t len;

	if (cc_read_file(path, &pem, &len, err))
		return NULL;
	key = cc_pubkey_parse(pem, len, err);
	if (!key) {
		cc_prefix(err, "%s", path);
		return NULL;
	}
	return cc_steal(pem);
}

json_t *key_file_jwk(const char *path, struct cc_error *err)
{
	cc_auto_free char *text = NULL;
	cc_auto_json json_t *jwk = NULL;
	size_t len;

	if (cc_read_file(path, &text, &len, err))
		return NULL;
	jwk = cc_json_parse(text, len, path, err);
	OPENSSL_cleanse(text, len);
	return jwk ? cc_jwk_public(jwk, err) : NULL;
}

static json_t *recipient_of(const json_t *jwk, const char *path, struct cc_error *err)
{
	const char *use = json_string_value(json_object_get(jwk, "use"));
	const char *alg = json_string_value(json_object_get(jwk, "alg"));

	if (json_object_get(jwk, "d")) {
		cc_fail(err, CC_E_INVALID,
			"%s is a private key, which belongs where the volume is rescued; give its "
			"public part (jose jwk pub -i %s)",
			path, path);
		return NULL;
	}
	if ((use && strcmp(use, "enc") != 0) || (alg && strncmp(alg, "ECDH-ES", 7) != 0)) {
		cc_fail(err, CC_E_INVALID,
			"%s is a key for something else; make one to encrypt to (jose jwk gen -i "
			"'{\"alg\":\"ECDH-ES\",\"crv\":\"P-256\"}')",
			path);
		return NULL;
	}
	return json_pack("{s:O?, s:O?, s:O?, s:O?}", "kty", json_object_get(jwk, "kty"), "crv",
			 json_object_get(jwk, "crv"), "x", json_object_get(jwk, "x"), "y",
			 json_object_get(jwk, "y"));
}

json_t *key_file_recipient(const char *path, struct cc_error *err)
{
	cc_auto_free char *text = NULL;
	cc_auto_json json_t *jwk = NULL, *out = NULL;
	size_t len;

	if (cc_read_file(path, &text, &len, err))
		return NULL;
	jwk = cc_json_parse(text, len, path, err);
	OPENSSL_cleanse(text, len);
	out = jwk ? recipient_of(jwk, path, err) : NULL;
	if (!out)
		return NULL;
	if (cc_jwk_check_public(out, err)) {
		cc_prefix(err, "%s", path);
		return NULL;
	}
	return cc_steal(out);
}
