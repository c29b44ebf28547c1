// SPDX-License-Identifier: Apache-2.0
/*
 * renew_measure.c - measures bound containers, several at once.
 */
#include "bind/renew_measure.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "bind/bind_check.h"
#include "container/measure.h"
#include "host/crew.h"
#include "host/ns_census.h"
#include "paths.h"
#include "strv.h"

#define MORE_THAN_CPUS 2 /* measuring is half waiting */

/**
 * struct measuring - a walk through them.
 * @agent: our parent
 * @layers: of a child: root file systems' layers that were looked at
 * @silent: engines that do not answer; each is waited for once
 * @keyd_err: keyd does not answer
 */
struct measuring {
	const struct held_measurer *by;
	struct held *held;
	pid_t agent;
	struct layer_cache layers;
	struct cc_strv silent;
	uint64_t each_ms;
	struct cc_error keyd_err;
	bool keyd_silent;
};

void held_clear(struct held *h)
{
	binding_clear(&h->b);
	cc_measurement_free(h->m);
	*h = (struct held){0};
}

/* ---- one ----------------------------------------------------------------------------------- */

/* By the engine it was bound by. */
static int measure(const struct binding *b, pid_t agent, struct layer_cache *layers,
		   struct cc_measurement **m, bool *keyd, struct cc_error *err)
{
	measure_auto struct measured seen = MEASURED_NONE;

	if (measure_bound(b->container, b->engine, (pid_t)b->pid, b->looked, agent, &seen, err))
		return -1;
	if (seen.m->start_time != b->start_time)
		return cc_fail(err, CC_E_NOTFOUND, "the container that was bound has ended");
	if (seen.m->running && measure_standing(&seen, agent, err))
		return -1;
	if (bind_check_rootfs(b->volume, &seen, layers, err)) {
		*keyd = err->code == CC_E_UNREACHABLE;
		return -1;
	}
	*m = cc_steal(seen.m);
	return 0;
}

const struct held_measurer held_measurer = {.measure = measure};

/* ---- in a child ---------------------------------------------------------------------------- */

static char *work(void *arg, size_t i)
{
	struct measuring *g = arg;
	struct cc_measurement *m = NULL;
	cc_auto_json json_t *obj = NULL;
	struct cc_error err = {0};
	bool keyd = false;
	char *text;

	if (g->by->measure(&g->held[i].b, g->agent, &g->layers, &m, &keyd, &err)) {
		obj = cc_error_to_json(&err);
		if (!obj || json_object_set_new(obj, "keyd", json_boolean(keyd)))
			return NULL;
		return json_dumps(obj, JSON_COMPACT);
	}
	obj = cc_measurement_to_json(m);
	cc_measurement_free(m);
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
	h->m = obj ? cc_measurement_from_json(obj, &h->why) : NULL;
	h->state = h->m ? HELD_MEASURED : HELD_FAILED;
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

static unsigned int width(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (cpus < 1)
		cpus = 1;
	return cpus + MORE_THAN_CPUS > CREW_WIDTH_MAX ? CREW_WIDTH_MAX
						      : (unsigned int)cpus + MORE_THAN_CPUS;
}

int renew_measure(const struct held_measurer *by, struct held *held, size_t n, uint64_t each_ms,
		  uint64_t all_ms, struct cc_error *err)
{
	struct measuring g = {
		.by = by,
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
				  .arg = &g};
	size_t begun;
	int rc;

	ns_census_hold(); /* the children have it then, and their time is their own */
	rc = crew_work(&crew, n, &begun, err);
	for (size_t i = begun; rc == 0 && i < n; i++)
		if (held[i].state == HELD_WAITS)
			cc_fail(&held[i].why, CC_E_BUSY,
				"there was no time to measure it: others took it all");
	cc_strv_clear(&g.silent);
	if (rc == 0 && g.keyd_silent) {
		*err = g.keyd_err;
		rc = -1;
	}
	return rc;
}
