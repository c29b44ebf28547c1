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
