/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_group.h - which container a control group belongs to.
 *
 * A container may make groups below its own and call them whatever it likes, so the shallowest
 * group with an engine's kind of name counts, never a deeper one.
 */
#ifndef CC_ENGINE_GROUP_H
#define CC_ENGINE_GROUP_H

#include "engine/engine.h"

/**
 * struct engine_group - an engine's group in a path.
 * @len: bytes of the path up to and with that group
 */
struct engine_group {
	const struct engine *engine;
	char id[CONTAINER_ID_LEN + 1];
	size_t len;
};

/**
 * engine_group_of - finds the shallowest group that one of the engines made for a container.
 * @rows: the engines, NULL at the end
 * @path: absolute path in the v2 hierarchy
 *
 * Pure. Return: 0; -1 when no component matches.
 */
int engine_group_of(const struct engine *const *rows, const char *path, struct engine_group *g);

#endif
