/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_tasks.h - what is done to all tasks of a control group at once: stop, kill, wait.
 */
#ifndef CC_CGROUP_TASKS_H
#define CC_CGROUP_TASKS_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

/*
 * Stops all tasks of the group of the first @len bytes of @path, or lets them go on. It is asked
 * for only: see cgroup_wait(). CC_E_NOTFOUND when there is no such group.
 */
int cgroup_freeze(const char *path, size_t len, bool freeze, struct cc_error *err);

/* All of the group's tasks are stopped by the freezer. False also when that is not known. */
bool cgroup_is_frozen(const char *path);

/* Kills all of its tasks, also frozen ones. */
int cgroup_kill(const char *path, size_t len, struct cc_error *err);

/**
 * cgroup_wait - until a line of the group's cgroup.events is @line ("frozen 1", "populated 0").
 * Return: whether it is, or the group is gone, within @timeout_ms.
 */
bool cgroup_wait(const char *path, size_t len, const char *line, unsigned int timeout_ms);

#endif
