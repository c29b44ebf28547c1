// SPDX-License-Identifier: Apache-2.0
/*
 * env_file.c - files of variables.
 */
#include "draft/env_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define BLANK " \t"
#define NAME "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"

/* The value in place, without what is not of it; NULL: text for an error in @why. */
typedef char *value_fn(char *value, const char **why);

static void trim_end(char *s, const char *what)
{
	size_t n = strlen(s);

	while (n && strchr(what, s[n - 1]))
		s[--n] = '\0';
}

/* Up to the closing quote; behind it only a comment. */
static char *quoted(char *value, const char **why)
{
	char quote = value[0], *out = value, *in = value + 1;

	for (; *in && *in != quote; in++) {
		if (quote == '"' && *in == '$') {
			*why = "a variable in a value; write the value itself, in single quotes";
			return NULL;
		}
		if (quote == '"' && *in == '\\') {
			in++;
			if (!*in || !strchr("\\\"$", *in)) {
				*why = "a backslash that stands for something; use single quotes";
				return NULL;
			}
		}
		*out++ = *in;
	}
	if (*in != quote) {
		*why = "a quote that is not closed on the line";
		return NULL;
	}
	in++;
	in += strspn(in, BLANK "\r");
	if (*in && *in != '#') {
		*why = "something behind the closing quote";
		return NULL;
	}
	*out = '\0';
	return value;
}

static char *compose_value(char *value, const char **why)
{
	char *comment;

	value += strspn(value, BLANK);
	if (value[0] == '\'' || value[0] == '"')
		return quoted(value, why);
	for (comment = value; (comment = strchr(comment, '#')); comment++)
		if (comment == value || strchr(BLANK, comment[-1])) {
			*comment = '\0';
			break;
		}
	trim_end(value, BLANK);
	if (!strchr(value, '$'))
		return value;
	*why = "a variable in a value; write the value itself, in single quotes";
	return NULL;
}

static char *podman_value(char *value, const char **why)
{
	if (value[0] != '\'' && value[0] != '"')
		return value;
	*why = "a value in quotes, which are a part of it for some versions of Podman";
	return NULL;
}

static int add_variable(const char *name, const char *value, struct cc_strv *out,
			struct cc_error *err)
{
	cc_auto_free char *var = NULL;

	if (asprintf(&var, "%s=%s", name, value) < 0) {
		var = NULL;
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	return cc_strv_push(out, var, err);
}

static int read_line(char *line, value_fn *value_of, struct cc_strv *out, const char **why,
		     struct cc_error *err)
{
	char *name = line + strspn(line, BLANK), *equals = strchr(name, '='), *value;

	trim_end(name, "\r");
	if (!name[0] || name[0] == '#')
		return 0;
	if (value_of == compose_value && strncmp(name, "export ", 7) == 0) {
		name += 7;
		name += strspn(name, BLANK);
	}
	if (!equals || equals < name) {
		*why = "a variable without a value, which is of the environment that it is read in";
		return -1;
	}
	*equals = '\0';
	if (value_of == compose_value)
		trim_end(name, BLANK);
	if (!name[0] || name[strspn(name, NAME)]) {
		*why = "a name that is not one of a variable";
		return -1;
	}
	value = value_of(equals + 1, why);
	return value ? add_variable(name, value, out, err) : -1;
}

static int read_lines(const char *text, const char *what, value_fn *value_of, struct cc_strv *out,
		      struct cc_error *err)
{
	cc_auto_free char *copy = strdup(text);
	size_t number = 0;
	char *rest = copy, *line;

	if (!copy)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	while ((line = strsep(&rest, "\n"))) {
		const char *why = NULL;

		number++;
		if (read_line(line, value_of, out, &why, err) == 0)
			continue;
		return why ? cc_fail(err, CC_E_INVALID, "%s:%zu: %s", what, number, why) : -1;
	}
	return 0;
}

int env_file_of_compose(const char *text, const char *what, struct cc_strv *out,
			struct cc_error *err)
{
	return read_lines(text, what, compose_value, out, err);
}

int env_file_of_podman(const char *text, const char *what, struct cc_strv *out,
		       struct cc_error *err)
{
	return read_lines(text, what, podman_value, out, err);
}

const char *env_value(const struct cc_strv *env, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = env->n; i-- > 0;)
		if (strncmp(env->v[i], name, len) == 0 && env->v[i][len] == '=')
			return env->v[i] + len + 1;
	return NULL;
}
