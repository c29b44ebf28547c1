// SPDX-License-Identifier: Apache-2.0
/*
 * cmd.c - what the verbs share.
 */
#include "cli/cmd.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <string.h>

#include "client/keyd_client.h"
#include "engine/engines.h"
#include "name.h"
#include "cli/output.h"
#include "cli/refusal_text.h"
#include "facts.h"

int cmd_fail_as(const struct global_options *g, const struct cc_error *err, const json_t *failure)
{
	cc_auto_json json_t *obj = cc_error_to_json(err);
	json_t *error = json_object_get(obj, "error");
	struct cc_error ignored; /* then the first fact has to do */

	if (failure && error)
		cc_facts_take(error, json_object_get(failure, "error"), &ignored);
	if (error)
		refusal_text_facts(stderr, "dmctl: ", error);
	else
		fprintf(stderr, "dmctl: %s\n", err->text);
	if (obj && g->json)
		output_json(obj);
	return (int)err->code;
}

int cmd_fail(const struct global_options *g, const struct cc_error *err)
{
	return cmd_fail_as(g, err, NULL);
}

int cmd_usage(const struct global_options *g, const char *argv0, const char *fmt, ...)
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

int cmd_bad_option(const struct global_options *g, char **argv)
{
	return cmd_usage(g, argv[0],
			 "\"%.60s\" is not an option of this verb, or its value is missing",
			 argv[optind - 1]);
}

int cmd_arguments(const struct global_options *g, int argc, char **argv, const char *const *names)
{
	int i = optind;

	for (; *names; names++, i++)
		if (i >= argc)
			return cmd_usage(g, argv[0], "%s is missing", *names);
	if (i < argc)
		return cmd_usage(g, argv[0], "too many arguments, from \"%s\" on", argv[i]);
	return 0;
}

int cmd_only_arguments(const struct global_options *g, int argc, char **argv,
		       const char *const *names)
{
	static const struct option none[] = {{0}};

	if (getopt_long(argc, argv, "", none, NULL) != -1)
		return cmd_bad_option(g, argv);
	return cmd_arguments(g, argc, argv, names);
}

int cmd_engine(const struct global_options *g, const char *argv0, const char *name)
{
	char names[ENGINE_NAMES_MAX];

	if (!name || engine_named(engines, name))
		return CC_OK;
	engine_names(engines, " or ", names);
	return cmd_usage(g, argv0, "--engine is %s", names);
}

void cmd_tell_bad_rows(const json_t *answer)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(answer, "badRows"), i, one)
		fprintf(stderr, "dmctl: left out: %s, which keyd did not write: see keyd(8)\n",
			json_is_string(one) ? json_string_value(one) : "?");
	if (json_object_get(answer, "badRowsMore"))
		fprintf(stderr, "dmctl: left out: %lld more rows, which keyd did not write\n",
			json_integer_value(json_object_get(answer, "badRowsMore")));
}

int cmd_list(int argc, char **argv, const struct global_options *g, const char *path,
	     const char *member, const struct column *columns)
{
	static const char *const nothing[] = {NULL};
	cc_auto_json json_t *answer = NULL;
	json_t *rows = NULL;
	struct cc_error err;

	if (cmd_only_arguments(g, argc, argv, nothing))
		return CC_E_USAGE;
	if (keyd_list(path, member, &answer, &rows, &err))
		return cmd_fail(g, &err);
	cmd_tell_bad_rows(answer);
	if (g->json)
		output_json(answer);
	else
		output_rows(rows, columns);
	return CC_OK;
}

int cmd_delete(int argc, char **argv, const struct global_options *g, const char *path,
	       const char *what)
{
	static const char *const names[] = {"NAME", NULL};
	cc_auto_json json_t *answer = NULL;
	struct cc_error err;
	char full[160];

	if (cmd_only_arguments(g, argc, argv, names))
		return CC_E_USAGE;
	if (keyd_name(argv[optind], what, &err))
		return cmd_fail(g, &err);
	snprintf(full, sizeof(full), "%s/%s", path, argv[optind]);
	if (keyd_request("DELETE", full, NULL, &answer, &err))
		return cmd_fail(g, &err);
	if (g->json)
		output_json(answer);
	return CC_OK;
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
