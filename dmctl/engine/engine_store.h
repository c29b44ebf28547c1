/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_store.h - reading an engine's store: what the rows share.
 */
#ifndef CC_ENGINE_STORE_H
#define CC_ENGINE_STORE_H

#include "engine/engine.h"

#define ENGINE_FILE_MAX (16 << 20) /* bytes of the largest file of an engine's store we read */

/* Reads a file of an engine's store. *buf is malloced and NUL terminated. CC_E_NOTFOUND. */
int engine_read(const char *path, char **buf, size_t *len, struct cc_error *err);
/* The same, parsed. */
json_t *engine_read_json(const char *path, struct cc_error *err);

/**
 * engine_read_blob - reads a file whose digest is known.
 * @buf: out, malloced, with a NUL behind *@len
 * Return: 0; -1 as engine_read(), and with CC_E_REFUSED, fact "image", when it has another digest.
 */
int engine_read_blob(const char *path, const char *digest, char **buf, size_t *len,
		     struct cc_error *err);

/* Reads @path into c->image_config; its digest must be c->image_id. */
int engine_read_image_config(const char *path, struct engine_container *c, struct cc_error *err);

/* @line of a TOML file is `key = "value"`: a copy of the value, else NULL. */
char *engine_conf_string(const char *line, const char *key);

/*
 * Whether @name could be that of an image (repository, tag, digest): of letters, digits and
 * . _ - : / @ characters, and not a path.
 */
bool engine_is_image_name(const char *name);

/**
 * engine_add_health - adds the command of a HealthConfig, if it has one, to c->health.
 * @config: {"Test":[…]}, as Docker and Podman keep it; may be NULL
 */
int engine_add_health(struct engine_container *c, const json_t *config, struct cc_error *err);

/* Adds @word to c->holds if @so. */
int engine_add_hold(struct engine_container *c, bool so, const char *word, struct cc_error *err);
/* The same, of @word and this name (CC_NETWORK, CC_RUNTIME); NULL: not known, or several. */
int engine_add_named(struct engine_container *c, const char *word, const char *name,
		     struct cc_error *err);

/* First process of a container from a file that holds its number; 0 when there is none. */
pid_t engine_read_pid(const char *path);

/* True when @s is a prefix (at least four digits) of a container id. */
bool engine_is_id_prefix(const char *s);

#endif
