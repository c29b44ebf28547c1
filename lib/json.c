// SPDX-License-Identifier: Apache-2.0
#include "json.h"

#include <stdlib.h>
#include <string.h>

/*
 * What jansson found, in words that never quote the document: it may hold a private key.
 */
static const char *parse_problem(const json_error_t *e)
{
	switch (json_error_code(e)) {
	case json_error_duplicate_key:
		return "a key appears twice in one object";
	case json_error_end_of_input_expected:
		return "bytes after the end of the document";
	case json_error_premature_end_of_input:
		return "the document ends too early";
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return "a NUL character in a string";
	case json_error_invalid_utf8:
		return "not UTF-8";
	case json_error_numeric_overflow:
		return "a number is out of range";
	case json_error_stack_overflow:
		return "nested too deeply";
	default:
		return "syntax error";
	}
}

static void *fail_parse(const char *what, const json_error_t *e, struct cc_error *err)
{
	/* jansson says nothing where an allocation of its own failed */
	if (!e->text[0] || json_error_code(e) == json_error_out_of_memory)
		cc_fail(err, CC_E_NOMEM, "%s: out of memory", what);
	else
		cc_fail(err, CC_E_INVALID, "%s is not valid JSON: %s (line %d, column %d)", what,
			parse_problem(e), e->line, e->column);
	return NULL;
}

static bool is_within(size_t len, size_t max, const char *what, struct cc_error *err)
{
	if (len <= max)
		return true;
	cc_fail(err, CC_E_INVALID, "%s: %zu bytes, more than the %zu allowed", what, len, max);
	return false;
}

json_t *cc_json_parse(const char *buf, size_t len, const char *what, struct cc_error *err)
{
	return cc_json_parse_max(buf, len, CC_JSON_MAX, what, err);
}

json_t *cc_json_parse_max(const char *buf, size_t len, size_t max, const char *what,
			  struct cc_error *err)
{
	json_error_t e;
	json_t *doc;

	if (!is_within(len, max, what, err))
		return NULL;
	doc = json_loadb(buf, len, JSON_REJECT_DUPLICATES, &e);
	return doc ?: fail_parse(what, &e, err);
}

/* Bytes of the string that begins at @buf, with its quotes as far as they are there. */
static size_t string_span(const char *buf, size_t len)
{
	size_t n = 1;

	while (n < len && buf[n] != '"')
		n += buf[n] == '\\' ? 2 : 1;
	return n < len ? n + 1 : len; /* without its end: jansson says so */
}

/* Bytes of the number that begins at @buf; 0: none does. */
static size_t number_span(const char *buf, size_t len)
{
	static const char of_numbers[] = "0123456789+-.eE";
	size_t n = 0;

	if (buf[0] != '-' && (buf[0] < '0' || buf[0] > '9'))
		return 0;
	while (n < len && memchr(of_numbers, buf[n], sizeof(of_numbers) - 1))
		n++;
	return n;
}

/* Digits only, and more than INT64_MAX, but not more than UINT64_MAX. */
static bool is_unsigned_only(const char *digits, size_t len)
{
	static const char first[] = "9223372036854775808", last[] = "18446744073709551615";

	for (size_t i = 0; i < len; i++)
		if (digits[i] < '0' || digits[i] > '9')
			return false;
	return len == sizeof(first) - 1	 ? memcmp(digits, first, len) >= 0
	       : len == sizeof(last) - 1 ? memcmp(digits, last, len) <= 0
					 : false;
}

/* A copy of the document in which such integers are written as reals. Malloced. */
static char *with_reals(const char *buf, size_t len, size_t *out_len)
{
	static const char fraction[] = ".0";
	/* two bytes more for each nineteen at least */
	char *out = malloc(len + len / 8 + sizeof(fraction));
	size_t n = 0;

	for (size_t i = 0, span; out && i < len; i += span) {
		bool is_string = buf[i] == '"';
		size_t digits = is_string ? 0 : number_span(buf + i, len - i);

		span = is_string ? string_span(buf + i, len - i) : digits ? digits : 1;
		memcpy(out + n, buf + i, span);
		n += span;
		if (digits && is_unsigned_only(buf + i, digits)) {
			memcpy(out + n, fraction, sizeof(fraction) - 1);
			n += sizeof(fraction) - 1;
		}
	}
	*out_len = n;
	return out;
}

json_t *cc_json_parse_engine(const char *buf, size_t len, size_t max, const char *what,
			     struct cc_error *err)
{
	cc_auto_free char *copy = NULL;
	json_error_t e;
	json_t *doc;

	if (!is_within(len, max, what, err))
		return NULL;
	doc = json_loadb(buf, len, JSON_REJECT_DUPLICATES, &e);
	if (doc)
		return doc;
	if (json_error_code(&e) != json_error_numeric_overflow)
		return fail_parse(what, &e, err);
	copy = with_reals(buf, len, &len);
	if (!copy) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	doc = json_loadb(copy, len, JSON_REJECT_DUPLICATES, &e);
	return doc ?: fail_parse(what, &e, err);
}

/*
 * The member @key of @obj, of the type @ok accepts. Return: 1 found, 0 absent and not required,
 * -1 with the error filled.
 */
static int member(const json_t *obj, const char *what, const char *key, bool required,
		  json_type type, const char *type_name, json_t **out, struct cc_error *err)
{
	json_t *m = json_object_get(obj, key);

	if (!m && required)
		return cc_fail(err, CC_E_INVALID, "%s: member \"%s\" is missing", what, key);
	if (!m)
		return 0;
	if (json_typeof(m) != type)
		return cc_fail(err, CC_E_INVALID, "%s: member \"%s\" must be %s", what, key,
			       type_name);
	*out = m;
	return 1;
}

int cc_json_str(const json_t *obj, const char *what, const char *key, bool required, char **out,
		struct cc_error *err)
{
	json_t *m = NULL;
	int r = member(obj, what, key, required, JSON_STRING, "a string", &m, err);
	char *copy;

	if (r <= 0)
		return r;
	copy = strdup(json_string_value(m));
	if (!copy)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	free(*out);
	*out = copy;
	return 0;
}

int cc_json_u64(const json_t *obj, const char *what, const char *key, bool required, uint64_t *out,
		struct cc_error *err)
{
	json_t *m = NULL;
	int r = member(obj, what, key, required, JSON_INTEGER, "an integer", &m, err);

	if (r <= 0)
		return r;
	if (json_integer_value(m) < 0)
		return cc_fail(err, CC_E_INVALID, "%s: member \"%s\" must not be negative", what,
			       key);
	*out = (uint64_t)json_integer_value(m);
	return 0;
}

int cc_json_bool(const json_t *obj, const char *what, const char *key, bool required, bool *out,
		 struct cc_error *err)
{
	json_t *m = json_object_get(obj, key);

	if (!m && required)
		return cc_fail(err, CC_E_INVALID, "%s: member \"%s\" is missing", what, key);
	if (m && !json_is_boolean(m))
		return cc_fail(err, CC_E_INVALID, "%s: member \"%s\" must be true or false", what,
			       key);
	if (m)
		*out = json_is_true(m);
	return 0;
}

int cc_json_strv(const json_t *obj, const char *what, const char *key, bool required,
		 struct cc_strv *out, struct cc_error *err)
{
	struct cc_strv list = {0};
	json_t *m = NULL, *s;
	size_t i;
	int r = member(obj, what, key, required, JSON_ARRAY, "an array", &m, err);

	if (r <= 0)
		return r;
	json_array_foreach(m, i, s) {
		if (!json_is_string(s))
			r = cc_fail(err, CC_E_INVALID, "%s: member \"%s\" must hold strings only",
				    what, key);
		else
			r = cc_strv_push(&list, json_string_value(s), err);
		if (r) {
			cc_strv_clear(&list);
			return r;
		}
	}
	cc_strv_clear(out);
	*out = list;
	return 0;
}

int cc_json_obj(const json_t *obj, const char *what, const char *key, bool required, json_t **out,
		struct cc_error *err)
{
	int r = member(obj, what, key, required, JSON_OBJECT, "an object", out, err);

	return r < 0 ? r : 0;
}

int cc_json_arr(const json_t *obj, const char *what, const char *key, bool required, json_t **out,
		struct cc_error *err)
{
	int r = member(obj, what, key, required, JSON_ARRAY, "an array", out, err);

	return r < 0 ? r : 0;
}

int cc_json_only(const json_t *obj, const char *what, const char *const *known,
		 struct cc_error *err)
{
	const char *key;
	json_t *value;

	if (!json_is_object(obj))
		return cc_fail(err, CC_E_INVALID, "%s must be an object", what);
	json_object_foreach((json_t *)(uintptr_t)obj, key, value) {
		const char *const *k = known;

		while (*k && strcmp(*k, key) != 0)
			k++;
		if (!*k)
			return cc_fail(err, CC_E_INVALID, "%s: unknown member \"%.64s\"", what,
				       key);
	}
	return 0;
}

json_t *cc_strv_json(const struct cc_strv *sv)
{
	cc_auto_json json_t *arr = json_array();

	for (size_t i = 0; i < sv->n; i++)
		if (json_array_append_new(arr, json_string(sv->v[i])))
			return NULL;
	return cc_steal(arr);
}
