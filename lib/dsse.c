// SPDX-License-Identifier: Apache-2.0
#include "dsse.h"

#include <stdio.h>
#include <string.h>
#include <openssl/err.h>

#include "b64.h"
#include "digest.h"
#include "json.h"
#include "pkey.h"

#define SIG_MAX 72 /* bytes: DER of two 256-bit integers; Ed25519 has 64 */

/* Ed25519 hashes by itself (RFC 8032); P-256 goes with SHA-256. */
static const EVP_MD *digest_of(EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256();
}

/* What libcrypto failed at was memory, not the signature: for both it returns the same. */
static bool was_memory(void)
{
	bool memory = false;
	unsigned long e;

	while ((e = ERR_get_error()) != 0)
		memory |= ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE;
	return memory;
}

/* 1: it verifies; 0: it does not; -1: that could not be found out. */
static int verifies(EVP_PKEY *key, const void *data, size_t len, const unsigned char *sig,
		    size_t sig_len, struct cc_error *err)
{
	cc_auto_md EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!ctx)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	ERR_clear_error();
	if (EVP_DigestVerifyInit(ctx, NULL, digest_of(key), NULL, key) != 1)
		return cc_fail(err, was_memory() ? CC_E_NOMEM : CC_E_INTERNAL,
			       "cannot verify with this key");
	if (EVP_DigestVerify(ctx, sig, sig_len, data, len) == 1)
		return 1;
	return was_memory() ? cc_fail(err, CC_E_NOMEM, "out of memory") : 0;
}

/* Pre-authentication encoding (protocol.md): "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body. */
static char *pae(const char *type, const void *body, size_t body_len, size_t *len)
{
	char head[256];
	int n = snprintf(head, sizeof(head), "DSSEv1 %zu %s %zu ", strlen(type), type, body_len);
	char *out;

	if (n < 0 || (size_t)n >= sizeof(head))
		return NULL;
	out = malloc((size_t)n + body_len);
	if (!out)
		return NULL;
	memcpy(out, head, (size_t)n);
	memcpy(out + n, body, body_len);
	*len = (size_t)n + body_len;
	return out;
}

/* One entry of "signatures". Return: as verifies(), -1 also when it is malformed. */
static int try_signature(const json_t *entry, EVP_PKEY *key, const char *data, size_t len,
			 struct cc_error *err)
{
	cc_auto_free char *b64 = NULL, *keyid = NULL;
	cc_auto_free unsigned char *sig = NULL;
	size_t sig_len;

	if (!json_is_object(entry))
		return cc_fail(err, CC_E_INVALID, "envelope: a signature must be an object");
	/*
	 * keyid is not authenticated: it may be wrong, but not another type. cosign leaves it
	 * empty.
	 */
	if (cc_json_str(entry, "envelope signature", "keyid", false, &keyid, err) ||
	    cc_json_str(entry, "envelope signature", "sig", true, &b64, err) ||
	    cc_b64_decode(b64, strlen(b64), CC_DSSE_PAYLOAD_MAX, "envelope signature", &sig,
			  &sig_len, err))
		return -1;
	return sig_len <= SIG_MAX ? verifies(key, data, len, sig, sig_len, err) : 0;
}

static int verify_envelope(const json_t *env, const char *type, EVP_PKEY *key, char **payload,
			   size_t *payload_len, struct cc_error *err)
{
	cc_auto_free char *env_type = NULL, *b64 = NULL, *data = NULL;
	cc_auto_free unsigned char *body = NULL;
	json_t *sigs = NULL;
	size_t body_len, len;
	bool good = false;

	if (!json_is_object(env))
		return cc_fail(err, CC_E_INVALID, "envelope: must be an object");
	if (cc_json_str(env, "envelope", "payloadType", true, &env_type, err) ||
	    cc_json_str(env, "envelope", "payload", true, &b64, err) ||
	    cc_json_arr(env, "envelope", "signatures", true, &sigs, err))
		return -1;
	if (strcmp(env_type, type) != 0)
		return cc_fail(err, CC_E_INVALID,
			       "envelope: payloadType is \"%.80s\", must be \"%s\"", env_type,
			       type);
	if (json_array_size(sigs) < 1 || json_array_size(sigs) > CC_DSSE_SIGS_MAX)
		return cc_fail(err, CC_E_INVALID, "envelope: %zu signatures, must be 1 to %d",
			       json_array_size(sigs), CC_DSSE_SIGS_MAX);
	if (cc_b64_decode(b64, strlen(b64), CC_DSSE_PAYLOAD_MAX, "envelope payload", &body,
			  &body_len, err))
		return -1;
	data = pae(type, body, body_len, &len);
	if (!data)
		return cc_fail(err, CC_E_NOMEM, "out of memory");

	for (size_t i = 0; i < json_array_size(sigs) && !good; i++) {
		int r = try_signature(json_array_get(sigs, i), key, data, len, err);

		if (r < 0)
			return -1;
		good = r == 1;
	}
	if (!good)
		return cc_refuse(err, "signature",
				 "signature: none of the envelope's %zu signatures verifies under "
				 "this key",
				 json_array_size(sigs));
	*payload = (char *)cc_steal(body);
	*payload_len = body_len;
	return 0;
}

int cc_dsse_verify(const char *env, size_t len, const char *type, EVP_PKEY *key, char **payload,
		   size_t *payload_len, struct cc_error *err)
{
	cc_auto_json json_t *doc = cc_json_parse(env, len, "envelope", err);

	if (!doc || verify_envelope(doc, type, key, payload, payload_len, err))
		return err->code == CC_E_INVALID ? cc_set_fact(err, "envelope") : -1;
	return 0;
}

int cc_dsse_keyids(const char *env, size_t len, struct cc_strv *out, struct cc_error *err)
{
	cc_auto_json json_t *doc = cc_json_parse(env, len, "envelope", err);
	json_t *sigs = json_object_get(doc, "signatures"), *sig;
	size_t i;

	if (!doc)
		return cc_set_fact(err, "envelope");
	json_array_foreach(sigs, i, sig) {
		const char *keyid = json_string_value(json_object_get(sig, "keyid"));

		if (cc_strv_push(out, keyid ? keyid : "", err))
			return -1;
	}
	return 0;
}

int cc_dsse_sign(const char *type, const char *payload, size_t len, EVP_PKEY *key, char **env,
		 struct cc_error *err)
{
	cc_auto_md EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	cc_auto_free char *data = NULL, *body64 = NULL, *sig64 = NULL;
	cc_auto_json json_t *doc = NULL;
	unsigned char sig[SIG_MAX];
	size_t data_len, sig_len = sizeof(sig);
	char keyid[72];

	if (len > CC_DSSE_PAYLOAD_MAX)
		return cc_fail(err, CC_E_INVALID, "payload: longer than %d bytes",
			       CC_DSSE_PAYLOAD_MAX);
	data = pae(type, payload, len, &data_len);
	if (!ctx || !data)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (EVP_DigestSignInit(ctx, NULL, digest_of(key), NULL, key) != 1 ||
	    EVP_DigestSign(ctx, sig, &sig_len, (const unsigned char *)data, data_len) != 1)
		return cc_fail(err, CC_E_INTERNAL, "cannot sign with this key");
	if (cc_pubkey_id(key, keyid, err))
		return -1;
	body64 = cc_b64_encode(payload, len);
	sig64 = cc_b64_encode(sig, sig_len);
	if (!body64 || !sig64)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	doc = json_pack("{s:s, s:s, s:[{s:s, s:s}]}", "payloadType", type, "payload", body64,
			"signatures", "keyid", keyid, "sig", sig64);
	*env = json_dumps(doc, JSON_COMPACT);
	return *env ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

void cc_simplesigning_clear(struct cc_simplesigning *s)
{
	free(s->reference);
	json_decref(s->optional);
	*s = (struct cc_simplesigning){0};
}

/* The annotations; cosign writes null where there are none. */
static int parse_optional(const json_t *doc, const char *what, struct cc_simplesigning *out,
			  struct cc_error *err)
{
	json_t *optional = json_object_get(doc, "optional");

	if (!optional || json_is_null(optional))
		return 0;
	if (!json_is_object(optional))
		return cc_fail(err, CC_E_INVALID, "%s: \"optional\" must be an object", what);
	out->optional = json_incref(optional);
	return 0;
}

/* What `cosign sign` signs; spec: sigstore/cosign specs/SIGNATURE_SPEC.md. */
static int parse_simplesigning(const char *payload, size_t len, struct cc_simplesigning *out,
			       struct cc_error *err)
{
	static const char *const top[] = {"critical", "optional", NULL};
	static const char *const known[] = {"identity", "image", "type", NULL};
	static const char *const of_identity[] = {"docker-reference", NULL};
	static const char *const of_image[] = {"docker-manifest-digest", NULL};
	static const char what[] = "simple signing payload";
	cc_auto_json json_t *doc = cc_json_parse(payload, len, what, err);
	cc_auto_free char *type = NULL, *found = NULL;
	json_t *critical = NULL, *identity = NULL, *image = NULL;

	if (!doc || cc_json_only(doc, what, top, err) ||
	    cc_json_obj(doc, what, "critical", true, &critical, err) ||
	    cc_json_only(critical, what, known, err) ||
	    cc_json_obj(critical, what, "identity", true, &identity, err) ||
	    cc_json_only(identity, what, of_identity, err) ||
	    cc_json_obj(critical, what, "image", true, &image, err) ||
	    cc_json_only(image, what, of_image, err) ||
	    cc_json_str(image, what, "docker-manifest-digest", true, &found, err) ||
	    cc_json_str(critical, what, "type", true, &type, err))
		return -1;
	if (strcmp(type, "cosign container image signature") != 0)
		return cc_fail(err, CC_E_INVALID, "%s: type is \"%.80s\"", what, type);
	if (!cc_is_digest(found))
		return cc_fail(err, CC_E_INVALID, "%s: not a sha256 manifest digest", what);
	if (cc_json_str(identity, what, "docker-reference", true, &out->reference, err) ||
	    parse_optional(doc, what, out, err))
		return -1;
	memcpy(out->digest, found, strlen(found) + 1);
	return 0;
}

/* The fact of what is malformed; what could not be found out has none. */
static int envelope_fact(struct cc_error *err)
{
	return err->code == CC_E_INVALID ? cc_set_fact(err, "envelope") : -1;
}

static int too_long(const char *what, struct cc_error *err)
{
	cc_fail(err, CC_E_INVALID, "%s: longer than %d bytes", what, CC_DSSE_PAYLOAD_MAX);
	return envelope_fact(err);
}

/* One signature of an image, in base64, over @data. */
static int check_signature(const char *data, size_t len, const char *sig_b64, EVP_PKEY *key,
			   struct cc_error *err)
{
	cc_auto_free unsigned char *sig = NULL;
	size_t sig_len;
	int rc;

	if (cc_b64_decode(sig_b64, strlen(sig_b64), SIG_MAX, "signature", &sig, &sig_len, err))
		return envelope_fact(err);
	rc = verifies(key, data, len, sig, sig_len, err);
	if (rc)
		return rc > 0 ? 0 : -1;
	return cc_refuse(err, "signature",
			 "signature: the image's signature does not verify under this key");
}

int cc_dsse_check(const char *type, const char *payload, size_t len, const char *sig_b64,
		  EVP_PKEY *key, struct cc_error *err)
{
	cc_auto_free char *data = NULL;
	size_t data_len;

	if (len > CC_DSSE_PAYLOAD_MAX)
		return too_long("statement", err);
	data = pae(type, payload, len, &data_len);
	return data ? check_signature(data, data_len, sig_b64, key, err)
		    : cc_fail(err, CC_E_NOMEM, "out of memory");
}

int cc_simplesigning_check(const char *payload, size_t len, const char *sig_b64, EVP_PKEY *key,
			   struct cc_error *err)
{
	if (len > CC_DSSE_PAYLOAD_MAX)
		return too_long("simple signing payload", err);
	return check_signature(payload, len, sig_b64, key, err);
}

int cc_simplesigning_parse(const char *payload, size_t len, struct cc_simplesigning *out,
			   struct cc_error *err)
{
	if (!parse_simplesigning(payload, len, out, err))
		return 0;
	cc_simplesigning_clear(out);
	return envelope_fact(err);
}

int cc_simplesigning_verify(const char *payload, size_t len, const char *sig_b64, EVP_PKEY *key,
			    struct cc_simplesigning *out, struct cc_error *err)
{
	return cc_simplesigning_check(payload, len, sig_b64, key, err) ||
			       cc_simplesigning_parse(payload, len, out, err)
		       ? -1
		       : 0;
}
