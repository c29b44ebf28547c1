/* SPDX-License-Identifier: Apache-2.0 */
/*
 * freezer.h - containers that the agent stopped because their lease lapsed, or because nobody could
 * look at what they execute (agent_look.h), as files in a directory for each of these reasons: one
 * a binding, named like it, with the container's control group. It is there before the container
 * stops and until it goes on, so that the next agent thaws what this one froze, and nobody thaws
 * what somebody else paused. A container goes on when there is no reason left.
 */
#ifndef CC_FREEZER_H
#define CC_FREEZER_H

#include "host/proc.h"

#define FREEZER_MS 5000u /* for all tasks of a container to stop */

enum freezer_reason { FREEZER_LAPSE, FREEZER_LOOK };

#define FREEZER_REASONS (FREEZER_LOOK + 1)

/**
 * freezer_freeze - stops the container of that binding, whose process is @pid.
 * @paused: out, it was stopped by somebody else already, and stays so
 * Success when we stopped it before.
 */
int freezer_freeze(const char *name, pid_t pid, enum freezer_reason why, bool *paused,
		   struct cc_error *err);

/*
 * That reason is gone: lets it go on if we stopped it and have no other; success when we did not,
 * and when it is gone.
 */
int freezer_thaw(const char *name, enum freezer_reason why, struct cc_error *err);

/* All reasons are gone. */
int freezer_thaw_all(const char *name, struct cc_error *err);

/* Stops it for good, also when we had stopped it before, and waits until it stands still. */
int freezer_keep(const char *name, pid_t pid, struct cc_error *err);

/* We stopped it, for whatever reason. */
bool freezer_is_ours(const char *name);

/* We stopped it for that one. */
bool freezer_has(const char *name, enum freezer_reason why);

/* The same, and the group of @pid is still told to be frozen. */
bool freezer_holds(const char *name, pid_t pid, enum freezer_reason why);

/**
 * freezer_group - the container's group: that of the engine, not one below it.
 * @path: out; @len: bytes of it that name the group
 */
int freezer_group(pid_t pid, char path[static PROC_PATH_MAX], size_t *len, struct cc_error *err);

#endif
