// SPDX-License-Identifier: Apache-2.0
#include "p256.h"

#include <string.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/params.h>

#include "digest.h"
#include "pkey.h"

#define GROUP "prime256v1"
#define DER_MAX 72 /* bytes of ECDSA-Sig-Value, RFC 3279 section 2.2.3 */

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

EVP_PKEY *cc_p256_generate(void)
{
	static EVP_PKEY_CTX *kept;
	EVP_PKEY *key = NULL;

	if (!kept) {
		auto_ctx EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);

		if (!ctx || EVP_PKEY_keygen_init(ctx) != 1 ||
		    EVP_PKEY_CTX_set_group_name(ctx, GROUP) != 1)
			return NULL;
		kept = cc_steal(ctx);
	}
	return EVP_PKEY_generate(kept, &key) == 1 ? key : NULL;
}

bool cc_p256_point(const EVP_PKEY *key, unsigned char point[static CC_P256_POINT])
{
	char group[32] = "";
	size_t len = 0;

	return EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
	       !strcmp(group, GROUP) &&
	       EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, CC_P256_POINT,
					       &len) == 1 &&
	       len == CC_P256_POINT;
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

bool cc_p256_verify(EVP_PKEY *key, const void *data, size_t len,
		    const unsigned char sig[static 2 * CC_P256_LEN])
{
	cc_auto_md EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char der[DER_MAX];
	size_t der_len = to_der(sig, der);

	return ctx && der_len && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	       EVP_DigestVerify(ctx, der, der_len, data, len) == 1;
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
