/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start_mark.h - what the agent remembers of a container it has bound, as the text of a file: a
 * JSON object of which every member may be absent.
 *
 *  {"process":{"pid":N,"startTime":N,"boot":"<uuid>"}, "upper":"/dir", "sure":b, "first":b,
 *   "end":"sha256:…", "filter":"sha256:…", "user":{"uid":N,"gid":N,"additionalGids":[N]}}
 *
 * An empty file, as agents of before left it, says that the container was bound, and nothing else.
 */
#ifndef CC_START_MARK_H
#define CC_START_MARK_H

#include <sys/types.h>

#include "identity.h"
#include "json.h"

#define START_MARK_FILTER_OTHER "other"

/**
 * struct start_mark - zero it first, clear it after.
 * @there: there is a mark: the container was bound before
 * @pid: the process that was bound, 0: its end has been seen, or its start came to nothing
 * @start_time: of it, as in /proc/PID/stat
 * @boot: the boot it was started in
 * @upper: directory of the writable layer, NULL: none
 * @sure: the layer was decided on when that process was bound
 * @first: it was the container's first
 * @user: the image's, as its files said when that process was bound; settled: it is known
 * @filter: of struct cc_measurement.seccomp, where that is the engine's own filter, "unconfined",
 *          or START_MARK_FILTER_OTHER; "": not known
 * @end: digest of the layer (rootfs_upper.h) when the process before it ended, "": not known
 */
struct start_mark {
	bool there;
	pid_t pid;
	uint64_t start_time;
	char boot[37];
	char *upper;
	bool sure, first, settled;
	struct cc_user user;
	char filter[72];
	char end[72];
};

void start_mark_clear(struct start_mark *k);
#define start_mark_auto cc_cleanup(start_mark_clear)

/* Pure. @k: zeroed; there is set by both. Return: 0; -1 with CC_E_INVALID, nothing else in @k. */
int start_mark_parse(const char *text, size_t len, struct start_mark *k, struct cc_error *err);
/* Malloced; NULL without memory. */
char *start_mark_text(const struct start_mark *k);

/* The mark of process @pid of this boot. */
bool start_mark_is_of(const struct start_mark *k, pid_t pid, uint64_t start_time);

/**
 * start_mark_load - reads the mark of a container in @dir. @k: zeroed
 *
 * There is none: success, there is false. One that cannot be read counts as an empty one.
 */
void start_mark_load(const char *dir, const char *engine, const char *id, struct start_mark *k);

/* Replaces it, synced; makes @dir, for root alone, and what is above it. */
int start_mark_save(const char *dir, const char *engine, const char *id, const struct start_mark *k,
		    struct cc_error *err);

/* Removes it; success when there is none. */
int start_mark_remove(const char *dir, const char *engine, const char *id, struct cc_error *err);

#endif
