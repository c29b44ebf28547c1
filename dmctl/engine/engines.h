/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engines.h - the engines there are, and questions that go to all of them. What one engine is
 * asked is in its row (engine.h).
 *
 * Each function takes the rows to look through, NULL at the end: `engines`, or a test's.
 */
#ifndef CC_ENGINES_H
#define CC_ENGINES_H

#include "engine/engine.h"

extern const struct engine *const engines[];

#define ENGINE_NAMES_MAX 128

/* The row of that name, or NULL. @name may be NULL. */
const struct engine *engine_named(const struct engine *const *rows, const char *name);

/* All names, with @between between them: "docker or podman". */
void engine_names(const struct engine *const *rows, const char *between,
		  char out[static ENGINE_NAMES_MAX]);

/**
 * engine_find - finds a container by name, id or unique prefix of an id.
 * @engine: name of an engine, or NULL to ask all
 * @c: id, name, engine, bundle, pid and waiting are filled
 *
 * Return: 0; -1 with CC_E_NOTFOUND; CC_E_USAGE when there is no such engine, several engines have
 * a container of that name or a prefix is not unique; CC_E_UNREACHABLE when the named engine does
 * not answer.
 */
int engine_find(const struct engine *const *rows, const char *container, const char *engine,
		struct engine_container *c, struct cc_error *err);

/* True as long as @engine has a container of this id. An error counts as true. */
bool engine_has(const struct engine *engine, const char *id);

/*
 * After how long at the latest the volume plugin answers a process that asks it; one that is no
 * engine's program has as much time as the most patient engine.
 */
unsigned int engine_answer_seconds(const struct engine *const *rows, pid_t pid);

#endif
