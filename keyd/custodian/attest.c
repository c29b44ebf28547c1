// SPDX-License-Identifier: Apache-2.0
#include "custodian/attest.h"

#include <inttypes.h>
#include <string.h>

#include "decide.h"
#include "identity.h"
#include "name.h"
#include "nearest.h"
#include "pkey.h"
#include "custodian/image_signers.h"
#include "custodian/serials.h"
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

/* Is it for us, over this channel, of who has it, and now? */
static int check_binding(struct custodian *c, const struct call *call,
			 const struct store_agent *agent, const struct cc_evidence *ev,
			 struct cc_error *err)
{
	if (strcmp(ev->aud, c->realm) != 0)
		return cc_refuse(err, "audience", "evidence is for realm %s, this is %s", ev->aud,
				 c->realm);
	if (strcmp(ev->channel, call->rq->channel) != 0)
		return cc_refuse(err, "channel", "evidence was made for another connection");
	if (call->rq->plane == PLANE_NET && strcmp(agent->enrolment, call->rq->enrolment) != 0)
		return cc_refuse(err, "certificate",
				 "evidence is of agent %s, the connection's certificate is of "
				 "another enrolment",
				 agent->name);
	return nonce_consume(&c->nonces, c->clock.boot_ms(), ev->nonce, err);
}

int attest_verify(struct custodian *c, struct call *call, const char *jws,
		  struct store_agent *agent, struct cc_evidence *ev, struct cc_error *err)
{
	if (verify(c, call, jws, agent, ev, err) || check_binding(c, call, agent, ev, err))
		return -1;
	call->verified = true;
	return 0;
}

static int no_identity(const struct store_volume *v, struct cc_error *err)
{
	return cc_refuse(err, "identity",
			 "volume %s has no identity: sign one (\"dmctl identity sign\") and "
			 "add it (\"dmctl identity add\")",
			 v->rec.name);
}

/* The stored envelope decides only where it verifies under a signer that is enrolled now. */
static struct cc_identity *verify_row(struct custodian *c, const struct store_identity *row,
				      struct cc_error *err)
{
	char signer[CC_NAME_LEN];

	return trust_verify(c->store, c->kept, row->envelope, row->envelope_len, row->signer,
			    signer, err);
}

/* @all: what differs of it, all of it; NULL: the first fact is enough */
static struct cc_identity *decide(struct custodian *c, const struct store_identity *row,
				  const struct cc_policy *policy, const struct cc_measurement *m,
				  struct cc_facts *all, struct cc_error *err)
{
	cc_auto_identity struct cc_identity *id = verify_row(c, row, err);
	cc_cleanup(image_signers_clear) struct cc_feed_keys keys = {0};
	struct cc_policy with_keys = *policy;

	if (!id || (id->feed && image_signers_of(c, id->feed, &keys, err)))
		return NULL;
	with_keys.keys = &keys;
	if (all ? cc_decide_all(id, m, &with_keys, all, err) : cc_decide(id, m, &with_keys, err))
		return NULL;
	if (id->serial != row->serial) {
		cc_refuse(err, "serial",
			  "serial: identity has %" PRIu64 ", it was added as %" PRIu64, id->serial,
			  row->serial);
		return NULL;
	}
	return cc_steal(id);
}

/* ---- a start ---- */

/* None was tried. */
static int nothing_starts(const struct store_volume *v, const struct store_identity *newest,
			  struct cc_error *err)
{
	if (newest->state == IDENTITY_REVOKED)
		return no_identity(v, err);
	return cc_refuse(err, "identity",
			 "volume %s: its identity of serial %" PRIu64
			 " is drained, no container starts with it, and there is no other: sign "
			 "and add a newer one",
			 v->rec.name, newest->serial);
}

/* What only this identity's own bytes have to do with; another one may still let it in. */
static bool is_of_one(const struct cc_error *err)
{
	return err->code == CC_E_REFUSED || err->code == CC_E_INVALID;
}

/* Newest first. @near: those that do not let it in. NULL with CC_OK when that is all of them. */
static struct cc_identity *try_each(struct custodian *c, const struct store_identities *list,
				    const struct cc_policy *policy, const struct cc_measurement *m,
				    struct store_identity *row, struct cc_nearest *near,
				    struct cc_error *err)
{
	for (size_t i = 0; i < list->n; i++) {
		struct cc_identity *id;
		struct cc_facts differ;

		if (!serials_starts(list, &list->v[i]))
			continue;
		cc_facts_init(&differ, CC_FACTS_MAX);
		id = decide(c, &list->v[i], policy, m, &differ, err);
		if (id) {
			*row = list->v[i];
			memset(&list->v[i], 0, sizeof(list->v[i]));
			return id;
		}
		if (!is_of_one(err))
			return NULL;
		cc_nearest_take(near, list->v[i].serial, &differ, err);
	}
	err->code = CC_OK;
	return NULL;
}

struct cc_identity *attest_start(struct custodian *c, const struct store_volume *v, bool running,
				 const struct cc_measurement *m, struct store_identity *row,
				 struct cc_facts *all, struct cc_error *err)
{
	store_auto_identities struct store_identities list = {0};
	auto_image_tries tries = {0};
	struct cc_policy policy = {
		.volume = v->rec.name, .allow_running = running, .tries = &tries};
	struct cc_nearest near;
	struct cc_identity *id;

	cc_facts_init(all, CC_FACTS_MAX);
	cc_nearest_init(&near);
	if (store_identities_of(c->store, v->id, &list, err) || custodian_now(c, &policy.now, err))
		return NULL;
	if (list.n == 0) {
		no_identity(v, err);
		return NULL;
	}
	policy.serial = serials_start(&list);
	id = try_each(c, &list, &policy, m, row, &near, err);
	if (id || err->code != CC_OK)
		return id;
	if (near.tried == 0) {
		nothing_starts(v, &list.v[0], err);
		return NULL;
	}
	cc_nearest_say(&near, err);
	*all = near.facts;
	return NULL;
}

/* ---- a renewal ---- */

static int check_serial(const struct store_volume *v, const struct store_identities *list,
			uint64_t serial, struct cc_error *err)
{
	const struct store_identity *row = serials_find(list, serial);
	uint64_t floor = serials_floor(list);

	if (list->n == 0)
		return no_identity(v, err);
	if (serial && serial < floor)
		return cc_refuse(err, "serial",
				 "serial: the container runs with identity %" PRIu64
				 " of volume %s, which lets in %" PRIu64
				 " and above now: run a newer version",
				 serial, v->rec.name, floor);
	if (!row)
		return cc_refuse(err, "identity",
				 "volume %s no longer has the identity with which the container "
				 "runs (serial %" PRIu64 "): start the container again",
				 v->rec.name, serial);
	if (row->state == IDENTITY_REVOKED)
		return cc_refuse(err, "identity",
				 "volume %s: its identity of serial %" PRIu64
				 ", with which the container runs, was revoked",
				 v->rec.name, serial);
	return 0;
}

struct cc_identity *attest_renewal(struct custodian *c, const struct store_volume *v,
				   uint64_t serial, const struct cc_measurement *m,
				   struct cc_image_tries *tries, struct cc_error *err)
{
	store_auto_identities struct store_identities list = {0};
	struct cc_policy policy = {.volume = v->rec.name,
				   .serial = serial,
				   .allow_running = true,
				   .renewal = true,
				   .tries = tries};

	if (store_identities_of(c->store, v->id, &list, err) ||
	    check_serial(v, &list, serial, err) || custodian_now(c, &policy.now, err))
		return NULL;
	return decide(c, serials_find(&list, serial), &policy, m, NULL, err);
}
