// SPDX-License-Identifier: Apache-2.0
#include "client/identity_patch_fact.h"

#include <string.h>

#include "decide_env.h"
#include "decide_mounts.h"
#include "digest.h"

typedef json_t *patch_fn(const struct patch_from *from);

/* {@key: @value}, or in an object @in, {@in: {@key: @value}}; @value is taken over. */
static json_t *member(const char *in, const char *key, json_t *value)
{
	if (!value)
		return NULL;
	return in ? json_pack("{s:{s:o}}", in, key, value) : json_pack("{s:o}", key, value);
}

/* null takes the member away. */
static json_t *text_or_null(const char *s)
{
	return s ? json_string(s) : json_null();
}

/* A list of the predicate as it is, to be added to; new reference. */
static json_t *list_of(const struct patch_from *from, const char *in, const char *key)
{
	const json_t *obj = in ? json_object_get(from->predicate, in) : from->predicate;
	json_t *list = json_object_get(obj, key);

	return list ? json_copy(list) : json_array();
}

static void add_text(json_t *list, const char *s)
{
	json_array_append_new(list, json_string(s));
}

/* ---- the identity itself ------------------------------------------------------------------- */

static json_t *patch_volume(const struct patch_from *from)
{
	return member(NULL, "volume", json_string(from->policy->volume));
}

static json_t *patch_validity(const struct patch_from *from)
{
	const struct cc_identity *id = from->id;
	bool early = id->has_not_before && from->policy->now < id->not_before;

	return member(NULL, early ? "notBefore" : "notAfter", json_null());
}

static json_t *patch_serial(const struct patch_from *from)
{
	return member(NULL, "serial", json_integer((json_int_t)from->policy->serial));
}

/* ---- what runs ----------------------------------------------------------------------------- */

/* Of several platforms the others stay: which one this container's image takes the place of is not
 * known. */
static json_t *patch_image(const struct patch_from *from)
{
	const json_t *has =
		json_object_get(json_object_get(from->predicate, "image"), "configDigest");
	const char *id = from->m->image_id;
	json_t *list;

	if (!id || !cc_is_digest(id))
		return NULL;
	if (!json_is_array(has))
		return member("image", "configDigest", json_string(id));
	list = list_of(from, "image", "configDigest");
	add_text(list, id);
	return member("image", "configDigest", list);
}

static json_t *patch_args(const struct patch_from *from)
{
	const struct cc_measurement *m = from->m;

	if (cc_strv_eq(&m->args, &m->image_args))
		return member("process", "args", json_null());
	return m->args.n ? member("process", "args", cc_strv_json(&m->args)) : NULL;
}

static json_t *patch_cwd(const struct patch_from *from)
{
	const char *cwd = from->m->cwd;

	return cwd && cwd[0] == '/' ? member("process", "cwd", json_string(cwd)) : NULL;
}

static json_t *patch_user(const struct patch_from *from)
{
	return member("process", "user", cc_user_to_json(&from->m->user));
}

/* The rules while they are added to. */
struct env_rules {
	json_t *list;
	bool values;
};

static bool has_rule(const json_t *list, const json_t *rule)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
		if (json_equal(one, rule))
			return true;
	return false;
}

/* One without a value stands for all of that name. */
static void drop_rules(json_t *list, const char *name, size_t len)
{
	for (size_t i = json_array_size(list); i-- > 0;) {
		const json_t *rule = json_array_get(list, i);
		const char *s = json_string_value(json_object_get(rule, "name"));

		if (s && strlen(s) == len && !strncmp(s, name, len))
			json_array_remove(list, i);
	}
}

static int add_env_rule(void *arg, const char *var, bool missing)
{
	struct env_rules *r = arg;
	size_t len = strcspn(var, "=");
	bool pinned = r->values && !missing && var[len];
	cc_auto_json json_t *rule = NULL;

	if (len == 0)
		return 0; /* no rule can name it */
	rule = json_pack("{s:s%, s:s*}", "name", var, len, "value", pinned ? var + len + 1 : NULL);
	if (!rule || has_rule(r->list, rule))
		return 0;
	if (!pinned)
		drop_rules(r->list, var, len);
	json_array_append(r->list, rule);
	return 0;
}

static json_t *patch_env(const struct patch_from *from)
{
	struct env_rules r = {list_of(from, "process", "env"), from->values};

	cc_env_each_refused(from->id, from->m, add_env_rule, &r);
	return member("process", "env", r.list);
}

/* ---- confinement --------------------------------------------------------------------------- */

static bool is_capability(const char *s)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

	return !strncmp(s, "CAP_", 4) && s[4] && !s[4 + strspn(s + 4, letters)];
}

/* A ceiling: what the container has, beside what was signed. */
static json_t *patch_capabilities(const struct patch_from *from)
{
	json_t *list = list_of(from, "process", "capabilities");
	const struct cc_strv *has = &from->m->capabilities;

	for (size_t i = 0; i < has->n; i++)
		if (is_capability(has->v[i]) && !cc_strv_has(&from->id->capabilities, has->v[i]))
			add_text(list, has->v[i]);
	return member("process", "capabilities", list);
}

static json_t *patch_no_new_privileges(const struct patch_from *from)
{
	(void)from;
	return member("process", "noNewPrivileges", json_null());
}

static json_t *patch_readonly_rootfs(const struct patch_from *from)
{
	(void)from;
	return member(NULL, "readonlyRootfs", json_null());
}

static json_t *patch_seccomp(const struct patch_from *from)
{
	const char *s = from->m->seccomp;

	return member(NULL, "seccomp", json_string(s ? s : "unconfined"));
}

static json_t *patch_apparmor(const struct patch_from *from)
{
	const char *s = from->m->apparmor;

	return member(NULL, "apparmor", text_or_null(cc_apparmor_is_default(s) ? NULL : s));
}

static json_t *patch_privileged(const struct patch_from *from)
{
	(void)from;
	return member(NULL, "privileged", json_true());
}

/* Those of @has that are not in the predicate's list are added to it. */
static json_t *patch_list(const struct patch_from *from, const char *key, const struct cc_strv *has)
{
	json_t *list = list_of(from, NULL, key);

	for (size_t i = 0; i < has->n; i++) {
		cc_auto_json json_t *one = json_string(has->v[i]);

		if (one && !has_rule(list, one))
			json_array_append(list, one);
	}
	return member(NULL, key, list);
}

static json_t *patch_devices(const struct patch_from *from)
{
	return patch_list(from, "devices", &from->m->devices);
}

static json_t *patch_hooks(const struct patch_from *from)
{
	return patch_list(from, "hooks", &from->m->hooks);
}

/* A rule can name it: it would be read back. */
static bool is_nameable(const struct cc_mount *mt)
{
	return mt->type && cc_path_is_normal(mt->destination) &&
	       (mt->source || strcmp(mt->type, "bind") != 0);
}

static json_t *patch_mounts(const struct patch_from *from)
{
	json_t *list = list_of(from, NULL, "mounts");

	for (size_t i = 0; i < from->m->n_mounts; i++) {
		const struct cc_mount *mt = &from->m->mounts[i];

		if (is_nameable(mt) && !cc_mount_is_allowed(from->id, mt) &&
		    !cc_mount_is_in_the_way(from->id, mt))
			json_array_append_new(
				list, json_pack("{s:s, s:s*, s:s, s:o}", "destination",
						mt->destination, "source", mt->source, "type",
						mt->type, "options", cc_strv_json(&mt->options)));
	}
	return member(NULL, "mounts", list);
}

/* ---- the rest ------------------------------------------------------------------------------ */

static json_t *patch_namespaces(const struct patch_from *from)
{
	json_t *list = list_of(from, NULL, "sharedNamespaces");

	for (size_t i = 0; i < CC_NS_COUNT; i++)
		if (from->m->ns[i] != CC_NS_PRIVATE &&
		    !cc_strv_has(&from->id->shared_namespaces, cc_ns_names[i]))
			add_text(list, cc_ns_names[i]);
	return member(NULL, "sharedNamespaces", list);
}

/* Those of the filter and of a variable are named with it. */
static json_t *patch_settings(const struct patch_from *from)
{
	const struct cc_strv *has = &from->m->settings;
	json_t *list = list_of(from, NULL, "settings");

	for (size_t i = 0; i < has->n; i++)
		if (!cc_strv_has(&from->id->settings, has->v[i]) &&
		    !cc_setting_is_of_filter(has->v[i]) && strcmp(has->v[i], CC_SETTING_HOME) != 0)
			add_text(list, has->v[i]);
	return member(NULL, "settings", list);
}

static json_t *patch_demands(const struct patch_from *from)
{
	json_t *list = json_array();

	for (size_t i = 0; i < from->id->demands.n; i++)
		if (cc_strv_has(&from->m->holds, from->id->demands.v[i]))
			add_text(list, from->id->demands.v[i]);
	return member(NULL, "demands", list);
}

/* What was copied into a container before its first start no identity lets in. */
static json_t *patch_rootfs(const struct patch_from *from)
{
	const struct cc_measurement *m = from->m;
	const char *wanted = from->id->rootfs_digest;
	json_t *p = json_object();

	if (wanted && (!m->rootfs_digest || strcmp(wanted, m->rootfs_digest) != 0))
		json_object_set_new(
			p, "image",
			json_pack("{s:o}", "rootfsDigest", text_or_null(m->rootfs_digest)));
	if (!m->first_start && m->upper != CC_UPPER_CLEAN && !from->policy->renewal)
		json_object_set_new(p, "upper", json_string("any"));
	if (json_object_size(p))
		return p;
	json_decref(p);
	return NULL;
}

json_t *patch_for_fact(const char *fact, const struct patch_from *from)
{
	static const struct {
		const char *fact;
		patch_fn *fn;
	} patches[] = {
		{"volume", patch_volume},
		{"validity", patch_validity},
		{"serial", patch_serial},
		{"image", patch_image},
		{"args", patch_args},
		{"cwd", patch_cwd},
		{"user", patch_user},
		{"env", patch_env},
		{"capabilities", patch_capabilities},
		{"noNewPrivileges", patch_no_new_privileges},
		{"readonlyRootfs", patch_readonly_rootfs},
		{"seccomp", patch_seccomp},
		{"apparmor", patch_apparmor},
		{"privileged", patch_privileged},
		{"devices", patch_devices},
		{"mounts", patch_mounts},
		{"namespaces", patch_namespaces},
		{"hooks", patch_hooks},
		{"settings", patch_settings},
		{"demands", patch_demands},
		{"rootfs", patch_rootfs},
	};

	for (size_t i = 0; i < sizeof(patches) / sizeof(patches[0]); i++)
		if (!strcmp(patches[i].fact, fact))
			return patches[i].fn(from);
	return NULL;
}
