// SPDX-License-Identifier: Apache-2.0
#include "jws.h"

#include <string.h>
#include <jose/b64.h>
#include <jose/jws.h>

#include "jwk.h"
#include "name.h"

char *cc_jws_sign(const char *what, const char *typ, const json_t *claims, const json_t *agent_key,
		  struct cc_error *err)
{
	const char *kid = json_string_value(json_object_get(agent_key, "kid"));
	cc_auto_json json_t *key = cc_jwk_bare(agent_key, true, "ES256", err);
	cc_auto_jose_cfg jose_cfg_t *cfg = cc_jose_cfg();
	cc_auto_json json_t *doc = NULL, *sig = NULL;
	const char *header, *payload, *signature;
	char *out;

	if (!key)
		return NULL;
	doc = json_pack("{s:o}", "payload", claims ? jose_b64_enc_dump(claims) : NULL);
	sig = json_pack("{s:{s:s, s:s, s:s}}", "protected", "alg", "ES256", "typ", typ, "kid", kid);
	if (!cfg || !doc || !sig) {
		cc_fail(err, CC_E_INTERNAL, "%s: cannot be written as JSON", what);
		return NULL;
	}
	if (!jose_jws_sig(cfg, doc, sig, key) ||
	    json_unpack(doc, "{s:s, s:s, s:s}", "protected", &header, "payload", &payload,
			"signature", &signature)) {
		cc_fail(err, CC_E_INTERNAL, "%s: cannot be signed", what);
		return NULL;
	}
	if (asprintf(&out, "%s.%s.%s", header, payload, signature) >= 0)
		return out;
	cc_fail(err, CC_E_NOMEM, "out of memory");
	return NULL;
}

int cc_jws_open(const char *what, const char *header_what, const char *typ, const char *jws,
		size_t len, struct cc_jose_part parts[static 3], char kid[static 64],
		struct cc_error *err)
{
	static const char *const known[] = {"alg", "typ", "kid", NULL};
	cc_auto_json json_t *header = NULL;
	const char *name;

	if (cc_jose_split(jws, len, 3, parts, what, err))
		return -1;
	header = cc_jose_header(&parts[0], known, header_what, err);
	if (!header || cc_jose_demand(header, "alg", "ES256", header_what, err) ||
	    cc_jose_demand(header, "typ", typ, header_what, err))
		return -1;
	name = json_string_value(json_object_get(header, "kid"));
	if (!name || !cc_is_name(name))
		return cc_fail(err, CC_E_INVALID, "%s: \"kid\" must be an agent's name",
			       header_what);
	memcpy(kid, name, strlen(name) + 1);
	return 0;
}

bool cc_jws_verify(const struct cc_jose_part parts[static 3], EVP_PKEY *key)
{
	const size_t len = (size_t)(parts[1].s + parts[1].len - parts[0].s);
	unsigned char sig[2 * CC_P256_LEN];

	return cc_b64u_decode(parts[2].s, parts[2].len, sig, sizeof(sig)) == sizeof(sig) &&
	       cc_p256_verify(key, parts[0].s, len, sig);
}
