// SPDX-License-Identifier: Apache-2.0
/*
 * Renewal: one request for all leases of a host, each with a fresh measurement, each decided by
 * itself. The audit log has one row for those that are renewed, and one for each that is refused,
 * unless there is one that says the same (refusals.h).
 */
#include <inttypes.h>
#include <string.h>

#include "custodian/attest.h"
#include "identity.h"
#include "custodian/lease.h"
#include "custodian/scope_check.h"
#include "custodian/volume_json.h"

/**
 * struct renewing - one renewal.
 * @tries: of all leases of the request
 * @note: its own row, if it is refused
 * @reported: it is, by its agent
 * @counts: of the call
 */
struct renewing {
	const struct store_agent *agent;
	const struct cc_evidence *ev;
	const struct cc_renewal *r;
	struct cc_image_tries *tries;
	struct store_lease lease;
	struct store_volume vol;
	struct note note;
	bool reported;
	struct call_counts *counts;
};

static const char *container_of(const struct cc_renewal *r)
{
	return r->refusal ? r->refusal->container : r->measurement->container_id;
}

/* The note names the volume even of a lease that is refused. */
static int check_lease(struct custodian *c, struct renewing *g, struct cc_error *err)
{
	const struct lease_ask ask = {
		.agent = g->agent->name,
		.enrolment = g->agent->enrolment,
		.boot_id = g->ev->boot_id,
		.container = container_of(g->r),
		.kernel_left_ms = g->r->left_ms,
	};
	int rc = lease_mine(c->store, g->r->lease, g->r->volume, &ask, &g->lease, err);

	NOTE(g->note.volume, g->lease.volume);
	return rc ? rc
		  : scope_check("agents", g->agent->name, &g->agent->volumes, g->lease.volume, err);
}

static int decide(struct custodian *c, struct renewing *g, struct cc_error *err)
{
	cc_auto_identity struct cc_identity *id = NULL;
	struct store_lease *l = &g->lease;

	if (store_volume_by_uuid(c->store, g->r->volume, &g->vol, err))
		return -1;
	id = attest_renewal(c, &g->vol, l->serial, g->r->measurement, g->tries, err);
	if (!id)
		return -1;
	if (l->ms == 0)
		l->read_only = id->read_only; /* it was not recorded then */
	if (id->read_only && !l->read_only)
		return cc_refuse(
			err, "readOnly",
			"readOnly: identity wants the volume read-only now, the container may "
			"write to it");
	return 0;
}

static int renew(struct custodian *c, struct renewing *g, struct cc_error *err)
{
	if (check_lease(c, g, err))
		return -1;
	/* its own agent has seen that it is not what it was said to be */
	g->reported = g->r->refusal;
	if (g->reported)
		return cc_refuse(err, g->r->refusal->fact, "%s", g->r->refusal->text);
	if (decide(c, g, err))
		return -1;
	return lease_prolong(c->store, &g->lease, g->vol.rec.terms.lease_ms, c->boot_id,
			     c->clock.boot_ms(), err);
}

static int answer_renewed(json_t *list, const struct renewing *g, struct cc_error *err)
{
	json_t *obj = cc_lease_terms_to_json(&g->vol.rec.terms);

	if (!obj || call_answer(obj, err, "{s:s, s:s, s:b, s:I, s:I}", "lease", g->lease.id,
				"volume", g->lease.volume, "renewed", 1, "fence",
				(json_int_t)g->lease.fence, "ms", (json_int_t)g->lease.ms)) {
		json_decref(obj);
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	return json_array_append_new(list, obj) ? cc_fail(err, CC_E_NOMEM, "out of memory") : 0;
}

/* A lease of another agent's is not one that this agent has. */
static bool is_recorded(struct custodian *c, const struct renewing *g, const char *fact,
			uint64_t *held)
{
	bool own = strcmp(g->lease.enrolment, g->agent->enrolment) == 0;
	const struct refusal r = {.enrolment = g->agent->enrolment,
				  .id = g->r->lease,
				  .fact = fact,
				  .lease = own ? &g->lease : NULL,
				  .reported = g->reported};

	return refusals_note(&c->refusals, &r, c->clock.boot_ms(), held);
}

static int record_refused(struct custodian *c, struct renewing *g, const char *outcome,
			  struct cc_error *err)
{
	const char *fact = custodian_fact(err);
	char text[CC_TEXT_MAX + 64];
	uint64_t held;

	if (!is_recorded(c, g, fact, &held)) {
		g->counts->unrecorded++;
		return 0;
	}
	snprintf(text, sizeof(text), "%.*s (and %" PRIu64 " of this agent before without a row)",
		 (int)sizeof(g->note.detail) - 64, err->text, held);
	NOTE(g->note.detail, held ? text : err->text);
	return note_write(c, &g->note, outcome, fact, err);
}

/*
 * Says no to one, and goes on, also after a row that somebody else wrote; only what fails inside
 * keyd ends the whole request.
 */
static int answer_refused(struct custodian *c, json_t *list, struct renewing *g,
			  struct cc_error *err)
{
	const char *outcome = custodian_is_refusal(err) ? "refuse" : "error";
	struct cc_error why;
	json_t *obj;

	if (!custodian_is_refusal(err) && !store_is_bad_row(err))
		return -1;
	obj = cc_error_to_json(err);
	if (call_count(g->counts, g->reported ? FACT_REPORTED : NULL, err, &why)) {
		json_decref(obj);
		*err = why;
		return -1;
	}
	if (!obj || json_object_set_new(obj, "lease", json_string(g->r->lease)) ||
	    json_object_set_new(obj, "renewed", json_false()) || json_array_append_new(list, obj))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return record_refused(c, g, outcome, err);
}

/* "2 renewed: pgdata, web"; what does not fit is cut. */
static void note_renewed(struct note *note, const char *volume, size_t n)
{
	char names[CC_TEXT_MAX];
	const char *colon = strchr(note->detail, ':');

	snprintf(names, sizeof(names), "%s%s%s", n > 1 && colon ? colon + 2 : "", n > 1 ? ", " : "",
		 volume);
	snprintf(note->detail, sizeof(note->detail), "%zu renewed: %.*s", n,
		 (int)sizeof(note->detail) - 40, names);
	note_set(note->volume, sizeof(note->volume), n > 1 ? "" : volume);
}

/* What the log has of a container that its agent knows less of; once, however often it is said. */
static int note_look(struct custodian *c, struct renewing *g, struct cc_error *err)
{
	static const char *const texts[] = {
		[CC_LOOK_UNSAID] = "",
		[CC_LOOK_LATE] = "looked at after its program had begun: file, arguments and "
				 "environment of that are not known",
		[CC_LOOK_FILTER_UNREAD] = "looked at without the seccomp filter of its program, "
					  "which its host does not show",
	};

	const struct refusal r = {.enrolment = g->agent->enrolment,
				  .id = g->lease.id,
				  .fact = texts[g->r->look],
				  .lease = &g->lease};

	if (g->r->look == CC_LOOK_UNSAID || !refusals_look(&c->refusals, &r, c->clock.boot_ms()))
		return 0;
	NOTE(g->note.detail, texts[g->r->look]);
	return note_write(c, &g->note, "allow", "", err);
}

static int renew_one(struct custodian *c, struct call *call, struct renewing *g, json_t *list,
		     size_t *renewed, struct cc_error *err)
{
	g->note.event = call->note.event;
	NOTE(g->note.agent, g->agent->name);
	NOTE(g->note.container, container_of(g->r));
	if (renew(c, g, err))
		return answer_refused(c, list, g, err);
	if (note_look(c, g, err))
		return -1;
	note_renewed(&call->note, g->lease.volume, ++*renewed);
	call->counts.renewals++;
	return answer_renewed(list, g, err);
}

int op_renew(struct custodian *c, struct call *call, struct cc_error *err)
{
	static const char *const known[] = {"evidence", NULL};
	cc_cleanup(cc_evidence_clear) struct cc_evidence ev = {0};
	store_auto_agent struct store_agent agent = {0};
	auto_image_tries tries = {0};
	cc_auto_free char *jws = NULL;
	json_t *list = json_array();
	size_t renewed = 0;

	if (json_object_set_new(call->out, "renewals", list))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (cc_json_only(call->in, "request", known, err) ||
	    cc_json_str(call->in, "request", "evidence", true, &jws, err) ||
	    attest_verify(c, call, jws, &agent, &ev, err))
		return -1;
	if (ev.op != CC_OP_RENEW) {
		cc_fail(err, CC_E_INVALID, "evidence without operation \"renew\" renews no lease");
		return cc_set_fact(err, "evidence");
	}
	for (size_t i = 0; i < ev.n_renewals; i++) {
		struct renewing g = {.agent = &agent,
				     .ev = &ev,
				     .r = &ev.renewals[i],
				     .tries = &tries,
				     .counts = &call->counts};

		*err = (struct cc_error){0};
		if (renew_one(c, call, &g, list, &renewed, err))
			return -1;
	}
	call->note.nothing = renewed == 0;
	return 0;
}
