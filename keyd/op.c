// SPDX-License-Identifier: Apache-2.0
#include "op.h"

#include <string.h>

#include "name.h"

#define ROW(name, handler, pl, m, p, e, f) \
	[OP_##name] = {.planes = (pl), .method = (m), .path = (p), .event = (e), .flags = (f)},
const struct operation operations[OP_END] = {OPERATIONS(ROW)};

bool op_has_body(const struct operation *op)
{
	return strcmp(op->method, "POST") == 0;
}

bool op_arg_fits(const struct operation *op, const char *arg)
{
	if (strstr(op->path, "/NAME"))
		return cc_is_name(arg);
	if (strstr(op->path, "/UUID"))
		return cc_is_uuid(arg);
	return !arg[0];
}
