// SPDX-License-Identifier: Apache-2.0
/*
 * agent_list.c - the agent's `list`, in pages that fit a message.
 */
#include "agent/agent_list.h"

#include <string.h>

#include "agent/agent_message.h"
#include "bind/binding.h"
#include "bind/freezer.h"
#include "bind/gate_lines.h"
#include "volume/mapping.h"
#include "strv.h"

#define FRAME 64u /* bytes of a page without its bindings */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Adds the binding; *room is what is left of the message. 1: it does not fit any more. */
static int page_add(json_t *list, const char *name, agent_binding_fn *show, size_t *room,
		    struct cc_error *err)
{
	cc_auto_json json_t *obj = show(name, err);
	size_t size;

	if (!obj)
		return err->code == CC_E_NOTFOUND ? 0 : -1;
	size = json_dumpb(obj, NULL, 0, JSON_COMPACT) + 1; /* and a comma */
	if (size > *room)
		return 1;
	*room -= size;
	return json_array_append(list, obj) ? cc_fail(err, CC_E_NOMEM, "out of memory") : 0;
}

char *agent_list_page(struct cc_strv *names, const char *after, agent_binding_fn *show,
		      struct cc_error *err)
{
	cc_auto_json json_t *list = json_array(), *answer = NULL;
	size_t room = AGENT_MESSAGE_MAX - FRAME;
	char *text = NULL;
	int rc = 0;

	if (names->n)
		qsort(names->v, names->n, sizeof(names->v[0]), by_name);
	for (size_t i = 0; i < names->n && rc == 0; i++)
		if (strcmp(names->v[i], after) > 0)
			rc = page_add(list, names->v[i], show, &room, err);
	if (rc < 0)
		return NULL;
	answer = json_pack("{s:b, s:O, s:b}", "ok", 1, "bindings", list, "more", rc);
	text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	if (!text)
		cc_fail(err, CC_E_NOMEM, "out of memory");
	return text;
}

/* ---- of this host -------------------------------------------------------------------------- */

/* Adds how its lease is: "leftMs" and "state". */
static int show_lease(const char *name, json_t *binding)
{
	json_t *lease = json_object_get(binding, "lease");
	struct mapping_status st;
	struct cc_error err;
	const char *state;

	if (!json_is_object(lease))
		return 0;
	if (mapping_status(name, &st, &err))
		return -1;
	state = freezer_is_ours(name) ? "frozen" : !st.exists || st.locked ? "lapsed" : "active";
	return json_object_set_new(lease, "state", json_string(state)) ||
			       json_object_set_new(lease, "leftMs",
						   st.left_ms < 0 ? json_null()
								  : json_integer(st.left_ms))
		       ? -1
		       : 0;
}

static json_t *show_binding(const char *name, struct cc_error *err)
{
	binding_auto struct binding b = {0};
	json_t *obj;

	if (binding_load(name, &b, err))
		return NULL;
	obj = binding_to_json(&b);
	json_object_del(obj, "runtimeExe"); /* where its stack is concerns nobody else */
	if (obj && show_lease(name, obj) == 0 && gate_lines_show(name, obj) == 0)
		return obj;
	json_decref(obj);
	cc_fail(err, CC_E_INTERNAL, "volume %s cannot be shown", name);
	return NULL;
}

char *agent_list(const char *after, struct cc_error *err)
{
	cc_cleanup(cc_strv_clear) struct cc_strv names = {0};

	return binding_list(NULL, &names, err) ? NULL
					       : agent_list_page(&names, after, show_binding, err);
}
