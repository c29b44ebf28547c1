// SPDX-License-Identifier: Apache-2.0
#include "custodian/handle.h"

#include <string.h>

#include "custodian/call.h"
#include "log.h"

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

/* ---- calls ---- */

/*
 * What the row of the operation demands of any request. The front has looked at it as well; what
 * the front says is not believed.
 */
static int check_request(const struct operation *op, struct call *call, struct cc_error *err)
{
	if (!op_arg_fits(op, call->rq->arg))
		return cc_fail(err, CC_E_USAGE, "malformed name or UUID in the path");
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

/* ---- groups ---- */

/**
 * struct handled - a request of a group.
 * @rc: what its handler said, with @err; an answer only after the commit
 */
struct handled {
	const struct operation *op;
	struct call call;
	int rc;
	struct cc_error err;
	struct answer answer;
};

/**
 * struct group - requests that share a transaction.
 * @n: handled; @first: the one that began the transaction that is open
 * @ended: committed, @v has answers
 */
struct group {
	struct custodian *c;
	size_t n, first;
	bool ended;
	struct handled v[GROUP_MAX];
};

static void call_clear(struct call *call)
{
	json_decref(call->in);
	json_decref(call->out);
	free(call->text);
}

static void group_clear(struct group *g)
{
	for (size_t i = 0; i < g->n; i++) {
		call_clear(&g->v[i].call);
		answer_clear(&g->v[i].answer);
	}
	g->n = 0;
	g->ended = false;
}

struct group *group_new(struct custodian *c, struct cc_error *err)
{
	struct group *g = calloc(1, sizeof(*g));

	if (g)
		g->c = c;
	else
		cc_fail(err, CC_E_NOMEM, "out of memory");
	return g;
}

void group_free(struct group *g)
{
	if (g)
		group_clear(g);
	free(g);
}

/* The transaction is lost, and with it what its requests did or saw, and their rows. */
static void lose(struct group *g, const struct cc_error *err)
{
	store_rollback(g->c->store);
	for (size_t i = g->first; i < g->n; i++) {
		struct handled *h = &g->v[i];

		if (h->rc == 0) {
			h->rc = -1;
			h->err = *err;
		}
		if (h->op->flags & OPF_AUDITED)
			record_refusal(g->c, &h->call, &h->err);
	}
}

/* The effect and its audit row, or neither. */
static int run_part(struct group *g, struct handled *h)
{
	struct store *st = g->c->store;

	if (!store_is_open(st)) {
		g->first = g->n;
		if (store_begin(st, &h->err))
			return -1;
	}
	if (store_part_begin(st, &h->err))
		return -1;
	if (!call_run(g->c, &h->call, &h->err) &&
	    (h->call.note.nothing || !note_write(g->c, &h->call.note, "allow", "", &h->err)) &&
	    !store_part_end(st, &h->err))
		return 0;
	if (store_is_open(st))
		store_part_undo(st);
	return -1;
}

/* A transaction that was there before and is not any longer has failed for all. */
static void handle(struct group *g, struct handled *h)
{
	const bool shared = store_is_open(g->c->store);

	if (!(h->op->flags & OPF_AUDITED)) {
		h->rc = call_run(g->c, &h->call, &h->err);
		return;
	}
	h->rc = run_part(g, h);
	if (h->rc == 0)
		return;
	if (shared && !store_is_open(g->c->store))
		lose(g, &h->err);
	record_refusal(g->c, &h->call, &h->err);
}

bool group_add(struct group *g, const struct request *rq)
{
	bool known = rq->op < OP_END && handlers[rq->op];
	struct handled *h;

	if (g->ended)
		group_clear(g);
	h = &g->v[g->n];
	*h = (struct handled){
		.op = &operations[known ? rq->op : OP_NONE],
		.call = {.rq = rq, .out = json_object()},
	};
	g->c->counters.requests++;
	h->call.note.event = h->op->event;
	if (!known || !h->call.out) {
		h->rc = cc_fail(&h->err, known ? CC_E_NOMEM : CC_E_USAGE,
				"the request cannot be served");
	} else {
		if (!(h->op->flags & OPF_ATTESTED))
			snprintf(h->call.note.detail, sizeof(h->call.note.detail), "by process %u",
				 rq->peer);
		handle(g, h);
	}
	h->call.rq = NULL;
	g->n++;
	return g->n < GROUP_MAX;
}

static void make_answer(struct custodian *c, struct handled *h)
{
	struct call *call = &h->call;

	if (h->op->event)
		log_call(h->op, call, h->rc ? &h->err : NULL);
	if (h->rc) {
		custodian_count_refusal(c, &h->err);
		return answer_error(&h->answer, &h->err);
	}
	if (call->counter)
		++*call->counter;
	if (call->text)
		answer_set(&h->answer, 200, TEXT_METRICS, cc_steal(call->text));
	else
		answer_json(&h->answer, 200, call->out);
}

/* Deleted keys are in the write-ahead log until it is emptied, which a transaction prevents. */
static void erase(struct group *g)
{
	struct cc_error err;
	bool erases = false;

	for (size_t i = 0; i < g->n; i++)
		erases |= g->v[i].op->flags & OPF_ERASES && g->v[i].rc == 0;
	if (erases && store_checkpoint(g->c->store, &err))
		cc_log(LOG_WARNING, "what was deleted is still in the write-ahead log: %s",
		       err.text);
}

size_t group_end(struct group *g)
{
	struct cc_error err;

	if (g->ended)
		return g->n;
	if (store_is_open(g->c->store) && store_commit(g->c->store, &err))
		lose(g, &err);
	erase(g);
	for (size_t i = 0; i < g->n; i++)
		make_answer(g->c, &g->v[i]);
	g->ended = true;
	return g->n;
}

const struct answer *group_answer(const struct group *g, size_t i)
{
	return &g->v[i].answer;
}

void custodian_handle(struct custodian *c, const struct request *rq, struct answer *a)
{
	struct cc_error err = {0};
	struct group *g = group_new(c, &err);

	if (!g)
		return answer_error(a, &err);
	group_add(g, rq);
	group_end(g);
	*a = g->v[0].answer;
	g->v[0].answer = (struct answer){0};
	group_free(g);
}
