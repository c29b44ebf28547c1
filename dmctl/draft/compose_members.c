// SPDX-License-Identifier: Apache-2.0
/*
 * compose_members.c - what the members of a service ask for, one by one.
 */
#include "draft/compose_service.h"

#include <stdio.h>
#include <string.h>

#include "draft/env_file.h"
#include "draft/words.h"
#include "strv.h"

/* ---- program ------------------------------------------------------------------------------- */

/* A text is split, each text of a list is a word. */
static int command_line(struct service *s, const json_t *value, bool *has, struct cc_strv *words)
{
	cc_auto_free char *line = NULL;
	const json_t *one;
	size_t i;

	*has = true;
	if (!json_is_array(value)) {
		line = service_text(s, value);
		if (!line || words_of_compose(line, words, s->err))
			return -1;
	}
	json_array_foreach(value, i, one) {
		cc_auto_free char *word = service_text(s, one);

		if (!word || cc_strv_push(words, word, s->err))
			return -1;
	}
	/* whether the image's own is taken then, versions of the engine do not agree on */
	return words->n ? 0 : service_fail(s, "it is empty; leave it out for the image's own");
}

int service_command(struct service *s, const json_t *value)
{
	return command_line(s, value, &s->a->has_command, &s->a->command);
}

int service_entrypoint(struct service *s, const json_t *value)
{
	return command_line(s, value, &s->a->has_entrypoint, &s->a->entrypoint);
}

int service_user(struct service *s, const json_t *value)
{
	return service_set(s, value, &s->a->user);
}

int service_working_dir(struct service *s, const json_t *value)
{
	if (service_set(s, value, &s->a->cwd))
		return -1;
	return s->a->cwd[0] == '/' ? 0 : service_fail(s, "an absolute path is needed");
}

/* ---- environment --------------------------------------------------------------------------- */

/* One without a value has that of whoever runs Compose. */
static int add_variable(struct service *s, const char *pair)
{
	cc_auto_free char *whole = NULL;
	const char *value;

	if (strchr(pair, '='))
		return asked_env(s->a, pair, s->err);
	value = s->from->vars ? env_value(s->from->vars, pair) : NULL;
	if (!value)
		return service_fail(s,
				    "variable %.80s has no value here: put it into a file and name "
				    "that with --env-file",
				    pair);
	if (asprintf(&whole, "%s=%s", pair, value) < 0) {
		whole = NULL;
		return service_no_memory(s);
	}
	return asked_env(s->a, whole, s->err);
}

int service_environment(struct service *s, const json_t *value)
{
	return service_each_pair(s, value, add_variable);
}

static int read_env_file(struct service *s, const char *name, bool required)
{
	cc_cleanup(cc_strv_clear) struct cc_strv vars = {0};
	cc_auto_free char *path = service_path(s, name), *text = NULL;
	size_t len;

	if (!path)
		return -1;
	if (s->from->read(path, &text, &len, s->err))
		return !required && s->err->code == CC_E_NOTFOUND ? 0 : -1;
	if (env_file_of_compose(text, name, &vars, s->err))
		return -1;
	for (size_t i = 0; i < vars.n; i++)
		if (asked_env(s->a, vars.v[i], s->err))
			return -1;
	return 0;
}

static int one_env_file(struct service *s, const char *name)
{
	return read_env_file(s, name, true);
}

static int long_env_file(struct service *s, const json_t *obj)
{
	static const char *const known[] = {"path", "required", NULL};
	const json_t *needed = json_object_get(obj, "required");
	cc_auto_free char *path = NULL;
	bool required = true;

	if (service_only(s, obj, "one of its entries", known) ||
	    (needed && service_bool(s, needed, "required", &required)))
		return -1;
	path = service_text(s, json_object_get(obj, "path"));
	return path ? read_env_file(s, path, required) : -1;
}

int service_env_file(struct service *s, const json_t *value)
{
	const json_t *one;
	size_t i;

	if (!json_is_array(value))
		return service_each(s, value, one_env_file);
	json_array_foreach(value, i, one)
		if (json_is_object(one) ? long_env_file(s, one)
					: service_each(s, one, one_env_file))
			return -1;
	return 0;
}

/* ---- confinement --------------------------------------------------------------------------- */

static int add_capability(struct service *s, const char *name)
{
	return asked_capability(s->a, true, name, s->err);
}

static int drop_capability(struct service *s, const char *name)
{
	return asked_capability(s->a, false, name, s->err);
}

int service_cap_add(struct service *s, const json_t *value)
{
	return service_each(s, value, add_capability);
}

int service_cap_drop(struct service *s, const json_t *value)
{
	return service_each(s, value, drop_capability);
}

static int one_security_opt(struct service *s, const char *option)
{
	return asked_security(s->a, option, s->err);
}

int service_security_opt(struct service *s, const json_t *value)
{
	return service_each(s, value, one_security_opt);
}

int service_read_only(struct service *s, const json_t *value)
{
	return service_bool(s, value, "", &s->a->m->readonly_rootfs);
}

/* What only takes effect when it is true, and then more than a file tells. */
int service_no(struct service *s, const json_t *value)
{
	bool on = false;

	if (service_bool(s, value, "", &on))
		return -1;
	return on ? service_fail(s, "what comes of it only a container shows: use --from CONTAINER")
		  : 0;
}

/* Whose namespace, by the values that these members have in common. */
static int take_namespace(struct service *s, const json_t *value, const char *ns)
{
	cc_auto_free char *mode = service_text(s, value);

	if (!mode)
		return -1;
	if (strcmp(mode, "host") == 0)
		asked_shares(s->a, ns, CC_NS_HOST);
	else if (strncmp(mode, "service:", 8) == 0 || strncmp(mode, "container:", 10) == 0)
		asked_shares(s->a, ns, CC_NS_JOINED);
	return 0;
}

int service_network_mode(struct service *s, const json_t *value)
{
	return take_namespace(s, value, "net");
}

int service_pid(struct service *s, const json_t *value)
{
	return take_namespace(s, value, "pid");
}

int service_uts(struct service *s, const json_t *value)
{
	return take_namespace(s, value, "uts");
}

int service_cgroup(struct service *s, const json_t *value)
{
	return take_namespace(s, value, "cgroup");
}

/* The host's and another's come with mounts of theirs. */
int service_ipc(struct service *s, const json_t *value)
{
	cc_auto_free char *mode = service_text(s, value);

	if (!mode)
		return -1;
	if (strcmp(mode, "private") == 0 || strcmp(mode, "shareable") == 0)
		return 0;
	return service_fail(
		s, "what comes of \"%.60s\" only a container shows: use --from CONTAINER", mode);
}

/* ---- settings ------------------------------------------------------------------------------ */

static int one_sysctl(struct service *s, const char *pair)
{
	return asked_sysctl(s->a, pair, s->err);
}

int service_sysctls(struct service *s, const json_t *value)
{
	return service_each_pair(s, value, one_sysctl);
}

/* Docker has no member of config.json for it, and sets it so. */
int service_domainname(struct service *s, const json_t *value)
{
	cc_auto_free char *name = service_text(s, value), *sysctl = NULL;

	if (!name || !name[0])
		return name ? 0 : -1;
	if (asprintf(&sysctl, "kernel.domainname=%s", name) < 0) {
		sysctl = NULL;
		return service_no_memory(s);
	}
	return asked_sysctl(s->a, sysctl, s->err);
}

int service_ulimits(struct service *s, const json_t *value)
{
	static const char *const known[] = {"soft", "hard", NULL};
	const json_t *limit;
	const char *name;

	if (!json_is_object(value))
		return service_fail(s, "a mapping is needed");
	json_object_foreach((json_t *)(uintptr_t)value, name, limit) {
		cc_auto_free char *soft = NULL;

		if (json_is_object(limit)) {
			if (service_only(s, limit, name, known))
				return -1;
			limit = json_object_get(limit, "soft");
		}
		soft = service_text(s, limit);
		if (!soft || asked_limit(s->a, name, soft, s->err))
			return -1;
	}
	return 0;
}

static int set_health(struct service *s, const char *kind, json_t *words)
{
	json_t *test = json_pack("[s]", kind);

	json_decref(s->a->health);
	s->a->health = test;
	if (!test || (words && json_array_extend(test, words)))
		return service_no_memory(s);
	return 0;
}

static int health_test(struct service *s, const json_t *test)
{
	cc_auto_json json_t *words = json_array();
	const json_t *one;
	size_t i;

	if (!json_is_array(test)) {
		cc_auto_free char *text = service_text(s, test);

		if (!text)
			return -1;
		json_array_append_new(words, json_string(text));
		return set_health(s, "CMD-SHELL", words);
	}
	json_array_foreach(test, i, one) {
		cc_auto_free char *word = service_text(s, one);

		if (!word)
			return -1;
		json_array_append_new(words, json_string(word));
	}
	json_decref(s->a->health);
	s->a->health = cc_steal(words);
	return s->a->health ? 0 : service_no_memory(s);
}

int service_healthcheck(struct service *s, const json_t *value)
{
	static const char *const known[] = {"test",    "disable",      "interval",	 "retries",
					    "timeout", "start_period", "start_interval", NULL};
	const json_t *test = json_object_get(value, "test"), *off;
	bool disabled = false;

	if (service_only(s, value, "", known))
		return -1;
	off = json_object_get(value, "disable");
	if (off && service_bool(s, off, "disable", &disabled))
		return -1;
	if (disabled)
		return set_health(s, "NONE", NULL);
	return test && !json_is_null(test) ? health_test(s, test) : 0;
}

/* ---- devices ------------------------------------------------------------------------------- */

static int one_device(struct service *s, const char *device)
{
	return asked_device(s->a, device, s->err);
}

int service_devices(struct service *s, const json_t *value)
{
	return service_each(s, value, one_device);
}

static int reserved_device(struct service *s, const json_t *device)
{
	static const char *const known[] = {"driver", "device_ids", "capabilities", NULL};
	cc_auto_free char *driver = NULL;

	if (service_only(s, device, "a reserved device", known))
		return -1;
	driver = service_text(s, json_object_get(device, "driver"));
	if (!driver)
		return -1;
	if (strcmp(driver, "cdi") != 0)
		return service_fail(s, "what comes of a device of driver \"%.60s\" is not known",
				    driver);
	return service_each(s, json_object_get(device, "device_ids"), one_device);
}

int service_deploy(struct service *s, const json_t *value)
{
	static const char *const of_deploy[] = {
		"mode",		  "replicas",  "labels",	"update_config", "rollback_config",
		"restart_policy", "placement", "endpoint_mode", "resources",	 NULL};
	static const char *const of_resources[] = {"limits", "reservations", NULL};
	static const char *const amounts[] = {"cpus", "memory", "pids", "devices", NULL};
	const json_t *resources = json_object_get(value, "resources"), *device;
	const json_t *limits = json_object_get(resources, "limits");
	const json_t *reserved = json_object_get(resources, "reservations");
	size_t i;

	if (service_only(s, value, "", of_deploy) ||
	    (resources && service_only(s, resources, "resources", of_resources)) ||
	    (limits && service_only(s, limits, "limits", amounts)) ||
	    (reserved && service_only(s, reserved, "reservations", amounts)))
		return -1;
	json_array_foreach(json_object_get(reserved, "devices"), i, device)
		if (reserved_device(s, device))
			return -1;
	return 0;
}
