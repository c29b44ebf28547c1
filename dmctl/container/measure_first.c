// SPDX-License-Identifier: Apache-2.0
/*
 * measure_first.c - which containers were bound before: one empty file each, named
 * ENGINE-ID, in CC_AGENT_DIR "/bound". Only the first start demands a clean upper layer, since
 * the attested program itself writes to it later.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/engines.h"
#include "container/measure.h"
#include "paths.h"

#define BOUND_DIR CC_AGENT_DIR "/bound"

static void name_of(const char *engine, const char *id, char out[static 96])
{
	snprintf(out, 96, "%s-%.64s", engine, id);
}

bool measure_bound_before(const struct engine *engine, const char *id)
{
	cc_auto_close int dir = open(BOUND_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	char name[96];

	name_of(engine->name, id, name);
	return dir >= 0 && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

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

int measure_remember(const char *engine, const char *id, struct cc_error *err)
{
	cc_auto_close int dir = -1, fd = -1;
	char name[96];

	if ((mkdir(CC_LIB_DIR, 0755) && errno != EEXIST) ||
	    (mkdir(CC_AGENT_DIR, 0700) && errno != EEXIST) ||
	    (mkdir(BOUND_DIR, 0700) && errno != EEXIST))
		return cc_fail_errno(err, CC_E_INTERNAL, BOUND_DIR);
	dir = open(BOUND_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, BOUND_DIR);
	name_of(engine, id, name);
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return 0;
	if (fd < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, BOUND_DIR "/%s", name);
	return fsync(dir) ? cc_fail_errno(err, CC_E_INTERNAL, BOUND_DIR) : 0;
}
