/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route.h - from method and path to the operation, by the table of op.h.
 */
#ifndef KEYD_ROUTE_H
#define KEYD_ROUTE_H

#include <stdbool.h>

#include "op.h"

/**
 * struct route - where a request goes.
 * @arg: name or UUID of the path; "" where the path has none
 * @paged: there is the query `after`, and @after is its value
 */
struct route {
	enum op op;
	char arg[OP_ARG_LEN];
	bool paged;
	char after[OP_AFTER_LEN];
};

/**
 * route_find - looks a request's target up.
 * @target: path, with "?query" if there is one; NUL terminated
 * Return: 0; 404 for an unknown path, 405 for a path without this method, 400 for
 * a malformed name, UUID or query.
 */
int route_find(const char *method, const char *target, struct route *route);

#endif
