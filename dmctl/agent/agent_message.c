// SPDX-License-Identifier: Apache-2.0
/*
 * agent_message.c - requests on the agent's socket.
 */
#include "agent/agent_message.h"

#include <stdlib.h>
#include <string.h>

#include "b64.h"
#include "host/seccomp_program.h"
#include "name.h"

#define WHAT "the request"

/* What an operation takes; unknown members are refused. */
static const struct {
	const char *name;
	bool internal;
	bool volume;
	const char *const *members;
} ops[] = {
	[AGENT_HOOK] = {"hook", false, true, (const char *const[]){"op", "volume", "state", NULL}},
	[AGENT_BIND] = {"bind", false, true,
			(const char *const[]){"op", "volume", "device", "container", "engine",
					      "dryRun", NULL}},
	[AGENT_UNBIND] = {"unbind", false, true,
			  (const char *const[]){"op", "volume", "force", NULL}},
	[AGENT_LIST] = {"list", false, false, (const char *const[]){"op", "after", NULL}},
	[AGENT_MEASURE] = {"measure", false, false,
			   (const char *const[]){"op", "container", "engine", "rootfs", NULL}},
	[AGENT_REFRESH] = {"refresh", false, false, (const char *const[]){"op", NULL}},
	[AGENT_PLUGIN] = {"plugin", false, false,
			  (const char *const[]){"op", "path", "body", NULL}},
	[AGENT_GROW] = {"grow", false, true, (const char *const[]){"op", "volume", NULL}},
	[AGENT_REQUIRE] = {"require", false, false, (const char *const[]){"op", "state", NULL}},
	[AGENT_EVENTS] = {"events", false, false,
			  (const char *const[]){"op", "since", "follow", NULL}},
	[AGENT_RECOVER] = {"recover", true, false, (const char *const[]){"op", NULL}},
	[AGENT_REAP] = {"reap", true, true, (const char *const[]){"op", "binding", NULL}},
	[AGENT_ENDED] = {"ended", true, true,
			 (const char *const[]){"op", "binding", "real", "boot", NULL}},
	[AGENT_UNDO] = {"undo", true, true, (const char *const[]){"op", "binding", NULL}},
	[AGENT_RENEW] = {"renew", true, false, (const char *const[]){"op", NULL}},
	[AGENT_FLUSH] = {"flush", true, true, (const char *const[]){"op", "binding", NULL}},
	[AGENT_REVOKE] = {"revoke", true, true, (const char *const[]){"op", "binding", NULL}},
	[AGENT_LOOK] = {"look", true, true, (const char *const[]){"op", "binding", "filter", NULL}},
};

_Static_assert(sizeof(ops) / sizeof(ops[0]) == AGENT_OPS, "each operation has its row");

const char *agent_op_name(enum agent_op op)
{
	return ops[op].name;
}

void agent_message_clear(struct agent_message *m)
{
	free(m->device);
	free(m->container);
	free(m->engine);
	free(m->path);
	free(m->body);
	oci_state_clear(&m->state);
	seccomp_seen_clear(&m->filter);
	free(m->text);
	*m = (struct agent_message){0};
}

static int parse_op(const json_t *obj, bool internal, struct agent_message *m, struct cc_error *err)
{
	cc_auto_free char *name = NULL;
	size_t i;

	if (cc_json_str(obj, WHAT, "op", true, &name, err))
		return -1;
	for (i = 0; i < AGENT_OPS; i++) {
		if (strcmp(ops[i].name, name) != 0 || (ops[i].internal && !internal))
			continue;
		m->op = (enum agent_op)i;
		return cc_json_only(obj, WHAT, ops[i].members, err);
	}
	return cc_fail(err, CC_E_INVALID, WHAT ": unknown operation \"%s\"", name);
}

static void set_binding(struct agent_message *m, const char *binding)
{
	snprintf(m->binding, sizeof(m->binding), "%s", binding);
	binding_volume(binding, m->volume);
}

static int parse_volume(const json_t *obj, struct agent_message *m, struct cc_error *err)
{
	bool internal = ops[m->op].internal;
	cc_auto_free char *name = NULL;

	if (cc_json_str(obj, WHAT, internal ? "binding" : "volume", true, &name, err))
		return -1;
	if (internal ? !binding_is_name(name) : !cc_is_name(name))
		return cc_fail(err, CC_E_INVALID, WHAT ": \"%s\" is not a volume name", name);
	set_binding(m, name);
	return 0;
}

static int parse_after(const json_t *obj, struct agent_message *m, struct cc_error *err)
{
	cc_auto_free char *name = NULL;

	if (cc_json_str(obj, WHAT, "after", false, &name, err))
		return -1;
	if (name && !binding_is_name(name))
		return cc_fail(err, CC_E_INVALID, WHAT ": \"%s\" is not a volume name", name);
	snprintf(m->after, sizeof(m->after), "%s", name ? name : "");
	return 0;
}

/* A string that may be null or absent. */
static int optional(const json_t *obj, const char *key, char **out, struct cc_error *err)
{
	return json_is_null(json_object_get(obj, key))
		       ? 0
		       : cc_json_str(obj, WHAT, key, false, out, err);
}

static int parse_container(const json_t *obj, struct agent_message *m, struct cc_error *err)
{
	return cc_json_str(obj, WHAT, "container", true, &m->container, err) ||
			       optional(obj, "engine", &m->engine, err)
		       ? -1
		       : 0;
}

static int parse_ended(const json_t *obj, struct seen_end *at, struct cc_error *err)
{
	return cc_json_u64(obj, WHAT, "real", true, &at->real, err) ||
			       cc_json_u64(obj, WHAT, "boot", true, &at->boot, err)
		       ? -1
		       : 0;
}

/* Base64 of the program; "": it has none; absent: it was not read. */
static int parse_filter(const json_t *obj, struct seccomp_seen *s, struct cc_error *err)
{
	cc_auto_free char *text = NULL;
	cc_auto_free unsigned char *raw = NULL;
	size_t len = 0;

	if (cc_json_str(obj, WHAT, "filter", false, &text, err))
		return -1;
	s->read = text != NULL;
	if (!text || !*text)
		return 0;
	if (cc_b64_decode(text, strlen(text), SECCOMP_PROGRAM_MAX * sizeof(*s->p), WHAT " filter",
			  &raw, &len, err))
		return -1;
	s->n = len / sizeof(*s->p);
	if (!s->n || len % sizeof(*s->p))
		return cc_fail(err, CC_E_INVALID, WHAT ": \"filter\" is not a program");
	s->p = calloc(s->n, sizeof(*s->p));
	if (!s->p)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	memcpy(s->p, raw, len);
	return 0;
}

static int parse_events(const json_t *obj, struct agent_message *m, struct cc_error *err)
{
	uint64_t since = 0;

	m->follow = true;
	if (cc_json_bool(obj, WHAT, "follow", false, &m->follow, err) ||
	    cc_json_u64(obj, WHAT, "since", false, &since, err))
		return -1;
	if (since > INT64_MAX)
		return cc_fail(err, CC_E_INVALID, WHAT ": \"since\" is not a time");
	m->since = json_object_get(obj, "since") ? (int64_t)since : -1;
	return 0;
}

static int parse_arguments(const json_t *obj, struct agent_message *m, struct cc_error *err)
{
	if (ops[m->op].volume && parse_volume(obj, m, err))
		return -1;
	switch (m->op) {
	case AGENT_REQUIRE:
		if (oci_state_is_foreign(json_object_get(obj, "state")))
			return 0;
		return oci_state_parse(json_object_get(obj, "state"), &m->state, err);
	case AGENT_HOOK:
		return oci_state_parse(json_object_get(obj, "state"), &m->state, err);
	case AGENT_BIND:
		return optional(obj, "device", &m->device, err) || parse_container(obj, m, err) ||
				       cc_json_bool(obj, WHAT, "dryRun", false, &m->dry_run, err)
			       ? -1
			       : 0;
	case AGENT_UNBIND:
		return cc_json_bool(obj, WHAT, "force", false, &m->force, err);
	case AGENT_MEASURE:
		return parse_container(obj, m, err) ||
				       cc_json_bool(obj, WHAT, "rootfs", false, &m->rootfs, err)
			       ? -1
			       : 0;
	case AGENT_LIST:
		return parse_after(obj, m, err);
	case AGENT_EVENTS:
		return parse_events(obj, m, err);
	case AGENT_PLUGIN:
		return cc_json_str(obj, WHAT, "path", true, &m->path, err) ||
				       cc_json_str(obj, WHAT, "body", true, &m->body, err)
			       ? -1
			       : 0;
	case AGENT_ENDED:
		return parse_ended(obj, &m->ended, err);
	case AGENT_LOOK:
		return parse_filter(obj, &m->filter, err);
	default:
		return 0;
	}
}

int agent_message_parse(const char *buf, size_t len, bool internal, struct agent_message *m,
			struct cc_error *err)
{
	cc_auto_json json_t *obj = cc_json_parse(buf, len, WHAT, err);

	if (!obj)
		return -1;
	if (!json_is_object(obj))
		return cc_fail(err, CC_E_INVALID, WHAT " is not a JSON object");
	if (parse_op(obj, internal, m, err) || parse_arguments(obj, m, err))
		return -1;
	m->text = strndup(buf, len);
	return m->text ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

/* @obj: may be NULL, without memory */
static int make(enum agent_op op, const char *binding, const json_t *obj, struct agent_message *m,
		struct cc_error *err)
{
	m->op = op;
	if (binding)
		set_binding(m, binding);
	m->text = obj ? json_dumps(obj, JSON_COMPACT) : NULL;
	return m->text ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

int agent_message_internal(enum agent_op op, const char *binding, struct agent_message *m,
			   struct cc_error *err)
{
	cc_auto_json json_t *obj = json_pack("{s:s, s:s*}", "op", ops[op].name, "binding", binding);

	return make(op, binding, obj, m, err);
}

int agent_message_ended(const char *binding, const struct seen_end *at, struct agent_message *m,
			struct cc_error *err)
{
	cc_auto_json json_t *obj =
		json_pack("{s:s, s:s, s:I, s:I}", "op", ops[AGENT_ENDED].name, "binding", binding,
			  "real", (json_int_t)at->real, "boot", (json_int_t)at->boot);

	m->ended = *at;
	return make(AGENT_ENDED, binding, obj, m, err);
}

int agent_message_look(const char *binding, const struct seccomp_seen *filter,
		       struct agent_message *m, struct cc_error *err)
{
	cc_auto_free char *text =
		filter->read ? cc_b64_encode(filter->p, filter->n * sizeof(*filter->p)) : NULL;
	cc_auto_json json_t *obj =
		filter->read && !text ? NULL
				      : json_pack("{s:s, s:s, s:s*}", "op", ops[AGENT_LOOK].name,
						  "binding", binding, "filter", text);

	return make(AGENT_LOOK, binding, obj, m, err);
}
