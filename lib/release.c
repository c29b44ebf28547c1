// SPDX-License-Identifier: Apache-2.0
/*
 * ECDH-ES (RFC 7518 section 4.6) and A256GCM (section 5.3) are done with OpenSSL: so the keys go
 * from secure memory to secure memory, where libjose would put them on the heap as JSON, at a fifth
 * of its cost. tests/unit/test_release.c holds them against libjose, both ways.
 */
#include "release.h"

#include <string.h>
#include <jose/b64.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "ecdh_es.h"
#include "fetched.h"
#include "jose.h"
#include "jwk.h"
#include "p256.h"

#define JWE_MAX 2048 /* bytes of a compact JWE: header, nonce, 64-byte key and tag need under 500 */
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

/* The additional data is the header as it is written (RFC 7516 section 5.1, step 14). */
static bool gcm_encrypt(const struct cc_secret *cek, const char *header,
			const struct cc_secret *key, struct sealed *s)
{
	auto_cipher EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;

	s->len = key->len;
	return ctx && RAND_bytes(s->iv, IV_LEN) == 1 &&
	       EVP_EncryptInit_ex2(ctx, cc_aes_256_gcm(), cek->p, s->iv, NULL) == 1 &&
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

	return ctx && EVP_DecryptInit_ex2(ctx, cc_aes_256_gcm(), cek->p, s->iv, NULL) == 1 &&
	       EVP_DecryptUpdate(ctx, NULL, &n, (const unsigned char *)header->s,
				 (int)header->len) == 1 &&
	       EVP_DecryptUpdate(ctx, key->p, &n, s->ciphertext, (int)s->len) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, s->tag) == 1 &&
	       EVP_DecryptFinal_ex(ctx, key->p + n, &n) == 1;
}

/* What is written of one: the header, base64url, as it goes into the additional data. */
#define HEADER_MAX 320

/* The members sorted by name, as libjose writes them. */
static int make_header(const unsigned char point[static CC_P256_POINT], char out[static HEADER_MAX],
		       struct cc_error *err)
{
	char x[CC_B64U_32 + 1], y[CC_B64U_32 + 1], text[HEADER_MAX * 3 / 4];
	size_t n;

	if (cc_b64u_encode32(point + 1, x) || cc_b64u_encode32(point + 1 + CC_P256_LEN, y))
		return cc_fail(err, CC_E_INTERNAL, "release: its header cannot be made");
	snprintf(text, sizeof(text),
		 "{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"epk\":"
		 "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}}",
		 x, y);
	n = jose_b64_enc_buf(text, strlen(text), out, HEADER_MAX - 1);
	if (n == SIZE_MAX)
		return cc_fail(err, CC_E_INTERNAL, "release: its header is too long");
	out[n] = '\0';
	return 0;
}

/* Agrees on a key with @recipient; @header is the protected header, base64url. */
static int agree(const EC_POINT *recipient, char header[static HEADER_MAX], struct cc_secret *cek,
		 struct cc_error *err)
{
	unsigned char ephemeral[CC_P256_POINT];

	return cc_ecdh_es_agree_once(recipient, ephemeral, cek, err) ||
			       make_header(ephemeral, header, err)
		       ? -1
		       : 0;
}

/* Adds a dot and @len bytes as base64url to the text at @at; its new end. */
static char *put_part(char *at, const unsigned char *bytes, size_t len)
{
	*at++ = '.';
	return at + jose_b64_enc_buf(bytes, len, at, len * 2);
}

/* The second part, the encrypted key, is empty: the key is agreed on directly. */
static char *put_together(const char *header, const struct sealed *s)
{
	char *out = malloc(JWE_MAX), *at = out;

	if (!out)
		return NULL;
	at = stpcpy(at, header);
	*at++ = '.';
	at = put_part(at, s->iv, IV_LEN);
	at = put_part(at, s->ciphertext, s->len);
	at = put_part(at, s->tag, TAG_LEN);
	*at = '\0';
	return out;
}

EC_POINT *cc_release_recipient(const json_t *jwk, struct cc_error *err)
{
	return cc_jwk_point(jwk, "ECDH-ES", err);
}

int cc_release_seal(const struct cc_secret *key, const EC_POINT *recipient, char **jwe,
		    struct cc_error *err)
{
	cc_auto_secret struct cc_secret cek = {0};
	char header[HEADER_MAX];
	struct sealed s = {0};

	if (key->len == 0 || key->len > CC_VOLUME_KEY_MAX)
		return cc_fail(err, CC_E_INTERNAL, "release: a volume key cannot have %zu bytes",
			       key->len);
	if (agree(recipient, header, &cek, err))
		return -1;
	if (!gcm_encrypt(&cek, header, key, &s))
		return cc_fail(err, CC_E_INTERNAL, "release: cannot encrypt");
	*jwe = put_together(header, &s);
	return *jwe ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

/* The only header there is: ECDH-ES, A256GCM and an ephemeral public P-256 key. */
static EVP_PKEY *ephemeral_key(const struct cc_jose_part *part, struct cc_error *err)
{
	static const char *const known[] = {"alg", "enc", "epk", NULL};
	static const char what[] = "release header";
	cc_auto_json json_t *header = cc_jose_header(part, known, what, err);
	json_t *epk = NULL;

	if (!header || cc_jose_demand(header, "alg", "ECDH-ES", what, err) ||
	    cc_jose_demand(header, "enc", "A256GCM", what, err) ||
	    cc_json_obj(header, what, "epk", true, &epk, err))
		return NULL;
	return cc_jwk_pkey(epk, false, "ECDH-ES", err);
}

/* Exactly @len bytes. */
static bool decode(const struct cc_jose_part *part, unsigned char *out, size_t len)
{
	return cc_b64u_decode(part->s, part->len, out, len) == len;
}

static int split(const char *jwe, size_t len, struct cc_jose_part parts[static 5], struct sealed *s,
		 struct cc_error *err)
{
	if (len > JWE_MAX)
		return cc_fail(err, CC_E_INVALID, "release: longer than %d bytes", JWE_MAX);
	if (cc_jose_split(jwe, len, 5, parts, "release", err))
		return -1;
	s->len = cc_b64u_decode(parts[3].s, parts[3].len, s->ciphertext, sizeof(s->ciphertext));
	if (parts[1].len != 0 || s->len == 0 || s->len == SIZE_MAX ||
	    !decode(&parts[2], s->iv, IV_LEN) || !decode(&parts[4], s->tag, TAG_LEN))
		return cc_fail(err, CC_E_INVALID, "release: its parts have wrong lengths");
	return 0;
}

static int open_jwe(const char *jwe, size_t len, const json_t *recipient_private,
		    struct cc_secret *key, struct cc_error *err)
{
	cc_auto_secret struct cc_secret cek = {0}, plain = {0};
	cc_auto_pkey EVP_PKEY *mine = NULL, *theirs = NULL;
	struct cc_jose_part parts[5] = {0};
	struct sealed s = {0};

	if (split(jwe, len, parts, &s, err))
		return -1;
	theirs = ephemeral_key(&parts[0], err);
	mine = theirs ? cc_jwk_pkey(recipient_private, true, "ECDH-ES", err) : NULL;
	if (!mine || cc_ecdh_es_agree(mine, theirs, &cek, err) || cc_secret_new(&plain, s.len, err))
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
