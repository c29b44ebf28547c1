// SPDX-License-Identifier: Apache-2.0
/*
 * agent_list.c - the agent's `list`, in pages that fit a message.
 */
#include "agent/agent_list.h"

#include <string.h>

#include "agent/agent_message.h"
#include "strv.h"

#define FRAME 64u /* bytes of a page without its bindings */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Adds the binding; *room is what is left of the message. 1: it does not fit any more. */
static int add(json_t *list, const char *name, agent_binding_fn *show, size_t *room,
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
			rc = add(list, names->v[i], show, &room, err);
	if (rc < 0)
		return NULL;
	answer = json_pack("{s:b, s:O, s:b}", "ok", 1, "bindings", list, "more", rc);
	text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	if (!text)
		cc_fail(err, CC_E_NOMEM, "out of memory");
	return text;
}
