// SPDX-License-Identifier: Apache-2.0
/*
 * require.c - a container of an image that is run with a volume has one.
 */
#include "bind/require.h"

#include <string.h>

#include "engine/engine_store.h"
#include "engine/engines.h"
#include "name.h"
#include "paths.h"

#define ANY "any"

/* Engines write integers beyond 64 bits, and none is looked at here. */
static json_t *parse(const char *text, size_t len, const char *what, struct cc_error *err)
{
	json_t *doc = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, NULL);

	if (!doc)
		cc_fail(err, CC_E_INVALID, "%s is not JSON", what);
	return doc;
}

int require_label(const char *image, size_t len, char **name, struct cc_error *err)
{
	cc_auto_json json_t *doc = parse(image, len, "the image's configuration", err);
	const json_t *labels = json_object_get(json_object_get(doc, "config"), "Labels");
	const json_t *label = json_object_get(labels, REQUIRE_LABEL);
	const char *text = json_string_value(label);

	*name = NULL;
	if (!doc)
		return -1;
	if (!label)
		return 0;
	if (!text || (strcmp(text, ANY) != 0 && !cc_is_name(text)))
		return cc_fail(err, CC_E_INVALID,
			       "the image's label " REQUIRE_LABEL " is not the name of a volume");
	*name = strdup(text);
	return *name ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

static bool is_for(const json_t *hook, const char *name)
{
	const char *path = json_string_value(json_object_get(hook, "path"));
	json_t *args = json_object_get(hook, "args");
	const char *option = json_string_value(json_array_get(args, 1));
	const char *volume = json_string_value(json_array_get(args, 2));

	return path && strcmp(path, CC_HOOK_PATH) == 0 && option && volume &&
	       strcmp(option, "--volume") == 0 &&
	       (strcmp(name, ANY) == 0 || strcmp(volume, name) == 0);
}

int require_check(const char *config, size_t len, const char *name, struct cc_error *err)
{
	cc_auto_json json_t *doc = parse(config, len, "config.json", err);
	json_t *hook;
	size_t i;

	if (!doc)
		return -1;
	json_array_foreach(json_object_get(json_object_get(doc, "hooks"), "createRuntime"), i, hook)
		if (is_for(hook, name))
			return 0;
	return cc_refuse(err, "volume",
			 "volume: the image is run with %s%s (its label " REQUIRE_LABEL "), the "
			 "container was made without; run it with --device " CC_CDI_KIND "=%s",
			 strcmp(name, ANY) == 0 ? "a volume" : "volume ",
			 strcmp(name, ANY) == 0 ? "" : name,
			 strcmp(name, ANY) == 0 ? "NAME" : name);
}

int require_imageless(const struct engine_container *c, struct cc_error *err)
{
	if (c->infra)
		return 0;
	return cc_refuse(err, "volume",
			 "volume: container %s was made from a root file system, and no label says "
			 "whether it is run with a volume; run it from an image",
			 c->name ? c->name : "-");
}

int require_volume(const struct oci_state *state, struct cc_error *err)
{
	engine_auto_container struct engine_container c = {0};
	cc_auto_free char *name = NULL, *path = NULL, *config = NULL;
	size_t len;

	if (!state->id[0])
		return 0;
	if (engine_find(engines, state->id, NULL, &c, err))
		return -1;
	if (c.engine->describe(&c, err))
		return c.imageless ? require_imageless(&c, err) : -1;
	if (require_label(c.image_config, c.image_config_len, &name, err))
		return -1;
	if (!name)
		return 0;
	if (asprintf(&path, "%s/config.json", c.bundle ?: state->bundle) < 0) {
		path = NULL;
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	return engine_read(path, &config, &len, err) || require_check(config, len, name, err) ? -1
											      : 0;
}
