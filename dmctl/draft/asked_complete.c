// SPDX-License-Identifier: Apache-2.0
/*
 * asked_complete.c - what would be measured of a container that a file asks for.
 */
#include "draft/asked.h"

#include <errno.h>
#include <string.h>

#include "container/image_config.h"
#include "container/measure.h"
#include "container/oci.h"
#include "engine/engine_store.h"
#include "identity.h"
#include "paths.h"
#include "strv.h"

static int no_memory(struct cc_error *err)
{
	return cc_fail(err, CC_E_NOMEM, "out of memory");
}

static int set_text(char **out, const char *s, struct cc_error *err)
{
	free(*out);
	*out = strdup(s);
	return *out ? 0 : no_memory(err);
}

static int push_all(struct cc_strv *to, const struct cc_strv *from, struct cc_error *err)
{
	for (size_t i = 0; i < from->n; i++)
		if (cc_strv_push(to, from->v[i], err))
			return -1;
	return 0;
}

/* ---- the program --------------------------------------------------------------------------- */

/* The image's Entrypoint or Cmd, which image_config_parse() puts together. */
static int image_list(const json_t *config, const char *key, struct cc_strv *to,
		      struct cc_error *err)
{
	cc_cleanup(cc_strv_clear) struct cc_strv list = {0};

	if (json_is_null(json_object_get(config, key)))
		return 0;
	return cc_json_strv(config, "the image's configuration", key, false, &list, err) ||
			       push_all(to, &list, err)
		       ? -1
		       : 0;
}

/* Who says an entrypoint has no command of the image's. */
static int complete_args(struct asked *a, const json_t *config, struct cc_error *err)
{
	struct cc_strv *args = &a->m->args;

	if (a->has_entrypoint ? push_all(args, &a->entrypoint, err)
			      : image_list(config, "Entrypoint", args, err))
		return -1;
	if (a->has_command)
		return push_all(args, &a->command, err);
	return a->has_entrypoint ? 0 : image_list(config, "Cmd", args, err);
}

static bool names_of(const struct cc_strv *env, const char *var)
{
	size_t len = strcspn(var, "=");

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], var, len) == 0 && strcspn(env->v[i], "=") == len)
			return true;
	return false;
}

/* The image's variables but those that are replaced. A home of one's own needs a rule. */
static int complete_env(struct asked *a, struct cc_error *err)
{
	struct cc_measurement *m = a->m;

	for (size_t i = 0; i < m->image_env.n; i++)
		if (!names_of(&a->env, m->image_env.v[i]) &&
		    cc_strv_push(&m->env, m->image_env.v[i], err))
			return -1;
	for (size_t i = 0; i < a->env.n; i++)
		if (strncmp(a->env.v[i], "HOME=", 5) == 0 &&
		    !cc_strv_has(&m->image_env, a->env.v[i]) &&
		    oci_setting(m, err, "%s", CC_SETTING_HOME))
			return -1;
	return push_all(&m->env, &a->env, err);
}

/* "UID:GID" of numbers: they mean the same in each image. */
static bool is_numeric(const char *user, struct cc_user *u)
{
	unsigned long uid, gid;
	char *end;

	if (!user[0] || user[strspn(user, "0123456789:")] || user[0] == ':')
		return false;
	errno = 0;
	uid = strtoul(user, &end, 10);
	if (*end != ':' || !end[1])
		return false;
	gid = strtoul(end + 1, &end, 10);
	if (errno || *end || uid >= UINT32_MAX || gid >= UINT32_MAX)
		return false;
	*u = (struct cc_user){.uid = (uint32_t)uid, .gid = (uint32_t)gid};
	return true;
}

/*
 * Names, and the groups of a user, are in the image's files: only what is a number twice, or the
 * image's own, is known without. The image's own user is not known either, but that it is another.
 */
static int complete_user(struct asked *a, const char *image, struct cc_error *err)
{
	struct cc_measurement *m = a->m;

	if (!a->user || !a->user[0] || strcmp(a->user, image) == 0)
		return 0;
	if (!is_numeric(a->user, &m->user))
		return cc_fail(err, CC_E_INVALID,
			       "which number and groups the user \"%.60s\" has is in the image's "
			       "/etc/passwd; write it as UID:GID, in numbers",
			       a->user);
	if (!is_numeric(image, &m->image_user))
		m->image_user.uid = m->user.uid + 1;
	return 0;
}

static int complete_program(struct asked *a, const json_t *config,
			    const struct engine_container *image, struct cc_error *err)
{
	cc_cleanup(image_config_clear) struct image_config own = {0};
	cc_auto_json json_t *health = a->health ? json_pack("[O]", a->health) : NULL;
	struct cc_measurement *m = a->m;

	if (image_config_parse(image->image_config, image->image_config_len, &own, err) ||
	    push_all(&m->image_args, &own.args, err) || push_all(&m->image_env, &own.env, err) ||
	    set_text(&m->image_cwd, own.cwd, err) ||
	    set_text(&m->cwd, a->cwd ? a->cwd : own.cwd, err) || complete_args(a, config, err) ||
	    complete_env(a, err) || complete_user(a, own.user, err))
		return -1;
	return measure_health(health, image->image_config, image->image_config_len, m, err);
}

/* ---- mounts -------------------------------------------------------------------------------- */

static int set_source(struct cc_mount *mt, const char *dir, const char *name, const char *below,
		      struct cc_error *err)
{
	char *source;

	if (asprintf(&source, "%s/%s%s", dir, name, below) < 0)
		return no_memory(err);
	free(mt->source);
	mt->source = source;
	return set_text(&mt->type, "bind", err);
}

static bool is_type(const struct cc_mount *mt, const char *type)
{
	return strcmp(mt->type, type) == 0;
}

static int complete_mount(struct cc_mount *mt, const char *volumes, const char *volume,
			  struct cc_error *err)
{
	if (is_type(mt, "bind"))
		return 0;
	if (is_type(mt, "tmpfs"))
		return set_text(&mt->source, "tmpfs", err);
	if (!mt->source)
		return set_text(&mt->source, CC_SOURCE_VOLUME, err) ||
				       set_text(&mt->type, "bind", err)
			       ? -1
			       : 0;
	if (is_type(mt, ASKED_PLACEHOLDER) ||
	    (is_type(mt, ASKED_NAMED) && strcmp(mt->source, volume) == 0))
		return set_source(mt, CC_PLACEHOLDER_DIR, mt->source, "", err);
	return set_source(mt, volumes, mt->source, "/_data", err);
}

static bool has_mount_at(const struct cc_measurement *m, const char *path)
{
	for (size_t i = 0; i < m->n_mounts; i++)
		if (strcmp(m->mounts[i].destination, path) == 0)
			return true;
	return false;
}

/* Where the image wants a volume and nothing else is mounted, the engine makes one. */
static int image_volumes(struct asked *a, const json_t *config, struct cc_error *err)
{
	const char *path;
	json_t *nothing;

	json_object_foreach(json_object_get(config, "Volumes"), path, nothing) {
		cc_auto_free char *clean = strdup(path);

		if (!clean)
			return no_memory(err);
		oci_path_clean(clean);
		if (!has_mount_at(a->m, clean) &&
		    asked_mount(a, ASKED_VOLUME, NULL, clean, NULL, err))
			return -1;
	}
	return 0;
}

static int complete_mounts(struct asked *a, const json_t *config, const char *volumes,
			   const char *volume, struct cc_error *err)
{
	if (image_volumes(a, config, err))
		return -1;
	for (size_t i = 0; i < a->m->n_mounts; i++)
		if (complete_mount(&a->m->mounts[i], volumes, volume, err))
			return -1;
	return 0;
}

/* ---- the rest ------------------------------------------------------------------------------ */

static int complete_capabilities(struct asked *a, const struct engine *engine, struct cc_error *err)
{
	struct cc_strv *has = &a->m->capabilities;

	for (const char *const *c = engine->capabilities; *c; c++)
		if (!cc_strv_has(&a->cap_drop, "ALL") && !cc_strv_has(&a->cap_drop, *c) &&
		    cc_strv_push(has, *c, err))
			return -1;
	for (size_t i = 0; i < a->cap_add.n; i++)
		if (!cc_strv_has(has, a->cap_add.v[i]) && cc_strv_push(has, a->cap_add.v[i], err))
			return -1;
	return 0;
}

static int complete_settings(struct asked *a, const struct engine *engine, struct cc_error *err)
{
	const struct oci_context ctx = {.engine = engine, .is_host_device = measure_host_device};
	cc_auto_json json_t *lnx =
		json_pack("{s:O, s:O}", "sysctl", a->sysctl, "devices", a->devices);
	cc_auto_json json_t *process = json_pack("{s:O}", "rlimits", a->limits);

	if (!lnx || !process)
		return no_memory(err);
	return oci_sysctl_parse(lnx, a->m, err) || oci_devices_parse(lnx, &ctx, a->m, err) ||
			       oci_limits_parse(process, a->m, err)
		       ? -1
		       : 0;
}

/* Engines ask for a profile only where the kernel has AppArmor. */
static void complete_apparmor(struct cc_measurement *m)
{
	if (access("/sys/kernel/security/apparmor", F_OK) == 0)
		return;
	free(m->apparmor);
	m->apparmor = NULL;
}

/* A digest that no filter has: the engine's own one, which no rule is needed for. */
static int complete_filter(struct cc_measurement *m, struct cc_error *err)
{
	return m->seccomp ? 0 : set_text(&m->seccomp, "the engine's own", err);
}

int asked_complete(struct asked *a, const struct engine *engine,
		   const struct engine_container *image, const char *volumes, const char *volume,
		   struct cc_error *err)
{
	cc_auto_json json_t *doc =
		cc_json_parse_engine(image->image_config, image->image_config_len, ENGINE_FILE_MAX,
				     "the image's configuration", err);
	const json_t *config = json_object_get(doc, "config");
	struct cc_measurement *m = a->m;

	if (!doc)
		return -1;
	m->upper = CC_UPPER_CLEAN;
	m->first_start = true;
	if (set_text(&m->engine, engine->name, err) ||
	    set_text(&m->image_id, image->image_id, err) ||
	    push_all(&m->manifests, &image->manifests, err) ||
	    complete_program(a, config, image, err) ||
	    complete_mounts(a, config, volumes, volume, err) ||
	    complete_capabilities(a, engine, err) || complete_settings(a, engine, err))
		return -1;
	complete_apparmor(m);
	return complete_filter(m, err);
}
