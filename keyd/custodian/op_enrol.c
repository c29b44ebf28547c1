// SPDX-License-Identifier: Apache-2.0
/* Agents over TLS: invitations, enrolment by a token, certificates. */
#include "custodian/call.h"

#include <string.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "custodian/agent_key.h"
#include "custodian/ca.h"
#include "enrol.h"
#include "hex.h"
#include "jwk.h"
#include "timestamp.h"

#define INVITE_S_MAX (7 * 24 * 3600)
#define INVITE_S_DEFAULT 3600

static int check_ca(const struct custodian *c, struct cc_error *err)
{
	if (c->ca.key)
		return 0;
	cc_fail(err, CC_E_INVALID,
		"this keyd does not serve TLS: enable container-crypt-keyd-tls.socket, see keyd(8)");
	return cc_set_fact(err, "tls");
}

/* ---- certificates ---- */

/* Certificate and CA, PEM. */
static int certify(struct custodian *c, struct call *call, const struct store_agent *a,
		   struct cc_error *err)
{
	cc_auto_free char *pem = NULL;
	struct ca_name name;
	char until[CC_TIME_LEN];
	int64_t now;
	size_t len;

	if (custodian_now(c, &now, err))
		return -1;
	pem = ca_agent_make(&c->ca, a, now, &name, err);
	if (!pem)
		return -1;
	cc_time_format(name.until, until);
	len = strlen(call->note.detail);
	snprintf(call->note.detail + len, sizeof(call->note.detail) - len,
		 "%scertificate %s until %s", len ? ", " : "", name.serial, until);
	return call_answer(call->out, err, "{s:s, s:s, s:s, s:s, s:s}", "name", a->name, "realm",
			   c->realm, "certificate", pem, "ca", c->ca.pem, "until", until);
}

/* Over TLS that is a renewal, which is for oneself only. */
static int check_self(const struct call *call, const struct store_agent *a, struct cc_error *err)
{
	if (call->rq->plane != PLANE_NET || !strcmp(call->rq->enrolment, a->enrolment))
		return 0;
	cc_fail(err, CC_E_PERM, "over TLS an agent gets a certificate for itself, not for %s",
		a->name);
	return cc_set_fact(err, "certificate");
}

int op_agent_certificate(struct custodian *c, struct call *call, struct cc_error *err)
{
	static const char *const known[] = {NULL};
	store_auto_agent struct store_agent a = {0};

	NOTE(call->note.agent, call->rq->arg);
	if (call->rq->plane == PLANE_NET)
		NOTE(call->note.detail, "by itself");
	if (cc_json_only(call->in, "request", known, err) || check_ca(c, err) ||
	    store_agent_get(c->store, call->rq->arg, &a, err) || check_self(call, &a, err))
		return -1;
	return certify(c, call, &a, err);
}

/* ---- invitations ---- */

static int read_seconds(const json_t *in, int64_t *seconds, struct cc_error *err)
{
	uint64_t s = INVITE_S_DEFAULT;

	if (cc_json_u64(in, "request", "seconds", false, &s, err))
		return -1;
	if (s < 1 || s > INVITE_S_MAX)
		return cc_fail(err, CC_E_INVALID,
			       "an invitation is good for a second to %d days, not for %llu s",
			       INVITE_S_MAX / 86400, (unsigned long long)s);
	*seconds = (int64_t)s;
	return 0;
}

static int make_token(const struct custodian *c, struct store_invite *v, struct cc_enrol_token *t,
		      struct cc_error *err)
{
	unsigned char id[(CC_ENROL_ID_LEN - 1) / 2];

	if (RAND_bytes(id, sizeof(id)) != 1 || RAND_priv_bytes(t->secret, sizeof(t->secret)) != 1)
		return cc_fail(err, CC_E_INTERNAL, "no random numbers");
	cc_hex_encode(id, sizeof(id), t->id);
	memcpy(t->name, v->name, sizeof(t->name));
	memcpy(t->pin, c->ca.pin, sizeof(t->pin));
	memcpy(v->id, t->id, sizeof(v->id));
	SHA256(t->secret, sizeof(t->secret), v->hash);
	return 0;
}

static int answer_token(struct call *call, const struct cc_enrol_token *t, const char *until,
			struct cc_error *err)
{
	char text[CC_ENROL_TOKEN_LEN];
	int rc;

	if (cc_enrol_token_format(t, text, err))
		return -1;
	rc = call_answer(call->out, err, "{s:s, s:s, s:s}", "name", t->name, "token", text, "until",
			 until);
	OPENSSL_cleanse(text, sizeof(text));
	return rc;
}

int op_agent_invite(struct custodian *c, struct call *call, struct cc_error *err)
{
	static const char *const known[] = {"seconds", "volumes", NULL};
	cc_cleanup(cc_enrol_token_clear) struct cc_enrol_token t = {0};
	struct store_invite v = {.volumes = CC_SCOPE_ALL};
	char until[CC_TIME_LEN];
	int64_t now, seconds = 0;
	bool given;

	NOTE(call->note.agent, call->rq->arg);
	memcpy(v.name, call->rq->arg, sizeof(v.name));
	if (cc_json_only(call->in, "request", known, err) || check_ca(c, err) ||
	    read_seconds(call->in, &seconds, err) ||
	    cc_scope_read(call->in, "request", &v.volumes, &given, err) ||
	    custodian_now(c, &now, err) || make_token(c, &v, &t, err))
		return -1;
	v.expires = now + seconds;
	cc_time_format(v.expires, until);
	snprintf(call->note.detail, sizeof(call->note.detail),
		 "token %s until %s, by process %u, volumes %s", v.id, until, call->rq->peer,
		 v.volumes.text);
	if (store_invite_add(c->store, &v, now, err))
		return -1;
	return answer_token(call, &t, until, err);
}

/* ---- enrolment ---- */

/* One that is unknown, was used, is over or does not fit is refused in the same words. */
static int check_token(struct custodian *c, const struct cc_enrol_token *t, struct store_invite *v,
		       struct cc_error *err)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	int64_t now;

	if (custodian_now(c, &now, err))
		return -1;
	if (store_invite_get(c->store, t->id, v, err) && err->code != CC_E_NOTFOUND)
		return -1;
	SHA256(t->secret, sizeof(t->secret), hash);
	if (CRYPTO_memcmp(hash, v->hash, sizeof(hash)) == 0 && now < v->expires &&
	    strcmp(v->name, t->name) == 0)
		return 0;
	return cc_refuse(err, "token",
			 "the token is not one of this keyd, was used already, or is over: have "
			 "another made with \"dmctl agents invite\"");
}

/* The key in OpenSSL's form, checked. */
static EVP_PKEY *agent_key(const json_t *jwk, struct cc_error *err)
{
	return cc_jwk_check_public(jwk, err) ? NULL : cc_jwk_pkey(jwk, false, "ES256", err);
}

static int read_token(const json_t *in, struct cc_enrol_token *t, struct cc_error *err)
{
	const char *text = json_string_value(json_object_get(in, "token"));

	if (!text)
		return cc_fail(err, CC_E_INVALID, "request: \"token\" is missing");
	return cc_enrol_token_parse(text, strlen(text), t, err);
}

static int read_proof(struct call *call, const struct cc_enrol_token *t, json_t *jwk,
		      struct cc_error *err)
{
	cc_auto_pkey EVP_PKEY *key = agent_key(jwk, err);
	const char *proof = json_string_value(json_object_get(call->in, "proof"));

	if (!key)
		return -1;
	if (!proof)
		return cc_fail(err, CC_E_INVALID, "request: \"proof\" is missing");
	return cc_enrol_check(proof, t, key, err);
}

static int enrol(struct custodian *c, struct call *call, const struct store_invite *v,
		 const json_t *jwk, struct cc_error *err)
{
	store_auto_agent struct store_agent a = {0};
	char thumbprint[64];
	bool added;

	/* An enrolment that stands keeps its volumes: only an administrator changes them. */
	if (store_agent_get(c->store, v->name, &a, err) && err->code != CC_E_NOTFOUND)
		return -1;
	if (agent_key_enrol(c->store, v->name, jwk, a.name[0] ? NULL : &v->volumes, thumbprint,
			    &added, err) ||
	    store_invite_drop(c->store, v->id, err))
		return -1;
	store_agent_clear(&a);
	snprintf(call->note.detail, sizeof(call->note.detail), "%s %s, by token %s, volumes %s",
		 added ? "key" : "known key", thumbprint, v->id, v->volumes.text);
	return store_agent_get(c->store, v->name, &a, err) || certify(c, call, &a, err) ? -1 : 0;
}

int op_enrol(struct custodian *c, struct call *call, struct cc_error *err)
{
	static const char *const known[] = {"token", "jwk", "proof", NULL};
	cc_cleanup(cc_enrol_token_clear) struct cc_enrol_token t = {0};
	struct store_invite v = {0};
	json_t *jwk = NULL;

	if (cc_json_only(call->in, "request", known, err) || check_ca(c, err) ||
	    read_token(call->in, &t, err) || check_token(c, &t, &v, err))
		return -1;
	/* From here on it is known who asks: whoever was invited. */
	NOTE(call->note.agent, v.name);
	snprintf(call->note.detail, sizeof(call->note.detail), "token %s", v.id);
	call->verified = true;
	if (cc_json_obj(call->in, "request", "jwk", true, &jwk, err) ||
	    read_proof(call, &t, jwk, err))
		return -1;
	return enrol(c, call, &v, jwk, err);
}
