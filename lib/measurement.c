// SPDX-License-Identifier: Apache-2.0
#include "measurement.h"

#include <limits.h>
#include <string.h>

#include "digest.h"
#include "paths.h"
#include "strv.h"

const char *const cc_ns_names[CC_NS_COUNT] = {"cgroup", "ipc", "mnt", "net", "pid", "uts"};

static const char *const ns_states[] =
	{[CC_NS_PRIVATE] = "private", [CC_NS_HOST] = "host", [CC_NS_JOINED] = "joined", NULL};
static const char *const upper_states[] =
	{[CC_UPPER_CLEAN] = "clean", [CC_UPPER_DIRTY] = "dirty", [CC_UPPER_NONE] = "none", NULL};
static const char *const since_end_states[] = {[CC_SINCE_END_UNKNOWN] = "unknown",
					       [CC_SINCE_END_CHANGED] = "changed",
					       [CC_SINCE_END_SAME] = "same",
					       [CC_SINCE_END_BOUND] = "bound",
					       NULL};
static const char *const engines[] = {"docker", "podman", "oci", NULL};
static const char *const run_states[] = {"created", "running", NULL};

struct cc_measurement *cc_measurement_new(void)
{
	return calloc(1, sizeof(struct cc_measurement));
}

void cc_measurement_free(struct cc_measurement *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n_mounts; i++) {
		free(m->mounts[i].destination);
		free(m->mounts[i].type);
		free(m->mounts[i].source);
		cc_strv_clear(&m->mounts[i].options);
	}
	free(m->mounts);
	free(m->engine);
	free(m->container_id);
	free(m->container_name);
	free(m->image_id);
	cc_strv_clear(&m->manifests);
	free(m->image_ref);
	cc_strv_clear(&m->image_args);
	cc_strv_clear(&m->image_env);
	free(m->image_cwd);
	cc_user_clear(&m->image_user);
	cc_image_proof_free(m->proof);
	cc_strv_clear(&m->args);
	cc_strv_clear(&m->env);
	free(m->cwd);
	cc_user_clear(&m->user);
	cc_strv_clear(&m->capabilities);
	free(m->seccomp);
	free(m->apparmor);
	cc_strv_clear(&m->devices);
	cc_strv_clear(&m->hooks);
	cc_strv_clear(&m->settings);
	cc_strv_clear(&m->holds);
	free(m->upper_dirty);
	free(m->rootfs_digest);
	free(m);
}

bool cc_mount_is_placeholder(const struct cc_mount *mt, const char *volume, const char *point)
{
	const size_t len = strlen(CC_PLACEHOLDER_DIR);

	/* config.json, and an agent's word, may leave both out. */
	if (!mt->type || !mt->source)
		return false;
	return !strcmp(mt->type, "bind") && !strcmp(mt->destination, point) &&
	       !strncmp(mt->source, CC_PLACEHOLDER_DIR, len) && mt->source[len] == '/' &&
	       !strcmp(mt->source + len + 1, volume);
}

/* ---- to JSON ------------------------------------------------------------------------------- */

static json_t *mounts_to_json(const struct cc_measurement *m)
{
	cc_auto_json json_t *arr = json_array();

	for (size_t i = 0; i < m->n_mounts; i++) {
		const struct cc_mount *mt = &m->mounts[i];

		if (json_array_append_new(arr, json_pack("{s:s, s:s*, s:s*, s:o, s:b}",
							 "destination", mt->destination, "type",
							 mt->type, "source", mt->source, "options",
							 cc_strv_json(&mt->options), "engine",
							 mt->engine)))
			return NULL;
	}
	return cc_steal(arr);
}

static json_t *namespaces_to_json(const struct cc_measurement *m)
{
	cc_auto_json json_t *obj = json_object();

	for (size_t i = 0; i < CC_NS_COUNT; i++)
		if (json_object_set_new(obj, cc_ns_names[i], json_string(ns_states[m->ns[i]])))
			return NULL;
	return cc_steal(obj);
}

static json_t *image_to_json(const struct cc_measurement *m)
{
	cc_auto_json json_t *proof = m->proof ? cc_image_proof_to_json(m->proof) : NULL;

	if (m->proof && !proof)
		return NULL;
	return json_pack("{s:s, s:o, s:s*, s:o, s:o, s:s, s:o, s:O*}", "id", m->image_id,
			 "manifests", cc_strv_json(&m->manifests), "ref", m->image_ref, "args",
			 cc_strv_json(&m->image_args), "env", cc_strv_json(&m->image_env), "cwd",
			 m->image_cwd ? m->image_cwd : "", "user", cc_user_to_json(&m->image_user),
			 "proof", proof);
}

static json_t *config_to_json(const struct cc_measurement *m)
{
	return json_pack(
		"{s:o, s:o, s:s, s:o, s:o, s:b, s:b, s:s, s:s*, s:o, s:o, s:o, s:o, s:o*, s:o, s:b}",
		"args", cc_strv_json(&m->args), "env", cc_strv_json(&m->env), "cwd", m->cwd, "user",
		cc_user_to_json(&m->user), "capabilities", cc_strv_json(&m->capabilities),
		"noNewPrivileges", m->no_new_privileges, "readonlyRootfs", m->readonly_rootfs,
		"seccomp", m->seccomp ? m->seccomp : "unconfined", "apparmor", m->apparmor,
		"mounts", mounts_to_json(m), "devices", cc_strv_json(&m->devices), "hooks",
		cc_strv_json(&m->hooks), "settings", cc_strv_json(&m->settings), "holds",
		m->holds.n ? cc_strv_json(&m->holds) : NULL, "namespaces", namespaces_to_json(m),
		"privileged", m->privileged);
}

static json_t *rootfs_to_json(const struct cc_measurement *m)
{
	cc_auto_free char *dirty = NULL;

	/* A file name is any bytes; JSON takes only UTF-8, and this one is for people to read. */
	if (m->upper_dirty) {
		dirty = strdup(m->upper_dirty);
		if (!dirty)
			return NULL;
		cc_text_clean(dirty);
	}
	return json_pack("{s:s, s:s*, s:b, s:s*, s:s*}", "upper", upper_states[m->upper], "dirty",
			 dirty, "firstStart", m->first_start, "sinceEnd",
			 m->since_end == CC_SINCE_END_UNKNOWN ? NULL
							      : since_end_states[m->since_end],
			 "digest", m->rootfs_digest);
}

json_t *cc_measurement_to_json(const struct cc_measurement *m)
{
	return json_pack("{s:s, s:s, s:{s:s, s:s*}, s:{s:I, s:I, s:I}, s:o, s:o, s:o}", "engine",
			 m->engine, "state", run_states[m->running], "container", "id",
			 m->container_id, "name", m->container_name, "process", "pid",
			 (json_int_t)m->pid, "startTime", (json_int_t)m->start_time, "cgroupId",
			 (json_int_t)m->cgroup_id, "image", image_to_json(m), "config",
			 config_to_json(m), "rootfs", rootfs_to_json(m));
}

/* ---- from JSON ----------------------------------------------------------------------------- */

/* The index of the string member @key in the NULL-terminated @words, which are all it may be. */
static int word(const json_t *obj, const char *what, const char *key, const char *const *words,
		size_t *index, struct cc_error *err)
{
	cc_auto_free char *s = NULL;

	if (cc_json_str(obj, what, key, true, &s, err))
		return -1;
	for (size_t i = 0; words[i]; i++) {
		if (!strcmp(words[i], s)) {
			*index = i;
			return 0;
		}
	}
	return cc_fail(err, CC_E_INVALID, "%s: \"%.64s\" is not a value of \"%s\"", what, s, key);
}

static int digest(const json_t *obj, const char *what, const char *key, bool required, char **out,
		  struct cc_error *err)
{
	if (cc_json_str(obj, what, key, required, out, err))
		return -1;
	if (*out && !cc_is_digest(*out))
		return cc_fail(err, CC_E_INVALID, "%s: \"%s\" is not a sha256 digest", what, key);
	return 0;
}

bool cc_measurement_is_container_id(const char *s)
{
	static const char ok[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.+-";
	size_t n = strspn(s, ok);

	return n > 0 && n <= CC_CONTAINER_ID_MAX && s[n] == '\0' && s[0] != '.' && s[0] != '-';
}

static int container_from_json(const json_t *obj, struct cc_measurement *m, struct cc_error *err)
{
	static const char *const known[] = {"id", "name", NULL};
	static const char what[] = "measurement container";

	if (cc_json_only(obj, what, known, err) ||
	    cc_json_str(obj, what, "id", true, &m->container_id, err) ||
	    cc_json_str(obj, what, "name", false, &m->container_name, err))
		return -1;
	if (!cc_measurement_is_container_id(m->container_id))
		return cc_fail(err, CC_E_INVALID, "%s: \"id\" is not a container id", what);
	return 0;
}

static int process_from_json(const json_t *obj, struct cc_measurement *m, struct cc_error *err)
{
	static const char *const known[] = {"pid", "startTime", "cgroupId", NULL};
	static const char what[] = "measurement process";
	uint64_t pid = 0;

	if (cc_json_only(obj, what, known, err) || cc_json_u64(obj, what, "pid", true, &pid, err) ||
	    cc_json_u64(obj, what, "startTime", true, &m->start_time, err) ||
	    cc_json_u64(obj, what, "cgroupId", true, &m->cgroup_id, err))
		return -1;
	if (pid == 0 || pid > INT_MAX)
		return cc_fail(err, CC_E_INVALID, "%s: \"pid\" is out of range", what);
	m->pid = (uint32_t)pid;
	return 0;
}

static int image_from_json(const json_t *obj, struct cc_measurement *m, struct cc_error *err)
{
	static const char *const known[] = {"id",  "manifests", "ref",	 "args", "env",
					    "cwd", "user",	"proof", NULL};
	static const char what[] = "measurement image";
	json_t *user = NULL, *proof = NULL;

	if (cc_json_only(obj, what, known, err) ||
	    digest(obj, what, "id", true, &m->image_id, err) ||
	    cc_json_strv(obj, what, "manifests", true, &m->manifests, err) ||
	    cc_json_str(obj, what, "ref", false, &m->image_ref, err) ||
	    cc_json_strv(obj, what, "args", true, &m->image_args, err) ||
	    cc_json_strv(obj, what, "env", true, &m->image_env, err) ||
	    cc_json_str(obj, what, "cwd", true, &m->image_cwd, err) ||
	    cc_json_obj(obj, what, "user", true, &user, err) ||
	    cc_user_from_json(user, "measurement image user", &m->image_user, err) ||
	    cc_json_obj(obj, what, "proof", false, &proof, err))
		return -1;
	m->proof = proof ? cc_image_proof_from_json(proof, err) : NULL;
	if (proof && !m->proof)
		return -1;
	for (size_t i = 0; i < m->manifests.n; i++)
		if (!cc_is_digest(m->manifests.v[i]))
			return cc_fail(err, CC_E_INVALID,
				       "%s: \"manifests\" must hold sha256 digests only", what);
	return 0;
}

static int mount_from_json(const json_t *obj, struct cc_mount *mt, struct cc_error *err)
{
	static const char *const known[] = {"destination", "type",   "source",
					    "options",	   "engine", NULL};
	static const char what[] = "measurement mount";

	if (cc_json_only(obj, what, known, err) ||
	    cc_json_str(obj, what, "destination", true, &mt->destination, err) ||
	    cc_json_str(obj, what, "type", false, &mt->type, err) ||
	    cc_json_str(obj, what, "source", false, &mt->source, err) ||
	    cc_json_strv(obj, what, "options", true, &mt->options, err))
		return -1;
	return cc_json_bool(obj, what, "engine", true, &mt->engine, err);
}

static int mounts_from_json(json_t *arr, struct cc_measurement *m, struct cc_error *err)
{
	size_t n = json_array_size(arr);

	if (n == 0)
		return 0;
	m->mounts = calloc(n, sizeof(*m->mounts));
	if (!m->mounts)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	m->n_mounts = n;
	for (size_t i = 0; i < n; i++)
		if (mount_from_json(json_array_get(arr, i), &m->mounts[i], err))
			return -1;
	return 0;
}

static int namespaces_from_json(const json_t *obj, struct cc_measurement *m, struct cc_error *err)
{
	static const char what[] = "measurement namespaces";

	for (size_t i = 0; i < CC_NS_COUNT; i++) {
		size_t state = 0;

		if (word(obj, what, cc_ns_names[i], ns_states, &state, err))
			return -1;
		m->ns[i] = (enum cc_ns_state)state;
	}
	if (json_object_size(obj) != CC_NS_COUNT)
		return cc_fail(err, CC_E_INVALID, "%s: unknown namespace", what);
	return 0;
}

static int config_from_json(const json_t *obj, struct cc_measurement *m, struct cc_error *err)
{
	static const char *const known[] = {"args",
					    "env",
					    "cwd",
					    "user",
					    "capabilities",
					    "noNewPrivileges",
					    "readonlyRootfs",
					    "seccomp",
					    "apparmor",
					    "mounts",
					    "devices",
					    "hooks",
					    "settings",
					    "holds",
					    "namespaces",
					    "privileged",
					    NULL};
	static const char what[] = "measurement config";
	json_t *user = NULL, *mounts = NULL, *ns = NULL;

	if (cc_json_only(obj, what, known, err) ||
	    cc_json_strv(obj, what, "args", true, &m->args, err) ||
	    cc_json_strv(obj, what, "env", true, &m->env, err) ||
	    cc_json_str(obj, what, "cwd", true, &m->cwd, err) ||
	    cc_json_obj(obj, what, "user", true, &user, err) ||
	    cc_user_from_json(user, "measurement user", &m->user, err) ||
	    cc_json_strv(obj, what, "capabilities", true, &m->capabilities, err) ||
	    cc_json_bool(obj, what, "noNewPrivileges", true, &m->no_new_privileges, err) ||
	    cc_json_bool(obj, what, "readonlyRootfs", true, &m->readonly_rootfs, err) ||
	    cc_json_str(obj, what, "seccomp", true, &m->seccomp, err) ||
	    cc_json_str(obj, what, "apparmor", false, &m->apparmor, err) ||
	    cc_json_arr(obj, what, "mounts", true, &mounts, err) ||
	    mounts_from_json(mounts, m, err) ||
	    cc_json_strv(obj, what, "devices", true, &m->devices, err) ||
	    cc_json_strv(obj, what, "hooks", true, &m->hooks, err) ||
	    cc_json_strv(obj, what, "settings", true, &m->settings, err) ||
	    cc_json_strv(obj, what, "holds", false, &m->holds, err) ||
	    cc_json_obj(obj, what, "namespaces", true, &ns, err) ||
	    namespaces_from_json(ns, m, err) ||
	    cc_json_bool(obj, what, "privileged", true, &m->privileged, err))
		return -1;
	if (strcmp(m->seccomp, "unconfined") != 0 && !cc_is_digest(m->seccomp))
		return cc_fail(err, CC_E_INVALID,
			       "%s: \"seccomp\" is neither a sha256 digest nor \"unconfined\"",
			       what);
	return 0;
}

static int rootfs_from_json(const json_t *obj, struct cc_measurement *m, struct cc_error *err)
{
	static const char *const known[] = {"upper",	"dirty",  "firstStart",
					    "sinceEnd", "digest", NULL};
	static const char what[] = "measurement rootfs";
	size_t upper = 0, since_end = CC_SINCE_END_UNKNOWN;

	if (cc_json_only(obj, what, known, err) ||
	    word(obj, what, "upper", upper_states, &upper, err) ||
	    cc_json_str(obj, what, "dirty", false, &m->upper_dirty, err) ||
	    cc_json_bool(obj, what, "firstStart", true, &m->first_start, err) ||
	    (json_object_get(obj, "sinceEnd") &&
	     word(obj, what, "sinceEnd", since_end_states, &since_end, err)))
		return -1;
	m->since_end = (enum cc_since_end)since_end;
	m->upper = (enum cc_upper)upper;
	return digest(obj, what, "digest", false, &m->rootfs_digest, err);
}

static int fill(const json_t *obj, struct cc_measurement *m, struct cc_error *err)
{
	static const char *const known[] = {"engine", "state",	"container", "process",
					    "image",  "config", "rootfs",    NULL};
	static const char what[] = "measurement";
	json_t *container = NULL, *process = NULL, *image = NULL, *config = NULL, *rootfs = NULL;
	size_t engine = 0, state = 0;

	if (cc_json_only(obj, what, known, err) ||
	    word(obj, what, "engine", engines, &engine, err) ||
	    cc_json_str(obj, what, "engine", true, &m->engine, err) ||
	    word(obj, what, "state", run_states, &state, err) ||
	    cc_json_obj(obj, what, "container", true, &container, err) ||
	    cc_json_obj(obj, what, "process", true, &process, err) ||
	    cc_json_obj(obj, what, "image", true, &image, err) ||
	    cc_json_obj(obj, what, "config", true, &config, err) ||
	    cc_json_obj(obj, what, "rootfs", true, &rootfs, err))
		return -1;
	m->running = state == 1;
	if (container_from_json(container, m, err) || process_from_json(process, m, err) ||
	    image_from_json(image, m, err) || config_from_json(config, m, err))
		return -1;
	return rootfs_from_json(rootfs, m, err);
}

struct cc_measurement *cc_measurement_from_json(const json_t *obj, struct cc_error *err)
{
	cc_auto_measurement struct cc_measurement *m = cc_measurement_new();

	if (!m) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	if (fill(obj, m, err)) {
		cc_set_fact(err, "measurement");
		return NULL;
	}
	return cc_steal(m);
}
