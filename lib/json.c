// SPDX-License-Identifier: Apache-2.0
#include "json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <openssl/evp.h>

void cc_strv_clear(struct cc_strv *sv)
{
	for (size_t i = 0; i < sv->n; i++)
		free(sv->v[i]);
	free(sv->v);
	*sv = (struct cc_strv){0};
}

int cc_strv_push(struct cc_strv *sv, const char *s, struct cc_error *err)
{
	cc_auto_free char *copy = strdup(s);
	char **v;

	if (!copy)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	v = reallocarray(sv->v, sv->n + 1, sizeof(*v));
	if (!v)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	sv->v = v;
	sv->v[sv->n++] = cc_steal(copy);
	return 0;
}

bool cc_strv_has(const struct cc_strv *sv, const char *s)
{
	for (size_t i = 0; i < sv->n; i++)
		if (!strcmp(sv->v[i], s))
			return true;
	return false;
}

bool cc_strv_eq(const struct cc_strv *a, const struct cc_strv *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return true;
}

json_t *cc_strv_json(const struct cc_strv *sv)
{
	cc_auto_json json_t *arr = json_array();

	for (size_t i = 0; i < sv->n; i++)
		if (json_array_append_new(arr, json_string(sv->v[i])))
			return NULL;
	return cc_steal(arr);
}

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
	case json_error_out_of_memory:
		return "out of memory";
	default:
		return "syntax error";
	}
}

json_t *cc_json_parse(const char *buf, size_t len, const char *what, struct cc_error *err)
{
	json_error_t e;
	json_t *doc;

	if (len > CC_JSON_MAX) {
		cc_fail(err, CC_E_INVALID, "%s: %zu bytes, more than the %d allowed", what, len,
			CC_JSON_MAX);
		return NULL;
	}
	doc = json_loadb(buf, len, JSON_REJECT_DUPLICATES, &e);
	if (!doc)
		cc_fail(err, CC_E_INVALID, "%s is not valid JSON: %s (line %d, column %d)", what,
			parse_problem(&e), e.line, e.column);
	return doc;
}

/* Reads to the end of @fd, but no more than @max bytes: Return -1 with EFBIG when there is more. */
static ssize_t read_all(int fd, char *buf, size_t max)
{
	size_t n = 0;

	while (n <= max) {
		ssize_t r = read(fd, buf + n, max + 1 - n);

		if (r == 0)
			return (ssize_t)n;
		if (r < 0 && errno != EINTR)
			return -1;
		if (r > 0)
			n += (size_t)r;
	}
	errno = EFBIG;
	return -1;
}

int cc_read_file(const char *path, char **buf, size_t *len, struct cc_error *err)
{
	bool is_stdin = !strcmp(path, "-");
	cc_auto_free char *data = malloc(CC_JSON_MAX + 1);
	cc_auto_close int opened = -1;
	ssize_t n;

	if (!data)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (!is_stdin) {
		opened = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (opened < 0)
			return cc_fail_errno(err, errno == ENOENT ? CC_E_NOTFOUND : CC_E_INTERNAL,
					     "cannot open %s", path);
	}
	n = read_all(is_stdin ? STDIN_FILENO : opened, data, CC_JSON_MAX);
	if (n < 0 && errno == EFBIG)
		return cc_fail(err, CC_E_INVALID, "%s has more than %d bytes",
			       is_stdin ? "standard input" : path, CC_JSON_MAX);
	if (n < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "cannot read %s",
				     is_stdin ? "standard input" : path);
	data[n] = '\0';
	*len = (size_t)n;
	*buf = cc_steal(data);
	return 0;
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

bool cc_is_digest(const char *s)
{
	static const char prefix[] = "sha256:";
	const size_t n = sizeof(prefix) - 1;

	return !strncmp(s, prefix, n) && strspn(s + n, "0123456789abcdef") == 64 &&
	       s[n + 64] == '\0';
}

bool cc_is_name(const char *s)
{
	static const char alnum[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	static const char all[] = "abcdefghijklmnopqrstuvwxyz0123456789_.-";
	size_t n = strspn(s, all);

	return *s && strchr(alnum, *s) && s[n] == '\0' && n <= 63;
}

bool cc_is_uuid(const char *s)
{
	for (size_t i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		/* strchr() finds the terminating NUL too. */
		if (!s[i] || !strchr(dash ? "-" : "0123456789abcdef", s[i]))
			return false;
	}
	return s[36] == '\0';
}

/* The number that the @n decimal digits at @s make. */
static int digits(const char *s, int n)
{
	int v = 0;

	for (int i = 0; i < n; i++)
		v = v * 10 + (s[i] - '0');
	return v;
}

int cc_time_parse(const char *s, int64_t *t)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:ddZ";
	struct tm tm = {0}, back;
	time_t v;

	if (strlen(s) != sizeof(shape) - 1)
		return -1;
	for (size_t i = 0; shape[i]; i++)
		if (shape[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != shape[i])
			return -1;

	tm.tm_year = digits(s, 4) - 1900;
	tm.tm_mon = digits(s + 5, 2) - 1;
	tm.tm_mday = digits(s + 8, 2);
	tm.tm_hour = digits(s + 11, 2);
	tm.tm_min = digits(s + 14, 2);
	tm.tm_sec = digits(s + 17, 2);
	back = tm;
	v = timegm(&back);
	/* timegm() carries 30 February over to March: what changed was not a date. */
	if (back.tm_year != tm.tm_year || back.tm_mon != tm.tm_mon || back.tm_mday != tm.tm_mday ||
	    back.tm_hour != tm.tm_hour || back.tm_min != tm.tm_min || back.tm_sec != tm.tm_sec)
		return -1;
	*t = v;
	return 0;
}

void cc_time_format(int64_t t, char out[static 21])
{
	const int64_t first = -30610224000, last = 253402300799; /* years 1000 to 9999 */
	time_t v = (time_t)(t < first ? first : t > last ? last : t);
	struct tm tm;

	gmtime_r(&v, &tm);
	strftime(out, 21, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

void cc_sha256_text(const unsigned char hash[static 32], char out[static 72])
{
	snprintf(out, 8, "sha256:");
	for (size_t i = 0; i < 32; i++)
		snprintf(out + 7 + 2 * i, 3, "%02x", hash[i]);
}

void cc_sha256_digest(const void *buf, size_t len, char out[static 72])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	/* Fails only without memory or without the algorithm; a made-up digest is no way on. */
	if (EVP_Digest(buf, len, md, &n, EVP_sha256(), NULL) != 1 || n != 32)
		abort();
	cc_sha256_text(md, out);
}
