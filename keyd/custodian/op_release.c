// SPDX-License-Identifier: Apache-2.0
/* Challenge and release. The key is unwrapped only after everything else has said yes. */
#include <inttypes.h>
#include <string.h>

#include "custodian/attest.h"
#include "digest.h"
#include "custodian/hand_out.h"
#include "identity.h"
#include "jose.h"
#include "pkey.h"
#include "custodian/lease.h"
#include "custodian/quarantine.h"
#include "custodian/scope_check.h"
#include "custodian/volume_json.h"

int op_challenge(struct custodian *c, struct call *call, struct cc_error *err)
{
	static const char *const known[] = {NULL};
	unsigned char nonce[CC_NONCE_LEN];
	char text[CC_B64U_32 + 1];

	if (cc_json_only(call->in, "request", known, err) ||
	    nonce_issue(&c->nonces, call->rq->conn, c->clock.boot_ms(), nonce, err))
		return -1;
	if (cc_b64u_encode32(nonce, text))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	c->counters.challenges++;
	return call_answer(call->out, err, "{s:s, s:s, s:i}", "nonce", text, "aud", c->realm,
			   "expires_in", NONCE_LIFE_MS / 1000);
}

/* What the evidence said, and who signed it. */
struct claim {
	const struct store_agent *agent;
	const struct cc_evidence *ev;
};

static int grant(struct custodian *c, struct store_volume *v, const struct cc_identity *id,
		 const struct claim *cl, struct store_lease *lease, struct cc_error *err)
{
	struct lease_ask ask = {
		.agent = cl->agent->name,
		.enrolment = cl->agent->enrolment,
		.boot_id = cl->ev->boot_id,
		.container = cl->ev->measurement->container_id,
		.shared = v->rec.terms.shared_read && id->read_only,
		.read_only = id->read_only,
		.serial = id->serial,
		.only_own = quarantine_on(c),
	};

	return lease_grant(c->store, v, &ask, c->boot_id, c->clock.boot_ms(), c->clock.real(),
			   lease, err);
}

/* @row: empty; the identity's */
static int release(struct custodian *c, struct call *call, struct store_volume *v,
		   const struct claim *cl, struct store_identity *row, struct cc_error *err)
{
	cc_auto_identity struct cc_identity *id = NULL;
	/* Only root of this host speaks over the Unix socket, the administrator. */
	bool administrator = !strcmp(cl->ev->channel, CC_CHANNEL_UNIX);
	struct cc_facts differ;
	struct store_lease lease;
	char digest[CC_DIGEST_LEN];

	if (!v->rec.ready)
		return cc_refuse(err, "state", "volume %s is still being created", v->rec.name);
	id = attest_start(c, v, administrator, cl->ev->measurement, row, &differ, err);
	if (!id)
		return call_differ(call, &differ, err);
	if (grant(c, v, id, cl, &lease, err))
		return -1;

	cc_sha256_digest(row->envelope, row->envelope_len, digest);
	snprintf(call->note.detail, sizeof(call->note.detail),
		 "serial %" PRIu64 " %s, gate %s, lease %s, fence %" PRIu64, id->serial, digest,
		 cl->ev->gate ? cl->ev->gate : "not said", lease.id, lease.fence);
	call->counter = &c->counters.releases;
	return call_answer(call->out, err, "{s:{s:s, s:I, s:I, s:b}, s:{s:s, s:b}, s:{s:I, s:s}}",
			   "lease", "id", lease.id, "fence", (json_int_t)lease.fence, "ms",
			   (json_int_t)lease.ms, "shared", lease.shared, "mount", "point",
			   id->mount_point, "readOnly", id->read_only, "identity", "serial",
			   (json_int_t)id->serial, "digest", digest);
}

/* Whoever had the key while the volume was made has it for good: that is who makes it. */
static int check_creator(struct custodian *c, const struct store_volume *v,
			 const struct store_agent *agent, struct cc_error *err)
{
	store_auto_agent struct store_agent creator = {0};

	if (!v->creator[0])
		return cc_refuse(
			err, "creator",
			"volume %s names no agent that may format it, agent %s neither: create "
			"it with a dmctl that says so (\"creator\"), upgrade that of an earlier "
			"version",
			v->rec.name, agent->name);
	if (!strcmp(v->creator, agent->enrolment))
		return 0;
	if (store_agent_by_enrolment(c->store, v->creator, &creator, err) &&
	    err->code != CC_E_NOTFOUND)
		return -1;
	return cc_refuse(
		err, "creator",
		"volume %s is for %s%s to format, not for agent %s: to make it on this host "
		"instead, run \"dmctl volume create\" here",
		v->rec.name, creator.name[0] ? "agent " : "an agent that was removed", creator.name,
		agent->name);
}

/* A key to format goes without a lease. */
static int format(struct custodian *c, struct call *call, const struct store_volume *v,
		  const struct store_agent *agent, struct store_identity *row, struct cc_error *err)
{
	if (v->rec.ready)
		return cc_refuse(err, "state",
				 "volume %s is in use already: its key is for its container only",
				 v->rec.name);
	if (check_creator(c, v, agent, err))
		return -1;
	if (store_identity_get(c->store, v->id, row, err) && err->code != CC_E_NOTFOUND)
		return -1;
	/* It may have been formatted, and be in use, in the database that is lost. */
	if (quarantine_on(c)) {
		cc_fail(err, CC_E_BUSY,
			"volume %s: keyd is in quarantine, as its database is not the one it "
			"served last, and gives no key to format (see keyd(8))",
			v->rec.name);
		return cc_set_fact(err, "quarantine");
	}
	call->counter = &c->counters.formats;
	return call_answer(call->out, err, "{s:n, s:n, s:n}", "lease", "mount", "identity");
}

static int release_volume(struct custodian *c, struct call *call, const struct claim *cl,
			  const EC_POINT *recipient, struct cc_error *err)
{
	store_auto_identity struct store_identity row = {0};
	struct store_volume v;
	json_t *obj = NULL;

	if (store_volume_by_uuid(c->store, cl->ev->volume, &v, err))
		return -1;
	NOTE(call->note.volume, v.rec.name);
	if (scope_check("agents", cl->agent->name, &cl->agent->volumes, v.rec.name, err) ||
	    (cl->ev->op == CC_OP_FORMAT ? format(c, call, &v, cl->agent, &row, err)
					: release(c, call, &v, cl, &row, err)))
		return -1;
	/* Without its lease, which may be another reader's. */
	obj = volume_and_identity_json(c, &v, row.envelope ? &row : NULL, err);
	if (!obj || call_answer(call->out, err, "{s:o}", "volume", obj))
		return -1;
	return hand_out_key(c, &v, recipient, call->out, err);
}

int op_release(struct custodian *c, struct call *call, struct cc_error *err)
{
	static const char *const known[] = {"evidence", "recipient", NULL};
	cc_cleanup(cc_evidence_clear) struct cc_evidence ev = {0};
	store_auto_agent struct store_agent agent = {0};
	cc_auto_free char *jws = NULL;
	cc_auto_point EC_POINT *key = NULL;
	json_t *recipient = NULL;

	if (cc_json_only(call->in, "request", known, err) ||
	    cc_json_str(call->in, "request", "evidence", true, &jws, err) ||
	    cc_json_obj(call->in, "request", "recipient", true, &recipient, err))
		return -1;
	if (attest_verify(c, call, jws, &agent, &ev, err))
		return -1;
	if (ev.op != CC_OP_RELEASE && ev.op != CC_OP_FORMAT) {
		cc_fail(err, CC_E_INVALID, "evidence of another operation releases no key");
		return cc_set_fact(err, "evidence");
	}
	key = hand_out_recipient(&ev, recipient, err);
	return key ? release_volume(c, call, &(struct claim){&agent, &ev}, key, err) : -1;
}
