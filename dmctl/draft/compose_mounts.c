// SPDX-License-Identifier: Apache-2.0
/*
 * compose_mounts.c - volumes, tmpfs, secrets and configs of a service.
 */
#include "draft/compose_service.h"

#include <stdio.h>
#include <string.h>

#include "strv.h"

#define SECRETS "/run/secrets"

/* ---- volumes by name ----------------------------------------------------------------------- */

/* What the top level says of a volume, a secret or a config; NULL: it is not there. */
static const json_t *declared(struct service *s, const char *kind, const char *name)
{
	const json_t *all = json_object_get(s->doc, kind), *one = json_object_get(all, name);

	if (one)
		return one;
	service_fail(s, "\"%.80s\" is not one of the file's %s", name, kind);
	return NULL;
}

/* Whether it was made beforehand; @given: out, the name it has then, if any is said. */
static int external(struct service *s, const json_t *volume, bool *made, const json_t **given)
{
	const json_t *ext = json_object_get(volume, "external");

	*given = json_object_get(volume, "name");
	*made = json_is_object(ext);
	if (*made && !*given)
		*given = json_object_get(ext, "name");
	return !ext || *made ? 0 : service_bool(s, ext, "external", made);
}

/* The name that the engine has for it, malloced. */
static char *volume_name(struct service *s, const char *key, const json_t *given, bool made)
{
	char *name;

	if (given && !json_is_null(given))
		return service_text(s, given);
	if (asprintf(&name, "%s%s%s", made ? "" : s->project, made ? "" : "_", key) >= 0)
		return name;
	service_no_memory(s);
	return NULL;
}

/* Another name for a volume of container-crypt's is an option of the plugin. */
static const json_t *name_in_plugin(const json_t *volume, const json_t *given)
{
	return json_object_get(json_object_get(volume, "driver_opts"), "name") ?: given;
}

static int named_volume(struct service *s, const char *key, const char *target, const char *options)
{
	static const char *const known[] = {"name",	"driver", "driver_opts",
					    "external", "labels", NULL};
	const json_t *volume = declared(s, "volumes", key), *given = NULL;
	cc_auto_free char *driver = NULL, *name = NULL;
	const char *type = ASKED_VOLUME;
	bool made = false;

	if (!volume)
		return -1;
	if (!json_is_null(volume) &&
	    (service_only(s, volume, key, known) || external(s, volume, &made, &given)))
		return -1;
	if (json_is_string(json_object_get(volume, "driver"))) {
		driver = service_text(s, json_object_get(volume, "driver"));
		if (!driver)
			return -1;
	}
	if (made) {
		type = ASKED_NAMED;
	} else if (driver && strcmp(driver, "container-crypt") == 0) {
		type = ASKED_PLACEHOLDER;
		given = name_in_plugin(volume, given);
	} else if (driver && strcmp(driver, "local") != 0) {
		return service_fail(s, "where volumes of driver \"%.60s\" are is not known",
				    driver);
	}
	name = volume_name(s, key, given, made);
	return name ? asked_mount(s->a, type, name, target, options, s->err) : -1;
}

/* ---- volumes ------------------------------------------------------------------------------- */

static bool is_path(const char *source)
{
	return source[0] == '/' || source[0] == '.' || source[0] == '~';
}

static int mount_from(struct service *s, const char *source, const char *target,
		      const char *options)
{
	cc_auto_free char *path = NULL;

	if (!is_path(source))
		return named_volume(s, source, target, options);
	path = service_path(s, source);
	return path ? asked_mount(s->a, "bind", path, target, options, s->err) : -1;
}

/* "[SOURCE:]TARGET[:OPTIONS]" */
static int short_volume(struct service *s, const char *text)
{
	cc_auto_free char *copy = strdup(text);
	char *rest = copy, *source, *target;

	if (!copy)
		return service_no_memory(s);
	source = strsep(&rest, ":");
	target = strsep(&rest, ":");
	if (!target)
		return asked_mount(s->a, ASKED_VOLUME, NULL, source, NULL, s->err);
	if (rest && strchr(rest, ':'))
		return service_fail(s, "\"%.200s\" is not [SOURCE:]TARGET[:OPTIONS]", text);
	return mount_from(s, source, target, rest);
}

/* What a long volume says beside its type: the options of a short one, malloced. */
static char *long_options(struct service *s, const json_t *obj)
{
	static const char *const of_bind[] = {"propagation", "create_host_path", "selinux", NULL};
	static const char *const of_volume[] = {"nocopy", NULL};
	static const char *const of_tmpfs[] = {"size", "mode", NULL};
	const json_t *read_only = json_object_get(obj, "read_only");
	const json_t *bind = json_object_get(obj, "bind"), *value;
	const json_t *volume = json_object_get(obj, "volume"),
		     *tmpfs = json_object_get(obj, "tmpfs");
	cc_auto_free char *propagation = NULL;
	bool ro = false;
	char *options;

	if ((bind && service_only(s, bind, "bind", of_bind)) ||
	    (volume && service_only(s, volume, "volume", of_volume)) ||
	    (tmpfs && service_only(s, tmpfs, "tmpfs", of_tmpfs)) ||
	    (read_only && service_bool(s, read_only, "read_only", &ro)))
		return NULL;
	value = json_object_get(bind, "propagation");
	if (value) {
		propagation = service_text(s, value);
		if (!propagation)
			return NULL;
	}
	if (asprintf(&options, "%s,%s", ro ? "ro" : "rw", propagation ? propagation : "rprivate") >=
	    0)
		return options;
	service_no_memory(s);
	return NULL;
}

/* A member that is a text; *out stays NULL where it is not there. */
static int member_text(struct service *s, const json_t *obj, const char *key, char **out)
{
	const json_t *value = json_object_get(obj, key);

	if (!value || json_is_null(value))
		return 0;
	*out = service_text(s, value);
	return *out ? 0 : -1;
}

static int long_volume(struct service *s, const json_t *obj)
{
	static const char *const known[] = {"type", "source", "target", "read_only", "consistency",
					    "bind", "volume", "tmpfs",	NULL};
	cc_auto_free char *type = NULL, *source = NULL, *target = NULL, *options = NULL,
			  *path = NULL;

	if (service_only(s, obj, "a volume", known) || member_text(s, obj, "type", &type) ||
	    member_text(s, obj, "source", &source) || member_text(s, obj, "target", &target))
		return -1;
	if (!type || !target)
		return service_fail(s, "a volume needs type and target");
	options = long_options(s, obj);
	if (!options)
		return -1;
	if (strcmp(type, "tmpfs") == 0)
		return asked_mount(s->a, type, NULL, target, options, s->err);
	if (strcmp(type, "volume") == 0)
		return source ? named_volume(s, source, target, options)
			      : asked_mount(s->a, ASKED_VOLUME, NULL, target, options, s->err);
	if (strcmp(type, "bind") != 0 || !source)
		return service_fail(s, "what comes of a volume of type \"%.60s\" is not known",
				    type);
	path = service_path(s, source);
	return path ? asked_mount(s->a, type, path, target, options, s->err) : -1;
}

int service_volumes(struct service *s, const json_t *value)
{
	const json_t *one;
	size_t i;

	if (!json_is_array(value))
		return service_fail(s, "a list is needed");
	json_array_foreach(value, i, one)
		if (json_is_object(one) ? long_volume(s, one) : service_each(s, one, short_volume))
			return -1;
	return 0;
}

/* "/path[:options]" */
static int one_tmpfs(struct service *s, const char *text)
{
	size_t len = strcspn(text, ":");
	cc_auto_free char *path = strndup(text, len);

	if (!path)
		return service_no_memory(s);
	return asked_mount(s->a, "tmpfs", NULL, path, text[len] ? text + len + 1 : NULL, s->err);
}

int service_tmpfs(struct service *s, const json_t *value)
{
	return service_each(s, value, one_tmpfs);
}

/* ---- secrets and configs ------------------------------------------------------------------- */

/* Only files are mounted: what is in a variable or in the file itself is copied. */
static int mount_file(struct service *s, const char *kind, const char *name, const char *target)
{
	const char *below = strcmp(kind, "secrets") == 0 ? SECRETS "/" : "/";
	const json_t *what = declared(s, kind, name);
	cc_auto_free char *file = NULL, *path = NULL, *at = NULL;

	if (!what || member_text(s, what, "file", &file))
		return -1;
	if (!file)
		return service_fail(s,
				    "\"%.80s\" is not a file: it is copied into the container, or "
				    "not known here",
				    name);
	path = service_path(s, file);
	if (!path)
		return -1;
	if (!target)
		target = name;
	if (asprintf(&at, "%s%s", target[0] == '/' ? "" : below, target) < 0) {
		at = NULL;
		return service_no_memory(s);
	}
	return asked_mount(s->a, "bind", path, at, "ro", s->err);
}

static int mount_files(struct service *s, const char *kind, const json_t *list)
{
	static const char *const known[] = {"source", "target", NULL};
	const json_t *one;
	size_t i;

	if (!json_is_array(list))
		return service_fail(s, "a list is needed");
	json_array_foreach(list, i, one) {
		cc_auto_free char *source = NULL, *target = NULL;

		if (!json_is_object(one))
			source = service_text(s, one);
		else if (service_only(s, one, kind, known) ||
			 member_text(s, one, "source", &source) ||
			 member_text(s, one, "target", &target))
			return -1;
		else if (!source)
			return service_fail(s, "one of its entries has no source");
		if (!source || mount_file(s, kind, source, target))
			return -1;
	}
	return 0;
}

int service_secrets(struct service *s, const json_t *value)
{
	return mount_files(s, "secrets", value);
}

int service_configs(struct service *s, const json_t *value)
{
	return mount_files(s, "configs", value);
}
