// SPDX-License-Identifier: Apache-2.0
/*
 * identity_file.c - files that hold signed identities.
 */
#include "client/identity_file.h"

#include <string.h>

#include "b64.h"
#include "dsse.h"
#include "file.h"

/* The payload of an in-toto envelope, malloced. */
static char *payload_of(const json_t *env, size_t *len, struct cc_error *err)
{
	cc_auto_free char *type = NULL;
	cc_auto_free char *b64 = NULL;
	unsigned char *out;

	if (cc_json_str(env, "envelope", "payloadType", true, &type, err) ||
	    cc_json_str(env, "envelope", "payload", true, &b64, err))
		return NULL;
	if (strcmp(type, CC_DSSE_INTOTO)) {
		cc_fail(err, CC_E_INVALID, "envelope: payloadType is not " CC_DSSE_INTOTO);
		return NULL;
	}
	if (cc_b64_decode(b64, strlen(b64), CC_JSON_MAX, "envelope", &out, len, err))
		return NULL;
	return (char *)out;
}

/* An in-toto statement about something else: an SBOM, a provenance. */
static bool is_other_statement(const char *payload, size_t len)
{
	struct cc_error ignored;
	cc_auto_json json_t *statement = cc_json_parse(payload, len, "statement", &ignored);
	const char *type = json_string_value(json_object_get(statement, "predicateType"));

	return type && strcmp(type, CC_IDENTITY_TYPE);
}

/* Adds one document. */
static int envelope_add(struct identity_file *e, const json_t *doc, struct cc_error *err)
{
	const json_t *bundled = json_object_get(doc, "dsseEnvelope");
	const json_t *env = bundled ? bundled : doc;
	cc_auto_identity struct cc_identity *id = NULL;
	cc_auto_free char *payload = NULL;
	size_t len;

	payload = payload_of(env, &len, err);
	if (!payload)
		return -1;
	if (is_other_statement(payload, len))
		return 0;
	id = cc_identity_parse(payload, len, err);
	if (!id)
		return -1;
	if (e->n == IDENTITY_FILE_MAX)
		return cc_fail(err, CC_E_INVALID, "more than %d identities", IDENTITY_FILE_MAX);
	e->v[e->n].text = json_dumps(env, JSON_COMPACT);
	if (!e->v[e->n].text)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	e->v[e->n++].id = cc_steal(id);
	return 0;
}

static bool is_blank(const char *text, const char *end)
{
	while (text < end && (*text == ' ' || *text == '\t' || *text == '\r'))
		text++;
	return text == end;
}

/* One document a line. */
static int add_lines(struct identity_file *e, const char *text, size_t len, const char *what,
		     struct cc_error *err)
{
	const char *end = text + len;

	while (text < end) {
		const char *eol = memchr(text, '\n', (size_t)(end - text)) ?: end;
		cc_auto_json json_t *doc = NULL;

		if (!is_blank(text, eol)) {
			doc = cc_json_parse(text, (size_t)(eol - text), what, err);
			if (!doc || envelope_add(e, doc, err))
				return -1;
		}
		text = eol + 1;
	}
	return 0;
}

int identity_file_parse(const char *text, size_t len, const char *what, struct identity_file *e,
			struct cc_error *err)
{
	cc_auto_json json_t *whole = NULL;
	int rc;

	e->n = 0;
	whole = cc_json_parse(text, len, what, err);
	rc = whole ? envelope_add(e, whole, err) : add_lines(e, text, len, what, err);
	if (rc == 0 && e->n == 0)
		rc = cc_fail(err, CC_E_INVALID,
			     "%s holds no container-crypt identity (predicateType " CC_IDENTITY_TYPE
			     ")",
			     what);
	if (rc) {
		identity_file_clear(e);
		return -1;
	}
	return 0;
}

int identity_file_read(const char *path, struct identity_file *e, struct cc_error *err)
{
	cc_auto_free char *text = NULL;
	size_t len;

	e->n = 0;
	if (cc_read_file(path, &text, &len, err))
		return -1;
	if (identity_file_parse(text, len, path, e, err))
		return -1;
	return 0;
}

char *identity_envelope_payload(const struct identity_envelope *v, size_t *len,
				struct cc_error *err)
{
	cc_auto_json json_t *env = cc_json_parse(v->text, strlen(v->text), "envelope", err);

	return env ? payload_of(env, len, err) : NULL;
}

const struct identity_envelope *identity_file_pick(const struct identity_file *e,
						   const char *volume, struct cc_error *err)
{
	const struct identity_envelope *best = NULL;

	for (size_t i = 0; i < e->n; i++) {
		const struct identity_envelope *v = &e->v[i];

		if (volume && strcmp(v->id->volume, volume))
			continue;
		if (best && strcmp(best->id->volume, v->id->volume)) {
			cc_fail(err, CC_E_USAGE,
				"there are identities of volume %s and of volume %s; say which with "
				"--volume",
				best->id->volume, v->id->volume);
			return NULL;
		}
		if (!best || v->id->serial > best->id->serial)
			best = v;
	}
	if (!best)
		cc_fail(err, CC_E_NOTFOUND, "it has no identity of volume %s", volume);
	return best;
}

void identity_file_clear(struct identity_file *e)
{
	for (size_t i = 0; i < e->n; i++) {
		free(e->v[i].text);
		cc_identity_free(e->v[i].id);
	}
	e->n = 0;
}

json_t *identity_envelope_predicate(const struct identity_envelope *v, struct cc_error *err)
{
	size_t len;
	cc_auto_free char *payload = identity_envelope_payload(v, &len, err);
	cc_auto_json json_t *st = payload ? cc_json_parse(payload, len, "identity", err) : NULL;

	if (!st)
		return NULL;
	if (!json_is_object(json_object_get(st, "predicate"))) {
		cc_fail(err, CC_E_INVALID, "envelope: it has no predicate");
		return NULL;
	}
	return json_incref(json_object_get(st, "predicate"));
}
