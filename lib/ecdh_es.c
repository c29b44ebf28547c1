// SPDX-License-Identifier: Apache-2.0
#include "ecdh_es.h"

#include <string.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "fetched.h"

#define A256GCM_LEN 32
#define INFO_MAX 256

static void kdf_free(EVP_KDF_CTX **ctx)
{
	EVP_KDF_CTX_free(*ctx);
}
#define auto_kdf cc_cleanup(kdf_free)

/* What goes into the hash behind the secret; grows by numbers of 32 bits, the high byte first. */
struct other_info {
	unsigned char bytes[INFO_MAX];
	size_t len;
};

static void put_number(struct other_info *o, size_t n)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		o->bytes[o->len++] = (unsigned char)(n >> shift);
}

static void put_text(struct other_info *o, const char *text)
{
	put_number(o, strlen(text));
	memcpy(o->bytes + o->len, text, strlen(text));
	o->len += strlen(text);
}

int cc_ecdh_es_derive(const struct cc_secret *z, const struct cc_ecdh_info *info, size_t len,
		      struct cc_secret *out, struct cc_error *err)
{
	auto_kdf EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(cc_sskdf());
	struct other_info other = {0};
	OSSL_PARAM params[4];

	if (strlen(info->enc) + strlen(info->apu) + strlen(info->apv) > INFO_MAX - 16)
		return cc_fail(err, CC_E_INVALID, "key agreement: its parties' names are too long");
	put_text(&other, info->enc);
	put_text(&other, info->apu);
	put_text(&other, info->apv);
	put_number(&other, len * 8);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char[]){"SHA256"}, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, z->p, z->len);
	params[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, other.bytes, other.len);
	params[3] = OSSL_PARAM_construct_end();
	if (cc_secret_new(out, len, err))
		return -1;
	if (ctx && EVP_KDF_derive(ctx, out->p, len, params) == 1)
		return 0;
	cc_secret_clear(out);
	return cc_fail(err, CC_E_INTERNAL, "the key derivation failed");
}

static const struct cc_ecdh_info a256gcm = {"A256GCM", "", ""};

int cc_ecdh_es_agree(EVP_PKEY *mine, EVP_PKEY *theirs, struct cc_secret *cek, struct cc_error *err)
{
	cc_auto_secret struct cc_secret z = {0};

	if (cc_p256_agree(mine, theirs, &z, err))
		return -1;
	return cc_ecdh_es_derive(&z, &a256gcm, A256GCM_LEN, cek, err);
}

int cc_ecdh_es_agree_once(const EC_POINT *theirs, unsigned char mine[static CC_P256_POINT],
			  struct cc_secret *cek, struct cc_error *err)
{
	cc_auto_secret struct cc_secret z = {0};

	if (cc_p256_agree_once(theirs, mine, &z, err))
		return -1;
	return cc_ecdh_es_derive(&z, &a256gcm, A256GCM_LEN, cek, err);
}
