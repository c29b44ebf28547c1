// SPDX-License-Identifier: Apache-2.0
/*
 * The first line of a script. What is found there, put together again, is found again.
 */
#include <stdio.h>
#include <string.h>

#include "dmctl/container/script.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n = size < SCRIPT_LINE ? size : SCRIPT_LINE;
	struct script s, again;
	int len;

	memcpy(s.line, data, n);
	if (!script_parse(&s, n))
		return 0;
	REQUIRE(*s.interpreter && !strpbrk(s.interpreter, " \t\n"));
	REQUIRE(!s.argument ||
		(*s.argument && !strchr(s.argument, '\n') && !strchr(" \t", *s.argument)));
	len = snprintf(again.line, sizeof(again.line), "#!%s%s%s", s.interpreter,
		       s.argument ? " " : "", s.argument ? s.argument : "");
	REQUIRE(len > 2 && len <= SCRIPT_LINE && script_parse(&again, (size_t)len));
	REQUIRE(strcmp(s.interpreter, again.interpreter) == 0);
	REQUIRE(!s.argument == !again.argument);
	REQUIRE(!s.argument || strcmp(s.argument, again.argument) == 0);
	return 0;
}
