/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup.h - which container a control group belongs to.
 *
 * A container may make groups below its own and call them whatever it likes, so the shallowest
 * group with an engine's kind of name counts, never a deeper one.
 */
#ifndef CC_CGROUP_H
#define CC_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define CONTAINER_ID_LEN 64 /* hexadecimal digits */

enum engine_kind { ENGINE_DOCKER, ENGINE_PODMAN };

/**
 * struct cgroup_match - the engine's group in a path.
 * @len: bytes of the path up to and with that group
 */
struct cgroup_match {
	enum engine_kind engine;
	char id[CONTAINER_ID_LEN + 1];
	size_t len;
};

/**
 * cgroup_match - finds the shallowest group an engine made for a container:
 * docker/ID, docker-ID.scope, libpod-ID, libpod-ID.scope (the last path component decides).
 * @path: absolute path in the v2 hierarchy
 *
 * Pure. Return: 0; -1 when no component matches.
 */
int cgroup_match(const char *path, struct cgroup_match *m);

/* Opens cgroup.procs of the group for writing; a process that writes "0" to it joins. */
int cgroup_open_procs(const char *path, struct cc_error *err);

/* All of the group's tasks are stopped by the freezer. False also when that is not known. */
bool cgroup_is_frozen(const char *path);

/* Opens a file of the group of the first @len bytes of @path; -1 with errno. */
int cgroup_open(const char *path, size_t len, const char *file, int flags);

/*
 * Stops all tasks of the group of the first @len bytes of @path, or lets them go on. It is asked
 * for only: see cgroup_wait(). CC_E_NOTFOUND when there is no such group. /
 */
int cgroup_freeze(const char *path, size_t len, bool freeze, struct cc_error *err);

/* Kills all of its tasks, also frozen ones. */
int cgroup_kill(const char *path, size_t len, struct cc_error *err);

/**
 * cgroup_wait - until a line of the group's cgroup.events is @line ("frozen 1", "populated 0").
 * Return: whether it is, or the group is gone, within @timeout_ms.
 */
bool cgroup_wait(const char *path, size_t len, const char *line, unsigned int timeout_ms);

/* Id (inode) of the group of the first @len bytes of @path. */
int cgroup_id(const char *path, size_t len, uint64_t *id, struct cc_error *err);

/* Id of the group that we are in. */
int cgroup_own(uint64_t *id, struct cc_error *err);

/* How deep the group of the first @len bytes of @path is; the root is 0. Pure. */
unsigned int cgroup_level(const char *path, size_t len);

/**
 * cgroup_enter_own - goes to a group below the one we are in, called @name, unless we are alone
 * there, as a service is in its unit's.
 */
int cgroup_enter_own(const char *name, struct cc_error *err);

#endif
