// SPDX-License-Identifier: Apache-2.0
/*
 * engine_docker.c - Docker, through its files (docker_store.h). Its API is asked for names, and by
 * paths without a version, which are of the one the daemon itself speaks.
 *
 * The daemon starts containers before it serves its API, and keeps them while it is away. GET
 * /containers/ID/json waits for the container's lock, which the daemon holds while the hook runs;
 * GET /containers/json is answered from a replica and does not.
 */
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/docker_api.h"
#include "engine/docker_store.h"
#include "engine/engine_store.h"
#include "decide.h"
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

	if (!escaped || asprintf(&path, "/containers/json?all=1&filters=%s", escaped) < 0) {
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

static bool is_whole_id(const char *s)
{
	return strlen(s) == CONTAINER_ID_LEN && engine_is_id_prefix(s);
}

/* By the daemon's files, which are there also when it is not. */
static int find_stored(const char *id, struct engine_container *c, struct cc_error *err)
{
	cc_auto_free char *root = NULL;

	return docker_store_dir(&docker_roots, id, &root, err) ||
			       docker_store_name(root, id, c, err) || take_bundle(c, err)
		       ? -1
		       : take_pid(c, err);
}

/* A whole id beats a name, a name beats a prefix of an id. */
static int docker_find(const char *container, struct engine_container *c, struct cc_error *err)
{
	cc_auto_json json_t *by_name = NULL, *by_id = NULL;
	json_t *entry = NULL;

	if (is_whole_id(container) && find_stored(container, c, err) == 0)
		return 0;

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

/* Where the daemon keeps its files, by itself; remembered for when it is not there to ask. */
static int learn_root(struct cc_error *err)
{
	cc_auto_json json_t *info = docker_get("/info", err);
	cc_auto_free char *dir = NULL;

	if (!info || cc_json_str(info, "docker info", "DockerRootDir", true, &dir, err))
		return -1;
	docker_store_remember(&docker_roots, dir);
	return 0;
}

/*
 * The daemon is asked only where no directory that is known has the container. CC_E_NOTFOUND: it
 * surely has none.
 */
static int find_root(const char *id, char **root, struct cc_error *err)
{
	if (docker_store_dir(&docker_roots, id, root, err) == 0)
		return 0;
	return learn_root(err) || docker_store_dir(&docker_roots, id, root, err) ? -1 : 0;
}

static int docker_describe(struct engine_container *c, struct cc_error *err)
{
	cc_auto_free char *root = NULL;

	return find_root(c->id, &root, err) || take_bundle(c, err) ||
			       docker_store_describe(&docker_roots, root, c, err)
		       ? -1
		       : 0;
}

/* ---- an image ------------------------------------------------------------------------------ */

/* What the daemon says of itself; NULL where only a container's record says what an image is. */
static json_t *docker_info(struct cc_error *err)
{
	cc_auto_json json_t *info = docker_get("/info", err);
	const char *driver = json_string_value(json_object_get(info, "Driver"));

	if (!info || (driver && strcmp(driver, DOCKER_DRIVER) == 0))
		return cc_steal(info);
	cc_fail(err, CC_E_INVALID,
		"docker's storage driver is %s, and by its name an image is found with " DOCKER_DRIVER
		" only; make the container (\"docker create\"), and give that",
		driver ? driver : "not known");
	return NULL;
}

static int docker_describe_image(const char *name, struct engine_container *c, char **volumes,
				 struct cc_error *err)
{
	cc_auto_free char *path = NULL, *id = NULL, *root = NULL;
	cc_auto_json json_t *info = NULL, *image = NULL;

	if (!engine_is_image_name(name))
		return cc_fail(err, CC_E_INVALID, "\"%.80s\" is not a name of an image", name);
	info = docker_info(err);
	if (!info || cc_json_str(info, "docker info", "DockerRootDir", true, &root, err))
		return -1;
	if (asprintf(&path, "/images/%s/json", name) < 0) {
		path = NULL;
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	image = docker_get(path, err);
	if (!image && err->code == CC_E_NOTFOUND)
		return cc_fail(err, CC_E_NOTFOUND,
			       "docker has no image %s; \"docker pull %s\" or build it", name,
			       name);
	if (!image || cc_json_str(image, "docker's answer", "Id", true, &id, err))
		return -1;
	if (!cc_is_digest(id))
		return cc_fail(err, CC_E_INVALID, "docker's answer: \"%.80s\" is not an image id",
			       id);
	snprintf(c->image_id, sizeof(c->image_id), "%s", id);
	c->image_ref = strdup(name);
	if (!c->image_ref || asprintf(volumes, "%s/volumes", root) < 0) {
		*volumes = NULL;
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	return docker_store_image(root, c, err);
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
	const char *version, *driver, *cgroup, *root;
	struct cc_error err;
	cc_auto_json json_t *info = docker_get("/info", &err);

	if (!info) {
		finding_warn(f, "systemctl start docker", "%s", err.text);
		return;
	}
	version = json_string_value(json_object_get(info, "ServerVersion")) ?: "?";
	driver = json_string_value(json_object_get(info, "Driver")) ?: "?";
	cgroup = json_string_value(json_object_get(info, "CgroupVersion")) ?: "2";
	root = json_string_value(json_object_get(info, "DockerRootDir")) ?: docker_roots.usual;
	if (json_array_size(json_object_get(info, "CDISpecDirs")) == 0)
		finding_fail(f, CC_E_NOTFOUND, CDI_OFF,
			     "%s has CDI switched off: --device container-crypt/volume=… does not "
			     "work",
			     version);
	else if (strcmp(cgroup, "2") != 0)
		finding_fail(f, CC_E_DEVICE, "boot with systemd.unified_cgroup_hierarchy=1",
			     "%s uses cgroups of version %s", version, cgroup);
	else if (docker_store_check(&docker_roots, root, driver, &err))
		finding_fail(f, CC_E_DEVICE, DOCKER_DRIVER_NEXT,
			     "%s: %s: no container with a volume starts", version, err.text);
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
	.describe_image = docker_describe_image,
	.capabilities = cc_default_capabilities,
	.check = docker_check,
};
