// SPDX-License-Identifier: Apache-2.0
/* What keyd tells about itself: health, metrics, the audit log. */
#include "custodian/call.h"

#include <inttypes.h>
#include <string.h>

#include "custodian/lease.h"
#include "custodian/quarantine.h"
#include "hex.h"
#include "timestamp.h"

int op_healthz(struct custodian *c, struct call *call, struct cc_error *err)
{
	cc_auto_free char *realm = NULL;

	if (store_setting_get(c->store, "realm", &realm, err))
		return -1;
	if (quarantine_for_good(c))
		return call_answer(call->out, err, "{s:s, s:s}", "status", "quarantine", "realm",
				   c->realm);
	if (quarantine_on(c))
		return call_answer(call->out, err, "{s:s, s:s, s:I}", "status", "quarantine",
				   "realm", c->realm, "leftMs", (json_int_t)quarantine_left(c));
	return call_answer(call->out, err, "{s:s, s:s}", "status", "ok", "realm", c->realm);
}

/* ---- metrics ---- */

static void metric(FILE *f, const char *name, const char *type, const char *help)
{
	fprintf(f, "# HELP container_crypt_%s %s\n# TYPE container_crypt_%s %s\n", name, help, name,
		type);
}

static void simple(FILE *f, const char *name, const char *type, const char *help, uint64_t v)
{
	metric(f, name, type, help);
	fprintf(f, "container_crypt_%s %" PRIu64 "\n", name, v);
}

static void refusals(FILE *f, const struct custodian_counters *n)
{
	metric(f, "refusals_total", "counter", "Requests refused, by the fact that differed.");
	for (size_t i = 0; i < CUSTODIAN_FACTS; i++)
		if (n->refused[i].n)
			fprintf(f, "container_crypt_refusals_total{fact=\"%s\"} %" PRIu64 "\n",
				n->refused[i].fact, n->refused[i].n);
}

static void quarantine(FILE *f, const struct custodian *c)
{
	metric(f, "quarantine_seconds", "gauge",
	       "Until keyd gives volumes to others again, after its database was replaced.");
	if (quarantine_for_good(c))
		fputs("container_crypt_quarantine_seconds +Inf\n", f);
	else
		fprintf(f, "container_crypt_quarantine_seconds %" PRId64 "\n",
			(quarantine_left(c) + 999) / 1000);
}

int op_metrics(struct custodian *c, struct call *call, struct cc_error *err)
{
	const struct custodian_counters *n = &c->counters;
	struct store_counts rows;
	size_t len;
	FILE *f;

	if (store_count(c->store, c->clock.boot_ms(), &rows, err))
		return -1;
	f = open_memstream(&call->text, &len);
	if (!f)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	simple(f, "requests_total", "counter", "Requests handled.", n->requests);
	simple(f, "challenges_total", "counter", "Nonces given out.", n->challenges);
	simple(f, "releases_total", "counter", "Keys released to containers.", n->releases);
	simple(f, "formats_total", "counter", "Keys released to format a volume.", n->formats);
	simple(f, "renewals_total", "counter", "Leases renewed.", n->renewals);
	refusals(f, n);
	simple(f, "unverified_total", "counter",
	       "Requests with evidence that did not verify; they leave no audit row.",
	       n->unverified);
	simple(f, "refusals_unrecorded_total", "counter",
	       "Refused renewals without an audit row, as there is one like it or too many.",
	       c->refusals.unrecorded);
	simple(f, "bad_rows_total", "counter", "Reads of database rows that keyd did not write.",
	       c->seal.bad.n_seen);
	simple(f, "errors_total", "counter", "Requests that failed inside keyd.", n->errors);
	simple(f, "leases", "gauge", "Leases held.", rows.held);
	quarantine(f, c);
	simple(f, "nonces", "gauge", "Challenges that are unanswered.", c->nonces.n);
	metric(f, "volumes", "gauge", "Volumes, by state.");
	fprintf(f, "container_crypt_volumes{state=\"ready\"} %" PRIu64 "\n", rows.ready);
	fprintf(f, "container_crypt_volumes{state=\"creating\"} %" PRIu64 "\n", rows.creating);
	if (fclose(f))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return 0;
}

/* ---- audit ---- */

static int list_row(void *arg, const struct store_audit_row *r, struct cc_error *err)
{
	const struct cc_audit_row *row = &r->row;
	char prev[CC_HEX_32], hash[CC_HEX_32];
	json_t *obj;

	cc_hex_encode(r->prev, sizeof(r->prev), prev);
	cc_hex_encode(r->hash, sizeof(r->hash), hash);
	obj = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "seq",
			(json_int_t)row->seq, "time", row->time, "event", row->event, "outcome",
			row->outcome, "agent", row->agent, "volume", row->volume, "container",
			row->container, "fact", row->fact, "detail", row->detail, "prev", prev,
			"hash", hash, "sealed", r->sealed);
	return json_array_append_new(arg, obj) ? cc_fail(err, CC_E_NOMEM, "out of memory") : 0;
}

/* Read before the rows: what is in it is then among them. */
static int sign_head(struct custodian *c, json_t **obj, struct cc_error *err)
{
	struct cc_audit_head head = {0};
	struct store_audit_head at;
	int64_t now;

	if (store_audit_head(c->store, &at, err) || custodian_now(c, &now, err))
		return -1;
	head.start_seq = at.start_seq;
	head.seq = at.seq;
	memcpy(head.start_hash, at.start_hash, sizeof(head.start_hash));
	memcpy(head.hash, at.hash, sizeof(head.hash));
	snprintf(head.realm, sizeof(head.realm), "%s", c->realm);
	cc_time_format(now, head.time);
	if (cc_audit_head_sign(&head, c->seal.head, err))
		return -1;
	*obj = cc_audit_head_to_json(&head);
	return *obj ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

int op_audit_list(struct custodian *c, struct call *call, struct cc_error *err)
{
	json_t *rows = json_array(), *head = NULL;

	if (json_object_set_new(call->out, "rows", rows))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (sign_head(c, &head, err))
		return -1;
	if (json_object_set_new(call->out, "head", head))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return store_audit_each(c->store, strtoull(call->rq->after, NULL, 10), list_row, rows, err);
}
