// SPDX-License-Identifier: Apache-2.0
/*
 * renew_measure.c - measures bound containers, several at once.
 */
#include "bind/renew_measure.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bind/bind_check.h"
#include "container/measure.h"
#include "host/boottime.h"
#include "host/crew.h"
#include "host/ns_census.h"
#include "paths.h"
#include "strv.h"
#include "volume/volume_lock.h"

#define MORE_THAN_CPUS 2 /* measuring is half waiting */
#define STOOD "stood"	 /* of what a child says, beside the measurement */

/* Those that were measured are asked about together. */
#define BATCH 64u
#define BATCH_MS 500u

/* Parts of the shortest lease; the minimum is a round's that also the shortest of all bears. */
#define SOON_PART 10u
#define SOON_MS_MIN 500u
#define SOON_MS_MAX 60000u
#define LATE_PART 4u
#define LATE_MS_MIN 1000u
#define LATE_MS_MAX 45000u
/* What one may take in the first pass. */
#define EACH_MS_MIN 250u
#define EACH_MS_MAX 2000u

/**
 * struct measuring - a walk through them.
 * @agent: our parent
 * @layers: of a child: root file systems' layers that were looked at
 * @silent: engines that do not answer; each is waited for once
 * @keyd_err: keyd does not answer
 * @unasked: measured, and nobody has asked about them
 * @first_ms: when the first of these was
 */
struct measuring {
	const struct held_measurer *by;
	const struct held_asker *asker;
	struct held *held;
	pid_t agent;
	struct layer_cache layers;
	struct cc_strv silent;
	uint64_t each_ms;
	struct cc_error keyd_err;
	bool keyd_silent;
	unsigned int unasked;
	uint64_t first_ms;
};

void held_clear(struct held *h)
{
	binding_clear(&h->b);
	cc_measurement_free(h->m);
	*h = (struct held){0};
}

/* ---- one ----------------------------------------------------------------------------------- */

/* By the engine it was bound by. */
static int measure(const struct held *h, pid_t agent, struct layer_cache *layers,
		   struct cc_measurement **m, bool *stood, bool *keyd, struct cc_error *err)
{
	measure_auto struct measured seen = MEASURED_NONE;
	const struct binding *b = &h->b;
	const struct measure_past past = {
		.runtime = b->runtime,
		.executed = h->executed,
		.looked = binding_looked_at(b),
		.tracer = agent,
	};

	if (measure_bound(b->container, b->engine, (pid_t)b->pid, &past, &seen, err))
		return -1;
	if (seen.m->start_time != b->start_time)
		return cc_fail(err, CC_E_NOTFOUND, "the container that was bound has ended");
	if (seen.m->running && measure_standing(&seen, agent, h->filter, stood, err))
		return -1;
	if (bind_check_rootfs(b->volume, &seen, layers, err)) {
		*keyd = err->code == CC_E_UNREACHABLE;
		return -1;
	}
	*m = cc_steal(seen.m);
	return 0;
}

const struct held_measurer held_measurer = {.measure = measure,
					    .locks = CC_RUN_DIR "/measured.lock"};
const struct held_measurer held_look_measurer = {.measure = measure};

/* ---- in a child ---------------------------------------------------------------------------- */

/* One that was killed because he was late takes a moment to end. */
static int lock_of(const struct measuring *g, const struct binding *b, struct cc_error *err)
{
	int lock = volume_lock_in(g->by->locks, b->name, (unsigned int)(g->each_ms / 2), err);

	if (lock < 0 && err->code == CC_E_BUSY)
		cc_fail(err, CC_E_BUSY,
			"the process that measured it last cannot be ended: a device or file "
			"system does not answer; no other one is sent after it");
	return lock;
}

static int measure_alone(struct measuring *g, const struct held *h, struct cc_measurement **m,
			 bool *stood, bool *keyd, struct cc_error *err)
{
	cc_auto_close int lock = g->by->locks ? lock_of(g, &h->b, err) : -1;

	if (g->by->locks && lock < 0)
		return -1;
	return g->by->measure(h, g->agent, &g->layers, m, stood, keyd, err);
}

static char *work(void *arg, size_t i)
{
	struct measuring *g = arg;
	struct cc_measurement *m = NULL;
	cc_auto_json json_t *obj = NULL;
	struct cc_error err = {0};
	bool stood = false, keyd = false;
	char *text;

	if (measure_alone(g, &g->held[i], &m, &stood, &keyd, &err)) {
		obj = cc_error_to_json(&err);
		if (!obj || json_object_set_new(obj, "keyd", json_boolean(keyd)))
			return NULL;
		return json_dumps(obj, JSON_COMPACT);
	}
	obj = cc_measurement_to_json(m);
	cc_measurement_free(m);
	if (obj && json_object_set_new(obj, STOOD, json_boolean(stood)))
		return NULL;
	text = obj ? json_dumps(obj, JSON_COMPACT) : NULL;
	return text ?: strdup("null"); /* what cannot be written */
}

/* ---- here ---------------------------------------------------------------------------------- */

static bool wanted(void *arg, size_t i)
{
	struct measuring *g = arg;
	struct held *h = &g->held[i];

	if (h->state != HELD_WAITS)
		return false;
	if (!cc_strv_has(&g->silent, h->b.engine))
		return true;
	h->state = HELD_FAILED;
	cc_fail(&h->why, CC_E_UNREACHABLE, "%s does not answer", h->b.engine);
	return false;
}

/* False when keyd does not answer: the others will not get further. */
static bool take_failure(struct measuring *g, struct held *h, const json_t *obj)
{
	struct cc_error ignored;

	h->state = HELD_FAILED;
	if (h->why.code != CC_E_UNREACHABLE)
		return true;
	if (json_is_true(json_object_get(obj, "keyd"))) {
		g->keyd_silent = true;
		g->keyd_err = h->why;
		return false;
	}
	if (!cc_strv_has(&g->silent, h->b.engine))
		cc_strv_push(&g->silent, h->b.engine, &ignored);
	return true;
}

static bool take_text(struct measuring *g, struct held *h, const char *text)
{
	cc_auto_json json_t *obj = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	if (obj && cc_error_from_json(&h->why, obj))
		return take_failure(g, h, obj);
	h->stood = json_is_true(json_object_get(obj, STOOD));
	json_object_del(obj, STOOD);
	h->m = obj ? cc_measurement_from_json(obj, &h->why) : NULL;
	h->state = h->m ? HELD_MEASURED : HELD_FAILED;
	if (h->m && g->unasked++ == 0)
		g->first_ms = boottime_ms();
	if (!obj)
		cc_fail(&h->why, CC_E_INVALID,
			"its measurement cannot be written as JSON: a name, argument or variable "
			"is not UTF-8");
	return true;
}

static bool done(void *arg, size_t i, enum crew_end end, const char *text)
{
	struct measuring *g = arg;
	struct held *h = &g->held[i];

	switch (end) {
	case CREW_DONE:
		return take_text(g, h, text);
	case CREW_LATE:
		h->late = true;
		cc_fail(&h->why, CC_E_BUSY,
			"measuring it takes longer than %" PRIu64 ".%" PRIu64 " s; a file system "
			"or engine may not answer, or it has very many files",
			g->each_ms / 1000, g->each_ms % 1000 / 100);
		break;
	case CREW_DIED:
		h->state = HELD_FAILED;
		cc_fail(&h->why, CC_E_INTERNAL, "the process that measured it died");
		break;
	case CREW_LONG:
		h->state = HELD_FAILED;
		cc_fail(&h->why, CC_E_INVALID,
			"its measurement has more than %d bytes; the container's arguments, "
			"variables, groups or mounts are too long",
			CREW_TEXT_MAX);
		break;
	}
	return true;
}

/* Those that were measured do not wait for those that are not. */
static uint64_t tick(void *arg)
{
	struct measuring *g = arg;

	if (!g->unasked)
		return UINT64_MAX;
	if (g->unasked < BATCH && boottime_ms() < g->first_ms + BATCH_MS)
		return g->first_ms + BATCH_MS;
	g->unasked = 0;
	g->keyd_silent = g->asker->ask(g->asker->arg, false, &g->keyd_err) != 0;
	return g->keyd_silent ? 0 : UINT64_MAX;
}

static unsigned int width(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (cpus < 1)
		cpus = 1;
	return cpus + MORE_THAN_CPUS > CREW_WIDTH_MAX ? CREW_WIDTH_MAX
						      : (unsigned int)cpus + MORE_THAN_CPUS;
}

int renew_measure(const struct held_measurer *by, const struct held_asker *asker, struct held *held,
		  size_t n, uint64_t each_ms, uint64_t all_ms, struct cc_error *err)
{
	struct measuring g = {
		.by = by,
		.asker = asker,
		.held = held,
		.agent = getppid(),
		.each_ms = each_ms,
		.layers.dir = CC_ROOTFS_DIR,
	};
	const struct crew crew = {.width = width(),
				  .piece_ms = each_ms,
				  .all_ms = all_ms,
				  .work = work,
				  .wanted = wanted,
				  .done = done,
				  .tick = tick,
				  .arg = &g};
	size_t begun;
	int rc;

	ns_census_hold(); /* the children have it then, and their time is their own */
	rc = crew_work(&crew, n, &begun, err);
	for (size_t i = begun; rc == 0 && i < n; i++)
		if (held[i].state == HELD_WAITS && !held[i].late)
			cc_fail(&held[i].why, CC_E_BUSY,
				"there was no time to measure it: others took it all");
	cc_strv_clear(&g.silent);
	if (rc == 0 && g.keyd_silent) {
		*err = g.keyd_err;
		rc = -1;
	}
	return rc || asker->ask(asker->arg, true, err) ? -1 : 0;
}

/* ---- a round ------------------------------------------------------------------------------- */

static int by_number(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* What is over cannot be hurried any more; what was late may be so again. */
static int by_urgency(const void *first, const void *second)
{
	const struct held *a = first, *b = second;
	int order = by_number(a->late, b->late);

	if (!order)
		order = by_number(!a->left_ms, !b->left_ms);
	return order ? order : by_number(a->left_ms, b->left_ms);
}

static void put_in_order(struct held *held, size_t n)
{
	if (n)
		qsort(held, n, sizeof(*held), by_urgency);
}

static uint64_t between(uint64_t value, uint64_t min, uint64_t max)
{
	return value < min ? min : value > max ? max : value;
}

static size_t waiting(const struct held *held, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += held[i].state == HELD_WAITS;
	return count;
}

/* What each of @n may take, so that all have their turn within @ms though all take it. */
static uint64_t share(uint64_t ms, size_t n)
{
	return n ? ms * 3 / 4 * width() / n : ms;
}

int renew_round(const struct held_measurer *by, const struct held_asker *asker, struct held *held,
		size_t n, uint64_t lease_ms, struct cc_error *err)
{
	uint64_t soon_ms = between(lease_ms / SOON_PART, SOON_MS_MIN, SOON_MS_MAX);
	uint64_t late_ms = between(lease_ms / LATE_PART, LATE_MS_MIN, LATE_MS_MAX);
	uint64_t each_ms = between(share(soon_ms, n), EACH_MS_MIN,
				   soon_ms < EACH_MS_MAX ? soon_ms : EACH_MS_MAX);

	put_in_order(held, n);
	if (renew_measure(by, asker, held, n, each_ms, soon_ms, err))
		return -1;
	if (!waiting(held, n))
		return 0;
	put_in_order(held, n);
	each_ms = between(share(late_ms, waiting(held, n)), 2 * each_ms, late_ms);
	return renew_measure(by, asker, held, n, each_ms, late_ms, err);
}
