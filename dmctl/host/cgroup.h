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

#define CGROUP_ROOT "/sys/fs/cgroup"
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

/* Opens a file of the group of the first @len bytes of @path; -1 with errno. */
int cgroup_open(const char *path, size_t len, const char *file, int flags);

/* Id (inode) of the group of the first @len bytes of @path. */
int cgroup_id(const char *path, size_t len, uint64_t *id, struct cc_error *err);

#endif
