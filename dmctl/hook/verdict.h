/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict.h - what the hook needs of an answer of the agent (docs/api.md, "The agent's socket"):
 * is it the last one, may the container start, and if not, why.
 */
#ifndef CC_HOOK_VERDICT_H
#define CC_HOOK_VERDICT_H

#include <stdbool.h>

#define VERDICT_TEXT_MAX 1024
#define VERDICT_OTHERS_MAX 10240 /* of all other facts, as lib/facts.h bounds them, and some */

/**
 * struct verdict - an answer.
 * @final: the last one
 * @status: 0: start it; else the exit status of the hook, 1 to 255
 * @text: the reason, control characters shown as '?'
 * @others: what differs beside that, a line each, "" for nothing
 * @more: how many differ beyond these
 */
struct verdict {
	bool final;
	int status;
	char text[VERDICT_TEXT_MAX];
	char others[VERDICT_OTHERS_MAX];
	unsigned int more;
};

/* Parses a NUL-terminated JSON object. Return: 0; -1 when it is none. */
int verdict_parse(const char *json, struct verdict *v);

#endif
