// SPDX-License-Identifier: Apache-2.0
#include "custodian/handle.h"

#include <inttypes.h>
#include <string.h>

#include "custodian/call.h"
#include "custodian/caller.h"
#include "custodian/quarantine.h"
#include "log.h"
#include "timestamp.h"

#define OFF_PLANE_LOG_MS 60000
#define OPF_PAGED (OPF_AFTER_SEQ | OPF_AFTER_NAME | OPF_AFTER_LEASE)

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

/* @more: members beside the error's own; NULL for none */
static void answer_error(struct answer *a, const struct cc_error *err, json_t *more)
{
	cc_auto_json json_t *obj = cc_error_to_json(err);

	if (more)
		json_object_update(json_object_get(obj, "error"), more);
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
	answer_error(a, &err, NULL);
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

	c->domain.sure = !quarantine_on(c);
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

/* The first fact, and how many others there are. */
static void note_refusal(struct note *note, const struct cc_error *err, size_t others)
{
	char text[CC_TEXT_MAX + 64];

	snprintf(text, sizeof(text), "%.*s (and %zu other fact%s)", (int)sizeof(note->detail) - 40,
		 err->text, others, others == 1 ? "" : "s");
	NOTE(note->detail, others ? text : err->text);
}

/* A row that cannot be written is in the log. */
static int record_refusal(struct custodian *c, struct call *call, const struct cc_error *err)
{
	const char *outcome = custodian_is_refusal(err) ? "refuse" : "error";
	const char *fact = custodian_fact(err);
	struct cc_error why;

	note_refusal(&call->note, err, call_others(call));
	if (note_write(c, &call->note, outcome, fact, &why) == 0)
		return 0;
	cc_log(LOG_ERR, "a refusal (%s: %s) cannot be recorded: %s", call->note.event, fact,
	       why.text);
	return -1;
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

	for (const char *what; (what = bad_rows_next(&c->seal.bad));) {
		struct note note = {.event = "row"};

		NOTE(note.detail, what);
		if (note_write(c, &note, "error", STORE_FACT_ROW, &err)) {
			cc_log(LOG_ERR, "%s: cannot be recorded: %s", what, err.text);
			return;
		}
		bad_rows_recorded(&c->seal.bad);
	}
}

static int add_names(json_t *list, const struct bad_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		if (json_array_append_new(list, json_string(names->at[i])))
			return -1;
	return 0;
}

/* A listing names what it left out, what keyd wrote once first, and how many more there are. */
static int list_bad_rows(struct custodian *c, json_t *out, struct cc_error *err)
{
	cc_auto_json json_t *list = json_array();

	const struct bad_rows *bad = &c->seal.bad;
	uint64_t more = bad->ours.more + bad->others.more;

	if (!list || add_names(list, &bad->ours) || add_names(list, &bad->others) ||
	    (json_array_size(list) && json_object_set(out, "badRows", list)) ||
	    (more && json_object_set_new(out, "badRowsMore", json_integer((json_int_t)more))))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return 0;
}

/* ---- groups ---- */

/**
 * struct handled - a request of a group.
 * @admitted: it was handled, and not turned away before
 * @rc: what its handler said, with @err; an answer only after the commit
 */
struct handled {
	const struct operation *op;
	bool admitted;
	struct call call;
	int rc;
	struct cc_error err;
	struct answer answer;
};

/**
 * struct group - requests that share a transaction.
 * @n: handled; @first: the one that began the transaction
 * @open: there is a transaction, unless SQLite gave it up
 * @stuck: none could be begun, for the reason @why, after a wait: nothing else of it waits again,
 *         not even for the row of a refusal
 * @mute: the row of a refusal could not be written by itself: no other one is tried
 * @ended: committed, @v has answers
 */
struct group {
	struct custodian *c;
	size_t n, first;
	bool open, stuck, mute, ended;
	struct cc_error why;
	struct handled v[GROUP_MAX];
};

static void call_clear(struct call *call)
{
	json_decref(cc_steal(call->in));
	json_decref(cc_steal(call->out));
	json_decref(cc_steal(call->differ));
	json_decref(cc_steal(call->counts.facts));
	free(cc_steal(call->text));
}

void group_clear(struct group *g)
{
	for (size_t i = 0; i < g->n; i++) {
		call_clear(&g->v[i].call);
		answer_clear(&g->v[i].answer);
	}
	g->n = 0;
	g->stuck = g->mute = g->ended = false;
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
	if (!g)
		return;
	if (g->open)
		store_rollback(g->c->store);
	group_clear(g);
	free(g);
}

/* What nobody is known to have asked leaves none, or any peer could fill the disk. */
static bool leaves_row(const struct handled *h)
{
	return h->admitted && h->op->flags & OPF_AUDITED && h->call.verified;
}

/* SQLite gives a transaction up by itself, for a full disk for example. */
static bool is_lost(const struct group *g)
{
	return g->open && !store_is_open(g->c->store);
}

static void get_stuck(struct group *g, const struct cc_error *why)
{
	g->stuck = true;
	g->why = *why;
}

/* The row of a refusal in a transaction of its own. */
static void refuse_alone(struct group *g, struct handled *h)
{
	if (!g->stuck && !g->mute)
		g->mute = record_refusal(g->c, &h->call, &h->err) != 0;
}

/*
 * The transaction is over, and with it what its requests did or saw, and the rows of those that
 * were refused. Of the first @n requests.
 */
static void lose(struct group *g, size_t n, const struct cc_error *err)
{
	store_rollback(g->c->store);
	refusals_undo(&g->c->refusals, 0);
	g->open = false;
	for (size_t i = g->first; i < n; i++) {
		struct handled *h = &g->v[i];

		if (h->rc == 0) {
			h->rc = -1;
			h->err = *err;
		}
		if (leaves_row(h))
			refuse_alone(g, h);
	}
}

static int begin(struct group *g, struct cc_error *err)
{
	if (g->stuck) {
		*err = g->why;
		return -1;
	}
	if (store_begin(g->c->store, err)) {
		get_stuck(g, err);
		return -1;
	}
	g->open = true;
	g->first = g->n;
	return 0;
}

/* The effect and its audit row, or neither. */
static int run_part(struct group *g, struct handled *h)
{
	struct store *st = g->c->store;
	size_t refusals = refusals_at(&g->c->refusals);

	if ((!g->open && begin(g, &h->err)) || store_part_begin(st, &h->err))
		return -1;
	if (!call_run(g->c, &h->call, &h->err) &&
	    (h->call.note.nothing || !note_write(g->c, &h->call.note, "allow", "", &h->err)) &&
	    !store_part_end(st, &h->err))
		return 0;
	refusals_undo(&g->c->refusals, refusals);
	if (store_is_open(st))
		store_part_undo(st);
	return -1;
}

/* The row of a refusal is a part as well: it and the log's new head, or neither. */
static void refuse_part(struct group *g, struct handled *h)
{
	struct store *st = g->c->store;
	struct cc_error why;

	if (!g->open)
		return refuse_alone(g, h);
	if (store_part_begin(st, &why)) {
		cc_log(LOG_ERR, "a refusal (%s) cannot be recorded: %s", h->call.note.event,
		       why.text);
		return;
	}
	if (!record_refusal(g->c, &h->call, &h->err) && !store_part_end(st, &why))
		return;
	if (store_is_open(st))
		store_part_undo(st);
}

static int read_only(struct custodian *c, struct call *call, struct cc_error *err)
{
	return call_run(c, call, err) || list_bad_rows(c, call->out, err) ? -1 : 0;
}

static void handle(struct group *g, struct handled *h)
{
	struct cc_error err;

	bad_rows_reset(&g->c->seal.bad);
	if (!g->open && !g->stuck && quarantine_tick(g->c, &err))
		get_stuck(g, &err);
	h->rc = h->op->flags & OPF_AUDITED ? run_part(g, h) : read_only(g->c, &h->call, &h->err);
	if (h->rc && leaves_row(h) && !is_lost(g))
		refuse_part(g, h);
	if (!is_lost(g))
		return;
	cc_fail(&err, CC_E_INTERNAL, "keyd's database gave up what was to be written");
	lose(g, g->n + 1, &err);
}

/* Whether it may be handled at all. */
static int admit(struct group *g, struct handled *h, const struct request *rq, bool known)
{
	struct call *call = &h->call;

	if (!known || !call->out)
		return cc_fail(&h->err, known ? CC_E_NOMEM : CC_E_USAGE,
			       "the request cannot be served");
	if (check_plane(g->c, h->op, rq, &h->err) || caller_may_ask(g->c, rq, &h->err))
		return -1;
	call->note.event = h->op->event;
	call->verified = !(h->op->flags & OPF_ATTESTED);
	if (call->verified)
		snprintf(call->note.detail, sizeof(call->note.detail), "by process %u", rq->peer);
	h->admitted = true;
	return 0;
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
	h->rc = admit(g, h, rq, known);
	if (h->rc == 0)
		handle(g, h);
	h->call.rq = NULL;
	g->n++;
	/* Erasing ends the transaction, and of answers that may be large there is one at a time. */
	return g->n < GROUP_MAX && !(h->op->flags & (OPF_ERASES | OPF_PAGED));
}

/* ---- the end of a group ---- */

static void commit(struct group *g)
{
	struct cc_error err;

	if (g->open && store_commit(g->c->store, &err))
		lose(g, g->n, &err);
	refusals_keep(&g->c->refusals);
	g->open = false;
}

/* Such a one is the last: what it deletes is in the log until there is no transaction. */
static void erase_last(struct group *g)
{
	struct handled *h = &g->v[g->n - 1];

	if (h->rc || !(h->op->flags & OPF_ERASES))
		return;
	h->rc = erase(g->c, &h->call, &h->err);
	if (h->rc && leaves_row(h))
		refuse_alone(g, h);
}

/* What the answers say must not be forgotten with a database that is put back, nor a refusal. */
static void follow(struct group *g)
{
	struct cc_error err;

	if (quarantine_follow(g->c, &err) == 0)
		return;
	cc_log(LOG_ERR, "%s", err.text);
	for (size_t i = 0; i < g->n; i++) {
		struct handled *h = &g->v[i];

		if (h->rc)
			continue;
		h->rc = -1;
		h->err = err;
		if (leaves_row(h))
			refuse_alone(g, h);
	}
}

static void make_answer(struct custodian *c, struct handled *h)
{
	struct call *call = &h->call;

	if (h->admitted && h->rc && !call->verified)
		log_unverified(c, call, &h->err);
	else if (h->admitted)
		log_call(h->op, call, h->rc ? &h->err : NULL);
	if (h->rc) {
		custodian_count_refusal(c, &h->err);
		return answer_error(&h->answer, &h->err, call->differ);
	}
	if (call->counter)
		++*call->counter;
	call_counts_add(c, &call->counts);
	if (call->text)
		answer_set(&h->answer, 200, TEXT_METRICS, cc_steal(call->text));
	else
		answer_json(&h->answer, 200, call->out);
	answer_cap(&h->answer);
}

size_t group_end(struct group *g)
{
	if (g->ended || g->n == 0)
		return g->n;
	commit(g);
	erase_last(g);
	if (!g->stuck && !g->mute)
		record_bad_rows(g->c);
	follow(g);
	for (size_t i = 0; i < g->n; i++) {
		make_answer(g->c, &g->v[i]);
		call_clear(&g->v[i].call);
	}
	g->ended = true;
	return g->n;
}

const struct answer *group_answer(const struct group *g, size_t i)
{
	return &g->v[i].answer;
}

bool group_did(const struct group *g, enum op_flag flag)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->v[i].answer.http == 200 && g->v[i].op->flags & flag)
			return true;
	return false;
}

void custodian_handle(struct custodian *c, const struct request *rq, struct answer *a)
{
	struct cc_error err = {0};
	struct group *g = group_new(c, &err);

	if (!g)
		return answer_error(a, &err, NULL);
	group_add(g, rq);
	group_end(g);
	*a = g->v[0].answer;
	g->v[0].answer = (struct answer){0};
	group_free(g);
}
