// SPDX-License-Identifier: Apache-2.0
/*
 * global_options.c - the options that may stand anywhere on the command line.
 */
#include "cli/global_options.h"

#include <string.h>

/* Matches "--name" in argv[*i]; with @value also takes "=value" or the next word. */
static int option_take(int argc, char **argv, int *i, const char *name, const char **value,
		       struct cc_error *err)
{
	size_t len = strlen(name);
	const char *rest = argv[*i] + len;

	if (strncmp(argv[*i], name, len) || (*rest && *rest != '='))
		return 0;
	if (!value)
		return *rest ? cc_fail(err, CC_E_USAGE, "%s takes no value", name) : 1;
	if (*rest == '=') {
		*value = rest + 1;
		return 1;
	}
	if (*i + 1 >= argc)
		return cc_fail(err, CC_E_USAGE, "%s needs a value", name);
	*value = argv[++*i];
	return 1;
}

int global_options_take(int *argc, char **argv, struct global_options *g, bool *help, bool *version,
			struct cc_error *err)
{
	const struct {
		const char *name;
		bool *flag;
		const char **value;
	} options[] = {
		{"--json", &g->json, NULL},   {"--help", help, NULL},
		{"--version", version, NULL}, {"--keyd", NULL, &g->keyd},
		{"--agent", NULL, &g->agent},
	};
	int kept = 1;
	int i = 1;

	for (; i < *argc && strcmp(argv[i], "--"); i++) {
		char *word = argv[i];
		int taken = 0;

		for (size_t o = 0; o < sizeof(options) / sizeof(options[0]) && !taken; o++) {
			taken = option_take(*argc, argv, &i, options[o].name, options[o].value,
					    err);
			if (taken < 0)
				return -1;
			if (taken && options[o].flag)
				*options[o].flag = true;
		}
		if (!taken)
			argv[kept++] = word;
	}
	while (i < *argc)
		argv[kept++] = argv[i++];
	argv[kept] = NULL;
	*argc = kept;
	return 0;
}
