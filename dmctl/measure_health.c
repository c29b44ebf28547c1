// SPDX-License-Identifier: Apache-2.0
/*
 * measure_health.c - a health check is a command that the engine runs in the container again and again. It
 * is chosen by whoever makes the container, as its arguments are, but config.json does not have it.
 */
#include <stdio.h>
#include <string.h>

#include "engine.h"
#include "measure.h"

/* The command of docker's HealthConfig in @config, NULL for none. Borrowed. */
static const json_t *command(const json_t *config)
{
	const json_t *test = json_object_get(json_object_get(config, "Healthcheck"), "Test");
	const char *kind = json_string_value(json_array_get(test, 0));

	return !test || json_array_size(test) == 0 || (kind && strcmp(kind, "NONE") == 0) ? NULL
											  : test;
}

int measure_health(const json_t *container, const json_t *image, struct cc_measurement *m,
		   struct cc_error *err)
{
	const json_t *test = command(json_object_get(container, "Config"));
	cc_auto_free char *text = NULL, *setting = NULL;

	if (!test || json_equal(test, command(json_object_get(image, "config"))))
		return 0;
	text = json_dumps(test, JSON_COMPACT | JSON_ENCODE_ANY);
	if (!text || asprintf(&setting, "healthcheck=%s", text) < 0) {
		setting = NULL;
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	return cc_strv_push(&m->settings, setting, err);
}

/* Docker keeps what a container was made with in its own directory. */
int measure_docker_health(const char *own_dir, const char *image_config, size_t len,
			  struct cc_measurement *m, struct cc_error *err)
{
	cc_auto_json json_t *container = NULL, *image = NULL;
	cc_auto_free char *path = NULL;

	if (asprintf(&path, "%s/config.v2.json", own_dir) < 0) {
		path = NULL;
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	container = engine_read_json(path, err);
	if (!container)
		return -1;
	image = cc_json_parse(image_config, len, "the image's configuration", err);
	return image ? measure_health(container, image, m, err) : -1;
}
