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

#define BACK_TO_6                                                                 \
	"ALTER TABLE identity RENAME TO i;"                                       \
	"CREATE TABLE identity (volume INTEGER PRIMARY KEY REFERENCES volume"     \
	" ON DELETE CASCADE, envelope BLOB NOT NULL, serial INTEGER NOT NULL,"    \
	" digest TEXT NOT NULL, signer TEXT NOT NULL, mount_point TEXT NOT NULL," \
	" mac BLOB NOT NULL DEFAULT x'') STRICT;"                                 \
	"INSERT INTO identity SELECT volume, envelope, serial, digest, signer,"   \
	" mount_point, mac FROM i; DROP TABLE i;"                                 \
	"ALTER TABLE lease DROP COLUMN serial;"

/* Identities and leases as before a volume could have several, with their MACs. */
static inline void have_rows_of_6(struct world *w)
{
	struct store *st = w->custodian.store;
	struct cc_error err;

	tamper(w, BACK_TO_6);
	st->layout_6 = true;
	if (store_begin(st, &err) || sql_seal_all(st, &err) || store_commit(st, &err))
		fail_msg("%s", err.text);
}

#endif
