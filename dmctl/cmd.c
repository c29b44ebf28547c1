// SPDX-License-Identifier: Apache-2.0
/*
 * cmd.c - what the verbs share.
 */
#include "cmd.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <string.h>

#include "output.h"

int cmd_fail(const struct globals *g, const struct cc_error *err)
{
	cc_auto_json json_t *obj = g->json ? cc_error_to_json(err) : NULL;

	fprintf(stderr, "dmctl: %s\n", err->text);
	if (obj)
		output_json(obj);
	return (int)err->code;
}

int cmd_usage(const struct globals *g, const char *argv0, const char *fmt, ...)
{
	struct cc_error err;
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cc_fail(&err, CC_E_USAGE, "%s; see \"%s --help\"", text, argv0);
	return cmd_fail(g, &err);
}

int cmd_arguments(const struct globals *g, int argc, char **argv, const char *const *names)
{
	int i = optind;

	for (; *names; names++, i++)
		if (i >= argc)
			return cmd_usage(g, argv[0], "%s is missing", *names);
	if (i < argc)
		return cmd_usage(g, argv[0], "too many arguments, from \"%s\" on", argv[i]);
	return 0;
}

int cmd_only_arguments(const struct globals *g, int argc, char **argv, const char *const *names)
{
	static const struct option none[] = {{0}};

	if (getopt_long(argc, argv, "", none, NULL) != -1)
		return cmd_usage(g, argv[0], "wrong option");
	return cmd_arguments(g, argc, argv, names);
}

bool cmd_number(const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
	unsigned long long n;
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	n = strtoull(s, &end, 10);
	if (errno || *end || n < min || n > max)
		return false;
	*out = n;
	return true;
}
