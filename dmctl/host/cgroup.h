/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup.h - a control group of the v2 hierarchy, by its path: freezing, killing, waiting, its id.
 */
#ifndef CC_CGROUP_H
#define CC_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define CGROUP_ROOT "/sys/fs/cgroup"

/* Opens cgroup.procs of the group for writing; a process that writes "0" to it joins. */
int cgroup_open_procs(const char *path, struct cc_error *err);

/* Opens a file of the group of the first @len bytes of @path; -1 with errno. */
int cgroup_open(const char *path, size_t len, const char *file, int flags);

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

/* Makes the group @path, whose parent is there, and goes to it; -1: there is none. */
int cgroup_enter_new(const char *path, struct cc_error *err);

/* Goes to the group @path. */
int cgroup_join(const char *path, struct cc_error *err);

/* Removes the group @path, which no process is in. Success when there is none. */
int cgroup_remove(const char *path, struct cc_error *err);

#endif
