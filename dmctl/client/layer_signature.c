// SPDX-License-Identifier: Apache-2.0
#include "client/layer_signature.h"

#include <string.h>

#include "digest.h"
#include "image_statement.h"

void layer_signature_clear(struct layer_signature *s)
{
	cc_strv_clear(&s->of);
	free(s->sig.payload);
	free(s->sig.signature);
	*s = (struct layer_signature){0};
}

const char *layer_text(const json_t *obj, const char *key)
{
	return json_string_value(json_object_get(obj, key)) ?: "";
}

static bool is_simplesigning(const char *media_type)
{
	return !strcmp(media_type, "application/vnd.dev.cosign.simplesigning.v1+json");
}

bool layer_is_signature(const json_t *layer)
{
	const char *type = layer_text(layer, "mediaType");

	if (json_integer_value(json_object_get(layer, "size")) > BUNDLE_MAX)
		return false;
	return is_simplesigning(type) || bundle_is(type) || envelope_is(type);
}

bool layers_have_signature(const json_t *manifest)
{
	const json_t *layer;
	size_t i;

	json_array_foreach(json_object_get(manifest, "layers"), i, layer)
		if (layer_is_signature(layer))
			return true;
	return false;
}

static int add_digest(struct layer_signature *out, const char *digest, struct cc_error *err)
{
	return cc_is_digest(digest) ? cc_strv_push(&out->of, digest, err) : 0;
}

/* One that is for nothing is none. */
static int check_of(const struct layer_signature *out, struct cc_error *err)
{
	return out->of.n ? 0
			 : cc_fail(err, CC_E_INVALID, "the signature says of no digest it is for");
}

static int copy_text(char **out, const char *text, struct cc_error *err)
{
	*out = strdup(text);
	return *out ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

static int read_simplesigning(const json_t *layer, const char *text, struct layer_signature *out,
			      struct cc_error *err)
{
	cc_auto_json json_t *doc = cc_json_parse(text, strlen(text), "signed payload", err);
	const char *value = layer_text(json_object_get(layer, "annotations"),
				       "dev.cosignproject.cosign/signature");
	const json_t *image = json_object_get(json_object_get(doc, "critical"), "image");

	if (!doc || add_digest(out, layer_text(image, "docker-manifest-digest"), err))
		return -1;
	if (!*value)
		return cc_fail(err, CC_E_INVALID, "the layer has no signature");
	return check_of(out, err) || copy_text(&out->sig.payload, text, err) ||
			       copy_text(&out->sig.signature, value, err)
		       ? -1
		       : 0;
}

static int add_subjects(const struct cc_image_statement *st, struct layer_signature *out,
			struct cc_error *err)
{
	const json_t *subject;
	size_t i;

	json_array_foreach(st->subjects, i, subject) {
		char digest[CC_DIGEST_LEN];

		cc_subject_digest(subject, digest);
		if (add_digest(out, digest, err))
			return -1;
	}
	return check_of(out, err);
}

static int read_statement(const char *text, struct layer_signature *out, struct cc_error *err)
{
	auto_image_statement st = {0};

	if (bundle_open(text, strlen(text), &out->sig, err) ||
	    cc_image_statement_parse(out->sig.payload, strlen(out->sig.payload), &st, err))
		return -1;
	out->provenance = cc_statement_is_provenance(st.type);
	if (!out->provenance && !cc_statement_is_signature(st.type))
		return 1;
	return add_subjects(&st, out, err);
}

int layer_signature_read(const json_t *layer, const char *text, struct layer_signature *out,
			 struct cc_error *err)
{
	if (is_simplesigning(layer_text(layer, "mediaType")))
		return read_simplesigning(layer, text, out, err);
	return read_statement(text, out, err);
}
