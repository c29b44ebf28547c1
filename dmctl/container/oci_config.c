// SPDX-License-Identifier: Apache-2.0
/*
 * oci_config.c - a bundle's config.json: process, root, hooks, namespaces.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "container/oci.h"
#include "engine/engine_store.h"
#include "host/proc.h"
#include "paths.h"
#include "strv.h"

#define WHAT "config.json"

/* The specification's names of the namespaces, in the order of cc_ns_names. */
static const char *const ns_types[CC_NS_COUNT] = {"cgroup",  "ipc", "mount",
						  "network", "pid", "uts"};

void oci_facts_clear(struct oci_facts *f)
{
	size_t i;

	free(f->root);
	free(f->selinux_label);
	free(f->selinux_type);
	free(f->selinux_level);
	free(f->mount_label);
	for (i = 0; i < CC_NS_COUNT; i++)
		free(f->ns_path[i]);
	json_decref(f->seccomp);
	free(f->uids.range);
	free(f->gids.range);
	*f = (struct oci_facts){0};
}

static int id_of(const json_t *user, const char *key, uint32_t *id, struct cc_error *err)
{
	uint64_t n = 0;

	if (cc_json_u64(user, WHAT " process.user", key, true, &n, err))
		return -1;
	if (n > UINT32_MAX)
		return cc_fail(err, CC_E_INVALID, WHAT ": process.user.%s is out of range", key);
	*id = (uint32_t)n;
	return 0;
}

static int parse_user(const json_t *process, struct cc_user *u, struct cc_error *err)
{
	json_t *user = NULL, *groups = NULL, *g;
	size_t i;

	if (cc_json_obj(process, WHAT " process", "user", true, &user, err) ||
	    id_of(user, "uid", &u->uid, err) || id_of(user, "gid", &u->gid, err) ||
	    cc_json_arr(user, WHAT " process.user", "additionalGids", false, &groups, err))
		return -1;
	if (!groups || json_array_size(groups) == 0)
		return 0;
	u->groups = calloc(json_array_size(groups), sizeof(*u->groups));
	if (!u->groups)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	json_array_foreach(groups, i, g) {
		json_int_t n = json_is_integer(g) ? json_integer_value(g) : -1;

		if (n < 0 || n > UINT32_MAX)
			return cc_fail(err, CC_E_INVALID,
				       WHAT ": process.user.additionalGids must hold group ids "
					    "only");
		u->groups[u->n_groups++] = (uint32_t)n;
	}
	return 0;
}

/* The union of all five sets: what the process could ever raise. */
static int parse_capabilities(const json_t *process, struct cc_strv *out, struct cc_error *err)
{
	json_t *sets = NULL, *set, *cap;
	const char *name;
	size_t i;

	if (cc_json_obj(process, WHAT " process", "capabilities", true, &sets, err))
		return -1;
	json_object_foreach(sets, name, set) {
		if (json_is_null(set))
			continue;
		if (!json_is_array(set))
			return cc_fail(err, CC_E_INVALID,
				       WHAT ": process.capabilities.%s must be a list", name);
		json_array_foreach(set, i, cap) {
			if (!json_is_string(cap))
				return cc_fail(err, CC_E_INVALID,
					       WHAT ": process.capabilities.%s must hold names "
						    "only",
					       name);
			if (!cc_strv_has(out, json_string_value(cap)) &&
			    cc_strv_push(out, json_string_value(cap), err))
				return -1;
		}
	}
	return 0;
}

/* Unlimited is a number that no int64_t holds. */
static int64_t limit_of(const json_t *number)
{
	double n = json_number_value(number);

	return json_is_integer(number) ? json_integer_value(number) : n > 0 ? INT64_MAX : 0;
}

static void parse_limits(const json_t *process, struct oci_facts *f)
{
	const json_t *limit;
	const char *type;
	size_t i;

	f->core_limit = -1;
	json_array_foreach(json_object_get(process, "rlimits"), i, limit) {
		type = json_string_value(json_object_get(limit, "type"));
		if (type && strcmp(type, "RLIMIT_CORE") == 0)
			f->core_limit = limit_of(json_object_get(limit, "hard"));
	}
}

/* user:role:type:level; whether another type is a setting is oci_settings_parse()'s. */
static int parse_label(const json_t *process, struct oci_facts *f, struct cc_error *err)
{
	const char *label = json_string_value(json_object_get(process, "selinuxLabel"));

	if (!label || !*label)
		return 0;
	f->selinux_label = strdup(label);
	if (!f->selinux_label)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return proc_label_type(label, &f->selinux_type, err) ||
			       proc_label_level(label, &f->selinux_level, err)
		       ? -1
		       : 0;
}

#define LABEL_MAX 255

bool oci_is_label(const char *label)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.,-:";
	size_t len = strlen(label), fields = 0;

	if (len > LABEL_MAX || label[strspn(label, letters)])
		return false;
	for (const char *p = label; fields < 3; fields++) {
		size_t n = strcspn(p, ":,");

		if (!n || (fields < 2 && p[n] != ':') || p[n] == ',')
			return false;
		p += n + (p[n] == ':');
	}
	return label[len - 1] != ':';
}

static int parse_mount_label(const json_t *lnx, struct oci_facts *f, struct cc_error *err)
{
	if (cc_json_str(lnx, WHAT " linux", "mountLabel", false, &f->mount_label, err))
		return -1;
	if (!f->mount_label || oci_is_label(f->mount_label))
		return 0;
	if (f->mount_label[0])
		return cc_fail(err, CC_E_INVALID,
			       WHAT ": linux.mountLabel is not an SELinux label");
	free(cc_steal(f->mount_label));
	return 0;
}

static int parse_process(const json_t *config, struct cc_measurement *m, struct oci_facts *f,
			 struct cc_error *err)
{
	json_t *process = NULL;

	if (cc_json_obj(config, WHAT, "process", true, &process, err) ||
	    cc_json_strv(process, WHAT " process", "args", true, &m->args, err) ||
	    cc_json_strv(process, WHAT " process", "env", false, &m->env, err) ||
	    cc_json_str(process, WHAT " process", "cwd", true, &m->cwd, err) ||
	    cc_json_str(process, WHAT " process", "apparmorProfile", false, &m->apparmor, err) ||
	    cc_json_bool(process, WHAT " process", "noNewPrivileges", false, &m->no_new_privileges,
			 err) ||
	    cc_json_bool(process, WHAT " process", "terminal", false, &f->terminal, err) ||
	    parse_user(process, &m->user, err))
		return -1;
	parse_limits(process, f);
	if (parse_label(process, f, err))
		return -1;
	return parse_capabilities(process, &m->capabilities, err);
}

static int parse_root(const json_t *config, const struct oci_context *ctx, struct cc_measurement *m,
		      struct oci_facts *f, struct cc_error *err)
{
	cc_auto_free char *path = NULL;
	json_t *root = NULL;

	if (cc_json_obj(config, WHAT, "root", true, &root, err) ||
	    cc_json_str(root, WHAT " root", "path", true, &path, err) ||
	    cc_json_bool(root, WHAT " root", "readonly", false, &m->readonly_rootfs, err))
		return -1;
	if (path[0] == '/')
		f->root = cc_steal(path);
	else if (asprintf(&f->root, "%s/%s", ctx->bundle, path) < 0)
		f->root = NULL;
	return f->root ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

static pid_t own_hook(const char *list, const json_t *hook, const struct oci_context *ctx)
{
	return ctx->engine->own_hook ? ctx->engine->own_hook(list, hook, ctx->id) : 0;
}

static int parse_hooks(const json_t *config, const struct oci_context *ctx,
		       struct cc_measurement *m, struct oci_facts *f, struct cc_error *err)
{
	json_t *hooks = NULL, *list, *hook;
	const char *name, *path;
	pid_t pid;
	size_t i;

	if (cc_json_obj(config, WHAT, "hooks", false, &hooks, err))
		return -1;
	json_object_foreach(hooks, name, list) {
		if (!json_is_array(list) && !json_is_null(list))
			return cc_fail(err, CC_E_INVALID, WHAT ": hooks.%s must be a list", name);
		json_array_foreach(list, i, hook) {
			path = json_string_value(json_object_get(hook, "path"));
			if (!path)
				return cc_fail(err, CC_E_INVALID,
					       WHAT ": a hook in hooks.%s has no path", name);
			if (strcmp(name, "createRuntime") == 0 && strcmp(path, CC_HOOK_PATH) == 0)
				continue;
			pid = own_hook(name, hook, ctx);
			if (pid && !f->hook_pid)
				f->hook_pid = pid;
			else if (cc_strv_push(&m->hooks, path, err))
				return -1;
		}
	}
	return 0;
}

bool oci_host_id(const struct oci_ids *ids, uint32_t id, uint32_t *host)
{
	for (size_t i = 0; i < ids->n; i++) {
		if (id < ids->range[i].inside || id - ids->range[i].inside >= ids->range[i].size)
			continue;
		*host = ids->range[i].host + (id - ids->range[i].inside);
		return true;
	}
	*host = id;
	return ids->n == 0;
}

/* @key: "uidMappings" or "gidMappings" */
static int parse_mappings(const json_t *lnx, const char *key, struct oci_ids *ids,
			  struct cc_error *err)
{
	json_t *list = NULL, *obj;
	char what[64];
	size_t i;

	snprintf(what, sizeof(what), WHAT " linux.%s", key);
	if (cc_json_arr(lnx, WHAT " linux", key, false, &list, err))
		return -1;
	if (json_array_size(list) == 0)
		return 0;
	ids->range = calloc(json_array_size(list), sizeof(*ids->range));
	if (!ids->range)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	json_array_foreach(list, i, obj) {
		uint64_t inside = 0, host = 0, size = 0;

		if (cc_json_u64(obj, what, "containerID", true, &inside, err) ||
		    cc_json_u64(obj, what, "hostID", true, &host, err) ||
		    cc_json_u64(obj, what, "size", true, &size, err))
			return -1;
		if (size > UINT32_MAX || inside > UINT32_MAX - size || host > UINT32_MAX - size)
			return cc_fail(err, CC_E_INVALID, "%s: a range is out of range", what);
		ids->range[i].inside = (uint32_t)inside;
		ids->range[i].host = (uint32_t)host;
		ids->range[i].size = (uint32_t)size;
		ids->n++;
	}
	return 0;
}

static int parse_namespaces(const json_t *lnx, struct cc_measurement *m, struct oci_facts *f,
			    struct cc_error *err)
{
	json_t *list = NULL, *ns;
	size_t i, k;

	for (k = 0; k < CC_NS_COUNT; k++)
		m->ns[k] = CC_NS_HOST;
	if (cc_json_arr(lnx, WHAT " linux", "namespaces", false, &list, err))
		return -1;
	json_array_foreach(list, i, ns) {
		cc_auto_free char *type = NULL, *path = NULL;

		if (!json_is_object(ns))
			return cc_fail(err, CC_E_INVALID,
				       WHAT ": linux.namespaces must hold objects only");
		if (cc_json_str(ns, WHAT " linux.namespaces", "type", true, &type, err) ||
		    cc_json_str(ns, WHAT " linux.namespaces", "path", false, &path, err))
			return -1;
		if (strcmp(type, "user") == 0)
			f->user_ns = true;
		for (k = 0; k < CC_NS_COUNT; k++) {
			if (strcmp(type, ns_types[k]) != 0)
				continue;
			if (m->ns[k] != CC_NS_HOST)
				return cc_fail(err, CC_E_INVALID,
					       WHAT ": linux.namespaces has %s twice", type);
			m->ns[k] = path && path[0] ? CC_NS_JOINED : CC_NS_PRIVATE;
			f->ns_path[k] = cc_steal(path);
			break;
		}
	}
	return parse_mappings(lnx, "uidMappings", &f->uids, err) ||
			       parse_mappings(lnx, "gidMappings", &f->gids, err)
		       ? -1
		       : 0;
}

int oci_config_parse(const char *buf, size_t len, const struct oci_context *ctx,
		     struct cc_measurement *m, struct oci_facts *f, struct cc_error *err)
{
	cc_auto_json json_t *config = cc_json_parse_engine(buf, len, ENGINE_FILE_MAX, WHAT, err);
	json_t *mounts = NULL, *lnx = NULL;

	if (!config)
		return -1;
	if (!json_is_object(config))
		return cc_fail(err, CC_E_INVALID, WHAT " is not a JSON object");
	if (cc_json_obj(config, WHAT, "linux", true, &lnx, err) ||
	    cc_json_arr(config, WHAT, "mounts", false, &mounts, err) ||
	    parse_process(config, m, f, err) || parse_root(config, ctx, m, f, err) ||
	    parse_hooks(config, ctx, m, f, err) || parse_namespaces(lnx, m, f, err) ||
	    parse_mount_label(lnx, f, err) || oci_devices_parse(lnx, ctx, m, err) ||
	    oci_mounts_parse(mounts, ctx, m, err))
		return -1;
	f->seccomp = json_incref(json_object_get(lnx, "seccomp"));
	return oci_settings_parse(config, m, err) || oci_seccomp_parse(config, ctx, m, err) ? -1
											    : 0;
}
