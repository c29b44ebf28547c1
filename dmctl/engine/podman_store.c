// SPDX-License-Identifier: Apache-2.0
/*
 * podman_store.c - the store of Podman of root.
 */
#include "engine/podman_store.h"

#include <stdio.h>
#include <string.h>
#include <openssl/evp.h>

#include "engine/engine_store.h"
#include "engine/podman_conf.h"
#include "digest.h"
#include "strv.h"

#define GRAPH_ROOT "/var/lib/containers/storage"
#define RUN_ROOT "/run/containers/storage"

/* The first that exists counts (containers-storage.conf.5). */
static const char *const conf_files[] = {
	"/etc/containers/storage.conf",
	"/usr/share/containers/storage.conf",
};

void podman_store_clear(struct podman_store *s)
{
	free(s->graph);
	free(s->run);
	cc_strv_clear(&s->images);
}

/* graphroot and runroot are in the table [storage]; nothing else of the file matters here. */
static void read_conf(char *text, struct podman_store *s)
{
	bool in_storage = false;
	char *line, *save, *value;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (line[strspn(line, " \t")] == '[')
			in_storage = strncmp(line + strspn(line, " \t"), "[storage]", 9) == 0;
		if (!in_storage)
			continue;
		value = engine_conf_string(line, "graphroot");
		if (value) {
			free(s->graph);
			s->graph = value;
		}
		value = engine_conf_string(line, "runroot");
		if (value) {
			free(s->run);
			s->run = value;
		}
	}
}

int podman_store_open(struct podman_store *s, struct cc_error *err)
{
	struct cc_error ignored; /* no configuration: the defaults */
	size_t i, len;

	for (i = 0; i < sizeof(conf_files) / sizeof(conf_files[0]); i++) {
		cc_auto_free char *text = NULL;

		if (engine_read(conf_files[i], &text, &len, &ignored))
			continue;
		if (podman_conf_image_stores(text, &s->images, err))
			return -1;
		read_conf(text, s);
		break;
	}
	if (!s->graph)
		s->graph = strdup(GRAPH_ROOT);
	if (!s->run)
		s->run = strdup(RUN_ROOT);
	return s->graph && s->run ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

json_t *podman_store_list(const struct podman_store *s, const char *dir, const char *file,
			  struct cc_error *err)
{
	cc_auto_free char *path = NULL;

	if (asprintf(&path, "%s/%s/%s", s->graph, dir, file) >= 0)
		return engine_read_json(path, err);
	path = NULL;
	cc_fail(err, CC_E_NOMEM, "out of memory");
	return NULL;
}

bool podman_entry_has_name(const json_t *entry, const char *name)
{
	json_t *n;
	size_t i;

	json_array_foreach(json_object_get(entry, "names"), i, n)
		if (json_is_string(n) && strcmp(json_string_value(n), name) == 0)
			return true;
	return false;
}

bool podman_entry_has_id(const json_t *entry, const char *id)
{
	const char *own = json_string_value(json_object_get(entry, "id"));

	return own && strcmp(own, id) == 0;
}

/*
 * Name of the file that holds an image's big data item @key: the key itself when it consists of
 * lower-case letters, digits and dots, else "=" and its base64.
 */
static char *blob_name(const char *key)
{
	size_t len = strlen(key);
	char *name;

	if (strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789.") == len)
		return strdup(key);
	name = malloc(2 + 4 * ((len + 2) / 3));
	if (!name)
		return NULL;
	name[0] = '=';
	EVP_EncodeBlock((unsigned char *)name + 1, (const unsigned char *)key, (int)len);
	return name;
}

char *podman_store_blob(const struct podman_store *s, const char *image, const char *key,
			struct cc_error *err)
{
	cc_auto_free char *name = blob_name(key), *path = NULL;

	if (!name || asprintf(&path, "%s/overlay-images/%s/%s", s->graph, image, name) < 0) {
		path = NULL;
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	return cc_steal(path);
}

/*
 * A manifest in the image's store counts when it hashes to the digest it is kept under and names
 * this image's configuration.
 */
static int take_manifest(const struct podman_store *s, const char *image, const char *key,
			 struct engine_container *c, struct cc_error *err)
{
	cc_auto_free char *path = podman_store_blob(s, image, key, err), *text = NULL;
	cc_auto_json json_t *doc = NULL;
	struct cc_error ignored; /* what is no manifest of this image does not count */
	const char *config;
	char digest[72];
	size_t len;

	if (!path)
		return -1;
	if (engine_read(path, &text, &len, err))
		return err->code == CC_E_NOTFOUND ? 0 : -1;
	cc_sha256_digest(text, len, digest);
	doc = cc_json_parse_engine(text, len, ENGINE_FILE_MAX, path, &ignored);
	config = json_string_value(json_object_get(json_object_get(doc, "config"), "digest"));
	if (!config || strcmp(config, c->image_id) != 0 || cc_strv_has(&c->manifests, digest))
		return 0;
	return cc_strv_push(&c->manifests, digest, err);
}

int podman_store_manifests(const struct podman_store *s, const char *image,
			   struct engine_container *c, struct cc_error *err)
{
	cc_auto_json json_t *images = podman_store_list(s, "overlay-images", "images.json", err);
	const char *id, *key;
	json_t *entry, *name;
	size_t i, k;

	if (!images)
		return -1;
	json_array_foreach(images, i, entry) {
		id = json_string_value(json_object_get(entry, "id"));
		if (!id || strcmp(id, image) != 0)
			continue;
		json_array_foreach(json_object_get(entry, "big-data-names"), k, name) {
			key = json_string_value(name);
			if (key && strncmp(key, "manifest", 8) == 0 &&
			    take_manifest(s, image, key, c, err))
				return -1;
		}
	}
	return 0;
}

char *podman_store_of_image(const struct podman_store *s, const char *image)
{
	for (size_t i = 0; i < s->images.n; i++) {
		cc_auto_free char *dir = NULL;

		if (asprintf(&dir, "%s/overlay-images/%s", s->images.v[i], image) < 0) {
			dir = NULL;
			break;
		}
		if (access(dir, F_OK) == 0)
			return s->images.v[i];
	}
	return s->graph;
}

/* ---- an image by name ---------------------------------------------------------------------- */

/* Whether the name begins with a registry: "localhost/…", or with a dot or a port before a slash. */
static bool has_registry(const char *name)
{
	size_t len = strcspn(name, "/");

	return name[len] && ((len == strlen("localhost") && !strncmp(name, "localhost", len)) ||
			     strcspn(name, ".:") < len);
}

/* With the tag "latest" where there is none. */
static char *with_tag(const char *prefix, const char *name)
{
	const char *last = strrchr(name, '/') ?: name;
	char *whole;

	return asprintf(&whole, "%s%s%s", prefix, name, strpbrk(last, ":@") ? "" : ":latest") < 0
		       ? NULL
		       : whole;
}

/* Adds the ids of images of this name that @s has. @ids: once each */
static int find_named(const struct podman_store *s, const char *name, struct cc_strv *ids,
		      struct cc_error *err)
{
	cc_auto_json json_t *images = podman_store_list(s, "overlay-images", "images.json", err);
	const json_t *entry;
	size_t i;

	if (!images)
		return err->code == CC_E_NOTFOUND ? 0 : -1;
	json_array_foreach(images, i, entry) {
		const char *id = json_string_value(json_object_get(entry, "id"));

		if (id && podman_entry_has_name(entry, name) && !cc_strv_has(ids, id) &&
		    cc_strv_push(ids, id, err))
			return -1;
	}
	return 0;
}

static int find_in_stores(const struct podman_store *s, const char *name, struct cc_strv *ids,
			  struct cc_error *err)
{
	if (find_named(s, name, ids, err))
		return -1;
	for (size_t i = 0; i < s->images.n; i++) {
		const struct podman_store more = {.graph = s->images.v[i]};

		if (find_named(&more, name, ids, err))
			return -1;
	}
	return 0;
}

static int find_image(const struct podman_store *s, const char *name, struct cc_strv *ids,
		      struct cc_error *err)
{
	static const char *const whole[] = {"", NULL};
	static const char *const short_name[] = {"localhost/", "docker.io/library/", "docker.io/",
						 NULL};

	for (const char *const *p = has_registry(name) ? whole : short_name; *p; p++) {
		cc_auto_free char *candidate = with_tag(*p, name);

		if (!candidate)
			return cc_fail(err, CC_E_NOMEM, "out of memory");
		if (find_in_stores(s, candidate, ids, err))
			return -1;
	}
	return 0;
}

int podman_store_image(const char *name, struct engine_container *c, char **volumes,
		       struct cc_error *err)
{
	cc_cleanup(podman_store_clear) struct podman_store s = {0};
	cc_cleanup(cc_strv_clear) struct cc_strv ids = {0};
	struct podman_store images = {0}; /* borrowed */
	cc_auto_free char *path = NULL;

	if (!engine_is_image_name(name))
		return cc_fail(err, CC_E_INVALID, "\"%.80s\" is not a name of an image", name);
	if (podman_store_open(&s, err) || find_image(&s, name, &ids, err))
		return -1;
	if (ids.n == 0)
		return cc_fail(err, CC_E_NOTFOUND,
			       "podman has no image %s; \"podman pull %s\" or build it", name,
			       name);
	if (ids.n > 1)
		return cc_fail(
			err, CC_E_USAGE,
			"podman has several images that %s may stand for; write the name with "
			"its registry",
			name);
	snprintf(c->image_id, sizeof(c->image_id), "sha256:%s", ids.v[0]);
	if (!cc_is_digest(c->image_id))
		return cc_fail(err, CC_E_INVALID, "podman's store: \"%.80s\" is not an image id",
			       ids.v[0]);
	c->image_ref = strdup(name);
	if (!c->image_ref || asprintf(volumes, "%s/volumes", s.graph) < 0) {
		*volumes = NULL;
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	images.graph = podman_store_of_image(&s, ids.v[0]);
	path = podman_store_blob(&images, ids.v[0], c->image_id, err);
	return !path || engine_read_image_config(path, c, err) ||
			       podman_store_manifests(&images, ids.v[0], c, err)
		       ? -1
		       : 0;
}
