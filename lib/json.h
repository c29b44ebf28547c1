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
#include "strv.h"

#define CC_JSON_MAX (256 * 1024) /* bytes of the largest document we read */

static inline void cc_json_decref_ptr(json_t **j)
{
	json_decref(*j);
}
#define cc_auto_json cc_cleanup(cc_json_decref_ptr)

/**
 * cc_json_parse - parses @len bytes (at most CC_JSON_MAX) of UTF-8.
 * @what: names the document in error texts ("identity", "release answer")
 * Return: new reference or NULL, CC_E_INVALID.
 */
json_t *cc_json_parse(const char *buf, size_t len, const char *what, struct cc_error *err);

/* The same of at most @max bytes. */
json_t *cc_json_parse_max(const char *buf, size_t len, size_t max, const char *what,
			  struct cc_error *err);

/**
 * cc_json_parse_engine - parses what a container engine wrote. Go has unsigned 64-bit integers
 * (RLIM_INFINITY is 2^64-1), jansson signed ones: integers from 2^63 to 2^64-1 become reals, all
 * others stay what they are. Otherwise as cc_json_parse().
 * @max: bytes that are allowed
 */
json_t *cc_json_parse_engine(const char *buf, size_t len, size_t max, const char *what,
			     struct cc_error *err);

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

/* New array of the strings; NULL without memory. */
json_t *cc_strv_json(const struct cc_strv *sv);

#endif
