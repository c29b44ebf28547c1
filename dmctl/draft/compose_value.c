// SPDX-License-Identifier: Apache-2.0
/*
 * compose_value.c - texts of a Compose file, with what is put in for variables, and lists of them.
 */
#include "draft/compose_service.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "draft/env_file.h"
#include "state/yaml.h"
#include "strv.h"

int service_fail(struct service *s, const char *fmt, ...)
{
	char text[CC_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return cc_fail(s->err, CC_E_INVALID, "%s", text);
}

int service_no_memory(struct service *s)
{
	return cc_fail(s->err, CC_E_NOMEM, "out of memory");
}

/* ---- variables ----------------------------------------------------------------------------- */

/* Length of the name at @s. */
static size_t variable_name(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || s[n] == '_')
		n++;
	return n && isdigit((unsigned char)s[0]) ? 0 : n;
}

/* @otherwise: what is behind the name in braces: "", ":-x", "-x", ":+x", "+x", ":?x", "?x" */
static const char *value_or(struct service *s, const char *name, const char *otherwise)
{
	const char *value = s->from->vars ? env_value(s->from->vars, name) : NULL;
	bool empty_too = otherwise[0] == ':';
	bool set = value && (!empty_too || value[0]);
	char kind = otherwise[empty_too];

	if (!otherwise[0] && value)
		return value;
	if (kind == '-')
		return set ? value : otherwise + empty_too + 1;
	if (kind == '+')
		return set ? otherwise + empty_too + 1 : "";
	if (kind == '?' && set)
		return value;
	if (otherwise[0] && kind != '?')
		service_fail(s, "${%.80s}: this form of a variable is not known", name);
	else
		service_fail(s,
			     "variable %.80s is not known: put it into a file and name that with "
			     "--env-file",
			     name);
	return NULL;
}

static int too_long(struct service *s)
{
	return service_fail(s, "with variables and aliases put in it is too long");
}

/* Writes what the variable at *@at, behind its $, stands for, and moves behind it. */
static int put_variable(struct service *s, const char **at, FILE *out)
{
	bool braces = **at == '{';
	const char *name = *at + braces, *end, *value;
	size_t len = variable_name(name);
	cc_auto_free char *copy = strndup(name, len), *otherwise = NULL;

	if (!copy)
		return service_no_memory(s);
	if (len == 0)
		return service_fail(s, "a $ that begins no variable; write $$ for the character");
	end = braces ? strchr(name + len, '}') : name + len;
	if (!end)
		return service_fail(s, "${%.80s: a brace that is not closed", copy);
	otherwise = strndup(name + len, (size_t)(end - name) - len);
	if (!otherwise)
		return service_no_memory(s);
	if (strchr(otherwise, '$'))
		return service_fail(s,
				    "${%.80s}: a variable in what stands in for another is not "
				    "understood; put %.80s into the file of --env-file",
				    copy, copy);
	value = value_or(s, copy, otherwise);
	if (!value)
		return -1;
	fputs(value, out);
	*at = end + braces;
	return ftello(out) > (off_t)YAML_MAX ? too_long(s) : 0;
}

static int interpolate(struct service *s, const char *text, FILE *out)
{
	while (*text) {
		char c = *text++;

		if (c != '$') {
			fputc(c, out);
			continue;
		}
		if (*text == '$') {
			fputc(*text++, out);
			continue;
		}
		if (put_variable(s, &text, out))
			return -1;
	}
	return 0;
}

char *service_text(struct service *s, const json_t *value)
{
	cc_auto_free char *text = NULL;
	size_t len = 0;
	FILE *out;
	int rc;

	if (json_is_real(value)) {
		service_fail(
			s, "a number or date that is not read alike everywhere; put it in quotes");
		return NULL;
	}
	if (json_is_integer(value) || json_is_boolean(value)) {
		text = json_dumps(value, JSON_ENCODE_ANY);
		if (!text)
			service_no_memory(s);
		return cc_steal(text);
	}
	if (!json_is_string(value)) {
		service_fail(s, "a text is needed");
		return NULL;
	}
	out = open_memstream(&text, &len);
	if (!out) {
		service_no_memory(s);
		return NULL;
	}
	rc = interpolate(s, json_string_value(value), out);
	if (fclose(out) && rc == 0)
		rc = service_no_memory(s);
	s->bytes += len;
	if (rc == 0 && s->bytes > YAML_MAX)
		rc = too_long(s);
	return rc ? NULL : cc_steal(text);
}

int service_set(struct service *s, const json_t *value, char **out)
{
	free(*out);
	*out = service_text(s, value);
	return *out ? 0 : -1;
}

int service_bool(struct service *s, const json_t *value, const char *what, bool *out)
{
	cc_auto_free char *text = service_text(s, value);

	if (!text)
		return -1;
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return service_fail(s, "%s%strue or false is needed", what, what[0] ? ": " : "");
	*out = text[0] == 't';
	return 0;
}

/* ---- lists --------------------------------------------------------------------------------- */

static int tell_one(struct service *s, const json_t *value, service_text_fn *fn)
{
	cc_auto_free char *text = service_text(s, value);

	return text ? fn(s, text) : -1;
}

int service_each(struct service *s, const json_t *value, service_text_fn *fn)
{
	const json_t *one;
	size_t i;

	if (!json_is_array(value))
		return tell_one(s, value, fn);
	json_array_foreach(value, i, one)
		if (tell_one(s, one, fn))
			return -1;
	return 0;
}

static int tell_pair(struct service *s, const char *name, const json_t *value, service_text_fn *fn)
{
	cc_auto_free char *text = NULL, *pair = NULL;

	if (json_is_null(value))
		return fn(s, name);
	text = service_text(s, value);
	if (!text)
		return -1;
	if (asprintf(&pair, "%s=%s", name, text) < 0) {
		pair = NULL;
		return service_no_memory(s);
	}
	return fn(s, pair);
}

int service_each_pair(struct service *s, const json_t *value, service_text_fn *fn)
{
	const json_t *one;
	const char *name;

	if (!json_is_object(value))
		return service_each(s, value, fn);
	json_object_foreach((json_t *)(uintptr_t)value, name, one)
		if (tell_pair(s, name, one, fn))
			return -1;
	return 0;
}

int service_only(struct service *s, const json_t *obj, const char *what, const char *const *known)
{
	const char *key;
	json_t *value;

	if (!json_is_object(obj))
		return service_fail(s, "%s%sa mapping is needed", what, what[0] ? ": " : "");
	json_object_foreach((json_t *)(uintptr_t)obj, key, value) {
		const char *const *k = known;

		while (*k && strcmp(*k, key) != 0)
			k++;
		if (!*k && strncmp(key, "x-", 2) != 0)
			return service_fail(s, "%s%swhat comes of \"%.60s\" is not known", what,
					    what[0] ? ": " : "", key);
	}
	return 0;
}

char *service_path(struct service *s, const char *path)
{
	if (path[0] != '~')
		return asked_path(s->from->dir, path, s->err);
	service_fail(s, "\"%.200s\": whose home that is is not known; write the path", path);
	return NULL;
}
