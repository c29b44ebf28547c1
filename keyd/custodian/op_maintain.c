// SPDX-License-Identifier: Apache-2.0
/*
 * A volume's key for somebody who repairs it by hand: an administrator, on an enrolled host, while
 * nobody else has the volume. No identity is asked for: what will be run is in the audit log.
 */
#include <inttypes.h>
#include <string.h>

#include "custodian/attest.h"
#include "custodian/hand_out.h"
#include "custodian/lease.h"
#include "pkey.h"
#include "custodian/quarantine.h"
#include "custodian/scope_check.h"
#include "custodian/volume_json.h"

/**
 * struct maintenance - one request.
 * @recipient: NULL: it has the key already and wants its lease to last longer
 */
struct maintenance {
	const struct store_agent *agent;
	const struct cc_evidence *ev;
	const EC_POINT *recipient;
	struct store_volume vol;
	struct store_lease lease;
};

static int wrong_evidence(struct cc_error *err, const char *what)
{
	cc_fail(err, CC_E_INVALID, "evidence is not of operation \"maintain\" of %s", what);
	return cc_set_fact(err, "evidence");
}

static int check_volume(struct custodian *c, struct call *call, struct maintenance *m,
			struct cc_error *err)
{
	if (store_volume_get(c->store, call->rq->arg, &m->vol, err))
		return -1;
	if (strcmp(m->vol.rec.uuid, m->ev->volume) != 0)
		return wrong_evidence(err, call->rq->arg);
	if (scope_check("agents", m->agent->name, &m->agent->volumes, m->vol.rec.name, err))
		return -1;
	if (!m->vol.rec.ready)
		return cc_refuse(err, "state", "volume %s is still being created", m->vol.rec.name);
	return 0;
}

/* Its own lease, or none: what was taken away, or ended and went to somebody else, stays so. */
static int check_goes_on(struct custodian *c, const struct maintenance *m,
			 const struct lease_ask *ask, struct cc_error *err)
{
	store_auto_leases struct store_leases list = {0};

	if (store_leases_of(c->store, m->vol.id, &list, err))
		return -1;
	for (size_t i = 0; i < list.n; i++)
		if (lease_judge(&list.v[i], ask, c->clock.boot_ms()) == LEASE_MINE)
			return 0;
	return cc_refuse(err, "lease",
			 "this maintenance no longer has volume %s: its lease was revoked, or was "
			 "over and somebody else got the volume",
			 m->vol.rec.name);
}

/* Never beside others, who would not see what is changed below them. */
static int grant(struct custodian *c, struct maintenance *m, struct cc_error *err)
{
	char holder[STORE_CONTAINER_LEN];
	const struct lease_ask ask = {
		.agent = m->agent->name,
		.enrolment = m->agent->enrolment,
		.boot_id = m->ev->boot_id,
		.container = holder,
		.only_own = quarantine_on(c),
	};

	snprintf(holder, sizeof(holder), LEASE_MAINTENANCE "%s", m->ev->maintenance);
	if (!m->recipient && check_goes_on(c, m, &ask, err))
		return -1;
	return lease_grant(c->store, &m->vol, &ask, c->boot_id, c->clock.boot_ms(), c->clock.real(),
			   &m->lease, err);
}

static int answer_maintenance(struct custodian *c, struct call *call, const struct maintenance *m,
			      struct cc_error *err)
{
	json_t *volume = volume_and_identity_json(c, &m->vol, NULL, err);

	if (!volume || call_answer(call->out, err, "{s:o, s:{s:s, s:I, s:I}}", "volume", volume,
				   "lease", "id", m->lease.id, "fence", (json_int_t)m->lease.fence,
				   "ms", (json_int_t)m->lease.ms))
		return -1;
	return m->recipient ? hand_out_key(c, &m->vol, m->recipient, call->out, err) : 0;
}

static int maintain(struct custodian *c, struct call *call, struct maintenance *m,
		    struct cc_error *err)
{
	if (check_volume(c, call, m, err) || grant(c, m, err))
		return -1;
	NOTE(call->note.container, m->lease.container);
	snprintf(call->note.detail, sizeof(call->note.detail),
		 "%s, gate %s, lease %s, fence %" PRIu64 ": %s", m->recipient ? "begun" : "goes on",
		 m->ev->gate ? m->ev->gate : "not said", m->lease.id, m->lease.fence,
		 m->ev->command);
	cc_text_clean(call->note.detail);
	call->counter = m->recipient ? &c->counters.releases : &c->counters.renewals;
	return answer_maintenance(c, call, m, err);
}

int op_volume_maintain(struct custodian *c, struct call *call, struct cc_error *err)
{
	static const char *const known[] = {"evidence", "recipient", NULL};
	cc_cleanup(cc_evidence_clear) struct cc_evidence ev = {0};
	store_auto_agent struct store_agent agent = {0};
	struct maintenance m = {.agent = &agent, .ev = &ev};
	cc_auto_free char *jws = NULL;
	cc_auto_point EC_POINT *key = NULL;
	json_t *recipient = NULL;

	NOTE(call->note.volume, call->rq->arg);
	if (cc_json_only(call->in, "request", known, err) ||
	    cc_json_str(call->in, "request", "evidence", true, &jws, err) ||
	    cc_json_obj(call->in, "request", "recipient", false, &recipient, err) ||
	    attest_verify(c, call, jws, &agent, &ev, err))
		return -1;
	if (ev.op != CC_OP_MAINTAIN)
		return wrong_evidence(err, call->rq->arg);
	if (!recipient != !ev.jkt)
		return wrong_evidence(err, recipient ? "a maintenance that begins"
						     : "a maintenance that goes on");
	key = recipient ? hand_out_recipient(&ev, recipient, err) : NULL;
	if (recipient && !key)
		return -1;
	m.recipient = key;
	return maintain(c, call, &m, err);
}
