// SPDX-License-Identifier: Apache-2.0
#include "custodian/attest.h"

#include <string.h>

#include "decide.h"
#include "identity.h"
#include "name.h"
#include "pkey.h"
#include "custodian/trust.h"

/* Size, then the agent by the name it claims, then its signature over the raw bytes, then parse. */
static int verify(struct custodian *c, struct call *call, const char *jws,
		  struct store_agent *agent, struct cc_evidence *ev, struct cc_error *err)
{
	cc_auto_pkey EVP_PKEY *key = NULL;
	size_t len = strlen(jws);
	char kid[64];

	if (len > CC_EVIDENCE_MAX) {
		cc_fail(err, CC_E_INVALID, "evidence: %zu bytes, more than the %d allowed", len,
			CC_EVIDENCE_MAX);
		return cc_set_fact(err, "evidence");
	}
	if (cc_evidence_kid(jws, len, kid, err))
		return -1;
	if (store_agent_get(c->store, kid, agent, err)) {
		if (err->code != CC_E_NOTFOUND)
			return -1;
		return cc_refuse(err, "agent", "agent %s is not enrolled here: enrol its key", kid);
	}
	key = kept_agent_key(c->kept, agent->jwk, err);
	if (!key || cc_evidence_verify(jws, len, key, ev, err))
		return -1;
	NOTE(call->note.agent, agent->name);
	if (ev->op == CC_OP_FORMAT)
		call->note.event = "format";
	if (ev->measurement)
		NOTE(call->note.container, ev->measurement->container_id);
	return 0;
}

/* Is it for us, over this channel, and now? */
static int check_binding(struct custodian *c, const struct call *call, const struct cc_evidence *ev,
			 struct cc_error *err)
{
	if (strcmp(ev->aud, c->realm) != 0)
		return cc_refuse(err, "audience", "evidence is for realm %s, this is %s", ev->aud,
				 c->realm);
	if (strcmp(ev->channel, call->rq->channel) != 0)
		return cc_refuse(err, "channel", "evidence was made for another connection");
	return nonce_consume(&c->nonces, c->clock.boot_ms(), ev->nonce, err);
}

int attest_verify(struct custodian *c, struct call *call, const char *jws,
		  struct store_agent *agent, struct cc_evidence *ev, struct cc_error *err)
{
	if (verify(c, call, jws, agent, ev, err) || check_binding(c, call, ev, err))
		return -1;
	call->verified = true;
	return 0;
}

/* The stored envelope decides only where it verifies under a signer that is enrolled now. */
struct cc_identity *attest_identity(struct custodian *c, const struct store_volume *v,
				    struct store_identity *row, struct cc_error *err)
{
	char signer[CC_NAME_LEN];

	if (store_identity_get(c->store, v->id, row, err)) {
		if (err->code == CC_E_NOTFOUND)
			cc_refuse(
				err, "identity",
				"volume %s has no identity: sign one (\"dmctl identity sign\") and "
				"add it (\"dmctl identity add\")",
				v->rec.name);
		return NULL;
	}
	return trust_verify(c->store, c->kept, row->envelope, row->envelope_len, row->signer,
			    signer, err);
}

int attest_decide(struct custodian *c, const struct store_volume *v, const struct cc_identity *id,
		  enum attest_of of, const struct cc_measurement *m, struct cc_facts *all,
		  struct cc_error *err)
{
	struct cc_policy policy = {
		.volume = v->rec.name,
		.serial = v->serial_floor,
		.allow_running = of != ATTEST_START,
		.renewal = of == ATTEST_RENEWAL,
	};

	if (custodian_now(c, &policy.now, err))
		return -1;
	return all ? cc_decide_all(id, m, &policy, all, err) : cc_decide(id, m, &policy, err);
}
