// SPDX-License-Identifier: Apache-2.0
/*
 * script.c - the first line of a script.
 */
#include "container/script.h"

#include <string.h>

#define BLANK " \t"

bool script_parse(struct script *s, size_t n)
{
	char *end;

	if (n < 2 || s->line[0] != '#' || s->line[1] != '!')
		return false;
	s->line[n] = '\0';
	s->line[strcspn(s->line, "\n")] = '\0';
	end = s->line + strlen(s->line);
	while (end > s->line + 2 && strchr(BLANK, end[-1]))
		*--end = '\0';
	s->interpreter = s->line + 2 + strspn(s->line + 2, BLANK);
	s->argument = s->interpreter + strcspn(s->interpreter, BLANK);
	if (*s->argument) {
		*s->argument++ = '\0';
		s->argument += strspn(s->argument, BLANK);
	} else {
		s->argument = NULL;
	}
	return *s->interpreter != '\0';
}
