// SPDX-License-Identifier: Apache-2.0
#include "image_statement.h"

#include <stdio.h>
#include <string.h>

static const char *const statement_types[] = {"https://in-toto.io/Statement/v1",
					      "https://in-toto.io/Statement/v0.1", NULL};

void cc_image_statement_clear(struct cc_image_statement *s)
{
	json_decref(s->doc);
	*s = (struct cc_image_statement){0};
}

bool cc_statement_is_signature(const char *predicate_type)
{
	return !strcmp(predicate_type, CC_STATEMENT_SIGN);
}

bool cc_statement_is_provenance(const char *predicate_type)
{
	return !strcmp(predicate_type, CC_STATEMENT_SLSA_V1) ||
	       !strcmp(predicate_type, CC_STATEMENT_SLSA_V02);
}

static const char *text_in(const json_t *obj, const char *key)
{
	return json_string_value(json_object_get(obj, key));
}

static int demand(bool ok, const char *what, struct cc_error *err)
{
	return ok ? 0 : cc_fail(err, CC_E_INVALID, "statement: %s", what);
}

static bool is_statement(const char *type)
{
	for (const char *const *t = statement_types; type && *t; t++)
		if (!strcmp(type, *t))
			return true;
	return false;
}

int cc_image_statement_parse(const char *text, size_t len, struct cc_image_statement *out,
			     struct cc_error *err)
{
	const json_t *subject;
	size_t i, n;

	out->doc = cc_json_parse(text, len, "statement", err);
	if (!out->doc)
		return -1;
	out->type = text_in(out->doc, "predicateType");
	out->subjects = json_object_get(out->doc, "subject");
	out->predicate = json_object_get(out->doc, "predicate");
	n = json_array_size(out->subjects);
	if (demand(is_statement(text_in(out->doc, "_type")),
		   "_type must be that of in-toto, v1 or v0.1", err) ||
	    demand(out->type != NULL, "has no predicateType", err) ||
	    demand(n >= 1 && n <= CC_STATEMENT_SUBJECTS_MAX, "must have 1 to 64 subjects", err) ||
	    demand(!out->predicate || json_is_object(out->predicate), "predicate must be an object",
		   err))
		return -1;
	json_array_foreach(out->subjects, i, subject)
		if (demand(json_is_object(subject), "a subject must be an object", err))
			return -1;
	return 0;
}

void cc_subject_digest(const json_t *subject, char digest[static CC_DIGEST_LEN])
{
	const char *hex = text_in(json_object_get(subject, "digest"), "sha256");
	int n = snprintf(digest, CC_DIGEST_LEN, "sha256:%s", hex ? hex : "");

	if (n >= CC_DIGEST_LEN || !cc_is_digest(digest))
		digest[0] = '\0';
}

const char *cc_subject_repository(const json_t *subject)
{
	const char *name = text_in(subject, "name");

	if (name && *name)
		return name;
	return text_in(json_object_get(subject, "annotations"), "docker-reference");
}
