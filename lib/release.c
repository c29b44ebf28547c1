// SPDX-License-Identifier: Apache-2.0
#include "evidence.h"

#include <string.h>
#include <jose/b64.h>
#include <jose/jwe.h>
#include <openssl/crypto.h>

#include "jose.h"

#define JWE_MAX 2048 /* bytes of a compact JWE: header, nonce, 64-byte key and tag need under 500 */

static int seal(jose_cfg_t *cfg, const struct cc_secret *key, const json_t *recipient, char **out,
		struct cc_error *err)
{
	cc_auto_json json_t *agree =
		json_pack("{s:{s:s, s:s}}", "protected", "alg", "ECDH-ES", "enc", "A256GCM");
	cc_auto_json json_t *rcp = json_object(), *cek = json_object(), *doc = NULL;
	const char *header, *iv, *ciphertext, *tag;
	json_t *epk = NULL;

	if (!jose_jwe_enc_jwk(cfg, agree, rcp, recipient, cek))
		return cc_fail(err, CC_E_INTERNAL, "release: the key agreement failed");

	/*
	 * libjose leaves the ephemeral key in the unprotected header, which a compact JWE has not.
	 * The derived key does not depend on where it is: move it to the protected one.
	 */
	if (json_unpack(agree, "{s:{s:o}}", "header", "epk", &epk))
		return cc_fail(err, CC_E_INTERNAL, "release: the key agreement failed");
	doc = json_pack("{s:{s:s, s:s, s:O}}", "protected", "alg", "ECDH-ES", "enc", "A256GCM",
			"epk", epk);
	if (!doc || !jose_jwe_enc_cek(cfg, doc, cek, key->p, key->len) ||
	    json_unpack(doc, "{s:s, s:s, s:s, s:s}", "protected", &header, "iv", &iv, "ciphertext",
			&ciphertext, "tag", &tag))
		return cc_fail(err, CC_E_INTERNAL, "release: cannot encrypt");
	if (asprintf(out, "%s..%s.%s.%s", header, iv, ciphertext, tag) < 0)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return 0;
}

int cc_release_seal(const struct cc_secret *key, const json_t *recipient, char **jwe,
		    struct cc_error *err)
{
	cc_auto_jose_cfg jose_cfg_t *cfg = cc_jose_cfg();
	cc_auto_json json_t *bare = NULL;
	char *out = NULL;

	if (!cfg)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (key->len == 0 || key->len > CC_VOLUME_KEY_MAX)
		return cc_fail(err, CC_E_INTERNAL, "release: a key of %zu bytes", key->len);
	bare = cc_jwk_bare(recipient, false, "ECDH-ES", err);
	if (!bare || seal(cfg, key, bare, &out, err))
		return -1;
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

static int decrypt(const struct cc_jose_part parts[static 5], const json_t *recipient,
		   struct cc_secret *key, struct cc_error *err)
{
	cc_auto_jose_cfg jose_cfg_t *cfg = cc_jose_cfg();
	cc_auto_json json_t *doc =
		json_pack("{s:o, s:o, s:o, s:o}", "protected", cc_jose_string(&parts[0]), "iv",
			  cc_jose_string(&parts[2]), "ciphertext", cc_jose_string(&parts[3]), "tag",
			  cc_jose_string(&parts[4]));
	size_t len = 0;
	void *plain;
	int r;

	if (!cfg || !doc)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	plain = jose_jwe_dec(cfg, doc, NULL, recipient, &len);
	if (!plain)
		return cc_fail(
			err, CC_E_INVALID,
			"release: it is not for this one-time key, or was changed on its way");
	r = cc_secret_copy(key, plain, len, err);
	OPENSSL_cleanse(plain, len);
	free(plain);
	return r;
}

static int open_jwe(const char *jwe, size_t len, const json_t *recipient_private,
		    struct cc_secret *key, struct cc_error *err)
{
	struct cc_jose_part parts[5];
	cc_auto_json json_t *bare = NULL;
	size_t plain;

	if (len > JWE_MAX)
		return cc_fail(err, CC_E_INVALID, "release: longer than %d bytes", JWE_MAX);
	if (cc_jose_split(jwe, len, 5, parts, "release", err))
		return -1;
	plain = jose_b64_dec_buf(parts[3].s, parts[3].len, NULL, 0);
	if (parts[1].len != 0 || jose_b64_dec_buf(parts[2].s, parts[2].len, NULL, 0) != 12 ||
	    jose_b64_dec_buf(parts[4].s, parts[4].len, NULL, 0) != 16 || plain == 0 ||
	    plain > CC_VOLUME_KEY_MAX)
		return cc_fail(err, CC_E_INVALID, "release: its parts have wrong lengths");
	if (check_header(&parts[0], err))
		return -1;
	bare = cc_jwk_bare(recipient_private, true, "ECDH-ES", err);
	return bare ? decrypt(parts, bare, key, err) : -1;
}

int cc_release_open(const char *jwe, size_t len, const json_t *recipient_private,
		    struct cc_secret *key, struct cc_error *err)
{
	if (!open_jwe(jwe, len, recipient_private, key, err))
		return 0;
	return err->code == CC_E_INVALID ? cc_set_fact(err, "release") : -1;
}
