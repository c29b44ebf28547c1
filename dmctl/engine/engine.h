/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine.h - a container engine as one row describes it, and a container as its engine has it.
 *
 * Nothing else in dmctl knows one engine from another. What all engines do alike is no part of a
 * row: what config.json means (container/oci_*.c), what of it is harmless whoever wrote it
 * (container/oci_settings.c), and what keyd takes for an engine's default (lib/decide.c).
 *
 * To add an engine
 * 1. Write engine/engine_NAME.c: a `const struct engine engine_NAME` with each member below.
 *    engine_store.h has what rows share.
 * 2. Declare it at the end of this header and put it into the table in engines.c. The order is that
 *    in which engines are asked and checked.
 * 3. Its name goes into the format of measurements (lib/measurement.c: keyd refuses an engine that
 *    it does not know), and into the words for --engine: cli/verbs.c, man pages, completions.
 *    tests/unit/test_dmctl_engine.c fails for a row whose name is missing in either.
 * 4. Add a config.json as the engine writes it to tests/fixtures/oci and test_dmctl_config.c, and
 *    VM tests like Docker's of binding, refusing and starting again (tests/vm).
 *
 * What a row must hold to
 * - find() and describe() run while the engine holds its lock of the container, since the runtime
 *   waits for our hook. Nothing in them may wait for that lock; a list, a replica or the store's
 *   files have to do.
 * - An engine is believed as far as its own store: the image's configuration is hashed again
 *   (engine_read_image_config()), and the caller compares the id with the kernel's cgroup.
 * - A table lists what the engine itself makes for every container, unasked. What somebody else
 *   can make look the same is not the engine's own, and must be left for the signed identity.
 * - Container ids have CONTAINER_ID_LEN hexadecimal digits.
 */
#ifndef CC_ENGINE_H
#define CC_ENGINE_H

#include <sys/types.h>

#include "host/finding.h"
#include "json.h"
#include "strv.h"

#define CONTAINER_ID_LEN 64 /* hexadecimal digits */

/**
 * struct engine_container - one container. Zero it first, end with engine_container_clear().
 * @engine, @id: given for describe(), found by engine_find()
 * @name: without leading slash; informational
 * @bundle: directory of config.json by the engine's own rules, whoever names another; NULL before
 * it has one
 * @pid: first process, 0 when there is none
 * @waiting: the process exists and waits to be started (podman init): no user code has run
 * @own_dirs: directories the engine keeps for this container
 * @image_id: "sha256:…", digest of @image_config, whatever the engine's own id of the image is
 * @image_ref: name the container was made from; informational
 * @health: what the engine runs in the container to see whether it is well: commands as
 *          health checks have them, or a text where that is not known
 * @manifests: manifest digests the engine's store has for this image id
 * @imageless: it was made from a root file system: describe() fails
 * @infra: imageless, and of the engine's own making, for a pod's namespaces
 * @own_seccomp: by the engine's own record nobody asked for a seccomp filter: it is the default one
 * @holds: what by the engine's own record is so of it, in words of lib/demand.h: no-stdin,
 *         no-extra-hosts, no-ports, network:NAME
 * @seccomp_profile: what the engine makes its default filter of, where it keeps no such record;
 *                   NULL: not known
 */
struct engine_container {
	const struct engine *engine;
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
	struct cc_strv holds;
	bool imageless, infra;
	bool own_seccomp;
	json_t *seccomp_profile;
	char *image_config;
	size_t image_config_len;
};

void engine_container_clear(struct engine_container *c);
#define engine_auto_container cc_cleanup(engine_container_clear)

/**
 * struct engine_cgroup - a name of the control group that the engine makes for a container:
 * @prefix, the container's id, @suffix.
 * @parent: name the group above must have, or NULL
 *
 * A conmon's or shim's own group must not match: "libpod-" does not, as an id follows at once.
 */
struct engine_cgroup {
	const char *parent;
	const char *prefix, *suffix;
};

/**
 * struct engine_file - a file or directory that the engine makes for each container and mounts.
 * @destination: where
 * @file: relative to one of the container's own_dirs
 */
struct engine_file {
	const char *destination, *file;
};

/**
 * struct engine - one engine. Lists end with NULL, tables with a zeroed row; NULL stands for an
 * empty one.
 * @name: what it is called on the command line, in measurements, in records of bindings and in the
 *        marks of first starts (container/measure_first.c); never changes
 * @program: name of the program that asks the volume plugin, that its own hooks run, and that is
 *           there when the engine is installed; at most 15 characters (proc(5), comm)
 * @list_command: command that lists its containers, for error texts
 * @prepare_command: command that gives a container its process without running its program, for
 *                   error texts; NULL where there is none
 * @unit: a service of ours that `dmctl init` enables for it, so that it runs at the engine's own
 *        start; NULL for none
 * @answer_seconds: after how long at the latest the volume plugin answers it, below what it waits
 *
 * @cgroups: names of its containers' control groups
 * @files: what it mounts of its own_dirs
 * @scratch: where it mounts an empty tmpfs over a read-only root, unasked
 * @stubs: empty files it leaves in the writable layer although nothing is mounted on them
 * @volumes: where its volumes are, as seen from the first of a container's own_dirs: so many
 *           directories above, and from there; NULL: it has none
 * @adds_accounts: it adds lines to the image's /etc/passwd and /etc/group
 *                 (container/rootfs_accounts.h)
 * @init_suffix: it puts a layer of its own between the image's and the writable one: in the
 *               directory of this suffix beside the latter's, or the topmost of containerd's
 *               snapshots below it; NULL: it has none
 * @own_hook: the process whose executable an entry of config.json's list hooks.@list names, when
 *            the entry is as the engine itself writes it for container @id; 0: a foreign one. Pure:
 *            the caller sees to it that the process runs @program. NULL: it writes no hooks
 *
 * @present: it is set up here, so that it makes sense to ask it
 * @find: by name, id or unique prefix of an id: fills id, name, bundle, pid and waiting.
 *        CC_E_NOTFOUND only when it surely has no such container: the mark of a first start goes
 *        with that. CC_E_USAGE when a prefix is not unique, CC_E_UNREACHABLE without an answer
 * @describe: by c->id: fills all but pid and waiting. CC_E_INVALID when its store contradicts
 *            itself
 * @describe_image: of an image by the name it would be asked for with, as if @c were made of it:
 *                  fills image_id, image_ref, image_config and manifests. *@volumes: out, malloced:
 *                  the directory of its own volumes, each of which is in NAME/_data there.
 *                  CC_E_NOTFOUND when the store does not have it, CC_E_USAGE when the name stands
 *                  for several
 * @capabilities: what it gives a container that asks for none
 * @check: finding of `dmctl doctor`, when @program is installed
 */
struct engine {
	const char *name;
	const char *program;
	const char *list_command;
	const char *prepare_command;
	const char *unit;
	unsigned int answer_seconds;

	const struct engine_cgroup *cgroups;
	const struct engine_file *files;
	const char *const *scratch;
	const char *const *stubs;
	struct {
		unsigned int above;
		const char *dir;
	} volumes;
	bool adds_accounts;
	const char *init_suffix;
	pid_t (*own_hook)(const char *list, const json_t *hook, const char *id);

	bool (*present)(void);
	int (*find)(const char *container, struct engine_container *c, struct cc_error *err);
	int (*describe)(struct engine_container *c, struct cc_error *err);
	int (*describe_image)(const char *name, struct engine_container *c, char **volumes,
			      struct cc_error *err);
	const char *const *capabilities;
	void (*check)(struct finding *f);
};

/* The rows, one file each. */
extern const struct engine engine_docker, engine_podman;

#endif
