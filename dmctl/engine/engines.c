// SPDX-License-Identifier: Apache-2.0
/*
 * engines.c - the engines there are.
 */
#include "engine/engines.h"

#include <stdio.h>
#include <string.h>

#include "host/proc.h"

const struct engine *const engines[] = {
	&engine_docker,
	&engine_podman,
	NULL,
};

const struct engine *engine_named(const struct engine *const *rows, const char *name)
{
	while (*rows && !(name && strcmp((*rows)->name, name) == 0))
		rows++;
	return *rows;
}

/* ---- words for error texts ----------------------------------------------------------------- */

static const char *its_name(const struct engine *e)
{
	return e->name;
}

static const char *its_list(const struct engine *e)
{
	return e->list_command;
}

static void join(const struct engine *const *rows, const char *(*word)(const struct engine *),
		 const char *between, char *out, size_t size)
{
	size_t len = 0;

	for (out[0] = '\0'; *rows && len < size; rows++)
		len += (size_t)snprintf(out + len, size - len, "%s%s", len ? between : "",
					word(*rows));
}

void engine_names(const struct engine *const *rows, const char *between,
		  char out[static ENGINE_NAMES_MAX])
{
	join(rows, its_name, between, out, ENGINE_NAMES_MAX);
}

/* ---- which has a container ----------------------------------------------------------------- */

static int ask(const struct engine *engine, const char *container, struct engine_container *c,
	       struct cc_error *err)
{
	c->engine = engine;
	return engine->find(container, c, err);
}

static int found_twice(const struct engine *a, const struct engine *b, const char *container,
		       struct cc_error *err)
{
	return cc_fail(err, CC_E_USAGE,
		       "both %s and %s have a container %s; say which with --engine", a->name,
		       b->name, container);
}

static int found_nowhere(const struct engine *const *rows, const char *container,
			 struct cc_error *err)
{
	char names[ENGINE_NAMES_MAX], commands[256];

	join(rows, its_name, " nor ", names, sizeof(names));
	join(rows, its_list, "\" and \"", commands, sizeof(commands));
	return cc_fail(err, CC_E_NOTFOUND, "neither %s has a container %s; see \"%s\"", names,
		       container, commands);
}

static int find_anywhere(const struct engine *const *rows, const char *container,
			 struct engine_container *c, struct cc_error *err)
{
	const struct engine *const *e;

	for (e = rows; *e; e++) {
		engine_auto_container struct engine_container other = {0};

		if (!(*e)->present())
			continue;
		if (ask(*e, container, &other, err)) {
			if (err->code != CC_E_NOTFOUND)
				return -1;
			continue;
		}
		if (c->id)
			return found_twice(c->engine, *e, container, err);
		*c = other;
		other = (struct engine_container){0};
	}
	return c->id ? 0 : found_nowhere(rows, container, err);
}

int engine_find(const struct engine *const *rows, const char *container, const char *engine,
		struct engine_container *c, struct cc_error *err)
{
	const struct engine *named = engine_named(rows, engine);
	char names[ENGINE_NAMES_MAX];

	if (!container[0] || strlen(container) > 255 ||
	    strspn(container,
		   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") !=
		    strlen(container))
		return cc_fail(err, CC_E_USAGE, "\"%s\" is not a name or id of a container",
			       container);
	if (!engine)
		return find_anywhere(rows, container, c, err);
	if (named)
		return ask(named, container, c, err);
	engine_names(rows, " or ", names);
	return cc_fail(err, CC_E_USAGE, "unknown engine \"%s\"; use %s", engine, names);
}

bool engine_has(const struct engine *engine, const char *id)
{
	engine_auto_container struct engine_container c = {0};
	struct cc_error err;

	return ask(engine, id, &c, &err) == 0 || err.code != CC_E_NOTFOUND;
}

/* ---- who asks the volume plugin ------------------------------------------------------------ */

unsigned int engine_answer_seconds(const struct engine *const *rows, pid_t pid)
{
	char program[PROC_COMM_LEN];
	unsigned int longest = 0;

	proc_comm(pid, program);
	for (; *rows; rows++) {
		if (strcmp((*rows)->program, program) == 0)
			return (*rows)->answer_seconds;
		if ((*rows)->answer_seconds > longest)
			longest = (*rows)->answer_seconds;
	}
	return longest;
}
