// SPDX-License-Identifier: Apache-2.0
#include "custodian/custodian.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <systemd/sd-id128.h>

#include "custodian/call.h"
#include "custodian/lease.h"
#include "log.h"
#include "name.h"
#include "timestamp.h"
#include "custodian/upgrade.h"

enum argument { ARG_NONE, ARG_NAME, ARG_UUID };

enum flag {
	BODY = 1,    /* it takes a JSON object */
	AUDITED = 2, /* it changes something: a transaction, with its row in the audit log */
	ERASES = 4,  /* what it deletes must be gone from the disk when it is answered */
};

/* How an operation is called; @name is its event in the audit log, @flags of enum flag. */
struct operation {
	handler_fn *fn;
	const char *name;
	enum argument arg;
	unsigned int flags;
};

static const struct operation operations[OP_END] = {
	[OP_HEALTHZ] = {op_healthz, "healthz", ARG_NONE, 0},
	[OP_METRICS] = {op_metrics, "metrics", ARG_NONE, 0},
	[OP_CHALLENGE] = {op_challenge, "challenge", ARG_NONE, BODY},
	[OP_RELEASE] = {op_release, "release", ARG_NONE, BODY | AUDITED},
	[OP_LEASE_LIST] = {op_lease_list, "lease.list", ARG_NONE, 0},
	[OP_LEASE_RETURN] = {op_lease_return, "lease.return", ARG_UUID, BODY | AUDITED},
	[OP_LEASE_REVOKE] = {op_lease_revoke, "lease.revoke", ARG_UUID, AUDITED},
	[OP_VOLUME_CREATE] = {op_volume_create, "volume.create", ARG_NONE, BODY | AUDITED},
	[OP_VOLUME_LIST] = {op_volume_list, "volume.list", ARG_NONE, 0},
	[OP_VOLUME_GET] = {op_volume_get, "volume.get", ARG_NAME, 0},
	[OP_VOLUME_READY] = {op_volume_ready, "volume.ready", ARG_NAME, BODY | AUDITED},
	[OP_VOLUME_GROW] = {op_volume_grow, "volume.grow", ARG_NAME, BODY | AUDITED},
	[OP_VOLUME_DELETE] = {op_volume_delete, "volume.delete", ARG_NAME, AUDITED | ERASES},
	[OP_SIGNER_ADD] = {op_signer_add, "signer.add", ARG_NONE, BODY | AUDITED},
	[OP_SIGNER_LIST] = {op_signer_list, "signer.list", ARG_NONE, 0},
	[OP_SIGNER_DELETE] = {op_signer_delete, "signer.delete", ARG_NAME, AUDITED},
	[OP_IDENTITY_ADD] = {op_identity_add, "identity.add", ARG_NONE, BODY | AUDITED},
	[OP_IDENTITY_GET] = {op_identity_get, "identity.get", ARG_NAME, 0},
	[OP_IDENTITY_REVOKE] = {op_identity_revoke, "identity.revoke", ARG_NAME, AUDITED},
	[OP_AGENT_ADD] = {op_agent_add, "agent.add", ARG_NONE, BODY | AUDITED},
	[OP_AGENT_LIST] = {op_agent_list, "agent.list", ARG_NONE, 0},
	[OP_AGENT_DELETE] = {op_agent_delete, "agent.delete", ARG_NAME, AUDITED},
	[OP_AUDIT_LIST] = {op_audit_list, "audit.list", ARG_NONE, 0},
	[OP_RENEW] = {op_renew, "renew", ARG_NONE, BODY | AUDITED},
	[OP_VOLUME_SET] = {op_volume_set, "volume.set", ARG_NAME, BODY | AUDITED},
};

/* ---- life ---- */

static int64_t real_now(void)
{
	return (int64_t)time(NULL);
}

static int64_t boot_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int read_settings(struct custodian *c, struct cc_error *err)
{
	cc_auto_free char *realm = NULL, *kek_id = NULL;

	if (store_setting_get(c->store, "realm", &realm, err) ||
	    store_setting_get(c->store, "kek_id", &kek_id, err))
		return -1;
	if (!realm || !kek_id || !cc_is_name(realm))
		return cc_fail(err, CC_E_NOTFOUND, "keyd init did not finish: run it again");
	if (strcmp(kek_id, c->kek.id) != 0)
		return cc_fail(
			err, CC_E_INVALID,
			"the key-encryption key is %s, the database's is %s: give the right one "
			"with --kek",
			c->kek.id, kek_id);
	memcpy(c->realm, realm, strlen(realm) + 1);
	return 0;
}

static int read_boot_id(struct custodian *c, struct cc_error *err)
{
	sd_id128_t id;
	int rc = sd_id128_get_boot(&id);

	if (rc < 0)
		return cc_fail(err, CC_E_INTERNAL, "no boot id: %s", strerror(-rc));
	snprintf(c->boot_id, sizeof(c->boot_id), SD_ID128_UUID_FORMAT_STR, SD_ID128_FORMAT_VAL(id));
	return 0;
}

int custodian_open(struct custodian *c, const char *state_dir, const char *kek_path,
		   struct cc_error *err)
{
	*c = (struct custodian){.clock = {real_now, boot_now_ms}};
	if (kek_load(kek_path, &c->kek, err) || read_boot_id(c, err))
		return -1;
	c->store = store_open(state_dir, STORE_SERVE, err);
	if (!c->store || read_settings(c, err) || upgrade_keys(c, err))
		return -1;
	return lease_settle(c->store, c->boot_id, c->clock.boot_ms(), err);
}

void custodian_close(struct custodian *c)
{
	store_close(c->store);
	kek_clear(&c->kek);
	c->store = NULL;
}

/* ---- notes ---- */

void note_set(char *field, size_t size, const char *text)
{
	/* A text that does not fit is cut. */
	snprintf(field, size, "%.*s", (int)size - 1, text);
	cc_text_clean(field);
}

int note_write(struct custodian *c, const struct note *note, const char *outcome, const char *fact,
	       struct cc_error *err)
{
	char when[21];
	struct cc_audit_row row = {
		.time = when,
		.event = note->event,
		.outcome = outcome,
		.agent = note->agent,
		.volume = note->volume,
		.container = note->container,
		.fact = fact,
		.detail = note->detail,
	};

	cc_time_format(c->clock.real(), when);
	return store_audit_append(c->store, &row, err);
}

/* ---- answers ---- */

int call_answer(json_t *obj, struct cc_error *err, const char *fmt, ...)
{
	cc_auto_json json_t *members = NULL;
	va_list ap;

	va_start(ap, fmt);
	members = json_vpack_ex(NULL, 0, fmt, ap);
	va_end(ap);
	if (!members || json_object_update(obj, members))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return 0;
}

/* Limits that pass by themselves are 429, RFC 6585; the rest is the table of docs/api.md. */
static int http_status(const struct cc_error *err)
{
	return err->code == CC_E_BUSY && !strcmp(err->fact, "nonces") ? 429
								      : cc_code_http(err->code);
}

static void answer_set(struct answer *a, int http, enum text_type type, char *text)
{
	static const char nothing[] = "{\"error\":{\"code\":\"memory\",\"status\":3,\"fact\":\"\","
				      "\"message\":\"out of memory\"}}";

	if (!text) {
		http = 503;
		text = strdup(nothing);
	}
	*a = (struct answer){
		.http = http,
		.type = type,
		.text = text,
		.len = text ? strlen(text) : 0,
	};
}

static void answer_json(struct answer *a, int http, const json_t *obj)
{
	answer_set(a, http, TEXT_JSON, obj ? json_dumps(obj, JSON_COMPACT) : NULL);
}

static void answer_error(struct answer *a, const struct cc_error *err)
{
	cc_auto_json json_t *obj = cc_error_to_json(err);

	answer_json(a, http_status(err), obj);
}

/* ---- calls ---- */

static bool is_refusal(const struct cc_error *err)
{
	return err->code != CC_E_INTERNAL && err->code != CC_E_NOMEM;
}

void custodian_count_refusal(struct custodian *c, const struct cc_error *err)
{
	const char *fact = err->fact[0] ? err->fact : cc_code_name(err->code);

	if (!is_refusal(err)) {
		c->counters.errors++;
		return;
	}
	for (size_t i = 0; i < CUSTODIAN_FACTS; i++) {
		if (!c->counters.refused[i].n)
			snprintf(c->counters.refused[i].fact, CC_FACT_MAX, "%s", fact);
		else if (strcmp(c->counters.refused[i].fact, fact) != 0)
			continue;
		c->counters.refused[i].n++;
		return;
	}
}

/* A key to format goes without a lease. */
static void count_release(struct custodian *c, const struct call *call)
{
	if (call->rq->op != OP_RELEASE)
		return;
	if (json_is_null(json_object_get(call->out, "lease")))
		c->counters.formats++;
	else
		c->counters.releases++;
}

static int check_arg(const struct operation *op, const struct request *rq, struct cc_error *err)
{
	bool good = op->arg == ARG_NAME	  ? cc_is_name(rq->arg)
		    : op->arg == ARG_UUID ? cc_is_uuid(rq->arg)
					  : !rq->arg[0];

	return good ? 0 : cc_fail(err, CC_E_USAGE, "malformed name or UUID in the path");
}

static int run(struct custodian *c, const struct operation *op, struct call *call,
	       struct cc_error *err)
{
	if (check_arg(op, call->rq, err))
		return -1;
	if (op->flags & BODY) {
		call->in = cc_json_parse(call->rq->body, call->rq->body_len, "request", err);
		if (!call->in)
			return -1;
		if (!json_is_object(call->in))
			return cc_fail(err, CC_E_INVALID,
				       "request: the body must be a JSON object");
	}
	return op->fn(c, call, err);
}

/* The effect and its audit row, or neither. */
static int run_transaction(struct custodian *c, const struct operation *op, struct call *call,
			   struct cc_error *err)
{
	if (store_begin(c->store, err))
		return -1;
	if (run(c, op, call, err) ||
	    (!call->note.nothing && note_write(c, &call->note, "allow", "", err)) ||
	    store_commit(c->store, err)) {
		store_rollback(c->store);
		return -1;
	}
	if (op->flags & ERASES && store_checkpoint(c->store, err))
		cc_log(LOG_WARNING, "what was deleted is still in the write-ahead log: %s",
		       err->text);
	return 0;
}

static void record_refusal(struct custodian *c, struct call *call, const struct cc_error *err)
{
	const char *outcome = is_refusal(err) ? "refuse" : "error";
	const char *fact = err->fact[0] ? err->fact : cc_code_name(err->code);
	struct cc_error why;

	NOTE(call->note.detail, err->text);
	if (note_write(c, &call->note, outcome, fact, &why))
		cc_log(LOG_ERR, "a refusal (%s: %s) cannot be recorded: %s", call->note.event, fact,
		       why.text);
}

/* @err: NULL for success. What only reads is for --verbose, unless it fails inside keyd. */
static void log_call(const struct operation *op, const struct call *call,
		     const struct cc_error *err)
{
	const struct note *n = &call->note;
	int level = !err ? LOG_INFO : is_refusal(err) ? LOG_NOTICE : LOG_ERR;

	if (!(op->flags & AUDITED) && level != LOG_ERR)
		level = LOG_DEBUG;
	cc_log(level, "%s%s%s%s%s%s: %s", n->event, n->volume[0] ? " of volume " : "", n->volume,
	       n->agent[0] ? " by agent " : "", n->agent, err ? " refused" : "",
	       err ? err->text : n->detail);
}

static void call_clear(struct call *call)
{
	json_decref(call->in);
	json_decref(call->out);
	free(call->text);
}

void custodian_handle(struct custodian *c, const struct request *rq, struct answer *a)
{
	const struct operation *op = &operations[rq->op < OP_END ? rq->op : 0];
	cc_cleanup(call_clear) struct call call = {.rq = rq, .out = json_object()};
	struct cc_error err = {0};
	int rc;

	c->counters.requests++;
	if (!op->fn || !call.out) {
		cc_fail(&err, op->fn ? CC_E_NOMEM : CC_E_USAGE, "the request cannot be served");
		return answer_error(a, &err);
	}
	call.note.event = op->name;
	if (rq->op != OP_RELEASE && rq->op != OP_RENEW)
		snprintf(call.note.detail, sizeof(call.note.detail), "by process %u", rq->peer);

	rc = op->flags & AUDITED ? run_transaction(c, op, &call, &err) : run(c, op, &call, &err);
	log_call(op, &call, rc ? &err : NULL);
	if (rc) {
		custodian_count_refusal(c, &err);
		if (op->flags & AUDITED)
			record_refusal(c, &call, &err);
		return answer_error(a, &err);
	}
	count_release(c, &call);
	if (call.text)
		answer_set(a, 200, TEXT_METRICS, cc_steal(call.text));
	else
		answer_json(a, 200, call.out);
}
