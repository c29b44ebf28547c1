// SPDX-License-Identifier: Apache-2.0
/*
 * measure_health.c - a health check is a command that the engine runs in the container again and
 * again. It is chosen by whoever makes the container, as its arguments are, but config.json does
 * not have it.
 */
#include <stdio.h>
#include <string.h>

#include "container/measure.h"
#include "engine/engine_store.h"
#include "strv.h"

static bool is_none(const json_t *test)
{
	const char *kind = json_string_value(json_array_get(test, 0));

	return (json_is_array(test) && json_array_size(test) == 0) ||
	       (kind && strcmp(kind, "NONE") == 0);
}

static int check_add(const json_t *test, struct cc_measurement *m, struct cc_error *err)
{
	cc_auto_free char *text = json_dumps(test, JSON_COMPACT | JSON_ENCODE_ANY), *setting = NULL;

	if (!text || asprintf(&setting, "healthcheck=%s", text) < 0) {
		setting = NULL;
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	return cc_strv_push(&m->settings, setting, err);
}

int measure_health(const json_t *health, const char *image, size_t len, struct cc_measurement *m,
		   struct cc_error *err)
{
	cc_auto_json json_t *config =
		cc_json_parse_engine(image, len, ENGINE_FILE_MAX, "the image's configuration", err);
	const json_t *own, *test;
	size_t i;

	if (!config)
		return -1;
	own = json_object_get(json_object_get(json_object_get(config, "config"), "Healthcheck"),
			      "Test");
	json_array_foreach(health, i, test) {
		if (!is_none(test) && !(own && json_equal(test, own)) && check_add(test, m, err))
			return -1;
	}
	return 0;
}
