// SPDX-License-Identifier: Apache-2.0
/*
 * The key agreement (ECDH-ES, RFC 7518 section 4.6) is libjose's. The content encryption (A256GCM,
 * section 5.3) is done with OpenSSL here: so the volume key goes from secure memory to secure
 * memory, where libjose would put it on the heap, and libjose 14 loses memory there on every call.
 */
#include "release.h"

#include <string.h>
#include <jose/b64.h>
#include <jose/jwe.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "jose.h"
#include "jwk.h"

#define JWE_MAX 2048 /* bytes of a compact JWE: header, nonce, 64-byte key and tag need under 500 */
#define CEK_LEN 32
#define IV_LEN 12
#define TAG_LEN 16

static void cipher_free(EVP_CIPHER_CTX **ctx)
{
	EVP_CIPHER_CTX_free(*ctx);
}
#define auto_cipher cc_cleanup(cipher_free)

/* What is between the key and the text of a compact JWE. */
struct sealed {
	unsigned char iv[IV_LEN];
	size_t len;
	unsigned char ciphertext[CC_VOLUME_KEY_MAX];
	unsigned char tag[TAG_LEN];
};

/* The content encryption key that libjose left in @cek, into secure memory. */
static int take_cek(const json_t *cek, struct cc_secret *out, struct cc_error *err)
{
	const json_t *k = json_object_get(cek, "k");

	if (!k || jose_b64_dec(k, NULL, 0) != CEK_LEN)
		return cc_fail(err, CC_E_INTERNAL, "release: the key agreement failed");
	if (cc_secret_new(out, CEK_LEN, err))
		return -1;
	if (jose_b64_dec(k, out->p, out->len) != CEK_LEN)
		return cc_fail(err, CC_E_INTERNAL, "release: the key agreement failed");
	return 0;
}

/* The additional data is the header as it is written (RFC 7516 section 5.1, step 14). */
static bool gcm_encrypt(const struct cc_secret *cek, const char *header,
			const struct cc_secret *key, struct sealed *s)
{
	auto_cipher EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;

	s->len = key->len;
	return ctx && RAND_bytes(s->iv, IV_LEN) == 1 &&
	       EVP_EncryptInit_ex2(ctx, EVP_aes_256_gcm(), cek->p, s->iv, NULL) == 1 &&
	       EVP_EncryptUpdate(ctx, NULL, &n, (const unsigned char *)header,
				 (int)strlen(header)) == 1 &&
	       EVP_EncryptUpdate(ctx, s->ciphertext, &n, key->p, (int)key->len) == 1 &&
	       EVP_EncryptFinal_ex(ctx, s->ciphertext + n, &n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, s->tag) == 1;
}

static bool gcm_decrypt(const struct cc_secret *cek, const struct cc_jose_part *header,
			struct sealed *s, struct cc_secret *key)
{
	auto_cipher EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;

	return ctx && EVP_DecryptInit_ex2(ctx, EVP_aes_256_gcm(), cek->p, s->iv, NULL) == 1 &&
	       EVP_DecryptUpdate(ctx, NULL, &n, (const unsigned char *)header->s,
				 (int)header->len) == 1 &&
	       EVP_DecryptUpdate(ctx, key->p, &n, s->ciphertext, (int)s->len) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, s->tag) == 1 &&
	       EVP_DecryptFinal_ex(ctx, key->p + n, &n) == 1;
}

/* Agrees on a key with @recipient; *header is the protected header, base64url. */
static int agree(const json_t *recipient, json_t **header, struct cc_secret *cek,
		 struct cc_error *err)
{
	cc_auto_jose_cfg jose_cfg_t *cfg = cc_jose_cfg();
	cc_auto_json json_t *doc =
		json_pack("{s:{s:s, s:s}}", "protected", "alg", "ECDH-ES", "enc", "A256GCM");
	cc_auto_json json_t *rcp = json_object(), *made = json_object(), *protected = NULL;
	json_t *epk = NULL;

	/*
	 * libjose leaves the ephemeral key in the unprotected header, which a compact JWE has not.
	 */
	if (!cfg || !jose_jwe_enc_jwk(cfg, doc, rcp, recipient, made) ||
	    json_unpack(doc, "{s:{s:o}}", "header", "epk", &epk))
		return cc_fail(err, CC_E_INTERNAL, "release: the key agreement failed");
	protected = json_pack("{s:s, s:s, s:O}", "alg", "ECDH-ES", "enc", "A256GCM", "epk", epk);
	*header = jose_b64_enc_dump(protected);
	if (!*header)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return take_cek(made, cek, err);
}

int cc_release_seal(const struct cc_secret *key, const json_t *recipient, char **jwe,
		    struct cc_error *err)
{
	cc_auto_json json_t *bare = NULL, *header = NULL, *iv = NULL, *ct = NULL, *tag = NULL;
	cc_auto_secret struct cc_secret cek = {0};
	struct sealed s = {0};
	char *out;

	if (key->len == 0 || key->len > CC_VOLUME_KEY_MAX)
		return cc_fail(err, CC_E_INTERNAL, "release: a volume key cannot have %zu bytes",
			       key->len);
	bare = cc_jwk_bare(recipient, false, "ECDH-ES", err);
	if (!bare || agree(bare, &header, &cek, err))
		return -1;
	if (!gcm_encrypt(&cek, json_string_value(header), key, &s))
		return cc_fail(err, CC_E_INTERNAL, "release: cannot encrypt");
	iv = jose_b64_enc(s.iv, IV_LEN);
	ct = jose_b64_enc(s.ciphertext, s.len);
	tag = jose_b64_enc(s.tag, TAG_LEN);
	if (!iv || !ct || !tag ||
	    asprintf(&out, "%s..%s.%s.%s", json_string_value(header), json_string_value(iv),
		     json_string_value(ct), json_string_value(tag)) < 0)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	*jwe = out;
	return 0;
}

/* The only header there is: ECDH-ES, A256GCM and an ephemeral public P-256 key. */
static int check_header(const struct cc_jose_part *part, struct cc_error *err)
{
	static const char *const known[] = {"alg", "enc", "epk", NULL};
	static const char what[] = "release header";
	cc_auto_json json_t *header = cc_jose_header(part, known, what, err);
	cc_auto_json json_t *bare = NULL;
	json_t *epk = NULL;

	if (!header || cc_jose_demand(header, "alg", "ECDH-ES", what, err) ||
	    cc_jose_demand(header, "enc", "A256GCM", what, err) ||
	    cc_json_obj(header, what, "epk", true, &epk, err))
		return -1;
	bare = cc_jwk_bare(epk, false, "ECDH-ES", err);
	return bare ? 0 : -1;
}

/* Exactly @len bytes. */
static bool decode(const struct cc_jose_part *part, unsigned char *out, size_t len)
{
	return jose_b64_dec_buf(part->s, part->len, NULL, 0) == len &&
	       jose_b64_dec_buf(part->s, part->len, out, len) == len;
}

static int split(const char *jwe, size_t len, struct cc_jose_part parts[static 5], struct sealed *s,
		 struct cc_error *err)
{
	if (len > JWE_MAX)
		return cc_fail(err, CC_E_INVALID, "release: longer than %d bytes", JWE_MAX);
	if (cc_jose_split(jwe, len, 5, parts, "release", err))
		return -1;
	s->len = jose_b64_dec_buf(parts[3].s, parts[3].len, NULL, 0);
	if (parts[1].len != 0 || s->len == 0 || s->len > sizeof(s->ciphertext) ||
	    !decode(&parts[2], s->iv, IV_LEN) || !decode(&parts[3], s->ciphertext, s->len) ||
	    !decode(&parts[4], s->tag, TAG_LEN))
		return cc_fail(err, CC_E_INVALID, "release: its parts have wrong lengths");
	return check_header(&parts[0], err);
}

static int open_jwe(const char *jwe, size_t len, const json_t *recipient_private,
		    struct cc_secret *key, struct cc_error *err)
{
	cc_auto_jose_cfg jose_cfg_t *cfg = cc_jose_cfg();
	cc_auto_json json_t *bare = NULL, *doc = NULL, *made = NULL;
	cc_auto_secret struct cc_secret cek = {0}, plain = {0};
	struct cc_jose_part parts[5] = {0};
	struct sealed s = {0};

	if (split(jwe, len, parts, &s, err))
		return -1;
	bare = cc_jwk_bare(recipient_private, true, "ECDH-ES", err);
	if (!bare)
		return -1;
	doc = json_pack("{s:o}", "protected", cc_jose_string(&parts[0]));
	if (!cfg || !doc)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	made = jose_jwe_dec_jwk(cfg, doc, NULL, bare);
	if (take_cek(made, &cek, err) || cc_secret_new(&plain, s.len, err))
		return -1;
	if (!gcm_decrypt(&cek, &parts[0], &s, &plain))
		return cc_fail(
			err, CC_E_INVALID,
			"release: it is not for this one-time key, or was changed in transit");
	*key = plain;
	plain = (struct cc_secret){0};
	return 0;
}

int cc_release_open(const char *jwe, size_t len, const json_t *recipient_private,
		    struct cc_secret *key, struct cc_error *err)
{
	if (!open_jwe(jwe, len, recipient_private, key, err))
		return 0;
	return err->code == CC_E_INVALID ? cc_set_fact(err, "release") : -1;
}
