// SPDX-License-Identifier: Apache-2.0
/*
 * engine_podman.c - Podman of root, through the files of its store (containers/storage,
 * overlay driver). There is no daemon to ask, and `podman inspect` would wait for the lock that
 * Podman holds while the hook runs.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/engine_store.h"
#include "engine/podman_conf.h"
#include "engine/podman_db.h"
#include "engine/podman_store.h"
#include "host/program.h"
#include "demand.h"
#include "digest.h"
#include "strv.h"

/* Where runtimes keep a container's exec.fifo, which exists until it is started. */
static const char *const runtime_dirs[] = {"/run/crun", "/run/runc"};

static int join(char **out, struct cc_error *err, const char *dir, const char *a, const char *b,
		const char *c)
{
	if (asprintf(out, "%s/%s/%s%s", dir, a, b, c) >= 0)
		return 0;
	*out = NULL;
	return cc_fail(err, CC_E_NOMEM, "out of memory");
}

static bool has_prefix(const json_t *entry, const char *prefix)
{
	const char *id = json_string_value(json_object_get(entry, "id"));

	return id && strncmp(id, prefix, strlen(prefix)) == 0;
}

/*
 * Looks in one list; *entry is borrowed from *doc. A whole id beats a name (which may look like the
 * id of another container), a name beats a prefix of an id.
 */
static int search(json_t *doc, const char *container, json_t **entry, struct cc_error *err)
{
	bool id = engine_is_id_prefix(container);
	json_t *e;
	size_t i;

	json_array_foreach(doc, i, e)
		if (podman_entry_has_id(e, container)) {
			*entry = e;
			return 0;
		}
	json_array_foreach(doc, i, e)
		if (podman_entry_has_name(e, container)) {
			*entry = e;
			return 0;
		}
	json_array_foreach(doc, i, e) {
		if (!id || !has_prefix(e, container))
			continue;
		if (*entry)
			return cc_fail(err, CC_E_USAGE,
				       "several podman containers have an id that starts with %s",
				       container);
		*entry = e;
	}
	return 0;
}

/* Containers that `podman run --rm` made are in a list of their own. New reference. */
static json_t *find_entry(const struct podman_store *s, const char *container, struct cc_error *err)
{
	static const char *const files[] = {"containers.json", "volatile-containers.json"};
	json_t *entry = NULL;
	size_t i;

	for (i = 0; i < 2; i++) {
		cc_auto_json json_t *doc =
			podman_store_list(s, "overlay-containers", files[i], err);

		if (!doc && err->code != CC_E_NOTFOUND)
			return NULL;
		if (doc && search(doc, container, &entry, err))
			return NULL;
		if (entry)
			return json_incref(entry);
	}
	cc_fail(err, CC_E_NOTFOUND, "podman has no container %s; see \"podman ps -a\"", container);
	return NULL;
}

static int take_entry(const json_t *entry, struct engine_container *c, struct cc_error *err)
{
	const char *name = json_string_value(json_array_get(json_object_get(entry, "names"), 0));

	free(c->id);
	c->id = NULL;
	if (cc_json_str(entry, "podman's store", "id", true, &c->id, err))
		return -1;
	if (strlen(c->id) != CONTAINER_ID_LEN || !engine_is_id_prefix(c->id))
		return cc_fail(err, CC_E_INVALID, "podman's store: \"%s\" is not a container id",
			       c->id);
	free(c->name);
	c->name = strdup(name ? name : c->id);
	return c->name ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

static bool is_waiting(const char *id)
{
	struct stat st;
	char path[256];
	size_t i;

	for (i = 0; i < sizeof(runtime_dirs) / sizeof(runtime_dirs[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s/exec.fifo", runtime_dirs[i], id);
		if (stat(path, &st) == 0)
			return true;
	}
	return false;
}

static bool podman_present(void)
{
	struct cc_error err;
	cc_cleanup(podman_store_clear) struct podman_store s = {0};
	cc_auto_free char *dir = NULL;
	struct stat st;

	return podman_store_open(&s, &err) == 0 &&
	       join(&dir, &err, s.graph, "overlay-containers", "", "") == 0 && dir &&
	       stat(dir, &st) == 0;
}

static int take_bundle(const struct podman_store *s, struct engine_container *c,
		       struct cc_error *err)
{
	free(c->bundle);
	return join(&c->bundle, err, s->graph, "overlay-containers", c->id, "/userdata");
}

static int podman_find(const char *container, struct engine_container *c, struct cc_error *err)
{
	cc_cleanup(podman_store_clear) struct podman_store s = {0};
	cc_auto_free char *pidfile = NULL;
	cc_auto_json json_t *entry = NULL;

	if (podman_store_open(&s, err))
		return -1;
	entry = find_entry(&s, container, err);
	if (!entry || take_entry(entry, c, err) || take_bundle(&s, c, err) ||
	    join(&pidfile, err, s.run, "overlay-containers", c->id, "/userdata/pidfile"))
		return -1;
	c->pid = engine_read_pid(pidfile);
	c->waiting = is_waiting(c->id);
	return 0;
}

/* Name the container was made from, out of the metadata Podman keeps as a JSON text. */
static void take_image_ref(const json_t *entry, struct engine_container *c)
{
	const char *text = json_string_value(json_object_get(entry, "metadata"));
	struct cc_error ignored; /* the name is informational */
	cc_auto_json json_t *metadata =
		text ? cc_json_parse_engine(text, strlen(text), ENGINE_FILE_MAX, "metadata",
					    &ignored)
		     : NULL;
	const char *ref = json_string_value(json_object_get(metadata, "image-name"));

	c->image_ref = ref ? strdup(ref) : NULL;
}

/* Podman leaves out what is empty. */
static bool lacks(const json_t *config, const char *key)
{
	const json_t *value = json_object_get(config, key);

	return !value || json_is_null(value) || json_is_false(value) ||
	       (json_is_array(value) && !json_array_size(value));
}

/* A network namespace that the runtime makes and nobody configures: it stays without. */
static bool has_no_network(const json_t *config)
{
	const json_t *lnx = json_object_get(json_object_get(config, "spec"), "linux"), *ns;
	const char *type, *path;
	size_t i;

	if (!lacks(config, "createNetNS") || !lacks(config, "netNsCtr"))
		return false;
	json_array_foreach(json_object_get(lnx, "namespaces"), i, ns) {
		type = json_string_value(json_object_get(ns, "type"));
		path = json_string_value(json_object_get(ns, "path"));
		if (type && strcmp(type, "network") == 0)
			return !path || !path[0];
	}
	return false;
}

/* The only network it is on; Podman keeps the record up to date when one is joined or left. */
static const char *only_network(const json_t *config)
{
	const char *mode = json_string_value(json_object_get(config, "networkMode"));
	json_t *networks = json_object_get(config, "newNetworks");

	if (has_no_network(config))
		return "none";
	return mode && strcmp(mode, "bridge") == 0 && json_object_size(networks) == 1
		       ? json_object_iter_key(json_object_iter(networks))
		       : NULL;
}

/*
 * Of the memory it mounts for its containers Podman lets others have what was made to be shared.
 */
static bool keeps_shm(const json_t *config)
{
	return json_is_true(json_object_get(config, "NOShmShare")); /* its spelling */
}

/* -P is made ports when the container is made; records of before Podman 4 have the second. */
static bool publishes_no_port(const json_t *config)
{
	return lacks(config, "newPortMappings") && lacks(config, "portMappings");
}

static int take_holds(const json_t *config, struct engine_container *c, struct cc_error *err)
{
	bool plain = lacks(config, "hostsAdd") && lacks(config, "dnsServer") &&
		     lacks(config, "dnsSearch") && lacks(config, "dnsOption") &&
		     lacks(config, "baseHostsFile");

	return engine_add_hold(c, lacks(config, "stdin"), CC_NO_STDIN, err) ||
			       engine_add_hold(c, plain, CC_NO_EXTRA_HOSTS, err) ||
			       engine_add_hold(c, publishes_no_port(config), CC_NO_PORTS, err) ||
			       engine_add_hold(c, keeps_shm(config), CC_PRIVATE_IPC, err) ||
			       engine_add_named(c, CC_NETWORK, only_network(config), err) ||
			       engine_add_named(
				       c, CC_RUNTIME,
				       json_string_value(json_object_get(config, "runtime")), err)
		       ? -1
		       : 0;
}

/*
 * Only Podman's data base has it. Where that is another one (BoltDB, of before version 5) it is not
 * known, which is something else than none.
 */
static json_t *load_record(const struct podman_store *s, const struct engine_container *c,
			   struct cc_error *err)
{
	cc_auto_free char *libpod = NULL;

	if (asprintf(&libpod, "%s/libpod", s->graph) < 0) {
		libpod = NULL;
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	return podman_db_config((const char *const[]){s->graph, libpod, s->run, NULL}, c->id, err);
}

static int take_record(const struct podman_store *s, struct engine_container *c,
		       struct cc_error *err)
{
	cc_auto_json json_t *config = load_record(s, c, err);

	if (config)
		return engine_add_health(c, json_object_get(config, "healthcheck"), err) ||
				       engine_add_health(
					       c, json_object_get(config, "startupHealthCheck"),
					       err) ||
				       take_holds(config, c, err)
			       ? -1
			       : 0;
	if (err->code != CC_E_NOTFOUND)
		return -1;
	c->health = json_pack("[s]", "unknown");
	return c->health ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

/* Later versions of Podman make the first container of a pod so, too. */
static int is_imageless(const struct podman_store *s, struct engine_container *c,
			struct cc_error *err)
{
	struct cc_error ignored;
	cc_auto_json json_t *config = load_record(s, c, &ignored);

	c->imageless = true;
	c->infra = json_is_true(json_object_get(config, "pause")); /* IsInfra */
	return cc_fail(err, CC_E_INVALID,
		       "container %s was made from a root file system, not from an image; there is "
		       "nothing to attest",
		       c->name);
}

static int podman_describe(struct engine_container *c, struct cc_error *err)
{
	cc_auto_free char *image = NULL, *path = NULL, *kept = NULL, *run = NULL;
	cc_cleanup(podman_store_clear) struct podman_store s = {0};
	cc_auto_json json_t *entry = NULL;
	struct podman_store images = {0}; /* borrowed */

	if (podman_store_open(&s, err))
		return -1;
	entry = find_entry(&s, c->id, err);
	if (!entry)
		return -1;
	if (!podman_entry_has_id(entry, c->id))
		return cc_fail(err, CC_E_NOTFOUND, "podman has no container %s", c->id);
	if (take_entry(entry, c, err) || take_bundle(&s, c, err) ||
	    cc_json_str(entry, "podman's store", "image", true, &image, err))
		return -1;
	snprintf(c->image_id, sizeof(c->image_id), "sha256:%s", image);
	if (!cc_is_digest(c->image_id))
		return is_imageless(&s, c, err);
	take_image_ref(entry, c);
	if (join(&kept, err, s.graph, "overlay-containers", c->id, "/userdata") ||
	    join(&run, err, s.run, "overlay-containers", c->id, "/userdata") ||
	    cc_strv_push(&c->own_dirs, kept, err) || cc_strv_push(&c->own_dirs, run, err))
		return -1;
	images.graph = podman_store_of_image(&s, image);
	path = podman_store_blob(&images, image, c->image_id, err);
	if (!path || take_record(&s, c, err) || engine_read_image_config(path, c, err))
		return -1;
	c->seccomp_profile = podman_conf_seccomp();
	return podman_store_manifests(&images, image, c, err);
}

/* ---- what it makes and mounts -------------------------------------------------------------- */

/* With the cgroupfs manager, with systemd's, and below a service's own (--cgroups=split). */
static const struct engine_cgroup podman_cgroups[] = {
	{NULL, "libpod-", ""},
	{NULL, "libpod-", ".scope"},
	{NULL, "libpod-payload-", ""},
	{0},
};

static const struct engine_file podman_files[] = {
	{"/etc/hosts", "hosts"},
	{"/etc/hostname", "hostname"},
	{"/etc/resolv.conf", "resolv.conf"},
	{"/etc/passwd", "passwd"},
	{"/etc/group", "group"},
	{"/run/.containerenv", ".containerenv"},
	{"/dev/shm", "shm"},
	{0},
};

/* Empty, filled from the image; unless told not to. */
static const char *const podman_scratch[] = {"/run", "/tmp", "/var/tmp", NULL};
static const char *const podman_stubs[] = {"/run/.containerenv", NULL};

/* Of containers.conf(5), default_capabilities, since Podman 4. */
static const char *const podman_capabilities[] = {
	"CAP_CHOWN",   "CAP_DAC_OVERRIDE",     "CAP_FOWNER",	 "CAP_FSETID",
	"CAP_KILL",    "CAP_NET_BIND_SERVICE", "CAP_SETFCAP",	 "CAP_SETGID",
	"CAP_SETPCAP", "CAP_SETUID",	       "CAP_SYS_CHROOT", NULL};

/* ---- dmctl doctor -------------------------------------------------------------------------- */

static void podman_check(struct finding *f)
{
	if (program_installed("crun") || program_installed("runc"))
		finding_ok(f, "is installed, CDI is always on");
	else
		finding_warn(f, "install crun", "has no runtime, neither crun nor runc");
}

const struct engine engine_podman = {
	.name = "podman",
	.program = "podman",
	.list_command = "podman ps -a",
	.prepare_command = "podman init",
	.answer_seconds = 4, /* it waits five for everything */
	.cgroups = podman_cgroups,
	.files = podman_files,
	.scratch = podman_scratch,
	.stubs = podman_stubs,
	.adds_accounts = true,
	.volumes = {3, "volumes"},
	.present = podman_present,
	.find = podman_find,
	.describe = podman_describe,
	.describe_image = podman_store_image,
	.capabilities = podman_capabilities,
	.check = podman_check,
};
