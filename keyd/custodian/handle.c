// SPDX-License-Identifier: Apache-2.0
#include "custodian/handle.h"

#include <inttypes.h>
#include <string.h>

#include "custodian/call.h"
#include "custodian/quarantine.h"
#include "log.h"
#include "timestamp.h"

#define OFF_PLANE_LOG_MS 60000

#define ROW(name, handler, ...) [OP_##name] = op_##handler,
static handler_fn *const handlers[OP_END] = {OPERATIONS_OF_CUSTODIAN(ROW)};

/* ---- answers ---- */

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

/* Lists have pages, so that this is not reached; if it is, it costs one answer and not keyd. */
static void answer_cap(struct answer *a)
{
	struct cc_error err;

	if (a->len <= MESSAGE_TEXT_MAX)
		return;
	answer_clear(a);
	cc_fail(&err, CC_E_INTERNAL, "the answer would be larger than %d MiB",
		MESSAGE_TEXT_MAX >> 20);
	answer_error(a, &err);
}

/* ---- calls ---- */

/*
 * Whether whoever asks may ask that, by the descriptor that the request came by. A front asks for
 * nothing else unless it is broken or somebody has taken it over: there is a line in the log now
 * and then, whatever it sends, and no row in the audit log.
 */
static int check_plane(struct custodian *c, const struct operation *op, const struct request *rq,
		       struct cc_error *err)
{
	int64_t now_ms = c->clock.boot_ms();

	if (op->planes & rq->plane)
		return 0;
	if (c->off_plane_ms == 0 || now_ms - c->off_plane_ms >= OFF_PLANE_LOG_MS) {
		c->off_plane_ms = now_ms;
		cc_log(LOG_ERR,
		       "%s was asked for where it is not served: a front of keyd is broken or was "
		       "taken over",
		       op->event);
	}
	cc_fail(err, CC_E_PERM, "%s is not served here", op->event);
	return cc_set_fact(err, "plane");
}

/*
 * What the row of the operation demands of any request. The front has looked at it as well; what
 * the front says is not believed.
 */
static int check_request(const struct operation *op, struct call *call, struct cc_error *err)
{
	if (!op_arg_fits(op, call->rq->arg))
		return cc_fail(err, CC_E_USAGE, "malformed name or UUID in the path");
	if (call->rq->paged ? !op_after_fits(op, call->rq->after) : call->rq->after[0] != '\0') {
		cc_fail(err, CC_E_USAGE, "malformed value of \"after\" in the query");
		return cc_set_fact(err, "after");
	}
	if (!op_has_body(op))
		return 0;
	call->in = cc_json_parse(call->rq->body, call->rq->body_len, "request", err);
	if (!call->in)
		return -1;
	if (!json_is_object(call->in))
		return cc_fail(err, CC_E_INVALID, "request: the body must be a JSON object");
	return 0;
}

static int call_run(struct custodian *c, struct call *call, struct cc_error *err)
{
	if (check_request(&operations[call->rq->op], call, err))
		return -1;
	return handlers[call->rq->op](c, call, err);
}

/*
 * What was deleted is deleted, whether the rest succeeds or not; the answer says what was erased.
 * Copies of before there were generations have the key under the KEK itself.
 */
static int erase(struct custodian *c, struct call *call, struct cc_error *err)
{
	struct erased e = {0};
	json_t *before = json_null();
	char when[CC_TIME_LEN];
	struct cc_error why;
	int64_t now;

	if (!c->has_domain)
		e.log = store_checkpoint(c->store, &why) == 0;
	else if (custodian_now(c, &now, &why) ||
		 domain_erase(&c->domain, c->store, &c->kek, now, &e, &why))
		cc_log(LOG_ERR, "what was deleted is not erased yet: %s", why.text);
	if (call->created < c->domain.created) {
		cc_time_format(c->domain.created, when);
		before = json_string(when);
	}
	return call_answer(call->out, err, "{s:{s:I, s:I, s:s, s:o}}", "erased", "generation",
			   (json_int_t)e.generation, "rewrapped", (json_int_t)e.rewrapped, "log",
			   e.log ? "overwritten" : "busy", "copiesBefore", before);
}

/* The effect and its audit row, or neither. */
static int run_transaction(struct custodian *c, const struct operation *op, struct call *call,
			   struct cc_error *err)
{
	if (store_begin(c->store, err))
		return -1;
	if (call_run(c, call, err) ||
	    (!call->note.nothing && note_write(c, &call->note, "allow", "", err)) ||
	    store_commit(c->store, err)) {
		store_rollback(c->store);
		return -1;
	}
	return op->flags & OPF_ERASES ? erase(c, call, err) : 0;
}

static void record_refusal(struct custodian *c, struct call *call, const struct cc_error *err)
{
	const char *outcome = custodian_is_refusal(err) ? "refuse" : "error";
	const char *fact = custodian_fact(err);
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
	int level = !err ? LOG_INFO : custodian_is_refusal(err) ? LOG_NOTICE : LOG_ERR;

	if (!(op->flags & OPF_AUDITED) && level != LOG_ERR)
		level = LOG_DEBUG;
	cc_log(level, "%s%s%s%s%s%s: %s", n->event, n->volume[0] ? " of volume " : "", n->volume,
	       n->agent[0] ? " by agent " : "", n->agent, err ? " refused" : "",
	       err ? err->text : n->detail);
}

/* Nobody knows who asked: counted, and now and then a line. */
static void log_unverified(struct custodian *c, const struct call *call, const struct cc_error *err)
{
	int64_t now_ms = c->clock.boot_ms();

	c->counters.unverified++;
	if (now_ms < c->quiet.until_ms) {
		c->quiet.held++;
		return;
	}
	cc_log(LOG_NOTICE, "%s refused, without evidence of who asks: %s (and %" PRIu64 " before)",
	       call->note.event, err->text, c->quiet.held);
	c->quiet = (struct custodian_quiet){.until_ms = now_ms + QUIET_MS};
}

/* ---- rows of somebody else ---- */

/* Each is in the audit log once. */
static void record_bad_rows(struct custodian *c)
{
	struct cc_error err;

	for (size_t i = 0; i < c->seal.n_bad; i++) {
		struct seal_bad *bad = &c->seal.bad[i];
		struct note note = {.event = "row"};

		if (bad->told)
			continue;
		NOTE(note.detail, bad->what);
		bad->told = note_write(c, &note, "error", STORE_FACT_ROW, &err) == 0;
		if (!bad->told)
			cc_log(LOG_ERR, "%s: cannot be recorded: %s", bad->what, err.text);
	}
}

/* A listing names what it left out. */
static int list_bad_rows(struct custodian *c, json_t *out, struct cc_error *err)
{
	cc_auto_json json_t *list = json_array();

	for (size_t i = 0; list && i < c->seal.n_bad; i++)
		if (c->seal.bad[i].now &&
		    json_array_append_new(list, json_string(c->seal.bad[i].what)))
			return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (!list || (json_array_size(list) && json_object_set(out, "badRows", list)))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return 0;
}

/* ---- */

static void call_clear(struct call *call)
{
	json_decref(call->in);
	json_decref(call->out);
	free(call->text);
}

static int read_only(struct custodian *c, struct call *call, struct cc_error *err)
{
	return call_run(c, call, err) || list_bad_rows(c, call->out, err) ? -1 : 0;
}

void custodian_handle(struct custodian *c, const struct request *rq, struct answer *a)
{
	cc_cleanup(call_clear) struct call call = {.rq = rq, .out = json_object()};
	bool known = rq->op < OP_END && handlers[rq->op];
	const struct operation *op = &operations[known ? rq->op : OP_NONE];
	struct cc_error err = {0};
	int rc;

	c->counters.requests++;
	if (!known || !call.out) {
		cc_fail(&err, known ? CC_E_NOMEM : CC_E_USAGE, "the request cannot be served");
		return answer_error(a, &err);
	}
	if (check_plane(c, op, rq, &err)) {
		custodian_count_refusal(c, &err);
		return answer_error(a, &err);
	}
	call.note.event = op->event;
	if (!(op->flags & OPF_ATTESTED))
		snprintf(call.note.detail, sizeof(call.note.detail), "by process %u", rq->peer);

	call.verified = !(op->flags & OPF_ATTESTED);
	seal_bad_reset(&c->seal);
	quarantine_tick(c);
	rc = op->flags & OPF_AUDITED ? run_transaction(c, op, &call, &err)
				     : read_only(c, &call, &err);
	record_bad_rows(c);
	/* What the answer says must not be forgotten with a database that is put back. */
	if (!rc)
		rc = quarantine_follow(c, &err);
	if (rc && !call.verified)
		log_unverified(c, &call, &err);
	else
		log_call(op, &call, rc ? &err : NULL);
	if (rc) {
		custodian_count_refusal(c, &err);
		if (op->flags & OPF_AUDITED && call.verified)
			record_refusal(c, &call, &err);
		return answer_error(a, &err);
	}
	if (call.counter)
		++*call.counter;
	if (call.text)
		answer_set(a, 200, TEXT_METRICS, cc_steal(call.text));
	else
		answer_json(a, 200, call.out);
	answer_cap(a);
}
