// SPDX-License-Identifier: Apache-2.0
/*
 * renew.c - renews the leases of bound containers of this host.
 */
#include "bind/gate_lines.h"
#include "bind/renew.h"

#include <string.h>
#include <syslog.h>

#include "bind/bind_check.h"
#include "bind/binding.h"
#include "evidence.h"
#include "client/keyd_client.h"
#include "log.h"
#include "volume/gates.h"
#include "volume/mapping.h"
#include "container/measure.h"
#include "host/boottime.h"
#include "name.h"
#include "paths.h"
#include "strv.h"
#include "volume/volume_lock.h"

#define LOCK_MS 1000u /* a volume that is worked on is renewed the next time */
#define LOOK_LOCK_MS 10000u

/**
 * struct held - a bound container.
 * @seen: what it is now
 * @refusal: why that is not what was said of it; owned, in place of @seen
 */
struct held {
	struct binding b;
	struct measured seen;
	struct cc_refusal *refusal;
};

#define FRAME 2048u /* bytes of the answer around them */

/**
 * struct renewing - a round of renewals.
 * @layers: of all their root file systems: shared ones are looked at once a round
 * @lock_ms: for how long a volume's lock is waited for
 * @told, @told_max: bytes of names and texts in @refused and @failures
 */
struct renewing {
	struct layer_cache layers;
	unsigned int lock_ms;
	size_t n;
	struct held *held;
	json_t *refused, *failures;
	size_t told, told_max;
	json_int_t renewed, failed;
};

static void clear(struct renewing *g)
{
	for (size_t i = 0; i < g->n; i++) {
		binding_clear(&g->held[i].b);
		measured_clear(&g->held[i].seen);
		free(g->held[i].refusal);
	}
	free(g->held);
	layer_cache_clear(&g->layers);
	json_decref(g->refused);
	json_decref(g->failures);
}

/* False when it does not fit into the answer. */
static bool tell(struct renewing *g, json_t *list, const char *name, const char *text)
{
	size_t bytes = strlen(name) + strlen(text) + sizeof("{'binding':'','text':''},");

	if (g->told + bytes > g->told_max)
		return false;
	g->told += bytes;
	return json_array_append_new(list,
				     json_pack("{s:s, s:s}", "binding", name, "text", text)) == 0;
}

static void failed(struct renewing *g, const char *name, const struct cc_error *err)
{
	tell(g, g->failures, name, err->text);
	g->failed++;
}

static void refused(struct renewing *g, const char *name, const char *text)
{
	if (!tell(g, g->refused, name, text))
		g->failed++;
}

/* ---- measuring ----------------------------------------------------------------------------- */

/* By the engine it was bound by; it must still be the process that was bound. */
static int measure(struct held *h, struct cc_error *err)
{
	if (measure_bound(h->b.container, h->b.engine, (pid_t)h->b.pid, h->b.looked, &h->seen, err))
		return -1;
	if (h->seen.m->start_time != h->b.start_time)
		return cc_fail(err, CC_E_NOTFOUND, "the container that was bound has ended");
	return h->seen.m->running ? measure_standing(&h->seen, getppid(), err) : 0;
}

/* An engine that does not answer is asked once a round. */
static bool is_silent(const struct cc_strv *silent, const char *engine, struct cc_error *err)
{
	if (!cc_strv_has(silent, engine))
		return false;
	cc_fail(err, CC_E_UNREACHABLE, "%s does not answer", engine);
	return true;
}

/* It is kept, to be told to keyd, unless there is no memory for that. */
static bool keep_refused(struct renewing *g, struct held *h, const struct cc_error *why)
{
	struct cc_refusal *r = calloc(1, sizeof(*r));

	if (!r)
		return false;
	snprintf(r->container, sizeof(r->container), "%s", h->b.container);
	memcpy(r->fact, why->fact, sizeof(r->fact));
	memcpy(r->text, why->text, sizeof(r->text));
	h->refusal = r;
	g->held[g->n++] = *h;
	return true;
}

/* -1: keyd does not answer, none of all can be renewed now. */
static int answer_take(struct renewing *g, const char *name, struct cc_strv *silent,
		       struct cc_error *err)
{
	struct held h = {.seen = MEASURED_NONE};
	struct cc_error ignored;
	bool keyd_silent = false;

	if (binding_load(name, &h.b, err) || h.b.state != BINDING_BOUND || !h.b.lease[0] ||
	    !binding_alive(&h.b)) {
		binding_clear(&h.b);
		return 0;
	}
	if (!is_silent(silent, h.b.engine, err) && measure(&h, err) == 0) {
		if (bind_check_rootfs(h.b.volume, &h.seen, &g->layers, err) == 0) {
			g->held[g->n++] = h;
			return 0;
		}
		keyd_silent = err->code == CC_E_UNREACHABLE;
	} else if (err->code == CC_E_UNREACHABLE && !cc_strv_has(silent, h.b.engine)) {
		cc_strv_push(silent, h.b.engine, &ignored);
	}
	/* one that has ended is not ours any more: the agent sees that, too */
	if (!keyd_silent && binding_alive(&h.b)) {
		if (measure_is_verdict(err) && keep_refused(g, &h, err))
			return 0;
		failed(g, name, err);
	}
	binding_clear(&h.b);
	measured_clear(&h.seen);
	return keyd_silent ? -1 : 0;
}

static int measure_all(struct renewing *g, const char *only, struct cc_error *err)
{
	struct cc_strv names = {0}, silent = {0};
	int rc = only ? cc_strv_push(&names, only, err) : binding_list(NULL, &names, err);

	g->held = rc || !names.n ? NULL : calloc(names.n, sizeof(*g->held));
	if (rc == 0 && names.n && !g->held)
		rc = cc_fail(err, CC_E_NOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < names.n; i++)
		rc = answer_take(g, names.v[i], &silent, err);
	cc_strv_clear(&names);
	cc_strv_clear(&silent);
	return rc;
}

/* ---- the kernel's leases ------------------------------------------------------------------- */

/* The volume's lock, if the volume is still bound under this lease. */
static int lock_held(const struct held *h, unsigned int ms, struct cc_error *err)
{
	cc_auto_close int lock = volume_lock_within(h->b.volume, ms, err);
	binding_auto struct binding now = {0};

	if (lock < 0 || binding_load(h->b.name, &now, err))
		return -1;
	if (now.state != BINDING_BOUND || strcmp(now.lease, h->b.lease) != 0)
		return cc_fail(err, CC_E_BUSY, "it is being unbound");
	return cc_steal_fd(&lock);
}

/*
 * The kernel has wiped the key: keyd is asked for it again. @refusal: whether it is a no for good.
 */
static int key_again(struct held *h, bool *refusal, struct cc_error *err)
{
	cc_auto_secret struct cc_secret key = {0};
	cc_auto_json json_t *answer = NULL;
	struct cc_volume v;
	json_t *lease = NULL;
	const char *id;
	uint64_t asked_ms, ms = 0;
	char lines[GATE_LINES_TEXT];

	if (gate_lines_require(err) || gate_lines_let_in(&h->b, err))
		return -1;
	if (keyd_release("release", h->b.uuid, h->seen.m, gate_lines_text(gates_standing(), lines),
			 CC_AGENT_KEY, &key, &answer, &asked_ms, err)) {
		*refusal = err->code == CC_E_REFUSED || err->code == CC_E_NOTFOUND;
		return -1;
	}
	if (cc_volume_from_json(&v, json_object_get(answer, "volume"), err) ||
	    cc_json_obj(answer, "release", "lease", true, &lease, err) ||
	    cc_json_u64(lease, "release lease", "ms", true, &ms, err))
		return -1;
	id = json_string_value(json_object_get(lease, "id"));
	if (!id || strcmp(id, h->b.lease) != 0) {
		/*
		 * somebody else had the volume: what this container has in memory is not what is
		 * there
		 */
		*refusal = true;
		if (id && cc_is_uuid(id))
			keyd_lease_return(id, CC_AGENT_KEY, err);
		return cc_refuse(err, "lease", "somebody else held volume %s in between",
				 h->b.volume);
	}
	if (mapping_unlock(h->b.name, &v, &key, ms ? asked_ms + ms : 0, err))
		return -1;
	cc_log(LOG_INFO, "volume %s: unlocked again", h->b.volume);
	return 0;
}

/* What keyd says of the terms is written down where it differs; that it runs, too. */
static int remember(const struct held *h, const json_t *renewal, struct cc_error *err)
{
	binding_auto struct binding b = {0};
	struct cc_lease_terms terms = h->b.terms;
	bool looked = h->b.looked || h->seen.m->running;
	uint64_t ms = h->b.lease_ms;

	if (cc_lease_terms_read(renewal, "renewal", &terms, err) ||
	    cc_json_u64(renewal, "renewal", "ms", true, &ms, err))
		return -1;
	if (cc_lease_terms_eq(&terms, &h->b.terms) && ms == h->b.lease_ms && looked == h->b.looked)
		return 0;
	if (binding_load(h->b.name, &b, err))
		return -1;
	b.terms = terms;
	b.lease_ms = ms;
	b.looked = looked;
	return binding_save(&b, err);
}

static void apply(struct renewing *g, struct held *h, const json_t *renewal)
{
	uint64_t asked_ms = 0, ms = 0;
	cc_auto_close int lock = -1;
	bool refusal = false;
	struct cc_error err;

	lock = lock_held(h, g->lock_ms, &err);
	if (lock < 0 || remember(h, renewal, &err) ||
	    cc_json_u64(renewal, "renewal", "askedMs", true, &asked_ms, &err) ||
	    cc_json_u64(renewal, "renewal", "ms", true, &ms, &err)) {
		failed(g, h->b.name, &err);
		return;
	}
	if (mapping_renew(h->b.name, asked_ms + ms, &err) == 0) {
		g->renewed++;
		return;
	}
	if (err.code == CC_E_NOTFOUND && key_again(h, &refusal, &err) == 0)
		g->renewed++;
	else if (refusal)
		refused(g, h->b.name, err.text);
	else
		failed(g, h->b.name, &err);
}

/* ---- keyd ---------------------------------------------------------------------------------- */

static struct held *held_under(struct renewing *g, const char *lease)
{
	for (size_t i = 0; lease && i < g->n; i++)
		if (strcmp(g->held[i].b.lease, lease) == 0)
			return &g->held[i];
	return NULL;
}

static bool is_renewed(const json_t *renewal)
{
	return json_is_true(json_object_get(renewal, "renewed"));
}

/* First those that the kernel may still prolong: asking for a key again takes time. */
static void take_answer(struct renewing *g, const json_t *renewals)
{
	struct mapping_status st;
	struct cc_error err;
	struct held *h;
	json_t *one;
	size_t i;

	for (int locked = 0; locked < 2; locked++)
		json_array_foreach(renewals, i, one) {
			h = held_under(g, json_string_value(json_object_get(one, "lease")));
			if (h && is_renewed(one) && mapping_status(h->b.name, &st, &err) == 0 &&
			    st.locked == (locked == 1))
				apply(g, h, one);
		}
	json_array_foreach(renewals, i, one) {
		h = held_under(g, json_string_value(json_object_get(one, "lease")));
		if (!h || is_renewed(one) || !cc_error_from_json(&err, one))
			continue;
		/*
		 * keyd is not sure now and may be with the next measurement; and what is wrong with
		 * its database is no verdict on the container.
		 */
		if (err.code == CC_E_BUSY || err.code == CC_E_INTERNAL)
			failed(g, h->b.name, &err);
		else
			refused(g, h->b.name, err.text);
	}
}

/* For how long the kernel has the key; 0 when it has none, or has it for good. */
static uint64_t kernel_left_ms(const struct held *h)
{
	struct mapping_status st;
	struct cc_error ignored;

	return mapping_status(h->b.name, &st, &ignored) == 0 && !st.locked && st.left_ms > 0
		       ? (uint64_t)st.left_ms
		       : 0;
}

/* Asks for those that were measured, or tells of those that were @refused. */
static int ask_about(struct renewing *g, bool refused, uint64_t seen_ms, json_t *renewals,
		     struct cc_error *err)
{
	struct cc_renewal *r = g->n ? calloc(g->n, sizeof(*r)) : NULL;
	size_t n = 0;
	int rc;

	if (g->n && !r)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	for (size_t i = 0; i < g->n; i++) {
		const struct held *h = &g->held[i];

		if ((h->refusal != NULL) != refused)
			continue;
		memcpy(r[n].lease, h->b.lease, sizeof(r[n].lease));
		memcpy(r[n].volume, h->b.uuid, sizeof(r[n].volume));
		r[n].left_ms = kernel_left_ms(h);
		r[n].refusal = h->refusal;
		r[n++].measurement = refused ? NULL : h->seen.m;
	}
	rc = keyd_renew(r, n, seen_ms, CC_AGENT_KEY, renewals, err);
	free(r);
	return rc;
}

/*
 * Those that we refuse ourselves: keyd writes that down before anything happens to them; whether it
 * could or not, nothing of them goes on. Return: whether there are any.
 */
static bool refuse_ours(struct renewing *g, uint64_t seen_ms)
{
	cc_auto_json json_t *ignored = json_array();
	struct cc_error err;
	bool any = false;

	if (ask_about(g, true, seen_ms, ignored, &err))
		cc_log(LOG_WARNING, "keyd is not told what is refused here: %s", err.text);
	for (size_t i = 0; i < g->n; i++) {
		if (!g->held[i].refusal)
			continue;
		any = true;
		refused(g, g->held[i].b.name, g->held[i].refusal->text);
	}
	return any;
}

/* An agent that keyd does not know any more has lost all of its leases. */
static int ask(struct renewing *g, struct cc_error *err)
{
	cc_auto_json json_t *renewals = json_array();
	uint64_t seen_ms = boottime_ms(); /* before it is seen */
	bool over;
	int rc;

	if (!renewals)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	rc = ask_about(g, false, seen_ms, renewals, err);
	take_answer(g, renewals);
	over = rc && err->code == CC_E_REFUSED && strcmp(err->fact, "agent") == 0;
	if (!refuse_ours(g, seen_ms) && rc && !over)
		return -1;
	for (size_t i = 0; rc && i < g->n; i++) {
		if (g->held[i].refusal)
			continue;
		if (over)
			refused(g, g->held[i].b.name, err->text);
		else
			failed(g, g->held[i].b.name, err);
	}
	return 0;
}

int renew(const char *only, size_t max, json_t **answer, struct cc_error *err)
{
	cc_cleanup(clear) struct renewing g = {.layers.dir = CC_ROOTFS_DIR,
					       .lock_ms = only ? LOOK_LOCK_MS : LOCK_MS,
					       .refused = json_array(),
					       .failures = json_array(),
					       /* as JSON they may be twice as many bytes */
					       .told_max = max > FRAME ? (max - FRAME) / 2 : 0};

	if (!g.refused || !g.failures)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (measure_all(&g, only, err) || ask(&g, err))
		return -1;
	*answer = json_pack("{s:b, s:I, s:I, s:O, s:O}", "ok", 1, "renewed", g.renewed, "failed",
			    g.failed, "failures", g.failures, "refused", g.refused);
	return *answer ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}
