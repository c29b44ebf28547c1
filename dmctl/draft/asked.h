/* SPDX-License-Identifier: Apache-2.0 */
/*
 * asked.h - what an engine would be asked to start by a file (a service of Compose, a .container
 * file of Quadlet), and what the agent would measure of such a container: the file's word where it
 * says something, else the image's, by the engine's store.
 *
 * It is a forecast, made on the host that would start it. Nothing is decided by it: an identity
 * that it got wrong refuses, and says which fact differs.
 *
 * Whatever a reader of such files does not know the effect of it refuses by its name. What it
 * passes over cannot change a fact of the decision (lib/decide.h): names, networks, published
 * ports, labels, logs, limits of memory and time, restarts.
 */
#ifndef CC_DRAFT_ASKED_H
#define CC_DRAFT_ASKED_H

#include "engine/engine.h"
#include "measurement.h"

/*
 * Types of mounts that asked_complete() turns into what the engine makes of them; their source is
 * the volume's name, NULL for one that has none: of the engine's own; made beforehand, and so
 * container-crypt's if the identity's volume has that name; of container-crypt's plugin.
 */
#define ASKED_VOLUME "volume"
#define ASKED_NAMED "named volume"
#define ASKED_PLACEHOLDER "volume of container-crypt"

/**
 * struct asked - the request. Zero it, asked_init(), end with asked_clear().
 * @image: name it would be asked for by; NULL: none was said
 * @has_entrypoint, @has_command: said at all; what was not said is the image's
 * @env: "NAME=value", each name once
 * @user: as written; NULL: the image's
 * @cwd: absolute; NULL: the image's
 * @cap_add, @cap_drop: "CAP_CHOWN" …, "ALL" only in @cap_drop
 * @health: the command of its health check, as engines keep it; NULL: the image's
 * @sysctl: object of texts
 * @limits: list of {"type":"RLIMIT_…","soft":…}
 * @devices: list of objects as in config.json's linux.devices
 * @volumes: volumes of container-crypt whose device is asked for
 * @m: mounts, namespaces, readonlyRootfs, seccomp, apparmor, noNewPrivileges
 */
struct asked {
	char *image;
	bool has_entrypoint, has_command;
	struct cc_strv entrypoint, command;
	struct cc_strv env;
	char *user, *cwd;
	struct cc_strv cap_add, cap_drop;
	json_t *health, *sysctl, *limits, *devices;
	struct cc_strv volumes;
	struct cc_measurement *m;
};

int asked_init(struct asked *a, struct cc_error *err);
void asked_clear(struct asked *a);
#define asked_auto cc_cleanup(asked_clear)

/* ---- for readers of files; all name what they refuse, CC_E_INVALID --------------------------- */

/*
 * @path as seen from @dir, which is absolute, without "." and ".."; malloced. NULL: CC_E_NOMEM.
 */
char *asked_path(const char *dir, const char *path, struct cc_error *err);

/* @var: "NAME=value"; takes the place of one of the same name. */
int asked_env(struct asked *a, const char *var, struct cc_error *err);

/* @name: with or without CAP_, in any case. */
int asked_capability(struct asked *a, bool add, const char *name, struct cc_error *err);

/**
 * asked_mount - adds a mount.
 * @type: "bind", "tmpfs", ASKED_…
 * @source: absolute for "bind", NULL for "tmpfs"
 * @options: as they were written, words with a comma between them, NULL for none; those that have
 *           no part in the decision are left out, those that give something are kept, as the
 *           identity has to name them; one that is not known is refused
 */
int asked_mount(struct asked *a, const char *type, const char *source, const char *destination,
		const char *options, struct cc_error *err);

/**
 * asked_device - a device: "HOST[:CONTAINER[:rwm]]", or by the name of CDI.
 *
 * "container-crypt/volume=NAME" goes into a->volumes; other names of CDI are refused, as their
 * files say what they do.
 */
int asked_device(struct asked *a, const char *device, struct cc_error *err);

/* "NAME=value" */
int asked_sysctl(struct asked *a, const char *sysctl, struct cc_error *err);

/* @name: "nofile"; @soft: "1024", "-1" or "unlimited" */
int asked_limit(struct asked *a, const char *name, const char *soft, struct cc_error *err);

/* An option of --security-opt. */
int asked_security(struct asked *a, const char *option, struct cc_error *err);

/* The namespace of this name (cc_ns_names) is the host's, or another container's. */
void asked_shares(struct asked *a, const char *ns, enum cc_ns_state with);

/* ---- what comes of it ---------------------------------------------------------------------- */

/**
 * asked_complete - fills a->m with what would be measured.
 * @engine: which would be asked
 * @image: image_id, image_config and manifests (struct engine's describe_image())
 * @volumes: directory of the engine's own volumes
 * @volume: the volume that the identity is for
 * Return: 0; -1 with CC_E_INVALID for what only the image's files or a container tell.
 */
int asked_complete(struct asked *a, const struct engine *engine,
		   const struct engine_container *image, const char *volumes, const char *volume,
		   struct cc_error *err);

#endif
