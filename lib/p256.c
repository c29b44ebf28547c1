// SPDX-License-Identifier: Apache-2.0
#include "p256.h"

#include <stdint.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>

#include "digest.h"
#include "pkey.h"

#define GROUP "prime256v1"
#define VERIFIERS 64
#define VERIFIER_STEP 64 /* bytes from one key to the next, at least */
#define DER_MAX 72	 /* bytes of ECDSA-Sig-Value, RFC 3279 section 2.2.3 */

static void ctx_free(EVP_PKEY_CTX **ctx)
{
	EVP_PKEY_CTX_free(*ctx);
}
#define auto_ctx cc_cleanup(ctx_free)

static void sig_free(ECDSA_SIG **sig)
{
	ECDSA_SIG_free(*sig);
}
#define auto_sig cc_cleanup(sig_free)

/* ---- keys ---- */

static EVP_PKEY *from_data(int selection, OSSL_PARAM *params)
{
	auto_ctx EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, selection, params) != 1)
		return NULL;
	return key;
}

/* The curve without a point. To copy it takes a quarter of the time of looking the curve up. */
static EVP_PKEY *curve(void)
{
	static EVP_PKEY *kept;
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)GROUP, 0),
		OSSL_PARAM_END,
	};

	if (!kept)
		kept = from_data(EVP_PKEY_KEY_PARAMETERS, params);
	return kept;
}

EVP_PKEY *cc_p256_public(const unsigned char point[static CC_P256_POINT])
{
	cc_auto_pkey EVP_PKEY *key = curve() ? EVP_PKEY_dup(curve()) : NULL;

	if (!key || point[0] != POINT_CONVERSION_UNCOMPRESSED ||
	    EVP_PKEY_set1_encoded_public_key(key, point, CC_P256_POINT) != 1)
		return NULL;
	return cc_steal(key);
}

EVP_PKEY *cc_p256_private(const unsigned char point[static CC_P256_POINT],
			  const unsigned char d[static CC_P256_LEN])
{
	unsigned char native[CC_P256_LEN]; /* OSSL_PARAM has numbers as the processor does */
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)GROUP, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)point,
					CC_P256_POINT),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_PRIV_KEY, native, CC_P256_LEN),
		OSSL_PARAM_END,
	};
	cc_auto_pkey EVP_PKEY *key = NULL;
	auto_ctx EVP_PKEY_CTX *ctx = NULL;
	BIGNUM *number = BN_secure_new();

	if (!number)
		return NULL;
	if (BN_bin2bn(d, CC_P256_LEN, number) &&
	    BN_bn2nativepad(number, native, CC_P256_LEN) == CC_P256_LEN)
		key = from_data(EVP_PKEY_KEYPAIR, params);
	BN_clear_free(number);
	OPENSSL_cleanse(native, sizeof(native));
	ctx = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
	return ctx && EVP_PKEY_check(ctx) == 1 ? cc_steal(key) : NULL;
}

/* ---- points ---- */

static const EC_GROUP *group(void)
{
	static EC_GROUP *kept;

	if (!kept)
		kept = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	return kept;
}

EC_POINT *cc_p256_point(const unsigned char point[static CC_P256_POINT])
{
	cc_auto_point EC_POINT *p = group() ? EC_POINT_new(group()) : NULL;

	if (!p || point[0] != POINT_CONVERSION_UNCOMPRESSED ||
	    EC_POINT_oct2point(group(), p, point, CC_P256_POINT, NULL) != 1)
		return NULL;
	return cc_steal(p);
}

/* ---- signatures ---- */

/* Its length; 0 without memory. */
static size_t to_der(const unsigned char sig[static 2 * CC_P256_LEN],
		     unsigned char der[static DER_MAX])
{
	auto_sig ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(sig, CC_P256_LEN, NULL);
	BIGNUM *s = BN_bin2bn(sig + CC_P256_LEN, CC_P256_LEN, NULL);
	int n;

	if (!pair || !r || !s || ECDSA_SIG_set0(pair, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		return 0;
	}
	n = i2d_ECDSA_SIG(pair, NULL) <= DER_MAX ? i2d_ECDSA_SIG(pair, &der) : 0;
	return n > 0 ? (size_t)n : 0;
}

/* What OpenSSL looks up for a key before it verifies; it has a reference to the key. */
static EVP_PKEY_CTX *verifier(EVP_PKEY *key)
{
	static EVP_PKEY_CTX *kept[VERIFIERS];
	EVP_PKEY_CTX **place = &kept[(uintptr_t)key / VERIFIER_STEP % VERIFIERS];
	auto_ctx EVP_PKEY_CTX *ctx = NULL;

	if (*place && EVP_PKEY_CTX_get0_pkey(*place) == key)
		return *place;
	EVP_PKEY_CTX_free(cc_steal(*place));
	ctx = EVP_PKEY_CTX_new(key, NULL);
	if (!ctx || EVP_PKEY_verify_init(ctx) != 1)
		return NULL;
	return *place = cc_steal(ctx);
}

bool cc_p256_verify(EVP_PKEY *key, const void *data, size_t len,
		    const unsigned char sig[static 2 * CC_P256_LEN])
{
	unsigned char der[DER_MAX], hash[32];
	EVP_PKEY_CTX *ctx = verifier(key);
	size_t der_len = to_der(sig, der);

	if (!ctx || !der_len)
		return false;
	cc_sha256(data, len, hash);
	return EVP_PKEY_verify(ctx, der, der_len, hash, sizeof(hash)) == 1;
}

/* ---- agreement ---- */

int cc_p256_agree(EVP_PKEY *mine, EVP_PKEY *theirs, struct cc_secret *z, struct cc_error *err)
{
	auto_ctx EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(mine, NULL);
	size_t len = CC_P256_LEN;

	if (cc_secret_new(z, CC_P256_LEN, err))
		return -1;
	/* @theirs has been checked where it was made: to do it again takes as long as agreeing. */
	if (ctx && EVP_PKEY_derive_init(ctx) == 1 &&
	    EVP_PKEY_derive_set_peer_ex(ctx, theirs, 0) == 1 &&
	    EVP_PKEY_derive(ctx, z->p, &len) == 1 && len == CC_P256_LEN)
		return 0;
	cc_secret_clear(z);
	return cc_fail(err, CC_E_INTERNAL, "the key agreement failed");
}

/* What becomes of a private key that nobody keeps; in secure memory. */
struct once {
	BN_CTX *ctx;
	BIGNUM *d, *x;
	EC_POINT *mine, *shared;
};

static void once_clear(struct once *o)
{
	EC_POINT_clear_free(o->shared);
	EC_POINT_free(o->mine);
	BN_clear_free(o->x);
	BN_clear_free(o->d);
	BN_CTX_free(o->ctx);
}

static bool once_new(struct once *o)
{
	*o = (struct once){BN_CTX_secure_new(), BN_secure_new(), BN_secure_new(), NULL, NULL};
	if (!group())
		return false;
	o->mine = EC_POINT_new(group());
	o->shared = EC_POINT_new(group());
	return o->ctx && o->d && o->x && o->mine && o->shared;
}

/* From 1 to the order less 1 (FIPS 186-4, B.4.2). */
static bool draw(BIGNUM *d)
{
	do {
		if (BN_priv_rand_range(d, EC_GROUP_get0_order(group())) != 1)
			return false;
	} while (BN_is_zero(d));
	return true;
}

/* The multiplications are those that OpenSSL makes keys and agrees by, in constant time. */
static bool agree_once(struct once *o, const EC_POINT *theirs,
		       unsigned char mine[static CC_P256_POINT],
		       unsigned char z[static CC_P256_LEN])
{
	return draw(o->d) && EC_POINT_mul(group(), o->mine, o->d, NULL, NULL, o->ctx) == 1 &&
	       EC_POINT_mul(group(), o->shared, NULL, theirs, o->d, o->ctx) == 1 &&
	       EC_POINT_point2oct(group(), o->mine, POINT_CONVERSION_UNCOMPRESSED, mine,
				  CC_P256_POINT, o->ctx) == CC_P256_POINT &&
	       EC_POINT_get_affine_coordinates(group(), o->shared, o->x, NULL, o->ctx) == 1 &&
	       BN_bn2binpad(o->x, z, CC_P256_LEN) == CC_P256_LEN;
}

int cc_p256_agree_once(const EC_POINT *theirs, unsigned char mine[static CC_P256_POINT],
		       struct cc_secret *z, struct cc_error *err)
{
	cc_cleanup(once_clear) struct once o = {0};

	if (cc_secret_new(z, CC_P256_LEN, err))
		return -1;
	if (once_new(&o) && agree_once(&o, theirs, mine, z->p))
		return 0;
	cc_secret_clear(z);
	return cc_fail(err, CC_E_INTERNAL, "the key agreement failed");
}
