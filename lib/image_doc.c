// SPDX-License-Identifier: Apache-2.0
#include "image_doc.h"

#include <string.h>

#include "json.h"

#define OCI "application/vnd.oci.image."
#define DOCKER "application/vnd.docker."

static const char *const manifest_types[] = {OCI "manifest.v1+json",
					     DOCKER "distribution.manifest.v2+json", NULL};
static const char *const index_types[] = {OCI "index.v1+json",
					  DOCKER "distribution.manifest.list.v2+json", NULL};
static const char *const config_types[] = {OCI "config.v1+json", DOCKER "container.image.v1+json",
					   NULL};

static bool is_one_of(const char *const *types, const char *type)
{
	for (; *types; types++)
		if (!strcmp(*types, type))
			return true;
	return false;
}

bool cc_image_is_manifest(const char *media_type)
{
	return is_one_of(manifest_types, media_type);
}

bool cc_image_is_index(const char *media_type)
{
	return is_one_of(index_types, media_type);
}

/* schemaVersion 2, and a mediaType out of @types; OCI lets it be absent where @optional. */
static int check_type(const json_t *obj, const char *what, const char *const *types, bool optional,
		      struct cc_error *err)
{
	cc_auto_free char *type = NULL;

	if (cc_json_str(obj, what, "mediaType", !optional, &type, err))
		return -1;
	if (!type || is_one_of(types, type))
		return 0;
	return cc_fail(err, CC_E_INVALID, "%s: mediaType is \"%.80s\"", what, type);
}

/* @foreign: members that only a document of the other kind has. NULL: not one. */
static json_t *parse(const char *text, size_t len, const char *what, const char *const *types,
		     const char *const *foreign, struct cc_error *err)
{
	cc_auto_json json_t *doc = cc_json_parse_max(text, len, CC_IMAGE_DOC_MAX, what, err);
	uint64_t version = 0;

	if (!doc)
		return NULL;
	if (!json_is_object(doc)) {
		cc_fail(err, CC_E_INVALID, "%s: must be an object", what);
		return NULL;
	}
	if (cc_json_u64(doc, what, "schemaVersion", true, &version, err) ||
	    check_type(doc, what, types, true, err))
		return NULL;
	if (version != 2) {
		cc_fail(err, CC_E_INVALID, "%s: schemaVersion must be 2", what);
		return NULL;
	}
	for (; *foreign; foreign++) {
		if (!json_object_get(doc, *foreign))
			continue;
		cc_fail(err, CC_E_INVALID,
			"%s: has \"%s\", which makes it another kind of document", what, *foreign);
		return NULL;
	}
	return cc_steal(doc);
}

/* The digest of a descriptor of one of @types. */
static int descriptor(const json_t *obj, const char *what, const char *const *types, char **digest,
		      struct cc_error *err)
{
	if (!json_is_object(obj))
		return cc_fail(err, CC_E_INVALID, "%s: must be an object", what);
	if (check_type(obj, what, types, false, err) ||
	    cc_json_str(obj, what, "digest", true, digest, err))
		return -1;
	return cc_is_digest(*digest) ? 0
				     : cc_fail(err, CC_E_INVALID, "%s: not a sha256 digest", what);
}

int cc_image_manifest_config(const char *manifest, size_t len, char config[static CC_DIGEST_LEN],
			     struct cc_error *err)
{
	static const char *const foreign[] = {"manifests", "fsLayers", NULL};
	static const char what[] = "image manifest";
	cc_auto_json json_t *doc = parse(manifest, len, what, manifest_types, foreign, err);
	cc_auto_free char *digest = NULL;
	json_t *obj = NULL, *layers = NULL;

	if (!doc || cc_json_arr(doc, what, "layers", true, &layers, err) ||
	    cc_json_obj(doc, what, "config", true, &obj, err) ||
	    descriptor(obj, "image manifest config", config_types, &digest, err))
		return -1;
	memcpy(config, digest, CC_DIGEST_LEN);
	return 0;
}

/* Without a platform it is one: OCI does not demand it. */
static bool is_platform(const json_t *entry)
{
	const json_t *platform = json_object_get(entry, "platform");
	const char *os = json_string_value(json_object_get(platform, "os"));

	return !platform || (os && strcmp(os, "unknown") != 0);
}

int cc_image_index_names(const char *index, size_t len, const char *manifest, struct cc_error *err)
{
	static const char *const foreign[] = {"layers", "config", "fsLayers", NULL};
	static const char what[] = "image index";
	cc_auto_json json_t *doc = parse(index, len, what, index_types, foreign, err);
	json_t *list = NULL, *entry;
	size_t i;

	if (!doc || cc_json_arr(doc, what, "manifests", true, &list, err))
		return -1;
	json_array_foreach(list, i, entry) {
		const char *digest = json_string_value(json_object_get(entry, "digest"));
		const char *type = json_string_value(json_object_get(entry, "mediaType"));

		if (digest && type && !strcmp(digest, manifest) && is_platform(entry) &&
		    cc_image_is_manifest(type))
			return 0;
	}
	return cc_fail(err, CC_E_NOTFOUND, "%s: has no image of digest %s", what, manifest);
}
