// SPDX-License-Identifier: Apache-2.0
#include "jwk.h"

#include <string.h>
#include <jose/jwk.h>
#include <jose/openssl.h>
#include <openssl/crypto.h>

#include "jose.h"
#include "name.h"

/* A coordinate or private scalar of P-256: 32 bytes, base64url (RFC 7518 section 6.2). */
static int copy_number(json_t *to, const json_t *jwk, const char *key, struct cc_error *err)
{
	const char *s = json_string_value(json_object_get(jwk, key));
	unsigned char raw[32];
	int ok = s && cc_b64u_decode32(s, raw) == 0;

	OPENSSL_cleanse(raw, sizeof(raw));
	if (!ok)
		return cc_fail(err, CC_E_INVALID, "key: \"%s\" is not 32 bytes of base64url", key);
	if (json_object_set(to, key, json_object_get(jwk, key)))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return 0;
}

/* The point is on the curve and "d" belongs to it. */
static int check_point(const json_t *bare, struct cc_error *err)
{
	cc_auto_jose_cfg jose_cfg_t *cfg = cc_jose_cfg();
	EVP_PKEY *key = jose_openssl_jwk_to_EVP_PKEY(cfg, bare);

	if (!key)
		return cc_fail(err, CC_E_INVALID, "key: not a point of P-256");
	EVP_PKEY_free(key);
	return 0;
}

json_t *cc_jwk_bare(const json_t *jwk, bool private, const char *alg, struct cc_error *err)
{
	static const char *const public_members[] = {"kty", "crv", "x", "y", "alg", "kid", NULL};
	static const char *const private_members[] = {"kty", "crv", "x",   "y",
						      "d",   "alg", "kid", NULL};
	cc_auto_json json_t *bare = NULL;

	if (cc_json_only(jwk, "key", private ? private_members : public_members, err) ||
	    cc_jose_demand(jwk, "kty", "EC", "key", err) ||
	    cc_jose_demand(jwk, "crv", "P-256", "key", err) ||
	    (alg && json_object_get(jwk, "alg") && cc_jose_demand(jwk, "alg", alg, "key", err)))
		return NULL;
	bare = json_pack("{s:s, s:s, s:s*}", "kty", "EC", "crv", "P-256", "alg", alg);
	if (!bare) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	if (copy_number(bare, jwk, "x", err) || copy_number(bare, jwk, "y", err) ||
	    (private && copy_number(bare, jwk, "d", err)) || check_point(bare, err))
		return NULL;
	return cc_steal(bare);
}

json_t *cc_jwk_new(const char *kid, bool recipient, struct cc_error *err)
{
	cc_auto_jose_cfg jose_cfg_t *cfg = cc_jose_cfg();
	cc_auto_json json_t *jwk = json_pack("{s:s, s:s}", "kty", "EC", "crv", "P-256");

	/* Without "alg" while it is made: libjose takes ECDH-ES for a wish for P-521. */
	if (!cfg || !jose_jwk_gen(cfg, jwk)) {
		cc_fail(err, CC_E_INTERNAL, "cannot make a key");
		return NULL;
	}
	if (json_object_set_new(jwk, "alg", json_string(recipient ? "ECDH-ES" : "ES256")) ||
	    (kid && json_object_set_new(jwk, "kid", json_string(kid)))) {
		cc_fail(err, CC_E_INVALID, "the key's name is not UTF-8");
		return NULL;
	}
	return cc_steal(jwk);
}

json_t *cc_jwk_public(const json_t *jwk, struct cc_error *err)
{
	static const char *const members[] = {"kty", "crv", "x", "y", "alg", "kid", NULL};
	cc_auto_json json_t *pub = json_object();

	for (const char *const *m = members; *m; m++) {
		json_t *v = json_object_get(jwk, *m);

		if (v && json_object_set(pub, *m, v)) {
			cc_fail(err, CC_E_NOMEM, "out of memory");
			return NULL;
		}
	}
	return cc_jwk_check_public(pub, err) ? NULL : cc_steal(pub);
}

int cc_jwk_check_public(const json_t *jwk, struct cc_error *err)
{
	cc_auto_json json_t *bare = cc_jwk_bare(jwk, false, NULL, err);
	const json_t *alg = json_object_get(jwk, "alg"), *kid = json_object_get(jwk, "kid");

	if (!bare)
		return -1;
	if (alg && (!json_is_string(alg) || (strcmp(json_string_value(alg), "ES256") != 0 &&
					     strcmp(json_string_value(alg), "ECDH-ES") != 0)))
		return cc_fail(err, CC_E_INVALID, "key: \"alg\" must be ES256 or ECDH-ES");
	if (kid && (!json_is_string(kid) || !cc_is_name(json_string_value(kid))))
		return cc_fail(
			err, CC_E_INVALID,
			"key: \"kid\" must be a name of at most 63 characters a-z 0-9 _ . -");
	return 0;
}

char *cc_jwk_thumbprint(const json_t *jwk, struct cc_error *err)
{
	cc_auto_jose_cfg jose_cfg_t *cfg = cc_jose_cfg();
	unsigned char raw[32];
	char *out = malloc(CC_B64U_32 + 1);

	if (!cfg || !out) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
	} else if (jose_jwk_thp_buf(cfg, jwk, "S256", raw, sizeof(raw)) != sizeof(raw) ||
		   cc_b64u_encode32(raw, out)) {
		cc_fail(err, CC_E_INVALID, "key: it has no thumbprint");
	} else {
		return out;
	}
	free(out);
	return NULL;
}
