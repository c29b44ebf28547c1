/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine.h - what a container engine says about a container: its name, its image, where its
 * bundle is.
 *
 * Nothing here takes a container's lock in the engine, since the hook runs while the engine holds
 * it. What an engine says is believed as far as its own store: the image's configuration is
 * hashed again, the container's id is compared with the kernel's cgroup by the caller.
 */
#ifndef CC_ENGINE_H
#define CC_ENGINE_H

#include "host/cgroup.h"
#include "json.h"
#include "strv.h"

/**
 * struct engine_container - one container. Zero it first, end with engine_container_clear().
 * @engine, @id: given for engine_describe(), found by engine_find()
 * @name: without leading slash; informational
 * @bundle: directory of config.json by the engine's own rules, whoever names another; NULL before
 * it has one
 * @pid: first process, 0 when there is none
 * @waiting: the process exists and waits to be started (podman init): no user code has run
 * @own_dirs: directories the engine keeps for this container
 * @image_id: "sha256:…", digest of @image_config
 * @image_ref: name the container was made from; informational
 * @health: what the engine runs in the container to see whether it is well: commands as
 *          health checks have them, or a text where that is not known
 * @manifests: manifest digests the engine's store has for this image id
 */
struct engine_container {
	enum engine_kind engine;
	char *id;
	char *name;
	char *bundle;
	pid_t pid;
	bool waiting;
	struct cc_strv own_dirs;
	char image_id[72];
	char *image_ref;
	struct cc_strv manifests;
	json_t *health;
	char *image_config;
	size_t image_config_len;
};

void engine_container_clear(struct engine_container *c);
#define engine_auto_container cc_cleanup(engine_container_clear)

const char *engine_name(enum engine_kind engine);

/**
 * engine_find - finds a container by name, id or unique prefix of an id.
 * @engine: "docker", "podman", or NULL to ask both
 * @c: id, name, engine, bundle, pid and waiting are filled
 *
 * Return: 0; -1 with CC_E_NOTFOUND; CC_E_USAGE when both engines have one of that name or a
 * prefix is not unique; CC_E_UNREACHABLE when the named engine does not answer.
 */
int engine_find(const char *container, const char *engine, struct engine_container *c,
		struct cc_error *err);

/*
 * Fills @c but for pid and waiting, given engine and id. CC_E_INVALID when the store contradicts
 * itself.
 */
int engine_describe(struct engine_container *c, struct cc_error *err);

/* True as long as the engine has a container of this id. An error counts as true. */
bool engine_has(enum engine_kind engine, const char *id);

/* ---- between engine.c and the engines ------------------------------------------------------ */

/**
 * struct engine - one engine.
 * @present: it is installed and answers
 * @find: CC_E_NOTFOUND when it has no such container
 */
struct engine {
	bool (*present)(void);
	int (*find)(const char *container, struct engine_container *c, struct cc_error *err);
	int (*describe)(struct engine_container *c, struct cc_error *err);
};

extern const struct engine engine_docker, engine_podman;

#define ENGINE_FILE_MAX (16 << 20) /* bytes of the largest file of an engine's store we read */

/* Reads a file of an engine's store. *buf is malloced and NUL terminated. CC_E_NOTFOUND. */
int engine_read(const char *path, char **buf, size_t *len, struct cc_error *err);
/* The same, parsed. */
json_t *engine_read_json(const char *path, struct cc_error *err);

/* Reads @path into c->image_config; its digest must be c->image_id. */
int engine_read_image_config(const char *path, struct engine_container *c, struct cc_error *err);

/**
 * engine_add_health - adds the command of a HealthConfig, if it has one, to c->health.
 * @config: {"Test":[…]}, as both engines keep it; may be NULL
 */
int engine_add_health(struct engine_container *c, const json_t *config, struct cc_error *err);

/* First process of a container from a file that holds its number; 0 when there is none. */
pid_t engine_read_pid(const char *path);

/* True when @s is a prefix (at least four digits) of a container id. */
bool engine_is_id_prefix(const char *s);

#endif
