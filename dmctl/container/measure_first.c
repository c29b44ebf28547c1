// SPDX-License-Identifier: Apache-2.0
/*
 * measure_first.c - which containers were bound before, and what they left in their writable layer:
 * one file each (start_mark.h), named ENGINE-ID, in CC_AGENT_DIR "/bound".
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "engine/engines.h"
#include "container/image_config.h"
#include "container/measure.h"
#include "container/rootfs_upper.h"
#include "container/start_mark.h"
#include "log.h"
#include "paths.h"

#define BOUND_DIR CC_AGENT_DIR "/bound"

/* ---- at a start ---------------------------------------------------------------------------- */

void measure_start(const struct measured *s, bool fresh, struct start_mark *k)
{
	start_mark_load(BOUND_DIR, s->engine->name, s->m->container_id, k);
	/* another volume of a container whose first start this still is */
	s->m->first_start = !k->there || (fresh && k->first &&
					  start_mark_is_of(k, s->proc.pid, s->proc.start_time));
}

int measure_image_user(const struct measured *s, struct start_mark *k, const char *user,
		       const char *root, struct cc_error *err)
{
	if (!k->settled || !start_mark_is_of(k, s->proc.pid, s->proc.start_time))
		return image_user(user, root, &s->m->image_user, err);
	s->m->image_user = k->user;
	k->user = (struct cc_user){0};
	k->settled = false;
	return 0;
}

/* What the layer is against the digest taken at the container's end. */
static enum cc_since_end compared(const char *upper, const char *end)
{
	layer_cache_auto struct layer_cache cache = {.dir = CC_ROOTFS_DIR};
	char now[72];
	struct cc_error err;

	if (!upper || !end[0])
		return CC_SINCE_END_UNKNOWN;
	if (upper_digest(upper, &cache, now, &err)) {
		cc_log(LOG_WARNING, "%s", err.text);
		return CC_SINCE_END_UNKNOWN;
	}
	return strcmp(now, end) == 0 ? CC_SINCE_END_SAME : CC_SINCE_END_CHANGED;
}

enum cc_since_end measure_since_end(const struct measured *s, bool fresh,
				    const struct start_mark *k)
{
	bool is_it = start_mark_is_of(k, s->proc.pid, s->proc.start_time);

	if (is_it && !fresh)
		return k->sure ? CC_SINCE_END_BOUND : CC_SINCE_END_UNKNOWN;
	/* the end of another process was not seen */
	return k->pid && !is_it ? CC_SINCE_END_UNKNOWN : compared(s->upper, k->end);
}

static bool is_sure(const struct cc_measurement *m)
{
	return m->upper == CC_UPPER_CLEAN || m->since_end == CC_SINCE_END_SAME ||
	       m->since_end == CC_SINCE_END_BOUND;
}

/* To be held against at its next start. */
static const char *filter_of(const struct cc_measurement *m)
{
	return cc_strv_has(&m->settings, OCI_FILTER_NOT_OWN) ||
			       cc_strv_has(&m->settings, OCI_FILTER_NOT_FIRST)
		       ? START_MARK_FILTER_OTHER
		       : m->seccomp;
}

int measure_remember(const struct measured *s, struct cc_error *err)
{
	start_mark_auto struct start_mark old = {0};
	struct start_mark k = {.pid = s->proc.pid,
			       .start_time = s->proc.start_time,
			       .upper = s->upper,
			       .sure = is_sure(s->m),
			       .settled = true,
			       .user = s->m->image_user};
	const char *engine = s->engine->name, *id = s->m->container_id;

	start_mark_load(BOUND_DIR, engine, id, &old);
	if (start_mark_is_of(&old, k.pid, k.start_time))
		return 0; /* it has another volume */
	snprintf(k.filter, sizeof(k.filter), "%s", filter_of(s->m));
	/* to go back to, should its program not be started */
	k.first = !old.there && !s->m->running;
	if (!old.pid && !s->m->running)
		memcpy(k.end, old.end, sizeof(k.end));
	return start_mark_save(BOUND_DIR, engine, id, &k, err);
}

int measure_not_started(const char *engine, const char *id, pid_t pid, uint64_t start_time,
			struct cc_error *err)
{
	start_mark_auto struct start_mark k = {0};

	start_mark_load(BOUND_DIR, engine, id, &k);
	if (!start_mark_is_of(&k, pid, start_time))
		return 0;
	if (k.first)
		return start_mark_remove(BOUND_DIR, engine, id, err);
	k.pid = 0;
	k.sure = false;
	return start_mark_save(BOUND_DIR, engine, id, &k, err);
}

/* ---- at its end ---------------------------------------------------------------------------- */

int measure_ended(const char *engine, const char *id, pid_t pid, uint64_t start_time,
		  const struct seen_end *at, struct cc_error *err)
{
	layer_cache_auto struct layer_cache cache = {.dir = CC_ROOTFS_DIR};
	start_mark_auto struct start_mark k = {0};

	start_mark_load(BOUND_DIR, engine, id, &k);
	if (!start_mark_is_of(&k, pid, start_time) || proc_alive(pid, start_time))
		return 0;
	k.pid = 0;
	k.sure = k.first = k.settled = false;
	k.end[0] = '\0';
	if (k.upper && upper_left(k.upper, at, &cache, k.end, err))
		cc_log(LOG_WARNING, "container %.12s: what it leaves is not remembered: %s", id,
		       err->text);
	return start_mark_save(BOUND_DIR, engine, id, &k, err);
}

/* ---- containers that are gone -------------------------------------------------------------- */

/* The one of @rows whose mark this is, and the container's id in it; NULL: none of them. */
static const struct engine *maker_of(const char *mark, const struct engine *const *rows,
				     const char **id)
{
	size_t len = strlen(mark);
	const char *dash;

	if (len <= CONTAINER_ID_LEN)
		return NULL;
	dash = mark + len - CONTAINER_ID_LEN - 1;
	*id = dash + 1;
	for (; *dash == '-' && *rows; rows++)
		if (strlen((*rows)->name) == (size_t)(dash - mark) &&
		    strncmp((*rows)->name, mark, (size_t)(dash - mark)) == 0)
			return *rows;
	return NULL;
}

void measure_forget_removed_in(const char *path, const struct engine *const *rows)
{
	cc_auto_closedir DIR *dir = opendir(path);
	int fd = dir ? dirfd(dir) : -1;
	const struct engine *engine;
	struct dirent *d;
	const char *id;

	while (fd >= 0 && (d = readdir(dir))) {
		engine = maker_of(d->d_name, rows, &id);
		if (engine && !engine_has(engine, id))
			unlinkat(fd, d->d_name, 0);
	}
}

void measure_forget_removed(void)
{
	measure_forget_removed_in(BOUND_DIR, engines);
}
