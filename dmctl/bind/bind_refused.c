// SPDX-License-Identifier: Apache-2.0
#include "bind/bind_refused.h"

#include <syslog.h>
#include <time.h>

#include "bind/refusal.h"
#include "client/identity_patch.h"
#include "client/keyd_identities.h"
#include "log.h"
#include "paths.h"

/*
 * What would let @m in, into @more: a patch of the identity that a start would be decided by, or of
 * the nearest. It is of the serial in "patchOf".
 */
static int propose(const char *volume, const struct cc_measurement *m, bool renewal, json_t *more,
		   struct cc_error *err)
{
	const struct cc_policy policy = {.now = time(NULL),
					 .volume = volume,
					 .allow_running = true,
					 .any_signer = true,
					 .renewal = renewal};
	identity_auto_repair struct identity_repair repair = {0};
	cc_auto_json json_t *predicate = NULL;
	const struct identity_envelope *of;
	auto_keyd_identities list = {0};
	struct cc_nearest near;

	if (keyd_identities_get(volume, true, &list, err))
		return -1;
	of = keyd_identities_pick(&list, m, &policy, &near) ?: &list.v[near.at];
	predicate = identity_envelope_predicate(of, err);
	if (!predicate || identity_repair_find(predicate, m, &policy, false, &repair, err) ||
	    identity_repair_above(&repair, list.last, err) ||
	    identity_repair_json(&repair, more, err))
		return -1;
	return json_object_set_new(more, "patchOf",
				   json_pack("{s:I}", "serial", (json_int_t)of->id->serial))
		       ? cc_fail(err, CC_E_NOMEM, "out of memory")
		       : 0;
}

/* The first is in what the agent logs of each job. */
static void log_others(const char *volume, const json_t *differ)
{
	const json_t *list = json_object_get(differ, "facts"), *one;
	json_int_t n = json_integer_value(json_object_get(differ, "factCount"));
	size_t i;

	json_array_foreach(list, i, one)
		if (i > 0)
			cc_log(LOG_WARNING, "volume %s: also %s", volume,
			       json_string_value(json_object_get(one, "text")) ?: "?");
	if (n > (json_int_t)json_array_size(list))
		cc_log(LOG_WARNING, "volume %s: and %d more", volume,
		       (int)n - (int)json_array_size(list));
}

static void keep(const struct refusal *r)
{
	struct cc_error err;

	if (refusal_keep(r, &err))
		cc_log(LOG_WARNING, "why container %s was refused cannot be kept: %s", r->container,
		       err.text);
}

void bind_refused(const char *volume, const char *container, const struct cc_measurement *m,
		  const json_t *differ, const struct cc_error *err)
{
	cc_auto_json json_t *more = json_object();
	const char *id = m && m->container_id ? m->container_id : container;
	struct cc_error why;

	log_others(volume, differ);
	if (!id || !more)
		return;
	if (m && differ && propose(volume, m, false, more, &why))
		cc_log(LOG_WARNING, "volume %s: nothing can be proposed for its identity: %s",
		       volume, why.text);
	if (differ)
		json_object_update(more, (json_t *)(uintptr_t)differ);
	keep(&(struct refusal){
		.dir = CC_REFUSALS_DIR,
		.container = id,
		.name = m ? m->container_name : NULL,
		.engine = m ? m->engine : NULL,
		.volume = volume,
		.err = err,
		.more = more,
	});
}

static struct refusal of_binding(const struct binding *b)
{
	return (struct refusal){
		.dir = CC_REFUSALS_DIR,
		.container = b->container,
		.name = b->container_name,
		.engine = b->engine,
		.volume = b->volume,
	};
}

/* Without an identity, or under one that allows it, there is nothing to propose. */
void bind_refused_running(const struct binding *b, const struct cc_measurement *m,
			  const struct cc_error *err)
{
	cc_auto_json json_t *more = json_object();
	struct refusal r = of_binding(b);
	struct cc_error ignored;

	if (m && more &&
	    (propose(b->volume, m, true, more, &ignored) ||
	     json_integer_value(json_object_get(more, "factCount")) == 0))
		json_object_clear(more);
	log_others(b->volume, more);
	r.err = err;
	r.more = more;
	keep(&r);
}

void bind_accepted(const struct binding *b)
{
	struct refusal r = of_binding(b);

	refusal_forget(&r);
}

void bind_refused_required(const struct oci_state *state, const struct cc_error *err)
{
	keep(&(struct refusal){.dir = CC_REFUSALS_DIR, .container = state->id, .err = err});
}
