/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h - jansson, strict: duplicate keys, trailing bytes, NULs in strings and
 * over-long input are refused; members are fetched with their type checked and
 * unknown members can be refused.
 */
#ifndef CC_JSON_H
#define CC_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

#include "cleanup.h"
#include "error.h"

#define CC_JSON_MAX (256 * 1024) /* bytes of the largest document we read */

static inline void cc_json_decref_ptr(json_t **j)
{
	json_decref(*j);
}
#define cc_auto_json cc_cleanup(cc_json_decref_ptr)

/**
 * struct cc_strv - a list of owned strings.
 * @n: how many
 * @v: the strings, never NULL inside
 */
struct cc_strv {
	size_t n;
	char **v;
};

void cc_strv_clear(struct cc_strv *sv);
int cc_strv_push(struct cc_strv *sv, const char *s, struct cc_error *err);
bool cc_strv_has(const struct cc_strv *sv, const char *s);
bool cc_strv_eq(const struct cc_strv *a, const struct cc_strv *b);
/* New JSON array of the strings; NULL without memory. */
json_t *cc_strv_json(const struct cc_strv *sv);

/**
 * cc_json_parse - parses @len bytes (at most CC_JSON_MAX) of UTF-8.
 * @what: names the document in error texts ("identity", "release answer")
 * Return: new reference or NULL, CC_E_INVALID.
 */
json_t *cc_json_parse(const char *buf, size_t len, const char *what, struct cc_error *err);

/* Reads a whole file (or stdin for "-"), at most CC_JSON_MAX bytes. *buf is malloced. */
int cc_read_file(const char *path, char **buf, size_t *len, struct cc_error *err);

/*
 * Typed members. @key missing: error if @required, else leaves *out as it is and
 * returns 0. Wrong type: always an error that names @what and @key.
 * Strings and lists put in *out are owned by the caller.
 */
int cc_json_str(const json_t *obj, const char *what, const char *key, bool required, char **out,
		struct cc_error *err);
int cc_json_u64(const json_t *obj, const char *what, const char *key, bool required, uint64_t *out,
		struct cc_error *err);
int cc_json_bool(const json_t *obj, const char *what, const char *key, bool required, bool *out,
		 struct cc_error *err);
int cc_json_strv(const json_t *obj, const char *what, const char *key, bool required,
		 struct cc_strv *out, struct cc_error *err);
/* Borrowed references: */
int cc_json_obj(const json_t *obj, const char *what, const char *key, bool required, json_t **out,
		struct cc_error *err);
int cc_json_arr(const json_t *obj, const char *what, const char *key, bool required, json_t **out,
		struct cc_error *err);

/* Refuses members of @obj that are not in the NULL-terminated list @known. */
int cc_json_only(const json_t *obj, const char *what, const char *const *known,
		 struct cc_error *err);

/* "sha256:" and 64 lower-case hex digits. */
bool cc_is_digest(const char *s);
/* Volume, signer and agent names: [a-z0-9][a-z0-9_.-]{0,62}. */
bool cc_is_name(const char *s);
/* Lower-case RFC 9562 text form, 36 characters. */
bool cc_is_uuid(const char *s);

/* RFC 3339 UTC, seconds ("2026-11-22T23:58:27Z"). Return: -1 without touching *t when malformed. */
int cc_time_parse(const char *s, int64_t *t);
void cc_time_format(int64_t t, char out[static 21]);

/* "sha256:<hex>" for the 32 bytes of a hash. */
void cc_sha256_text(const unsigned char hash[static 32], char out[static 72]);
/* The same of @len bytes. */
void cc_sha256_digest(const void *buf, size_t len, char out[static 72]);

#endif
