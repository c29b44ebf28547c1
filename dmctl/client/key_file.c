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

/* It may hold a private key. */
static json_t *read_jwk(const char *path, struct cc_error *err)
{
	cc_auto_free char *text = NULL;
	json_t *jwk;
	size_t len;

	if (cc_read_file(path, &text, &len, err))
		return NULL;
	jwk = cc_json_parse(text, len, path, err);
	OPENSSL_cleanse(text, len);
	return jwk;
}

json_t *key_file_jwk(const char *path, struct cc_error *err)
{
	cc_auto_json json_t *jwk = read_jwk(path, err);

	return jwk ? cc_jwk_public(jwk, err) : NULL;
}

static int check_use(const json_t *jwk, const char *path, struct cc_error *err)
{
	const char *use = json_string_value(json_object_get(jwk, "use"));
	const char *alg = json_string_value(json_object_get(jwk, "alg"));

	if (json_object_get(jwk, "d"))
		return cc_fail(err, CC_E_INVALID,
			       "%s is a private key, which belongs where the volume is rescued; "
			       "give its public part (jose jwk pub -i %s)",
			       path, path);
	if ((use && strcmp(use, "enc") != 0) || (alg && strncmp(alg, "ECDH-ES", 7) != 0))
		return cc_fail(err, CC_E_INVALID,
			       "%s is a key for something else; make one to encrypt to (jose jwk "
			       "gen -i '{\"kty\":\"EC\",\"crv\":\"P-256\"}')",
			       path);
	return 0;
}

json_t *key_file_recipient(const char *path, struct cc_error *err)
{
	cc_auto_json json_t *jwk = read_jwk(path, err), *public = NULL;

	if (!jwk || check_use(jwk, path, err))
		return NULL;
	/* keyd takes one way to agree on a key, and no name of it */
	json_object_del(jwk, "alg");
	json_object_del(jwk, "kid");
	public = cc_jwk_public(jwk, err);
	if (!public)
		cc_prefix(err, "%s", path);
	return cc_steal(public);
}
