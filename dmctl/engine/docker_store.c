// SPDX-License-Identifier: Apache-2.0
/*
 * docker_store.c - the Docker daemon's files of a container.
 */
#include "engine/docker_store.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "demand.h"
#include "digest.h"
#include "engine/engine_store.h"
#include "file.h"
#include "log.h"
#include "paths.h"
#include "strv.h"

const struct docker_roots docker_roots = {
	.remembered = CC_LIB_DIR "/docker-root",
	.config = "/etc/docker/daemon.json",
	.usual = "/var/lib/docker",
	.containerd = {"/etc/containerd/config.toml", "/var/lib/containerd"},
};

/* Beside the daemon's own store: containerd's snapshots. */
#define SNAPSHOTTER "overlayfs"

/* ---- where it is --------------------------------------------------------------------------- */

/* @base, or the directory in there of a daemon with --userns-remap, "UID.GID". NULL: neither. */
static char *having(const char *base, const char *id)
{
	static const char *const forms[] = {"%s/containers/%s/config.v2.json",
					    "%s/[0-9]*.[0-9]*/containers/%s/config.v2.json"};
	static const size_t tail = sizeof("/containers//config.v2.json") - 1;
	char *root = NULL;

	for (size_t i = 0; i < 2 && !root; i++) {
		cc_cleanup(globfree) glob_t found = {0};
		char pattern[4096];

		snprintf(pattern, sizeof(pattern), i ? forms[1] : forms[0], base, id);
		if (glob(pattern, 0, NULL, &found) == 0 && found.gl_pathc == 1)
			root = strndup(found.gl_pathv[0],
				       strlen(found.gl_pathv[0]) - tail - strlen(id));
	}
	return root;
}

static char *remembered(const struct docker_roots *roots)
{
	cc_auto_free char *text = NULL;
	struct cc_error ignored;
	size_t len;

	if (cc_read_file(roots->remembered, &text, &len, &ignored))
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return text[0] == '/' ? cc_steal(text) : NULL;
}

/* "data-root", "graph" of old. */
static char *configured(const struct docker_roots *roots)
{
	struct cc_error ignored;
	cc_auto_json json_t *conf = engine_read_json(roots->config, &ignored);
	const char *dir = json_string_value(json_object_get(conf, "data-root"))
				  ?: json_string_value(json_object_get(conf, "graph"));

	return dir && dir[0] == '/' ? strdup(dir) : NULL;
}

int docker_store_dir(const struct docker_roots *roots, const char *id, char **root,
		     struct cc_error *err)
{
	cc_auto_free char *known = remembered(roots), *conf = configured(roots);
	const char *const bases[] = {known, conf, roots->usual};

	*root = NULL;
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]) && !*root; i++)
		if (bases[i])
			*root = having(bases[i], id);
	return *root ? 0 : cc_fail(err, CC_E_NOTFOUND, "docker has no container %s", id);
}

void docker_store_remember(const struct docker_roots *roots, const char *root)
{
	cc_auto_free char *known = remembered(roots);
	struct cc_error err;

	if (known && strcmp(known, root) == 0)
		return;
	if (cc_replace_file(roots->remembered, root, strlen(root), 0600, &err))
		cc_log(LOG_WARNING, "docker's directory cannot be remembered: %s", err.text);
}

/* ---- one container ------------------------------------------------------------------------- */

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

static char *own_dir(const char *root, const char *id, struct cc_error *err)
{
	char *own;

	if (asprintf(&own, "%s/containers/%s", root, id) >= 0)
		return own;
	cc_fail(err, CC_E_NOMEM, "out of memory");
	return NULL;
}

/* The record in a directory must be that of the container it is named after. */
static int take_name(const json_t *record, const char *id, struct engine_container *c,
		     struct cc_error *err)
{
	const char *own = json_string_value(json_object_get(record, "ID"));
	const char *name = json_string_value(json_object_get(record, "Name"));
	cc_auto_free char *copy = NULL;

	if (!own || strcmp(own, id) != 0)
		return cc_fail(err, CC_E_INVALID,
			       "docker's record of container %.12s is of container %.12s", id,
			       own ? own : "none");
	copy = strdup(id); /* @id may be c->id */
	free(c->id);
	free(c->name);
	c->id = cc_steal(copy);
	c->name = strdup(!name ? id : name[0] == '/' ? name + 1 : name);
	return c->id && c->name ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

int docker_store_name(const char *root, const char *id, struct engine_container *c,
		      struct cc_error *err)
{
	cc_auto_free char *own = own_dir(root, id, err);
	cc_auto_json json_t *record = own ? read_own(own, "config.v2.json", err) : NULL;

	return record ? take_name(record, id, c, err) : -1;
}

/*
 * "" when nobody asked for a filter; the container then has the daemon's, which is its built-in
 * one or the one in daemon.json. Absent: nobody knows.
 */
static bool has_own_seccomp(const json_t *record)
{
	const char *asked = json_string_value(json_object_get(record, "SeccompProfile"));

	return asked && (!asked[0] || strcmp(asked, "builtin") == 0);
}

/* The only network that the container is on. One that was made without stays so. */
static const char *only_network(const json_t *record, const json_t *host)
{
	const char *mode = json_string_value(json_object_get(host, "NetworkMode"));
	json_t *settings = json_object_get(record, "NetworkSettings");
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

/* What -p asks for, and -P. */
static bool publishes_no_port(const json_t *host)
{
	const json_t *ports = json_object_get(host, "PortBindings");

	return json_is_false(json_object_get(host, "PublishAllPorts")) &&
	       (json_is_null(ports) || (json_is_object(ports) && !json_object_size(ports)));
}

static int take_holds(const json_t *record, const json_t *host, struct engine_container *c,
		      struct cc_error *err)
{
	const json_t *config = json_object_get(record, "Config");
	bool plain = json_is_object(host) && is_empty(host, "ExtraHosts") &&
		     is_empty(host, "Dns") && is_empty(host, "DnsSearch") &&
		     is_empty(host, "DnsOptions");

	return engine_add_hold(c, json_is_false(json_object_get(config, "OpenStdin")), CC_NO_STDIN,
			       err) ||
			       engine_add_hold(c, plain, CC_NO_EXTRA_HOSTS, err) ||
			       engine_add_hold(c, publishes_no_port(host), CC_NO_PORTS, err) ||
			       engine_add_named(c, CC_NETWORK, only_network(record, host), err) ||
			       engine_add_named(c, CC_RUNTIME,
						json_string_value(json_object_get(host, "Runtime")),
						err)
		       ? -1
		       : 0;
}

/* ---- its image, in the daemon's own store -------------------------------------------------- */

/*
 * The names the daemon has for images; those of this one that are "repository@sha256:…". None for
 * an image that never was in a registry.
 */
static int take_manifests(const char *root, struct engine_container *c, struct cc_error *err)
{
	cc_auto_json json_t *doc = read_own(root, "image/" DOCKER_DRIVER "/repositories.json", err);
	const char *repository, *name;
	json_t *names, *id;

	if (!doc)
		return err->code == CC_E_NOTFOUND ? 0 : -1;
	json_object_foreach(json_object_get(doc, "Repositories"), repository, names)
		json_object_foreach(names, name, id) {
			const char *at = strrchr(name, '@');

			if (at && cc_is_digest(at + 1) && json_is_string(id) &&
			    strcmp(json_string_value(id), c->image_id) == 0 &&
			    !cc_strv_has(&c->manifests, at + 1) &&
			    cc_strv_push(&c->manifests, at + 1, err))
				return -1;
		}
	return 0;
}

static int take_image_config(const char *root, struct engine_container *c, struct cc_error *err)
{
	cc_auto_free char *path = NULL;

	if (asprintf(&path, "%s/image/" DOCKER_DRIVER "/imagedb/content/sha256/%s", root,
		     c->image_id + strlen("sha256:")) < 0) {
		path = NULL;
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	return engine_read_image_config(path, c, err);
}

int docker_store_image(const char *root, struct engine_container *c, struct cc_error *err)
{
	return take_image_config(root, c, err) || take_manifests(root, c, err) ? -1 : 0;
}

static int take_own_image(const char *root, const char *image, struct engine_container *c,
			  struct cc_error *err)
{
	if (!cc_is_digest(image))
		return cc_fail(err, CC_E_INVALID, "docker's record: \"%s\" is not an image id",
			       image);
	snprintf(c->image_id, sizeof(c->image_id), "%s", image);
	return docker_store_image(root, c, err);
}

/* ---- its image, in containerd's ------------------------------------------------------------ */

/* Where there is no containerd of the system's the daemon runs one itself, below its directory. */
static int content_dirs(const struct docker_roots *roots, const char *root, struct cc_strv *dirs,
			struct cc_error *err)
{
	cc_auto_free char *own = NULL;

	if (asprintf(&own, "%s/containerd/daemon", root) < 0) {
		own = NULL;
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	return content_store_dirs(&roots->containerd, own, dirs, err);
}

/*
 * The record has the manifest as well: of an image for several platforms it may be another one than
 * this host's (--platform).
 */
static int take_content_image(const struct docker_roots *roots, const char *root,
			      const json_t *record, const char *image, struct engine_container *c,
			      struct cc_error *err)
{
	const char *manifest = json_string_value(
		json_object_get(json_object_get(record, "ImageManifest"), "digest"));
	cc_cleanup(cc_strv_clear) struct cc_strv dirs = {0};

	if (!manifest)
		return cc_fail(err, CC_E_INVALID,
			       "docker's record does not say which manifest of image %.80s the "
			       "container was made from; create the container again",
			       image);
	return content_dirs(roots, root, &dirs, err) ||
			       content_store_image(&dirs, image, manifest, c, err)
		       ? -1
		       : 0;
}

/* ---- its image ----------------------------------------------------------------------------- */

/* @next: what to do about it, as the end of the text */
static int check_driver(const char *driver, const char *next, struct cc_error *err)
{
	if (strcmp(driver, DOCKER_DRIVER) == 0 || strcmp(driver, SNAPSHOTTER) == 0)
		return 0;
	return cc_fail(err, CC_E_INVALID,
		       "docker's storage driver is %.40s; only " DOCKER_DRIVER
		       " and containerd's " SNAPSHOTTER " show what a container is made of%s",
		       driver[0] ? driver : "not known", next);
}

int docker_store_check(const struct docker_roots *roots, const char *root, const char *driver,
		       struct cc_error *err)
{
	cc_cleanup(cc_strv_clear) struct cc_strv dirs = {0};

	if (check_driver(driver, "", err))
		return -1;
	return strcmp(driver, SNAPSHOTTER) == 0 ? content_dirs(roots, root, &dirs, err) : 0;
}

static int take_image(const struct docker_roots *roots, const char *root, const json_t *record,
		      struct engine_container *c, struct cc_error *err)
{
	const char *driver = json_string_value(json_object_get(record, "Driver")) ?: "";
	const char *image = json_string_value(json_object_get(record, "Image")) ?: "";
	const char *ref =
		json_string_value(json_object_get(json_object_get(record, "Config"), "Image"));

	c->image_ref = ref ? strdup(ref) : NULL;
	if (ref && !c->image_ref)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (check_driver(driver, " (" DOCKER_DRIVER_NEXT ")", err))
		return -1;
	return strcmp(driver, DOCKER_DRIVER) == 0
		       ? take_own_image(root, image, c, err)
		       : take_content_image(roots, root, record, image, c, err);
}

int docker_store_describe(const struct docker_roots *roots, const char *root,
			  struct engine_container *c, struct cc_error *err)
{
	cc_auto_free char *own = own_dir(root, c->id, err);
	cc_auto_json json_t *record = own ? read_own(own, "config.v2.json", err) : NULL;
	cc_auto_json json_t *host = record ? read_own(own, "hostconfig.json", err) : NULL;
	const json_t *config = json_object_get(record, "Config");

	if (!host || take_name(record, c->id, c, err) || take_image(roots, root, record, c, err) ||
	    cc_strv_push(&c->own_dirs, own, err))
		return -1;
	c->own_seccomp = has_own_seccomp(record);
	return engine_add_health(c, json_object_get(config, "Healthcheck"), err) ||
			       take_holds(record, host, c, err)
		       ? -1
		       : 0;
}
