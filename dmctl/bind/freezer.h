/* SPDX-License-Identifier: Apache-2.0 */
/*
 * freezer.h - containers that the agent stopped because their lease lapsed, as files in
 * CC_FROZEN_DIR: one a binding, named like it, with the container's control group. It is there
 * before the container stops and until it goes on, so that the next agent thaws what this one
 * froze, and nobody thaws what somebody else paused.
 */
#ifndef CC_FREEZER_H
#define CC_FREEZER_H

#include "host/proc.h"

#define FREEZER_MS 5000u /* for all tasks of a container to stop */

/**
 * freezer_freeze - stops the container of that binding, whose process is @pid.
 * @paused: out, it was stopped by somebody else already, and stays so
 * Success when we stopped it before.
 */
int freezer_freeze(const char *name, pid_t pid, bool *paused, struct cc_error *err);

/* Lets it go on if we stopped it; success when we did not, and when it is gone. */
int freezer_thaw(const char *name, struct cc_error *err);

/* Stops it for good, also when we had stopped it before, and waits until it stands still. */
int freezer_keep(const char *name, pid_t pid, struct cc_error *err);

/* We stopped it. */
bool freezer_is_ours(const char *name);

/**
 * freezer_group - the container's group: that of the engine, not one below it.
 * @path: out; @len: bytes of it that name the group
 */
int freezer_group(pid_t pid, char path[static PROC_PATH_MAX], size_t *len, struct cc_error *err);

#endif
