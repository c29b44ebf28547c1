// SPDX-License-Identifier: Apache-2.0
#include "jwk.h"

#include <stdio.h>
#include <string.h>
#include <jose/jwk.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>

#include "digest.h"
#include "jose.h"
#include "name.h"
#include "p256.h"

/* A coordinate or private scalar of P-256: 32 bytes, base64url (RFC 7518 section 6.2). */
static int get_number(const json_t *jwk, const char *key, unsigned char out[static CC_P256_LEN],
		      struct cc_error *err)
{
	const char *s = json_string_value(json_object_get(jwk, key));

	if (s && cc_b64u_decode32(s, out) == 0)
		return 0;
	return cc_fail(err, CC_E_INVALID, "key: \"%s\" is not 32 bytes of base64url", key);
}

/* The members there may be, and what they say but for the numbers. */
static int check_members(const json_t *jwk, bool private, const char *alg, struct cc_error *err)
{
	static const char *const public_members[] = {"kty", "crv", "x", "y", "alg", "kid", NULL};
	static const char *const private_members[] = {"kty", "crv", "x",   "y",
						      "d",   "alg", "kid", NULL};

	if (cc_json_only(jwk, "key", private ? private_members : public_members, err) ||
	    cc_jose_demand(jwk, "kty", "EC", "key", err) ||
	    cc_jose_demand(jwk, "crv", "P-256", "key", err))
		return -1;
	return alg && json_object_get(jwk, "alg") ? cc_jose_demand(jwk, "alg", alg, "key", err) : 0;
}

static int get_point(const json_t *jwk, unsigned char point[static CC_P256_POINT],
		     struct cc_error *err)
{
	point[0] = POINT_CONVERSION_UNCOMPRESSED;
	return get_number(jwk, "x", point + 1, err) ||
			       get_number(jwk, "y", point + 1 + CC_P256_LEN, err)
		       ? -1
		       : 0;
}

EC_POINT *cc_jwk_point(const json_t *jwk, const char *alg, struct cc_error *err)
{
	unsigned char bytes[CC_P256_POINT];
	EC_POINT *point;

	if (check_members(jwk, false, alg, err) || get_point(jwk, bytes, err))
		return NULL;
	point = cc_p256_point(bytes);
	if (!point)
		cc_fail(err, CC_E_INVALID, "key: not a point of P-256");
	return point;
}

EVP_PKEY *cc_jwk_pkey(const json_t *jwk, bool private, const char *alg, struct cc_error *err)
{
	unsigned char point[CC_P256_POINT], d[CC_P256_LEN];
	EVP_PKEY *key;

	if (check_members(jwk, private, alg, err) || get_point(jwk, point, err) ||
	    (private && get_number(jwk, "d", d, err)))
		return NULL;
	key = private ? cc_p256_private(point, d) : cc_p256_public(point);
	OPENSSL_cleanse(d, sizeof(d));
	if (!key)
		cc_fail(err, CC_E_INVALID, "key: not a point of P-256%s",
			private ? ", or another point than that of \"d\"" : "");
	return key;
}

json_t *cc_jwk_bare(const json_t *jwk, bool private, const char *alg, struct cc_error *err)
{
	cc_auto_pkey EVP_PKEY *key = cc_jwk_pkey(jwk, private, alg, err);
	json_t *bare;

	if (!key)
		return NULL;
	bare = json_pack("{s:s, s:s, s:s*, s:O, s:O, s:O*}", "kty", "EC", "crv", "P-256", "alg",
			 alg, "x", json_object_get(jwk, "x"), "y", json_object_get(jwk, "y"), "d",
			 private ? json_object_get(jwk, "d") : NULL);
	if (!bare)
		cc_fail(err, CC_E_NOMEM, "out of memory");
	return bare;
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
	cc_auto_pkey EVP_PKEY *key = cc_jwk_pkey(jwk, false, NULL, err);
	const json_t *alg = json_object_get(jwk, "alg"), *kid = json_object_get(jwk, "kid");

	if (!key)
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

/* The members that count, by name, without white space (RFC 7638 section 3.2). */
char *cc_jwk_thumbprint(const json_t *jwk, struct cc_error *err)
{
	const char *x = json_string_value(json_object_get(jwk, "x"));
	const char *y = json_string_value(json_object_get(jwk, "y"));
	unsigned char raw[CC_P256_LEN];
	char text[160], *out = malloc(CC_B64U_32 + 1);

	if (!out) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	if (!x || !y || cc_b64u_decode32(x, raw) || cc_b64u_decode32(y, raw) ||
	    cc_jose_demand(jwk, "kty", "EC", "key", err) ||
	    cc_jose_demand(jwk, "crv", "P-256", "key", err)) {
		cc_fail(err, CC_E_INVALID, "key: it has no thumbprint");
		free(out);
		return NULL;
	}
	snprintf(text, sizeof(text), "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}",
		 x, y);
	cc_sha256(text, strlen(text), raw);
	cc_b64u_encode32(raw, out);
	return out;
}
