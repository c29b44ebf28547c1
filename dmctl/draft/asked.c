// SPDX-License-Identifier: Apache-2.0
/*
 * asked.c - what a file asks of an engine, piece by piece.
 */
#include "draft/asked.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "container/oci.h"
#include "decide_env.h"
#include "identity.h"
#include "strv.h"

#define OUR_DEVICE "container-crypt/volume="
#define CAPABILITIES_MAX 256
#define MOUNTS_MAX 1024

int asked_init(struct asked *a, struct cc_error *err)
{
	a->m = cc_measurement_new();
	a->sysctl = json_object();
	a->limits = json_array();
	a->devices = json_array();
	return a->m && a->sysctl && a->limits && a->devices
		       ? 0
		       : cc_fail(err, CC_E_NOMEM, "out of memory");
}

void asked_clear(struct asked *a)
{
	struct cc_strv *const lists[] = {&a->entrypoint, &a->command,  &a->env,
					 &a->cap_add,	 &a->cap_drop, &a->volumes};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		cc_strv_clear(lists[i]);
	free(a->image);
	free(a->user);
	free(a->cwd);
	json_decref(a->health);
	json_decref(a->sysctl);
	json_decref(a->limits);
	json_decref(a->devices);
	cc_measurement_free(a->m);
	*a = (struct asked){0};
}

/* Length of the first @len bytes of @path without their last part and its slash. */
static size_t parent_of(const char *path, size_t len)
{
	while (len && path[len - 1] != '/')
		len--;
	return len ? len - 1 : 0;
}

/*
 * "." and ".." taken out, as a text: engines do not ask the file system either. @path is absolute,
 * so that each part is written before where it was.
 */
static void normalise(char *path)
{
	const char *in = path + strspn(path, "/");
	size_t out = 0;

	while (*in) {
		size_t len = strcspn(in, "/");

		if (len == 2 && strncmp(in, "..", 2) == 0) {
			out = parent_of(path, out);
		} else if (len != 1 || in[0] != '.') {
			path[out++] = '/';
			memmove(path + out, in, len);
			out += len;
		}
		in += len;
		in += strspn(in, "/");
	}
	path[out ? out : 1] = '\0';
}

char *asked_path(const char *dir, const char *path, struct cc_error *err)
{
	char *whole;

	if (asprintf(&whole, "/%s/%s", path[0] == '/' ? "" : dir, path) >= 0) {
		normalise(whole);
		return whole;
	}
	cc_fail(err, CC_E_NOMEM, "out of memory");
	return NULL;
}

int asked_env(struct asked *a, const char *var, struct cc_error *err)
{
	size_t len = strcspn(var, "=");

	if (len == 0 || !var[len])
		return cc_fail(err, CC_E_INVALID, "a variable without a name or a value");
	for (size_t i = 0; i < a->env.n; i++)
		if (strncmp(a->env.v[i], var, len + 1) == 0) {
			char *copy = strdup(var);

			if (!copy)
				return cc_fail(err, CC_E_NOMEM, "out of memory");
			free(a->env.v[i]);
			a->env.v[i] = copy;
			return 0;
		}
	if (a->env.n == CC_ENV_MAX)
		return cc_fail(err, CC_E_INVALID, "more than %d variables", CC_ENV_MAX);
	return cc_strv_push(&a->env, var, err);
}

int asked_capability(struct asked *a, bool add, const char *name, struct cc_error *err)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	struct cc_strv *list = add ? &a->cap_add : &a->cap_drop;
	bool prefixed = strncasecmp(name, "CAP_", 4) == 0;
	char whole[64];

	snprintf(whole, sizeof(whole), "CAP_%s", prefixed ? name + 4 : name);
	for (char *c = whole; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	if (strlen(name) > 50 || !whole[4] || whole[strspn(whole, letters)])
		return cc_fail(err, CC_E_INVALID, "\"%.60s\" is not a capability", name);
	if (list->n == CAPABILITIES_MAX)
		return cc_fail(err, CC_E_INVALID, "more than %d capabilities", CAPABILITIES_MAX);
	if (strcmp(whole, "CAP_ALL") != 0)
		return cc_strv_has(list, whole) ? 0 : cc_strv_push(list, whole, err);
	if (add)
		return cc_fail(err, CC_E_INVALID,
			       "ALL stands for what the host's kernel has; name the capabilities");
	return cc_strv_push(list, "ALL", err);
}

/* ---- mounts -------------------------------------------------------------------------------- */

static bool is_one_of(const char *const *words, const char *s)
{
	while (*words && strcmp(*words, s) != 0)
		words++;
	return *words;
}

/* -1 for one that is not known. */
static int keep_option(struct cc_mount *mt, const char *option, struct cc_error *err)
{
	/* what engines add unasked or that has its effect elsewhere: labels, owners, copies */
	static const char *const passed[] = {
		"rw",	     "z",	  "Z",		 "U",	     "nocopy",	   "copy",
		"private",   "rprivate",  "bind",	 "rbind",    "consistent", "cached",
		"delegated", "tmpcopyup", "notmpcopyup", "relatime", NULL};
	static const char *const kept[] = {"ro",	 "nosuid",     "nodev",	      "noexec",
					   "noatime",	 "shared",     "rshared",     "slave",
					   "rslave",	 "dev",	       "suid",	      "exec",
					   "nodiratime", "unbindable", "runbindable", NULL};
	static const char *const sizes[] = {"size=", "mode=", "nr_inodes=", "nr_blocks="};

	if (is_one_of(passed, option))
		return 0;
	if (is_one_of(kept, option))
		return cc_strv_has(&mt->options, option) ? 0
							 : cc_strv_push(&mt->options, option, err);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (strcmp(mt->type, "tmpfs") == 0 &&
		    strncmp(option, sizes[i], strlen(sizes[i])) == 0)
			return 0;
	return cc_fail(err, CC_E_INVALID, "option \"%.60s\" of the mount at %.200s is not known",
		       option, mt->destination);
}

static int keep_options(struct cc_mount *mt, const char *options, struct cc_error *err)
{
	cc_auto_free char *copy = strdup(options);
	char *save = NULL;

	if (!copy)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	for (char *o = strtok_r(copy, ",", &save); o; o = strtok_r(NULL, ",", &save))
		if (keep_option(mt, o, err))
			return -1;
	return 0;
}

static int fill_mount(struct cc_mount *mt, const char *type, const char *source,
		      const char *destination, const char *options, struct cc_error *err)
{
	mt->type = strdup(type);
	mt->source = source ? strdup(source) : NULL;
	mt->destination = strdup(destination);
	if (!mt->type || !mt->destination || (source && !mt->source))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	oci_path_clean(mt->destination);
	if (!cc_path_is_normal(mt->destination))
		return cc_fail(err, CC_E_INVALID, "\"%.200s\" is not a path in a container",
			       destination);
	if (mt->source && strcmp(type, "bind") == 0) {
		oci_path_clean(mt->source);
		if (mt->source[0] != '/')
			return cc_fail(err, CC_E_INVALID, "\"%.200s\" is not a path on the host",
				       source);
	}
	return options ? keep_options(mt, options, err) : 0;
}

int asked_mount(struct asked *a, const char *type, const char *source, const char *destination,
		const char *options, struct cc_error *err)
{
	struct cc_measurement *m = a->m;
	struct cc_mount *more, *mt;

	if (m->n_mounts == MOUNTS_MAX)
		return cc_fail(err, CC_E_INVALID, "more than %d mounts", MOUNTS_MAX);
	more = reallocarray(m->mounts, m->n_mounts + 1, sizeof(*more));
	if (!more)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	m->mounts = more;
	mt = &m->mounts[m->n_mounts++];
	*mt = (struct cc_mount){0};
	if (fill_mount(mt, type, source, destination, options, err))
		return -1;
	for (size_t i = 0; i + 1 < m->n_mounts; i++)
		if (strcmp(m->mounts[i].destination, mt->destination) == 0)
			return cc_fail(err, CC_E_INVALID, "two mounts at %.200s", mt->destination);
	return 0;
}

/* ---- devices ------------------------------------------------------------------------------- */

static bool is_cdi(const char *device)
{
	return device[0] != '/' && strchr(device, '/') && strchr(device, '=');
}

static int our_volume(struct asked *a, const char *device, struct cc_error *err)
{
	if (strncmp(device, OUR_DEVICE, strlen(OUR_DEVICE)) == 0)
		return cc_strv_push(&a->volumes, device + strlen(OUR_DEVICE), err);
	return cc_fail(err, CC_E_INVALID,
		       "%.100s is a device by CDI, and what it does is in a file of the host's",
		       device);
}

int asked_device(struct asked *a, const char *device, struct cc_error *err)
{
	cc_auto_free char *copy = strdup(device);
	const char *path, *access;
	char *rest = copy, *host;
	struct stat st;

	if (!copy)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (is_cdi(device))
		return our_volume(a, device, err);
	host = strsep(&rest, ":");
	path = strsep(&rest, ":") ?: host;
	access = rest ?: "rwm";
	/* --device /dev/x:rw */
	if (path[0] && path[0] != '/' && !path[strspn(path, "rwm")]) {
		access = path;
		path = host;
	}
	if (host[0] != '/' || !cc_path_is_normal(path) || access[strspn(access, "rwm")])
		return cc_fail(err, CC_E_INVALID, "\"%.200s\" is not a device", device);
	if (stat(host, &st) || (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode)))
		return cc_fail(err, CC_E_INVALID, "%.200s is not a device of this host", host);
	return json_array_append_new(a->devices, json_pack("{s:s, s:s, s:I, s:I}", "path", path,
							   "type", S_ISCHR(st.st_mode) ? "c" : "b",
							   "major", (json_int_t)major(st.st_rdev),
							   "minor", (json_int_t)minor(st.st_rdev)))
		       ? cc_fail(err, CC_E_NOMEM, "out of memory")
		       : 0;
}

/* ---- settings ------------------------------------------------------------------------------ */

int asked_sysctl(struct asked *a, const char *sysctl, struct cc_error *err)
{
	size_t len = strcspn(sysctl, "=");
	cc_auto_free char *name = strndup(sysctl, len);

	if (!name)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (len == 0 || !sysctl[len] || json_object_get(a->sysctl, name))
		return cc_fail(err, CC_E_INVALID, "\"%.100s\" is not NAME=VALUE, or is there twice",
			       sysctl);
	return json_object_set_new(a->sysctl, name, json_string(sysctl + len + 1))
		       ? cc_fail(err, CC_E_INVALID, "\"%.100s\" is not a text", name)
		       : 0;
}

/* Those of setrlimit(2), by the engines' names. */
static bool is_limit(const char *name)
{
	static const char *const names[] = {"as",    "core",	"cpu",	    "data",   "fsize",
					    "locks", "memlock", "msgqueue", "nice",   "nofile",
					    "nproc", "rss",	"rtprio",   "rttime", "sigpending",
					    "stack", NULL};

	return is_one_of(names, name);
}

int asked_limit(struct asked *a, const char *name, const char *soft, struct cc_error *err)
{
	bool unlimited = strcmp(soft, "-1") == 0 || strcmp(soft, "unlimited") == 0;
	char type[32] = "RLIMIT_";
	json_t *value;

	if (!is_limit(name))
		return cc_fail(err, CC_E_INVALID, "\"%.60s\" is not a limit", name);
	if (!unlimited && (!soft[0] || strlen(soft) > 18 || soft[strspn(soft, "0123456789")]))
		return cc_fail(err, CC_E_INVALID, "\"%.60s\" is not a value of limit %s", soft,
			       name);
	for (size_t i = 0; name[i]; i++)
		type[strlen("RLIMIT_") + i] = (char)toupper((unsigned char)name[i]);
	/* Go's RLIM_INFINITY, as it is read of config.json (cc_json_parse_engine()) */
	value = unlimited ? json_real(0x1p64) : json_integer(strtoll(soft, NULL, 10));
	return json_array_append_new(a->limits,
				     json_pack("{s:s, s:o}", "type", type, "soft", value))
		       ? cc_fail(err, CC_E_NOMEM, "out of memory")
		       : 0;
}

static int set_text(char **out, const char *text, struct cc_error *err)
{
	free(*out);
	*out = strdup(text);
	return *out ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

int asked_security(struct asked *a, const char *option, struct cc_error *err)
{
	size_t len = strcspn(option, "=:");
	const char *value = option[len] ? option + len + 1 : "";

	if (strncmp(option, "no-new-privileges", len) == 0 && len == 17 &&
	    (!value[0] || !strcmp(value, "true") || !strcmp(value, "false"))) {
		a->m->no_new_privileges = strcmp(value, "false") != 0;
		return 0;
	}
	if (strncmp(option, "seccomp", len) == 0 && len == 7 && !strcmp(value, "unconfined"))
		return set_text(&a->m->seccomp, value, err);
	if (strncmp(option, "apparmor", len) == 0 && len == 8 && value[0])
		return set_text(&a->m->apparmor, value, err);
	return cc_fail(err, CC_E_INVALID,
		       "what comes of the security option \"%.100s\" only a container shows",
		       option);
}

void asked_shares(struct asked *a, const char *ns, enum cc_ns_state with)
{
	for (size_t i = 0; i < CC_NS_COUNT; i++)
		if (strcmp(cc_ns_names[i], ns) == 0)
			a->m->ns[i] = with;
}
