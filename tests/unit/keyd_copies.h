/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyd_copies.h - files of keyd's world, and copies of its database that are put back.
 */
#ifndef TEST_KEYD_COPIES_H
#define TEST_KEYD_COPIES_H

#include <unistd.h>

#include "keyd_world.h"

/* Of one of the last four calls. */
static inline const char *path_of(const struct world *w, const char *name)
{
	static char paths[4][160];
	static unsigned int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", w->dir, name);
	return path;
}

static inline void copy_as(struct world *w, const char *name)
{
	struct cc_error err;
	uint64_t rows;

	if (store_backup(w->custodian.store, path_of(w, name), &rows, &err))
		fail_msg("%s", err.text);
}

/* While keyd is stopped. */
static inline void copy_back(struct world *w, const char *name)
{
	unlink(path_of(w, STORE_FILE "-wal"));
	unlink(path_of(w, STORE_FILE "-shm"));
	assert_int_equal(rename(path_of(w, name), path_of(w, STORE_FILE)), 0);
}

#endif
