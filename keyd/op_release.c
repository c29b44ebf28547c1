// SPDX-License-Identifier: Apache-2.0
/*
 * Challenge and release. The order of checks is the contract of docs/api.md: nothing that has
 * not been verified is parsed, and the key is unwrapped only after everything else has said yes.
 */
#include "call.h"

#include <inttypes.h>
#include <string.h>

#include "decide.h"
#include "evidence.h"
#include "jose.h"
#include "lease.h"
#include "trust.h"
#include "volume_json.h"

int op_challenge(struct custodian *c, struct call *call, struct cc_error *err)
{
	static const char *const known[] = {NULL};
	unsigned char nonce[CC_NONCE_LEN];
	char text[CC_B64U_32 + 1];

	if (cc_json_only(call->in, "request", known, err) ||
	    nonce_issue(&c->nonces, c->clock.boot_ms(), nonce, err))
		return -1;
	if (cc_b64u_encode32(nonce, text))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	c->counters.challenges++;
	return call_answer(call->out, err, "{s:s, s:s, s:i}", "nonce", text, "aud", c->realm,
			   "expires_in", NONCE_LIFE_MS / 1000);
}

/* Size, then the agent by the name it claims, then its signature over the raw bytes, then parse. */
static int verify_evidence(struct custodian *c, struct call *call, const char *jws,
			   struct cc_evidence *ev, struct cc_error *err)
{
	store_auto_agent struct store_agent agent = {0};
	cc_auto_json json_t *jwk = NULL;
	size_t len = strlen(jws);
	char kid[64];

	if (len > CC_EVIDENCE_MAX) {
		cc_fail(err, CC_E_INVALID, "evidence of %zu bytes: at most %d are taken", len,
			CC_EVIDENCE_MAX);
		return cc_set_fact(err, "evidence");
	}
	if (cc_evidence_kid(jws, len, kid, err))
		return -1;
	if (store_agent_get(c->store, kid, &agent, err)) {
		if (err->code != CC_E_NOTFOUND)
			return -1;
		return cc_refuse(err, "agent", "agent %s is not enrolled here: enrol its key", kid);
	}
	jwk = cc_json_parse(agent.jwk, strlen(agent.jwk), "agent's key", err);
	if (!jwk || cc_evidence_verify(jws, len, jwk, ev, err))
		return -1;
	NOTE(call->note.agent, agent.name);
	if (ev->op == CC_OP_FORMAT)
		call->note.event = "format";
	if (ev->measurement)
		NOTE(call->note.container, ev->measurement->container_id);
	return 0;
}

/* Is it for us, over this channel, now, and for that key? */
static int check_binding(struct custodian *c, const struct call *call, const struct cc_evidence *ev,
			 const json_t *recipient, struct cc_error *err)
{
	cc_auto_free char *thumbprint = NULL;

	if (strcmp(ev->aud, c->realm) != 0)
		return cc_refuse(err, "audience", "evidence is for realm %s, this is %s", ev->aud,
				 c->realm);
	if (strcmp(ev->channel, call->rq->channel) != 0)
		return cc_refuse(err, "channel", "evidence was made for another connection");
	if (nonce_consume(&c->nonces, c->clock.boot_ms(), ev->nonce, err))
		return -1;
	if (cc_jwk_check_public(recipient, err)) {
		cc_prefix(err, "recipient");
		return cc_set_fact(err, "recipient");
	}
	thumbprint = cc_jwk_thumbprint(recipient, err);
	if (!thumbprint)
		return -1;
	if (strcmp(thumbprint, ev->jkt) != 0)
		return cc_refuse(err, "recipient",
				 "the one-time key is not the one the evidence names");
	return 0;
}

/* The stored envelope decides only after its signature has been verified again. */
static struct cc_identity *load_identity(struct custodian *c, const struct store_volume *v,
					 struct store_identity *row, struct cc_error *err)
{
	char signer[STORE_NAME_LEN];

	if (store_identity_get(c->store, v->id, row, err)) {
		if (err->code == CC_E_NOTFOUND)
			cc_refuse(err, "identity",
				  "volume %s has no identity: sign one and enrol it", v->name);
		return NULL;
	}
	return trust_verify(c->store, row->envelope, row->envelope_len, row->signer, signer, err);
}

static int decide(struct custodian *c, const struct store_volume *v, const struct cc_identity *id,
		  const struct cc_evidence *ev, struct cc_error *err)
{
	struct cc_policy policy = {
		.now = c->clock.real(),
		.volume = v->name,
		.serial = v->serial_floor,
		/* Only root of this host speaks over the Unix socket, the administrator. */
		.allow_running = !strcmp(ev->channel, CC_CHANNEL_UNIX),
	};

	return cc_decide(id, ev->measurement, &policy, err);
}

static int seal_key(struct custodian *c, const struct store_volume *v, const json_t *recipient,
		    json_t *out, struct cc_error *err)
{
	struct kek_use use = {v->uuid, v->generation, v->cipher, v->key_bytes};
	cc_auto_secret struct cc_secret key = {0};
	cc_auto_free char *jwe = NULL;

	if (kek_unwrap(&c->kek, &use, v->wrapped, v->wrapped_len, &key, err) ||
	    cc_release_seal(&key, recipient, &jwe, err))
		return -1;
	return call_answer(out, err, "{s:s}", "jwe", jwe);
}

static int release(struct custodian *c, struct call *call, struct store_volume *v,
		   const struct cc_evidence *ev, struct cc_error *err)
{
	cc_auto_identity struct cc_identity *id = NULL;
	store_auto_identity struct store_identity row = {0};
	struct store_lease lease;
	char digest[STORE_DIGEST_LEN];

	if (!v->ready)
		return cc_refuse(err, "state", "volume %s is still being created", v->name);
	id = load_identity(c, v, &row, err);
	if (!id || decide(c, v, id, ev, err) ||
	    lease_grant(c->store, v, ev, c->clock.real(), &lease, err))
		return -1;

	cc_sha256_digest(row.envelope, row.envelope_len, digest);
	snprintf(call->note.detail, sizeof(call->note.detail),
		 "serial %" PRIu64 " %s, lease %s, fence %" PRIu64, id->serial, digest, lease.id,
		 lease.fence);
	return call_answer(call->out, err, "{s:{s:s, s:I, s:I}, s:{s:s, s:b}, s:{s:I, s:s}}",
			   "lease", "id", lease.id, "fence", (json_int_t)lease.fence, "ms",
			   (json_int_t)lease.ms, "mount", "point", id->mount_point, "readOnly",
			   id->read_only, "identity", "serial", (json_int_t)id->serial, "digest",
			   digest);
}

static int format(struct call *call, const struct store_volume *v, struct cc_error *err)
{
	if (v->ready)
		return cc_refuse(err, "state",
				 "volume %s is in use already: its key is for its container only",
				 v->name);
	return call_answer(call->out, err, "{s:n, s:n, s:n}", "lease", "mount", "identity");
}

static int release_volume(struct custodian *c, struct call *call, const struct cc_evidence *ev,
			  const json_t *recipient, struct cc_error *err)
{
	struct store_volume v;
	json_t *obj = NULL;

	if (store_volume_by_uuid(c->store, ev->volume, &v, err))
		return -1;
	NOTE(call->note.volume, v.name);
	if (ev->op == CC_OP_FORMAT ? format(call, &v, err) : release(c, call, &v, ev, err))
		return -1;
	obj = volume_json(c, &v, err);
	if (!obj || call_answer(call->out, err, "{s:o}", "volume", obj))
		return -1;
	return seal_key(c, &v, recipient, call->out, err);
}

int op_release(struct custodian *c, struct call *call, struct cc_error *err)
{
	static const char *const known[] = {"evidence", "recipient", NULL};
	cc_cleanup(cc_evidence_clear) struct cc_evidence ev = {0};
	cc_auto_free char *jws = NULL;
	json_t *recipient = NULL;

	if (cc_json_only(call->in, "request", known, err) ||
	    cc_json_str(call->in, "request", "evidence", true, &jws, err) ||
	    cc_json_obj(call->in, "request", "recipient", true, &recipient, err))
		return -1;
	if (verify_evidence(c, call, jws, &ev, err) || check_binding(c, call, &ev, recipient, err))
		return -1;
	return release_volume(c, call, &ev, recipient, err);
}
