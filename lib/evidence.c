// SPDX-License-Identifier: Apache-2.0
#include "evidence.h"

#include <string.h>
#include <jose/b64.h>
#include <jose/jws.h>

#include "jose.h"

static const char *const op_names[] = {[CC_OP_RELEASE] = "release", [CC_OP_FORMAT] = "format"};

void cc_evidence_clear(struct cc_evidence *ev)
{
	free(ev->aud);
	free(ev->iss);
	free(ev->jkt);
	free(ev->channel);
	cc_measurement_free(ev->measurement);
	*ev = (struct cc_evidence){0};
}

static void evidence_fail(struct cc_error *err)
{
	if (err->code == CC_E_INVALID)
		cc_set_fact(err, "evidence");
}

/* ---- claims ------------------------------------------------------------------------------------- */

static json_t *claims_to_json(const struct cc_evidence *ev)
{
	char nonce[CC_B64U_32 + 1];
	json_t *m = NULL;

	if (cc_b64u_encode32(ev->nonce, nonce))
		return NULL;
	if (ev->measurement) {
		m = cc_measurement_to_json(ev->measurement);
		if (!m)
			return NULL;
	}
	return json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:{s:s}, s:s, s:o*}", "eat_nonce",
			 nonce, "aud", ev->aud, "iss", ev->iss, "iat", (json_int_t)ev->iat,
			 "boot_id", ev->boot_id, "op", op_names[ev->op], "volume", ev->volume,
			 "cnf", "jkt", ev->jkt, "channel", ev->channel, "measurement", m);
}

static int parse_uuid(const json_t *claims, const char *key, char out[static 37],
		      struct cc_error *err)
{
	const char *s = json_string_value(json_object_get(claims, key));

	if (!s || !cc_is_uuid(s))
		return cc_fail(err, CC_E_INVALID, "evidence: \"%s\" must be a lower-case UUID",
			       key);
	memcpy(out, s, 37);
	return 0;
}

static int parse_nonce(const json_t *claims, struct cc_evidence *ev, struct cc_error *err)
{
	const char *s = json_string_value(json_object_get(claims, "eat_nonce"));

	if (s && cc_b64u_decode32(s, ev->nonce) == 0)
		return 0;
	return cc_fail(err, CC_E_INVALID, "evidence: \"eat_nonce\" must be %d bytes of base64url",
		       CC_NONCE_LEN);
}

static int parse_op(const json_t *claims, struct cc_evidence *ev, struct cc_error *err)
{
	const char *s = json_string_value(json_object_get(claims, "op"));

	if (s && !strcmp(s, op_names[CC_OP_RELEASE]))
		ev->op = CC_OP_RELEASE;
	else if (s && !strcmp(s, op_names[CC_OP_FORMAT]))
		ev->op = CC_OP_FORMAT;
	else
		return cc_fail(err, CC_E_INVALID, "evidence: \"op\" must be release or format");
	return 0;
}

/* Hashes in claims: SHA-256, base64url; @word, if not NULL, is allowed in place of one. */
static int check_hash(const char *s, const char *key, const char *word, struct cc_error *err)
{
	unsigned char raw[32];

	if ((word && !strcmp(s, word)) || cc_b64u_decode32(s, raw) == 0)
		return 0;
	return cc_fail(err, CC_E_INVALID, "evidence: \"%s\" must be 32 bytes of base64url%s%s", key,
		       word ? " or " : "", word ? word : "");
}

static int parse_cnf(const json_t *claims, struct cc_evidence *ev, struct cc_error *err)
{
	static const char *const known[] = {"jkt", NULL};
	json_t *cnf = NULL;

	if (cc_json_obj(claims, "evidence", "cnf", true, &cnf, err) ||
	    cc_json_only(cnf, "evidence cnf", known, err) ||
	    cc_json_str(cnf, "evidence cnf", "jkt", true, &ev->jkt, err))
		return -1;
	return check_hash(ev->jkt, "jkt", NULL, err);
}

static int parse_measurement(const json_t *claims, struct cc_evidence *ev, struct cc_error *err)
{
	json_t *m = NULL;

	if (cc_json_obj(claims, "evidence", "measurement", ev->op == CC_OP_RELEASE, &m, err))
		return -1;
	if (ev->op == CC_OP_FORMAT && m)
		return cc_fail(err, CC_E_INVALID,
			       "evidence: \"measurement\" is not for \"format\"");
	if (!m)
		return 0;
	ev->measurement = cc_measurement_from_json(m, err);
	return ev->measurement ? 0 : -1;
}

static int parse_claims(const json_t *claims, struct cc_evidence *ev, struct cc_error *err)
{
	static const char *const known[] = {"eat_nonce", "aud",		"iss",	  "iat",
					    "boot_id",	 "op",		"volume", "cnf",
					    "channel",	 "measurement", NULL};
	static const char what[] = "evidence";
	uint64_t iat = 0;

	if (cc_json_only(claims, what, known, err) || parse_nonce(claims, ev, err) ||
	    cc_json_str(claims, what, "aud", true, &ev->aud, err) ||
	    cc_json_str(claims, what, "iss", true, &ev->iss, err) ||
	    cc_json_u64(claims, what, "iat", true, &iat, err) ||
	    parse_uuid(claims, "boot_id", ev->boot_id, err) || parse_op(claims, ev, err) ||
	    parse_uuid(claims, "volume", ev->volume, err) || parse_cnf(claims, ev, err) ||
	    cc_json_str(claims, what, "channel", true, &ev->channel, err) ||
	    check_hash(ev->channel, "channel", CC_CHANNEL_UNIX, err))
		return -1;
	ev->iat = (int64_t)iat;
	return parse_measurement(claims, ev, err);
}

int cc_evidence_claims_parse(const char *text, size_t len, struct cc_evidence *ev,
			     struct cc_error *err)
{
	cc_auto_json json_t *claims = cc_json_parse(text, len, "evidence", err);

	*ev = (struct cc_evidence){0};
	if (claims && !parse_claims(claims, ev, err))
		return 0;
	cc_evidence_clear(ev);
	evidence_fail(err);
	return -1;
}

/* ---- the signature ------------------------------------------------------------------------------ */

int cc_evidence_sign(const struct cc_evidence *ev, const json_t *agent_key, char **jws,
		     struct cc_error *err)
{
	const char *kid = json_string_value(json_object_get(agent_key, "kid"));
	cc_auto_jose_cfg jose_cfg_t *cfg = cc_jose_cfg();
	cc_auto_json json_t *key = NULL, *claims = NULL, *doc = NULL, *sig = NULL;
	const char *header, *payload, *signature;
	char *out;

	if (!kid || !cc_is_name(kid) || strcmp(kid, ev->iss) != 0)
		return cc_fail(err, CC_E_INVALID,
			       "evidence: \"iss\" must be the name in the agent's key");
	if ((ev->op == CC_OP_RELEASE) != (ev->measurement != NULL))
		return cc_fail(err, CC_E_INTERNAL, "evidence: a measurement goes with \"release\"");
	key = cc_jwk_bare(agent_key, true, "ES256", err);
	if (!key)
		return -1;
	claims = claims_to_json(ev);
	doc = json_pack("{s:o}", "payload", claims ? jose_b64_enc_dump(claims) : NULL);
	sig = json_pack("{s:{s:s, s:s, s:s}}", "protected", "alg", "ES256", "typ", CC_EVIDENCE_TYP,
			"kid", kid);
	if (!cfg || !doc || !sig)
		return cc_fail(err, CC_E_INTERNAL, "evidence: cannot write it as JSON");
	if (!jose_jws_sig(cfg, doc, sig, key) ||
	    json_unpack(doc, "{s:s, s:s, s:s}", "protected", &header, "payload", &payload,
			"signature", &signature))
		return cc_fail(err, CC_E_INTERNAL, "evidence: cannot sign it");
	if (strlen(header) + strlen(payload) + strlen(signature) + 2 > CC_EVIDENCE_MAX)
		return cc_fail(
			err, CC_E_INVALID,
			"evidence: longer than %d bytes; the container has too long arguments, "
			"variables or mounts",
			CC_EVIDENCE_MAX);
	if (asprintf(&out, "%s.%s.%s", header, payload, signature) < 0)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	*jws = out;
	return 0;
}

/* Splits @jws and checks its header, which then says nothing but the agent's name. */
static int open_jws(const char *jws, size_t len, struct cc_jose_part parts[static 3],
		    char kid[static 64], struct cc_error *err)
{
	static const char *const known[] = {"alg", "typ", "kid", NULL};
	static const char what[] = "evidence header";
	cc_auto_json json_t *header = NULL;
	const char *name;

	if (len > CC_EVIDENCE_MAX)
		return cc_fail(err, CC_E_INVALID, "evidence: longer than %d bytes",
			       CC_EVIDENCE_MAX);
	if (cc_jose_split(jws, len, 3, parts, "evidence", err))
		return -1;
	header = cc_jose_header(&parts[0], known, what, err);
	if (!header || cc_jose_demand(header, "alg", "ES256", what, err) ||
	    cc_jose_demand(header, "typ", CC_EVIDENCE_TYP, what, err))
		return -1;
	name = json_string_value(json_object_get(header, "kid"));
	if (!name || !cc_is_name(name))
		return cc_fail(err, CC_E_INVALID, "%s: \"kid\" must be an agent's name", what);
	memcpy(kid, name, strlen(name) + 1);
	return 0;
}

int cc_evidence_kid(const char *jws, size_t len, char kid[static 64], struct cc_error *err)
{
	struct cc_jose_part parts[3];

	if (!open_jws(jws, len, parts, kid, err))
		return 0;
	evidence_fail(err);
	return -1;
}

static int check_signature(const struct cc_jose_part parts[static 3], const json_t *agent_key,
			   struct cc_error *err)
{
	cc_auto_jose_cfg jose_cfg_t *cfg = cc_jose_cfg();
	cc_auto_json json_t *key = cc_jwk_bare(agent_key, false, "ES256", err);
	cc_auto_json json_t *doc = NULL;

	if (!key)
		return -1;
	doc = json_pack("{s:o, s:o, s:o}", "protected", cc_jose_string(&parts[0]), "payload",
			cc_jose_string(&parts[1]), "signature", cc_jose_string(&parts[2]));
	if (!cfg || !doc)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (!jose_jws_ver(cfg, doc, NULL, key, false))
		return cc_refuse(err, "signature",
				 "signature: the evidence's does not verify under the agent's key");
	return 0;
}

static int verify(const char *jws, size_t len, const json_t *agent_key, struct cc_evidence *ev,
		  struct cc_error *err)
{
	cc_auto_free char *text = NULL;
	struct cc_jose_part parts[3];
	size_t text_len;
	char kid[64];

	if (open_jws(jws, len, parts, kid, err) || check_signature(parts, agent_key, err) ||
	    cc_jose_decode(&parts[1], &text, &text_len, "evidence", err) ||
	    cc_evidence_claims_parse(text, text_len, ev, err))
		return -1;
	if (strcmp(ev->iss, kid) == 0)
		return 0;
	cc_evidence_clear(ev);
	return cc_fail(err, CC_E_INVALID, "evidence: \"iss\" is not the agent that signed it");
}

int cc_evidence_verify(const char *jws, size_t len, const json_t *agent_key, struct cc_evidence *ev,
		       struct cc_error *err)
{
	*ev = (struct cc_evidence){0};
	if (!verify(jws, len, agent_key, ev, err))
		return 0;
	evidence_fail(err);
	return -1;
}
