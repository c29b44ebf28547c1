// SPDX-License-Identifier: Apache-2.0
/*
 * renew.c - renews the leases of bound containers of this host.
 */
#include "bind/renew.h"

#include <string.h>
#include <syslog.h>

#include "bind/bind_refused.h"
#include "bind/gate_lines.h"
#include "bind/renew_measure.h"
#include "container/measure.h"
#include "evidence.h"
#include "client/keyd_client.h"
#include "log.h"
#include "volume/gates.h"
#include "volume/mapping.h"
#include "host/boottime.h"
#include "name.h"
#include "paths.h"
#include "strv.h"
#include "volume/volume_lock.h"

#define LOCK_MS 1000u /* a volume that is worked on is renewed the next time */
#define LOOK_LOCK_MS 10000u
#define FRAME 2048u /* bytes of the answer around its lists */

/**
 * struct renewing - a round of renewals.
 * @lock_ms: for how long a volume's lock is waited for
 * @told, @told_max: bytes of names and texts in @refused and @failures
 */
struct renewing {
	unsigned int lock_ms;
	size_t n;
	struct held *held;
	json_t *refused, *failures;
	size_t told, told_max;
	json_int_t renewed, failed;
};

static void clear(struct renewing *g)
{
	for (size_t i = 0; i < g->n; i++)
		held_clear(&g->held[i]);
	free(g->held);
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

/* ---- which --------------------------------------------------------------------------------- */

static int load_held(struct renewing *g, const char *only, const struct seccomp_seen *filter,
		     struct cc_error *err)
{
	cc_cleanup(cc_strv_clear) struct cc_strv names = {0};
	struct cc_error ignored;

	if (only ? cc_strv_push(&names, only, err) : binding_list(NULL, &names, err))
		return -1;
	g->held = names.n ? calloc(names.n, sizeof(*g->held)) : NULL;
	if (names.n && !g->held)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	for (size_t i = 0; i < names.n; i++) {
		struct held *h = &g->held[g->n];

		h->executed = only != NULL; /* which is what the look is due to */
		h->filter = filter;
		if (binding_load(names.v[i], &h->b, &ignored) || h->b.state != BINDING_BOUND ||
		    !h->b.lease[0] || !binding_alive(&h->b))
			held_clear(h);
		else
			g->n++;
	}
	return 0;
}

static uint64_t shortest_lease(const struct renewing *g)
{
	uint64_t shortest = UINT64_MAX;

	for (size_t i = 0; i < g->n; i++)
		if (g->held[i].b.lease_ms && g->held[i].b.lease_ms < shortest)
			shortest = g->held[i].b.lease_ms;
	return shortest;
}

/* ---- the kernel's leases ------------------------------------------------------------------- */

/* The volume's lock, if the volume is still bound under this lease. */
static int lock_held(const struct held *h, unsigned int wait_ms, struct cc_error *err)
{
	cc_auto_close int lock = volume_lock_within(h->b.volume, wait_ms, err);
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
	if (keyd_release("release", h->b.uuid, h->m, gate_lines_text(gates_standing(), lines),
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

/*
 * It was looked at, as well as it ever will be: compared while it stood, or too late for that. A
 * round that finds it standing has no filter to compare: its look is to come.
 */
static bool is_look(const struct held *h)
{
	return !binding_looked_at(&h->b) && h->m->running && (!h->stood || h->filter);
}

/* Return: whether that is news. */
static bool note_look(const struct held *h, struct binding *b)
{
	if (binding_looked_at(b) || !is_look(h))
		return false;
	b->looked = h->stood;
	b->looked_late = !h->stood;
	b->filter_unread = h->stood && !h->filter->read;
	if (b->looked_late)
		cc_log(LOG_WARNING,
		       "volume %s: its program had begun when it was looked at: file, arguments "
		       "and environment are not known to be those of config.json",
		       b->name);
	return true;
}

/* What keyd says of the terms is written down where it differs; that it was looked at, too. */
static int remember(const struct held *h, const json_t *renewal, struct cc_error *err)
{
	binding_auto struct binding b = {0};
	struct cc_lease_terms terms = h->b.terms;
	uint64_t ms = h->b.lease_ms;
	bool looked;

	if (cc_lease_terms_read(renewal, "renewal", &terms, err) ||
	    cc_json_u64(renewal, "renewal", "ms", true, &ms, err))
		return -1;
	if (cc_lease_terms_eq(&terms, &h->b.terms) && ms == h->b.lease_ms &&
	    binding_looked_at(&h->b))
		return 0;
	if (binding_load(h->b.name, &b, err))
		return -1;
	looked = note_look(h, &b);
	if (cc_lease_terms_eq(&terms, &b.terms) && ms == b.lease_ms && !looked)
		return 0;
	b.terms = terms;
	b.lease_ms = ms;
	return binding_save(&b, err);
}

/*
 * @wait_ms: for the volume's lock, and for a key where the kernel has none; 0: 1 where that is
 * needed
 */
static int prolong(struct held *h, const json_t *renewal, unsigned int wait_ms, bool *refusal,
		   struct cc_error *err)
{
	uint64_t asked_ms = 0, ms = 0;
	cc_auto_close int lock = lock_held(h, wait_ms, err);

	if (lock < 0)
		return err->code == CC_E_BUSY && !wait_ms ? 1 : -1;
	if (remember(h, renewal, err) ||
	    cc_json_u64(renewal, "renewal", "askedMs", true, &asked_ms, err) ||
	    cc_json_u64(renewal, "renewal", "ms", true, &ms, err))
		return -1;
	if (mapping_renew(h->b.name, asked_ms + ms, err) == 0)
		return 0;
	if (err->code != CC_E_NOTFOUND)
		return -1;
	return wait_ms ? key_again(h, refusal, err) : 1;
}

/* ---- keyd ---------------------------------------------------------------------------------- */

static struct held *held_under(struct renewing *g, const char *lease)
{
	for (size_t i = 0; lease && i < g->n; i++)
		if (!g->held[i].answered && g->held[i].state == HELD_MEASURED &&
		    strcmp(g->held[i].b.lease, lease) == 0)
			return &g->held[i];
	return NULL;
}

static void take_renewed(struct renewing *g, struct held *h, const json_t *renewal, bool patient)
{
	bool refusal = false;
	struct cc_error err;
	int rc;

	if (h->locked && !patient)
		return;
	rc = prolong(h, renewal, patient ? g->lock_ms : 0, &refusal, &err);
	if (rc == 1)
		return;
	h->answered = true;
	if (rc == 0)
		g->renewed++;
	else if (refusal)
		refused(g, h->b.name, err.text);
	else
		failed(g, h->b.name, &err);
}

static void take_refused(struct renewing *g, struct held *h, const json_t *renewal)
{
	struct cc_error err;

	if (!cc_error_from_json(&err, renewal))
		return;
	h->answered = true;
	/*
	 * keyd is not sure now and may be with the next measurement; what is wrong with its
	 * database is no verdict on the container, and what could not be asked is none.
	 */
	if (err.code == CC_E_BUSY || err.code == CC_E_INTERNAL ||
	    !json_object_get(renewal, "askedMs")) {
		failed(g, h->b.name, &err);
		return;
	}
	refused(g, h->b.name, err.text);
	bind_refused_running(&h->b, h->m, &err);
}

/*
 * First those that the kernel may still prolong: waiting, and asking for a key again, take time.
 * @patient: there is time for that
 */
static void take_answer(struct renewing *g, const json_t *renewals, bool patient)
{
	struct held *h;
	json_t *one;
	size_t i;

	for (int waiting = 0; waiting <= patient; waiting++)
		json_array_foreach(renewals, i, one) {
			h = held_under(g, json_string_value(json_object_get(one, "lease")));
			if (h && json_is_true(json_object_get(one, "renewed")))
				take_renewed(g, h, one, waiting);
		}
	json_array_foreach(renewals, i, one) {
		h = held_under(g, json_string_value(json_object_get(one, "lease")));
		if (h && !json_is_true(json_object_get(one, "renewed")))
			take_refused(g, h, one);
	}
}

/* For how long the kernel has the key; 0 when it has none, or has it for good. */
static uint64_t kernel_left_ms(struct held *h)
{
	struct mapping_status st;
	struct cc_error ignored;

	if (mapping_status(h->b.name, &st, &ignored))
		return 0;
	h->locked = st.locked;
	return !st.locked && st.left_ms > 0 ? (uint64_t)st.left_ms : 0;
}

/* An agent that keyd does not know any more has lost all of its leases. */
static int refuse_all(struct renewing *g, const struct cc_error *err)
{
	for (size_t i = 0; i < g->n; i++) {
		if (!g->held[i].answered)
			refused(g, g->held[i].b.name, err->text);
		g->held[i].answered = true;
	}
	return 0;
}

/* For keyd's log: until it is noted in the binding, that it was not looked at as others are. */
static enum cc_look look_of(const struct held *h)
{
	if (!h->m || !is_look(h))
		return CC_LOOK_UNSAID;
	if (!h->stood)
		return CC_LOOK_LATE;
	return h->filter->read ? CC_LOOK_UNSAID : CC_LOOK_FILTER_UNREAD;
}

static void put_renewal(struct held *h, struct cc_renewal *r)
{
	memcpy(r->lease, h->b.lease, sizeof(r->lease));
	memcpy(r->volume, h->b.uuid, sizeof(r->volume));
	r->left_ms = kernel_left_ms(h);
	r->look = look_of(h);
	r->measurement = h->m;
}

/* About those that were measured since the last time, or could not be waited for then. */
static int ask(void *arg, bool last, struct cc_error *err)
{
	struct renewing *g = arg;
	cc_auto_json json_t *renewals = json_array();
	cc_auto_free struct cc_renewal *r = g->n ? calloc(g->n, sizeof(*r)) : NULL;
	uint64_t seen_ms = boottime_ms(); /* before it is seen */
	size_t n = 0;
	int rc;

	if (!renewals || (g->n && !r))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	for (size_t i = 0; i < g->n; i++)
		if (g->held[i].state == HELD_MEASURED && !g->held[i].answered)
			put_renewal(&g->held[i], &r[n++]);
	rc = keyd_renew(r, n, seen_ms, CC_AGENT_KEY, renewals, err);
	take_answer(g, renewals, last);
	if (rc == 0 || err->code != CC_E_REFUSED || strcmp(err->fact, "agent") != 0)
		return rc;
	return refuse_all(g, err);
}

/* ---- what we refuse ourselves -------------------------------------------------------------- */

/* It lives, and is not what was said of it. */
static bool is_refused_here(const struct held *h)
{
	return !h->answered && h->state == HELD_FAILED && measure_is_verdict(&h->why) &&
	       binding_alive(&h->b);
}

static void tell_keyd(struct renewing *g, struct cc_refusal *refusals, struct cc_renewal *r,
		      size_t n)
{
	cc_auto_json json_t *ignored = json_array();
	struct cc_error err;

	for (size_t i = 0, k = 0; i < g->n && k < n; i++) {
		struct held *h = &g->held[i];

		if (!is_refused_here(h))
			continue;
		snprintf(refusals[k].container, sizeof(refusals[k].container), "%s",
			 h->b.container);
		memcpy(refusals[k].fact, h->why.fact, sizeof(refusals[k].fact));
		memcpy(refusals[k].text, h->why.text, sizeof(refusals[k].text));
		put_renewal(h, &r[k]);
		r[k].refusal = &refusals[k];
		k++;
	}
	if (keyd_renew(r, n, boottime_ms(), CC_AGENT_KEY, ignored, &err))
		cc_log(LOG_WARNING, "keyd is not told what is refused here: %s", err.text);
}

/*
 * keyd writes it down before anything happens to them; whether it could or not, nothing of them
 * goes on. Return: whether there are any.
 */
static bool refuse_ours(struct renewing *g)
{
	cc_auto_free struct cc_refusal *refusals = NULL;
	cc_auto_free struct cc_renewal *r = NULL;
	size_t n = 0;

	for (size_t i = 0; i < g->n; i++)
		n += is_refused_here(&g->held[i]);
	if (!n)
		return false;
	refusals = calloc(n, sizeof(*refusals));
	r = calloc(n, sizeof(*r));
	if (refusals && r)
		tell_keyd(g, refusals, r, n);
	for (size_t i = 0; i < g->n; i++) {
		if (!is_refused_here(&g->held[i]))
			continue;
		refused(g, g->held[i].b.name, g->held[i].why.text);
		bind_refused_running(&g->held[i].b, NULL, &g->held[i].why);
		g->held[i].answered = true;
	}
	return true;
}

/* ---- a round ------------------------------------------------------------------------------- */

/*
 * One that has ended is not ours any more: the agent sees that, too. @all: what became of those
 * that were measured; NULL: keyd has answered for them
 */
static void tell_failures(struct renewing *g, const struct cc_error *all)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct held *h = &g->held[i];
		const struct cc_error *why = h->state == HELD_MEASURED ? all : &h->why;

		if (all && !why->text[0])
			why = all; /* its turn has not come */
		if (why && !h->answered && binding_alive(&h->b))
			failed(g, h->b.name, why);
	}
}

int renew(const char *only, const struct seccomp_seen *filter, size_t max, json_t **answer,
	  struct cc_error *err)
{
	cc_cleanup(clear) struct renewing g = {.lock_ms = only ? LOOK_LOCK_MS : LOCK_MS,
					       .refused = json_array(),
					       .failures = json_array(),
					       /* as JSON they may be twice as many bytes */
					       .told_max = max > FRAME ? (max - FRAME) / 2 : 0};
	int rc;

	if (!g.refused || !g.failures)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (load_held(&g, only, filter, err))
		return -1;
	for (size_t i = 0; i < g.n; i++)
		g.held[i].left_ms = kernel_left_ms(&g.held[i]);
	rc = renew_round(only ? &held_look_measurer : &held_measurer,
			 &(struct held_asker){.ask = ask, .arg = &g}, g.held, g.n,
			 shortest_lease(&g), err);
	if (!refuse_ours(&g) && rc)
		return -1;
	tell_failures(&g, rc ? err : NULL);
	*answer = json_pack("{s:b, s:I, s:I, s:O, s:O}", "ok", 1, "renewed", g.renewed, "failed",
			    g.failed, "failures", g.failures, "refused", g.refused);
	return *answer ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}
