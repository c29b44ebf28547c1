// SPDX-License-Identifier: Apache-2.0
/*
 * identity_draft.c - the predicate of an identity, made of a measurement.
 */
#include "cli/identity_draft.h"

#include <string.h>
#include <time.h>

#include "client/identity_patch.h"
#include "decide.h"
#include "decide_env.h"
#include "decide_mounts.h"
#include "identity.h"
#include "strv.h"

/* Engines give each container names of its own; one that they would not give needs a rule. */
static bool varies(const char *var)
{
	static const char *const names[] = {"HOSTNAME=", "container_uuid="};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(var, names[i], strlen(names[i])) == 0)
			return cc_env_is_of_engines(var);
	return false;
}

static bool names_variable(const struct cc_strv *env, const char *name, size_t len)
{
	for (size_t i = 0; i < env->n; i++)
		if (strcspn(env->v[i], "=") == len && strncmp(env->v[i], name, len) == 0)
			return true;
	return false;
}

/* Rules for what differs from the image's own environment. */
static json_t *env_rules(const struct cc_measurement *m)
{
	json_t *rules = json_array();

	for (size_t i = 0; i < m->env.n; i++) {
		const char *var = m->env.v[i];
		size_t len = strcspn(var, "=");

		if (cc_strv_has(&m->image_env, var) ||
		    (varies(var) && !names_variable(&m->image_env, var, len)))
			continue;
		/* one without "=" has no value to be named */
		json_array_append_new(rules, json_pack("{s:s%, s:s*}", "name", var, len, "value",
						       var[len] ? var + len + 1 : NULL));
	}
	for (size_t i = 0; i < m->image_env.n; i++) {
		const char *var = m->image_env.v[i];
		size_t len = strcspn(var, "=");

		if (!names_variable(&m->env, var, len))
			json_array_append_new(rules, json_pack("{s:s%}", "name", var, len));
	}
	return rules;
}

static json_t *mount_rules(const struct cc_measurement *m, const char *volume, const char *point)
{
	const struct cc_identity none = {.volume = (char *)(uintptr_t)volume,
					 .mount_point = (char *)(uintptr_t)point};
	json_t *rules = json_array();

	for (size_t i = 0; i < m->n_mounts; i++) {
		const struct cc_mount *mt = &m->mounts[i];

		if (!cc_mount_is_allowed(&none, mt) && !cc_mount_is_in_the_way(&none, mt))
			json_array_append_new(
				rules, json_pack("{s:s, s:s*, s:s*, s:o}", "destination",
						 mt->destination, "source", mt->source, "type",
						 mt->type, "options", cc_strv_json(&mt->options)));
	}
	return rules;
}

/* Whether the filter is another than the engine's own, so that its digest has to be named. */
static bool names_filter(const struct cc_measurement *m)
{
	if (strcmp(m->seccomp, "unconfined") == 0)
		return true;
	for (size_t i = 0; i < m->settings.n; i++)
		if (cc_setting_is_of_filter(m->settings.v[i]))
			return true;
	return false;
}

/* Without those that another member names. */
static json_t *settings(const struct cc_measurement *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->settings.n; i++)
		if (!cc_setting_is_of_filter(m->settings.v[i]) &&
		    strcmp(m->settings.v[i], CC_SETTING_HOME) != 0)
			json_array_append_new(list, json_string(m->settings.v[i]));
	return list;
}

static json_t *shared_namespaces(const struct cc_measurement *m)
{
	json_t *names = json_array();

	for (size_t i = 0; i < CC_NS_COUNT; i++)
		if (m->ns[i] != CC_NS_PRIVATE)
			json_array_append_new(names, json_string(cc_ns_names[i]));
	return names;
}

/* Adds a list, if there is anything in it. */
static int put_list(json_t *obj, const char *key, json_t *list)
{
	if (list && json_array_size(list) == 0) {
		json_decref(list);
		return 0;
	}
	return json_object_set_new(obj, key, list);
}

static int put_true(json_t *obj, const char *key, bool value)
{
	return value ? json_object_set_new(obj, key, json_true()) : 0;
}

static int put_text(json_t *obj, const char *key, const char *value)
{
	return value ? json_object_set_new(obj, key, json_string(value)) : 0;
}

static json_t *process_json(const struct cc_measurement *m)
{
	cc_auto_json json_t *p = json_object();

	if (!p || json_object_set_new(p, "args", cc_strv_json(&m->args)) ||
	    put_text(p, "cwd", m->cwd) ||
	    json_object_set_new(p, "user", cc_user_to_json(&m->user)) ||
	    put_list(p, "env", env_rules(m)) ||
	    json_object_set_new(p, "capabilities", cc_strv_json(&m->capabilities)) ||
	    put_true(p, "noNewPrivileges", m->no_new_privileges))
		return NULL;
	return cc_steal(p);
}

static json_t *image_json(const struct cc_measurement *m)
{
	cc_auto_json json_t *image = json_object();

	if (!image || put_text(image, "configDigest", m->image_id) ||
	    put_text(image, "rootfsDigest", m->rootfs_digest))
		return NULL;
	return cc_steal(image);
}

json_t *identity_draft_from_measurement(const struct cc_measurement *m, const char *volume,
					const char *mount_point, uint64_t serial)
{
	cc_auto_json json_t *p = json_pack("{s:s, s:s, s:I}", "volume", volume, "mountPoint",
					   mount_point, "serial", (json_int_t)serial);

	if (!p || json_object_set_new(p, "image", image_json(m)) ||
	    json_object_set_new(p, "process", process_json(m)) ||
	    put_true(p, "readonlyRootfs", m->readonly_rootfs) ||
	    put_text(p, "seccomp", names_filter(m) ? m->seccomp : NULL) ||
	    put_text(p, "apparmor", cc_apparmor_is_default(m->apparmor) ? NULL : m->apparmor) ||
	    put_list(p, "mounts", mount_rules(m, volume, mount_point)) ||
	    put_list(p, "devices", cc_strv_json(&m->devices)) ||
	    put_list(p, "hooks", cc_strv_json(&m->hooks)) || put_list(p, "settings", settings(m)) ||
	    put_list(p, "sharedNamespaces", shared_namespaces(m)) ||
	    put_true(p, "privileged", m->privileged))
		return NULL;
	return cc_steal(p);
}

json_t *identity_draft_smallest(const struct cc_measurement *m, const char *volume,
				const char *mount_point, uint64_t serial, bool values,
				struct cc_facts *left, struct cc_error *err)
{
	const struct cc_policy policy = {.now = time(NULL), .allow_running = true, .renewal = true};
	cc_auto_json json_t *base =
		json_pack("{s:s, s:s, s:I, s:o}", "volume", volume, "mountPoint", mount_point,
			  "serial", (json_int_t)serial, "image", image_json(m));
	identity_auto_repair struct identity_repair repair = {0};
	cc_auto_json json_t *p = NULL;

	if (!base) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	if (identity_repair_find(base, m, &policy, values, &repair, err))
		return NULL;
	*left = repair.left;
	p = identity_patch_apply(base, repair.patch);
	/* a patch raises the serial of what keyd has already; this is new */
	if (p && json_object_set_new(p, "serial", json_integer((json_int_t)serial)) == 0)
		return cc_steal(p);
	cc_fail(err, CC_E_NOMEM, "out of memory");
	return NULL;
}

static bool leaves_hostname(const struct cc_measurement *m)
{
	for (size_t i = 0; i < m->env.n; i++)
		if (varies(m->env.v[i]) && !cc_strv_has(&m->image_env, m->env.v[i]))
			return true;
	return false;
}

static bool leaves_mounts(const struct cc_measurement *m)
{
	for (size_t i = 0; i < m->n_mounts; i++)
		if (m->mounts[i].engine)
			return true;
	return false;
}

const char *identity_draft_left(const struct cc_measurement *m, char out[static DRAFT_LEFT_LEN])
{
	const struct {
		bool left;
		const char *what;
	} parts[] = {
		{!names_filter(m), "the engine's own seccomp filter"},
		{cc_apparmor_is_default(m->apparmor), "its own AppArmor profile"},
		{leaves_mounts(m), "its own mounts"},
		{leaves_hostname(m), "HOSTNAME"},
	};
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i].left)
			len += (size_t)snprintf(out + len, DRAFT_LEFT_LEN - len, "%s%s",
						len ? ", " : "", parts[i].what);
	return out;
}

int identity_draft_check(const json_t *predicate, const struct cc_measurement *m,
			 struct cc_error *err)
{
	cc_auto_identity struct cc_identity *id = identity_of_predicate(predicate, err);
	struct cc_policy policy = {.now = time(NULL), .allow_running = true};

	if (!id)
		return -1;
	policy.volume = id->volume;
	policy.serial = id->serial;
	return cc_decide(id, m, &policy, err);
}
