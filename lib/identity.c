// SPDX-License-Identifier: Apache-2.0
#include "identity.h"

#include <limits.h>
#include <string.h>

#include "demand.h"
#include "digest.h"
#include "measurement.h"
#include "name.h"
#include "strv.h"
#include "timestamp.h"

#define SERIAL_MAX ((1ULL << 53) - 1) /* the largest integer a double holds exactly */

/* ---- paths --------------------------------------------------------------------------------- */

bool cc_path_is_normal(const char *path)
{
	const char *p = path;
	size_t n = strlen(path);

	if (p[0] != '/' || n >= PATH_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f)
			return false;
	while (*p == '/') {
		size_t c = strcspn(++p, "/");

		if (c == 0 || (c == 1 && p[0] == '.') || (c == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		p += c;
	}
	return true;
}

bool cc_path_is_within(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strncmp(path, dir, n) && (path[n] == '\0' || path[n] == '/');
}

/* ---- the predicate ------------------------------------------------------------------------- */

static int demand(bool ok, const char *member, const char *rule, struct cc_error *err)
{
	return ok ? 0 : cc_fail(err, CC_E_INVALID, "identity: %s must be %s", member, rule);
}

static int normal_paths(const struct cc_strv *sv, const char *member, struct cc_error *err)
{
	for (size_t i = 0; i < sv->n; i++)
		if (demand(cc_path_is_normal(sv->v[i]), member, "a list of normal absolute paths",
			   err))
			return -1;
	return 0;
}

static int parse_mount_point(const json_t *p, struct cc_identity *id, struct cc_error *err)
{
	static const char *const kernel_dirs[] = {"/proc", "/sys", "/dev"};

	if (cc_json_str(p, "identity", "mountPoint", true, &id->mount_point, err) ||
	    demand(cc_path_is_normal(id->mount_point), "mountPoint",
		   "an absolute path without \".\", \"..\", \"//\" or a slash at its end, and not \"/\"",
		   err))
		return -1;
	for (size_t i = 0; i < sizeof(kernel_dirs) / sizeof(kernel_dirs[0]); i++)
		if (demand(!cc_path_is_within(id->mount_point, kernel_dirs[i]), "mountPoint",
			   "outside /proc, /sys and /dev", err))
			return -1;
	return 0;
}

static int parse_bound(const json_t *p, const char *key, bool *has, int64_t *t,
		       struct cc_error *err)
{
	cc_auto_free char *s = NULL;

	if (cc_json_str(p, "identity", key, false, &s, err))
		return -1;
	if (!s)
		return 0;
	*has = true;
	return demand(cc_time_parse(s, t) == 0, key, "a UTC time like 2026-11-22T23:58:27Z", err);
}

static int parse_validity(const json_t *p, struct cc_identity *id, struct cc_error *err)
{
	if (parse_bound(p, "notBefore", &id->has_not_before, &id->not_before, err) ||
	    parse_bound(p, "notAfter", &id->has_not_after, &id->not_after, err))
		return -1;
	return demand(!id->has_not_before || !id->has_not_after || id->not_before <= id->not_after,
		      "notAfter", "later than notBefore", err);
}

/* One digest, or a list of them: an image of several platforms has one configuration each. */
static int parse_configs(const json_t *image, struct cc_identity *id, struct cc_error *err)
{
	static const char what[] = "identity image", key[] = "configDigest";
	struct cc_strv *list = &id->config_digests;
	cc_auto_free char *one = NULL;

	if (json_is_array(json_object_get(image, key))) {
		if (cc_json_strv(image, what, key, true, list, err))
			return -1;
	} else if (cc_json_str(image, what, key, true, &one, err) || cc_strv_push(list, one, err)) {
		return -1;
	}
	if (demand(list->n >= 1 && list->n <= CC_CONFIGS_MAX, "image configDigest",
		   "a sha256 digest, or a list of 1 to 16", err))
		return -1;
	for (size_t i = 0; i < list->n; i++)
		if (demand(cc_is_digest(list->v[i]), "image configDigest", "a sha256 digest", err))
			return -1;
	return 0;
}

static int parse_image(const json_t *p, struct cc_identity *id, struct cc_error *err)
{
	static const char *const known[] = {"configDigest", "rootfsDigest", NULL};
	json_t *image = NULL;

	if (cc_json_obj(p, "identity", "image", true, &image, err))
		return -1;
	if (cc_feed_is(image)) {
		id->feed = cc_feed_from_json(image, err);
		return id->feed ? 0 : -1;
	}
	if (cc_json_only(image, "identity image", known, err) || parse_configs(image, id, err) ||
	    cc_json_str(image, "identity image", "rootfsDigest", false, &id->rootfs_digest, err))
		return -1;
	return demand(!id->rootfs_digest || cc_is_digest(id->rootfs_digest), "image rootfsDigest",
		      "a sha256 digest", err);
}

static int parse_env(const json_t *process, struct cc_identity *id, struct cc_error *err)
{
	static const char *const known[] = {"name", "value", NULL};
	json_t *arr = NULL;
	size_t n;

	if (cc_json_arr(process, "identity process", "env", false, &arr, err))
		return -1;
	n = json_array_size(arr);
	if (n == 0)
		return 0;
	id->env = calloc(n, sizeof(*id->env));
	if (!id->env)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	id->n_env = n;
	for (size_t i = 0; i < n; i++) {
		const json_t *o = json_array_get(arr, i);
		struct cc_env_rule *r = &id->env[i];

		if (cc_json_only(o, "identity env rule", known, err) ||
		    cc_json_str(o, "identity env rule", "name", true, &r->name, err) ||
		    cc_json_str(o, "identity env rule", "value", false, &r->value, err) ||
		    demand(*r->name && !strchr(r->name, '='), "env rule name",
			   "a variable's name, without \"=\"", err))
			return -1;
	}
	return 0;
}

static int parse_capabilities(const json_t *process, struct cc_identity *id, struct cc_error *err)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

	id->has_capabilities = json_object_get(process, "capabilities") != NULL;
	if (cc_json_strv(process, "identity process", "capabilities", false, &id->capabilities,
			 err))
		return -1;
	for (size_t i = 0; i < id->capabilities.n; i++) {
		const char *c = id->capabilities.v[i];

		if (demand(!strncmp(c, "CAP_", 4) && c[4] && c[4 + strspn(c + 4, letters)] == '\0',
			   "capabilities", "names like CAP_CHOWN", err))
			return -1;
	}
	return 0;
}

static int parse_process(const json_t *p, struct cc_identity *id, struct cc_error *err)
{
	static const char *const known[] = {
		"args", "cwd", "user", "env", "capabilities", "noNewPrivileges", NULL};
	static const char what[] = "identity process";
	json_t *process = NULL, *user = NULL;

	if (cc_json_obj(p, "identity", "process", false, &process, err))
		return -1;
	if (!process)
		return 0;
	id->has_args = json_object_get(process, "args") != NULL;
	if (cc_json_only(process, what, known, err) ||
	    cc_json_strv(process, what, "args", false, &id->args, err) ||
	    demand(!id->has_args || id->args.n > 0, "process args", "at least the program", err) ||
	    cc_json_str(process, what, "cwd", false, &id->cwd, err) ||
	    demand(!id->cwd || id->cwd[0] == '/', "process cwd", "an absolute path", err) ||
	    cc_json_obj(process, what, "user", false, &user, err) || parse_env(process, id, err) ||
	    parse_capabilities(process, id, err) ||
	    cc_json_bool(process, what, "noNewPrivileges", false, &id->no_new_privileges, err))
		return -1;
	id->has_user = user != NULL;
	return user ? cc_user_from_json(user, "identity user", &id->user, err) : 0;
}

static int parse_mounts(const json_t *p, struct cc_identity *id, struct cc_error *err)
{
	static const char *const known[] = {"destination", "source", "type", "options", NULL};
	static const char what[] = "identity mount rule";
	json_t *arr = NULL;
	size_t n;

	if (cc_json_arr(p, "identity", "mounts", false, &arr, err))
		return -1;
	n = json_array_size(arr);
	if (n == 0)
		return 0;
	id->mounts = calloc(n, sizeof(*id->mounts));
	if (!id->mounts)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	id->n_mounts = n;
	for (size_t i = 0; i < n; i++) {
		const json_t *o = json_array_get(arr, i);
		struct cc_mount_rule *r = &id->mounts[i];

		if (cc_json_only(o, what, known, err) ||
		    cc_json_str(o, what, "destination", true, &r->destination, err) ||
		    cc_json_str(o, what, "source", false, &r->source, err) ||
		    cc_json_str(o, what, "type", true, &r->type, err) ||
		    cc_json_strv(o, what, "options", false, &r->options, err) ||
		    demand(cc_path_is_normal(r->destination), "mount rule destination",
			   "a normal absolute path", err) ||
		    demand(strcmp(r->type, "bind") != 0 || r->source, "mount rule source",
			   "given for a bind mount", err))
			return -1;
	}
	return 0;
}

/* A rule of the device control group, as lib/measurement.h has it: "c 188:*", "b 8:16". */
static bool is_device_rule(const char *s)
{
	static const char digits[] = "0123456789";
	size_t n;

	if (!strchr("bc", s[0]) || !s[0] || s[1] != ' ')
		return false;
	s += 2;
	n = strspn(s, digits);
	if (n == 0 || s[n] != ':')
		return false;
	s += n + 1;
	return strcmp(s, "*") == 0 || (s[0] && s[strspn(s, digits)] == '\0');
}

static int check_devices(const struct cc_identity *id, struct cc_error *err)
{
	for (size_t i = 0; i < id->devices.n; i++) {
		const char *d = id->devices.v[i];

		if (demand(cc_path_is_normal(d) || is_device_rule(d), "devices",
			   "a list of normal absolute paths and of rules like \"c 188:*\"", err))
			return -1;
	}
	return 0;
}

static int parse_upper(const json_t *p, struct cc_identity *id, struct cc_error *err)
{
	static const char *const words[] = {[CC_UPPER_RULE_SAME] = "same",
					    [CC_UPPER_RULE_CLEAN] = "clean",
					    [CC_UPPER_RULE_ANY] = "any"};
	cc_auto_free char *s = NULL;

	if (cc_json_str(p, "identity", "upper", false, &s, err))
		return -1;
	for (size_t i = CC_UPPER_RULE_SAME; s && i <= CC_UPPER_RULE_ANY; i++)
		if (!strcmp(words[i], s))
			id->upper = (enum cc_upper_rule)i;
	return demand(!s || id->upper != CC_UPPER_RULE_ABSENT, "upper",
		      "\"same\", \"clean\" or \"any\"", err);
}

static int parse_confinement(const json_t *p, struct cc_identity *id, struct cc_error *err)
{
	static const char what[] = "identity";

	if (cc_json_bool(p, what, "readonlyRootfs", false, &id->readonly_rootfs, err) ||
	    parse_upper(p, id, err) || cc_json_str(p, what, "seccomp", false, &id->seccomp, err) ||
	    demand(!id->seccomp || cc_is_digest(id->seccomp) || !strcmp(id->seccomp, "unconfined"),
		   "seccomp", "a sha256 digest or \"unconfined\"", err) ||
	    cc_json_str(p, what, "apparmor", false, &id->apparmor, err) ||
	    cc_json_strv(p, what, "devices", false, &id->devices, err) || check_devices(id, err) ||
	    cc_json_strv(p, what, "hooks", false, &id->hooks, err) ||
	    normal_paths(&id->hooks, "hooks", err) ||
	    cc_json_strv(p, what, "settings", false, &id->settings, err) ||
	    cc_json_strv(p, what, "demands", false, &id->demands, err) ||
	    cc_json_strv(p, what, "sharedNamespaces", false, &id->shared_namespaces, err))
		return -1;
	for (size_t i = 0; i < id->demands.n; i++)
		if (demand(cc_demand_is_known(id->demands.v[i]), "demands",
			   "a list out of no-core no-stdin no-tty no-swap no-extra-hosts no-ports private-ipc "
			   "user-namespace network:NAME runtime:NAME selinux-type:TYPE "
			   "selinux-level:LEVEL",
			   err))
			return -1;
	for (size_t i = 0; i < id->shared_namespaces.n; i++) {
		bool known = false;

		for (size_t k = 0; k < CC_NS_COUNT; k++)
			known |= !strcmp(cc_ns_names[k], id->shared_namespaces.v[i]);
		if (demand(known, "sharedNamespaces", "a list out of cgroup ipc mnt net pid uts",
			   err))
			return -1;
	}
	return cc_json_bool(p, what, "privileged", false, &id->privileged, err);
}

static int parse_serials(const json_t *p, struct cc_identity *id, struct cc_error *err)
{
	static const char what[] = "identity";

	id->has_floor = json_object_get(p, "floor") != NULL;
	if (cc_json_u64(p, what, "serial", true, &id->serial, err) ||
	    demand(id->serial >= 1 && id->serial <= SERIAL_MAX, "serial", "from 1 to 2^53 - 1",
		   err) ||
	    cc_json_u64(p, what, "floor", false, &id->floor, err))
		return -1;
	return demand(!id->has_floor || (id->floor >= 1 && id->floor <= id->serial), "floor",
		      "from 1 to the serial", err);
}

static int parse_predicate(const json_t *p, struct cc_identity *id, struct cc_error *err)
{
	static const char *const known[] = {
		"volume",     "mountPoint", "serial",  "notBefore", "notAfter",
		"readOnly",   "image",	    "process", "mounts",    "readonlyRootfs",
		"seccomp",    "apparmor",   "devices", "hooks",	    "sharedNamespaces",
		"privileged", "settings",   "demands", "upper",	    "floor",
		NULL};
	static const char what[] = "identity";

	if (cc_json_only(p, what, known, err) ||
	    cc_json_str(p, what, "volume", true, &id->volume, err) ||
	    demand(cc_is_name(id->volume), "volume",
		   "a name of at most 63 characters a-z 0-9 _ . -", err) ||
	    parse_mount_point(p, id, err) || parse_serials(p, id, err) ||
	    parse_validity(p, id, err) ||
	    cc_json_bool(p, what, "readOnly", false, &id->read_only, err) ||
	    parse_image(p, id, err) || parse_process(p, id, err) || parse_mounts(p, id, err))
		return -1;
	return parse_confinement(p, id, err);
}

/* ---- the statement ------------------------------------------------------------------------- */

/* in-toto Statement, subject: [{name, digest{sha256}}]. */
static int parse_subjects(const json_t *st, struct cc_identity *id, struct cc_error *err)
{
	static const char *const known[] = {"name", "digest", NULL};
	static const char *const algorithms[] = {"sha256", NULL};
	json_t *arr = NULL, *subject;
	size_t i;

	if (cc_json_arr(st, "statement", "subject", true, &arr, err) ||
	    demand(json_array_size(arr) > 0, "subject", "a list of at least one image", err))
		return -1;
	json_array_foreach(arr, i, subject) {
		cc_auto_free char *name = NULL, *hex = NULL;
		char digest[80];
		json_t *set = NULL;

		if (cc_json_only(subject, "statement subject", known, err) ||
		    cc_json_str(subject, "statement subject", "name", true, &name, err) ||
		    cc_json_obj(subject, "statement subject", "digest", true, &set, err) ||
		    cc_json_only(set, "statement subject digest", algorithms, err) ||
		    cc_json_str(set, "statement subject digest", "sha256", true, &hex, err))
			return -1;
		snprintf(digest, sizeof(digest), "sha256:%s", hex);
		if (demand(cc_is_digest(digest), "subject digest", "a sha256 digest", err) ||
		    cc_strv_push(&id->subjects, digest, err))
			return -1;
	}
	return 0;
}

static int parse_statement(const json_t *st, struct cc_identity *id, struct cc_error *err)
{
	static const char *const known[] = {"_type", "predicateType", "subject", "predicate", NULL};
	cc_auto_free char *type = NULL, *predicate_type = NULL;
	json_t *predicate = NULL;

	if (cc_json_only(st, "statement", known, err) ||
	    cc_json_str(st, "statement", "_type", true, &type, err) ||
	    cc_json_str(st, "statement", "predicateType", true, &predicate_type, err) ||
	    cc_json_obj(st, "statement", "predicate", true, &predicate, err) ||
	    demand(!strcmp(type, CC_STATEMENT_V01) || !strcmp(type, CC_STATEMENT_V1),
		   "statement _type", CC_STATEMENT_V01 " or " CC_STATEMENT_V1, err) ||
	    demand(!strcmp(predicate_type, CC_IDENTITY_TYPE), "statement predicateType",
		   CC_IDENTITY_TYPE, err) ||
	    parse_subjects(st, id, err))
		return -1;
	return parse_predicate(predicate, id, err);
}

struct cc_identity *cc_identity_parse(const char *payload, size_t len, struct cc_error *err)
{
	cc_auto_json json_t *st = cc_json_parse(payload, len, "identity", err);
	cc_auto_identity struct cc_identity *id = calloc(1, sizeof(*id));

	if (st && !id)
		cc_fail(err, CC_E_NOMEM, "out of memory");
	if (!st || !id || parse_statement(st, id, err)) {
		cc_set_fact(err, "identity");
		return NULL;
	}
	return cc_steal(id);
}

void cc_identity_free(struct cc_identity *id)
{
	if (!id || id->refs-- > 0)
		return;
	for (size_t i = 0; i < id->n_env; i++) {
		free(id->env[i].name);
		free(id->env[i].value);
	}
	free(id->env);
	for (size_t i = 0; i < id->n_mounts; i++) {
		free(id->mounts[i].destination);
		free(id->mounts[i].source);
		free(id->mounts[i].type);
		cc_strv_clear(&id->mounts[i].options);
	}
	free(id->mounts);
	cc_strv_clear(&id->subjects);
	free(id->volume);
	free(id->mount_point);
	cc_feed_free(id->feed);
	cc_strv_clear(&id->config_digests);
	free(id->rootfs_digest);
	cc_strv_clear(&id->args);
	free(id->cwd);
	cc_user_clear(&id->user);
	cc_strv_clear(&id->capabilities);
	free(id->seccomp);
	free(id->apparmor);
	cc_strv_clear(&id->devices);
	cc_strv_clear(&id->hooks);
	cc_strv_clear(&id->settings);
	cc_strv_clear(&id->demands);
	cc_strv_clear(&id->shared_namespaces);
	free(id);
}

/* ---- making one ---------------------------------------------------------------------------- */

static json_t *subjects_json(const struct cc_strv *subjects, const char *name, struct cc_error *err)
{
	cc_auto_json json_t *arr = json_array();

	for (size_t i = 0; i < subjects->n; i++) {
		const char *d = subjects->v[i];

		if (!cc_is_digest(d)) {
			cc_fail(err, CC_E_INVALID, "\"%.80s\" is not a sha256 digest", d);
			return NULL;
		}
		if (json_array_append_new(arr, json_pack("{s:s, s:{s:s}}", "name", name, "digest",
							 "sha256", d + strlen("sha256:")))) {
			cc_fail(err, CC_E_INVALID, "the image name is not UTF-8");
			return NULL;
		}
	}
	return cc_steal(arr);
}

char *cc_identity_statement(const json_t *predicate, const struct cc_strv *subjects,
			    const char *name, struct cc_error *err)
{
	cc_auto_json json_t *list = subjects_json(subjects, name, err);
	cc_auto_json json_t *st = NULL;
	cc_auto_identity struct cc_identity *check = NULL;
	cc_auto_free char *text = NULL;

	if (!list)
		return NULL;
	st = json_pack("{s:s, s:s, s:O, s:O}", "_type", CC_STATEMENT_V01, "predicateType",
		       CC_IDENTITY_TYPE, "subject", list, "predicate", predicate);
	text = json_dumps(st, JSON_COMPACT);
	if (!text) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	check = cc_identity_parse(text, strlen(text), err);
	return check ? cc_steal(text) : NULL;
}
