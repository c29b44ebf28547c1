// SPDX-License-Identifier: Apache-2.0
/*
 * engine_docker.c - Docker, through its API (v1.41 and later) and its image store.
 *
 * GET /containers/ID/json waits for the container's lock, which the daemon holds while the hook
 * runs. GET /containers/json is answered from a replica and does not.
 */
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/docker_api.h"
#include "engine/engine_store.h"
#include "demand.h"
#include "digest.h"
#include "host/http_unix.h"
#include "strv.h"

#define CDI_OFF \
	"{\"features\": {\"cdi\": true}} in /etc/docker/daemon.json, restart docker; needs Docker 25"

/*
 * Where containerd keeps running containers' bundles: the system's, the daemon's own; in the
 * namespace "moby", or "moby-UID.GID" of a daemon with --userns-remap.
 */
static const char *const bundle_dirs[] = {
	"/run/containerd/io.containerd.runtime.v2.task/moby*",
	"/run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby*",
};

/* Containers that match one filter, in all states. */
static json_t *docker_list(const char *filter, const char *value, struct cc_error *err)
{
	cc_auto_json json_t *filters = json_pack("{s:[s]}", filter, value);
	cc_auto_free char *text = filters ? json_dumps(filters, JSON_COMPACT) : NULL;
	cc_auto_free char *escaped = text ? http_escape(text) : NULL, *path = NULL;
	cc_auto_json json_t *found = NULL;

	if (!escaped || asprintf(&path, "/v1.41/containers/json?all=1&filters=%s", escaped) < 0) {
		path = NULL;
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	found = docker_get(path, err);
	if (found && !json_is_array(found)) {
		cc_fail(err, CC_E_INVALID, "docker's list of containers is not a list");
		return NULL;
	}
	return cc_steal(found);
}

static const char *entry_name(const json_t *entry)
{
	const char *name = json_string_value(json_array_get(json_object_get(entry, "Names"), 0));

	return name && name[0] == '/' ? name + 1 : name;
}

/* The entry with exactly this name; the daemon's filter is a regular expression. Borrowed. */
static json_t *named(const json_t *entries, const char *name)
{
	json_t *entry, *n;
	size_t i, k;

	json_array_foreach(entries, i, entry)
		json_array_foreach(json_object_get(entry, "Names"), k, n) {
			const char *s = json_string_value(n);

			if (s && s[0] == '/' && strcmp(s + 1, name) == 0)
				return entry;
		}
	return NULL;
}

static int take_entry(const json_t *entry, struct engine_container *c, struct cc_error *err)
{
	const char *name = entry_name(entry);
	cc_auto_free char *id = NULL;

	if (cc_json_str(entry, "docker's answer", "Id", true, &id, err))
		return -1;
	if (strlen(id) != CONTAINER_ID_LEN || !engine_is_id_prefix(id))
		return cc_fail(err, CC_E_INVALID, "docker's answer: \"%s\" is not a container id",
			       id);
	free(c->id);
	c->id = cc_steal(id);
	free(c->name);
	c->name = strdup(name ? name : c->id);
	return c->name ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

/* It exists exactly while the container does for the runtime. */
static int take_bundle(struct engine_container *c, struct cc_error *err)
{
	size_t i;

	free(c->bundle);
	c->bundle = NULL;

	for (i = 0; i < sizeof(bundle_dirs) / sizeof(bundle_dirs[0]) && !c->bundle; i++) {
		cc_cleanup(globfree) glob_t found = {0};
		cc_auto_free char *pattern = NULL;

		if (asprintf(&pattern, "%s/%s", bundle_dirs[i], c->id) < 0) {
			pattern = NULL;
			return cc_fail(err, CC_E_NOMEM, "out of memory");
		}
		if (glob(pattern, 0, NULL, &found) || found.gl_pathc == 0)
			continue;
		c->bundle = strdup(found.gl_pathv[0]);
		if (!c->bundle)
			return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	return 0;
}

/* Its process's number is in init.pid while it runs. */
static int take_pid(struct engine_container *c, struct cc_error *err)
{
	cc_auto_free char *pid = NULL;

	if (!c->bundle)
		return 0;
	if (asprintf(&pid, "%s/init.pid", c->bundle) < 0) {
		pid = NULL;
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	c->pid = engine_read_pid(pid);
	return 0;
}

/* podman-docker makes a link to Podman's socket, which answers a part of Docker's API. */
static bool is_podmans(const char *socket)
{
	cc_auto_free char *real = realpath(socket, NULL);
	const char *name = real ? strrchr(real, '/') : NULL;

	return name && strcmp(name, "/podman.sock") == 0;
}

static bool docker_present(void)
{
	struct stat st;

	return stat(DOCKER_SOCKET, &st) == 0 && S_ISSOCK(st.st_mode) && !is_podmans(DOCKER_SOCKET);
}

/* A whole id beats a name, a name beats a prefix of an id. */
static int docker_find(const char *container, struct engine_container *c, struct cc_error *err)
{
	cc_auto_json json_t *by_name = NULL, *by_id = NULL;
	json_t *entry = NULL;

	if (engine_is_id_prefix(container)) {
		by_id = docker_list("id", container, err);
		if (!by_id)
			return -1;
		entry = json_array_get(by_id, 0);
	}
	if (!entry || strlen(container) != CONTAINER_ID_LEN) {
		by_name = docker_list("name", container, err);
		if (!by_name)
			return -1;
		entry = named(by_name, container) ?: entry;
	}
	if (entry && json_array_size(by_id) > 1 && entry == json_array_get(by_id, 0))
		return cc_fail(err, CC_E_USAGE,
			       "several docker containers have an id that starts with %s",
			       container);
	if (!entry)
		return cc_fail(err, CC_E_NOTFOUND,
			       "docker has no container %s; see \"docker ps -a\"", container);
	return take_entry(entry, c, err) || take_bundle(c, err) ? -1 : take_pid(c, err);
}

/* RepoDigests: "repository@sha256:…"; empty for an image that never was in a registry. */
static int take_manifests(const char *image_id, struct engine_container *c, struct cc_error *err)
{
	cc_auto_free char *path = NULL;
	cc_auto_json json_t *image = NULL;
	json_t *entry;
	size_t i;

	if (asprintf(&path, "/v1.41/images/%s/json", image_id) < 0) {
		path = NULL;
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	image = docker_get(path, err);
	if (!image)
		return -1;
	json_array_foreach(json_object_get(image, "RepoDigests"), i, entry) {
		const char *at =
			json_is_string(entry) ? strchr(json_string_value(entry), '@') : NULL;

		if (at && cc_is_digest(at + 1) && !cc_strv_has(&c->manifests, at + 1) &&
		    cc_strv_push(&c->manifests, at + 1, err))
			return -1;
	}
	return 0;
}

/* Where the daemon keeps its files; only the overlay2 store has what we read. */
static int root_dir(char **dir, struct cc_error *err)
{
	cc_auto_json json_t *info = docker_get("/v1.41/info", err);
	cc_auto_free char *driver = NULL;

	if (!info || cc_json_str(info, "docker info", "Driver", true, &driver, err) ||
	    cc_json_str(info, "docker info", "DockerRootDir", true, dir, err))
		return -1;
	if (strcmp(driver, "overlay2") == 0)
		return 0;
	return cc_fail(
		err, CC_E_INVALID,
		"docker's storage driver is %s; only overlay2 is supported (\"storage-driver\": "
		"\"overlay2\" in /etc/docker/daemon.json)",
		driver);
}

/*
 * "" when nobody asked for a filter; the container then has the daemon's, which is its built-in
 * one or the one in daemon.json. Absent: nobody knows.
 */
static bool has_own_seccomp(const json_t *container)
{
	const char *asked = json_string_value(json_object_get(container, "SeccompProfile"));

	return asked && (!asked[0] || strcmp(asked, "builtin") == 0);
}

/* The only network that the container is on. One that was made without stays so. */
static const char *only_network(const json_t *container, const json_t *host)
{
	const char *mode = json_string_value(json_object_get(host, "NetworkMode"));
	json_t *settings = json_object_get(container, "NetworkSettings");
	json_t *networks = json_object_get(settings, "Networks");

	if (mode && strcmp(mode, "none") == 0)
		return mode;
	return json_object_size(networks) == 1 ? json_object_iter_key(json_object_iter(networks))
					       : NULL;
}

/* Nothing is in the list, or there is none; all else is something. */
static bool is_empty(const json_t *obj, const char *key)
{
	const json_t *list = json_object_get(obj, key);

	return !list || json_is_null(list) || (json_is_array(list) && !json_array_size(list));
}

static int take_holds(const json_t *container, const json_t *host, struct engine_container *c,
		      struct cc_error *err)
{
	const json_t *config = json_object_get(container, "Config");
	bool plain = json_is_object(host) && is_empty(host, "ExtraHosts") &&
		     is_empty(host, "Dns") && is_empty(host, "DnsSearch") &&
		     is_empty(host, "DnsOptions");

	return engine_add_hold(c, json_is_false(json_object_get(config, "OpenStdin")), CC_NO_STDIN,
			       err) ||
			       engine_add_hold(c, plain, CC_NO_EXTRA_HOSTS, err) ||
			       engine_add_network(c, only_network(container, host), err)
		       ? -1
		       : 0;
}

static json_t *read_own(const char *own, const char *file, struct cc_error *err)
{
	cc_auto_free char *path = NULL;

	if (asprintf(&path, "%s/%s", own, file) < 0) {
		path = NULL;
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	return engine_read_json(path, err);
}

/* The daemon keeps what a container was made with in the container's own directory. */
static int take_record(const char *own, struct engine_container *c, struct cc_error *err)
{
	cc_auto_json json_t *container = read_own(own, "config.v2.json", err);
	cc_auto_json json_t *host = container ? read_own(own, "hostconfig.json", err) : NULL;
	const json_t *config = json_object_get(container, "Config");

	if (!host)
		return -1;
	c->own_seccomp = has_own_seccomp(container);
	return engine_add_health(c, json_object_get(config, "Healthcheck"), err) ||
			       take_holds(container, host, c, err)
		       ? -1
		       : 0;
}

/* The daemon's filter takes a prefix; the answer must be about the container that was asked for. */
static int is_other(const json_t *entry, const char *id, struct cc_error *err)
{
	const char *got = json_string_value(json_object_get(entry, "Id"));

	if (got && strcmp(got, id) == 0)
		return 0;
	return cc_fail(err, CC_E_INVALID,
		       "docker was asked for container %.12s and answered for %.12s", id,
		       got ? got : "none");
}

static int docker_describe(struct engine_container *c, struct cc_error *err)
{
	cc_auto_free char *image = NULL, *dir = NULL, *path = NULL, *own = NULL;
	cc_auto_json json_t *entries = docker_list("id", c->id, err);
	json_t *entry;

	if (!entries)
		return -1;
	entry = json_array_get(entries, 0);
	if (!entry)
		return cc_fail(err, CC_E_NOTFOUND, "docker has no container %s", c->id);
	if (is_other(entry, c->id, err) || take_entry(entry, c, err) || take_bundle(c, err) ||
	    cc_json_str(entry, "docker's answer", "ImageID", true, &image, err) ||
	    cc_json_str(entry, "docker's answer", "Image", false, &c->image_ref, err))
		return -1;
	if (!cc_is_digest(image))
		return cc_fail(err, CC_E_INVALID, "docker's answer: \"%s\" is not an image id",
			       image);
	snprintf(c->image_id, sizeof(c->image_id), "%s", image);
	if (root_dir(&dir, err))
		return -1;
	if (asprintf(&own, "%s/containers/%s", dir, c->id) < 0)
		own = NULL;
	if (asprintf(&path, "%s/image/overlay2/imagedb/content/sha256/%s", dir,
		     image + strlen("sha256:")) < 0)
		path = NULL;
	if (!own || !path)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (cc_strv_push(&c->own_dirs, own, err) || take_record(own, c, err) ||
	    engine_read_image_config(path, c, err))
		return -1;
	return take_manifests(image, c, err);
}

/* ---- what it makes and mounts -------------------------------------------------------------- */

/*
 * The daemon's prestart hook, which moves its network sandbox's key:
 * /proc/PID/exe libnetwork-setkey -exec-root=… ID …
 */
static pid_t docker_own_hook(const char *list, const json_t *hook, const char *id)
{
	const char *path = json_string_value(json_object_get(hook, "path"));
	const json_t *args = json_object_get(hook, "args");
	const char *name = json_string_value(json_array_get(args, 0));
	const char *theirs = json_string_value(json_array_get(args, 2));
	int pid, end = 0;

	if (strcmp(list, "prestart") != 0 || !path || !name || !theirs ||
	    strcmp(name, "libnetwork-setkey") != 0 || strcmp(theirs, id) != 0 ||
	    json_object_get(hook, "env") || strnlen(path, 32) == 32)
		return 0;
	if (sscanf(path, "/proc/%9d/exe%n", &pid, &end) != 1 || end == 0 || path[end] || pid <= 0)
		return 0;
	return pid;
}

/* With the systemd driver, and with the cgroupfs driver, whose parent --cgroup-parent names. */
static const struct engine_cgroup docker_cgroups[] = {
	{NULL, "docker-", ".scope"},
	{NULL, "", ""},
	{0},
};

static const struct engine_file docker_files[] = {
	{"/etc/hosts", "hosts"},
	{"/etc/hostname", "hostname"},
	{"/etc/resolv.conf", "resolv.conf"},
	{"/dev/shm", "mounts/shm"},
	{0},
};

static const char *const docker_stubs[] = {"/.dockerenv", NULL};

/* ---- dmctl doctor -------------------------------------------------------------------------- */

/* The daemon lists the directories it looks for specs in exactly when CDI is on. */
static void docker_check(struct finding *f)
{
	const char *version, *driver, *cgroup;
	struct cc_error err;
	cc_auto_json json_t *info = docker_get("/v1.43/info", &err);

	if (!info) {
		finding_warn(f, "systemctl start docker", "%s", err.text);
		return;
	}
	version = json_string_value(json_object_get(info, "ServerVersion")) ?: "?";
	driver = json_string_value(json_object_get(info, "Driver")) ?: "?";
	cgroup = json_string_value(json_object_get(info, "CgroupVersion")) ?: "2";
	if (json_array_size(json_object_get(info, "CDISpecDirs")) == 0)
		finding_fail(f, CC_E_NOTFOUND, CDI_OFF,
			     "%s has CDI switched off: --device container-crypt/volume=… does not "
			     "work",
			     version);
	else if (strcmp(cgroup, "2") != 0)
		finding_fail(f, CC_E_DEVICE, "boot with systemd.unified_cgroup_hierarchy=1",
			     "%s uses cgroups of version %s", version, cgroup);
	else if (!strstr(driver, "overlay"))
		finding_warn(f, "use the storage driver overlay2",
			     "%s keeps images with driver %s: changed files cannot be noticed",
			     version, driver);
	else
		finding_ok(f, "%s, CDI is on", version);
}

const struct engine engine_docker = {
	.name = "docker",
	.program = "dockerd",
	.list_command = "docker ps -a",
	.unit = "container-crypt-docker.service",
	.answer_seconds = 100, /* it gives Create and Mount two minutes */
	.cgroups = docker_cgroups,
	.files = docker_files,
	.stubs = docker_stubs,
	.volumes = {2, "volumes"},
	.init_suffix = "-init",
	.own_hook = docker_own_hook,
	.present = docker_present,
	.find = docker_find,
	.describe = docker_describe,
	.check = docker_check,
};
