// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "file.h"
#include "store/store_sql.h"

/* Nobody else has it; what it holds is synced once, when it is whole. */
static const char before[] = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;";
/* One file, without a write-ahead log beside it. */
static const char after[] = "PRAGMA journal_mode = DELETE;";

static int copy_fail(sqlite3 *db, const char *path, struct cc_error *err)
{
	return cc_fail(err, CC_E_INTERNAL, "%s: %s", path,
		       db ? sqlite3_errmsg(db) : "out of memory");
}

/* One read transaction of the source, beside which others may write. */
static int copy_pages(struct store *st, sqlite3 *to, const char *path, struct cc_error *err)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", st->db, "main");
	int rc;

	if (!b)
		return copy_fail(to, path, err);
	rc = sqlite3_backup_step(b, -1);
	if (sqlite3_backup_finish(b) != SQLITE_OK || rc != SQLITE_DONE)
		return cc_fail(err, CC_E_INTERNAL, "%s: %s", path, sqlite3_errstr(rc));
	return 0;
}

static int fill_copy(struct store *st, struct store *copy, const char *path, uint64_t *rows,
		     struct cc_error *err)
{
	if (sqlite3_open_v2(path, &copy->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
	    sqlite3_exec(copy->db, before, NULL, NULL, NULL) != SQLITE_OK)
		return copy_fail(copy->db, path, err);
	if (copy_pages(st, copy->db, path, err))
		return -1;
	if (sqlite3_exec(copy->db, after, NULL, NULL, NULL) != SQLITE_OK)
		return copy_fail(copy->db, path, err);
	return sql_schema_look(copy, err) || store_check(copy, err) ||
			       store_audit_verify(copy, rows, err)
		       ? cc_prefix(err, "the copy")
		       : 0;
}

/* @part is given the name @path, if that is free. */
static int publish(int fd, const char *part, const char *path, struct cc_error *err)
{
	if (fsync(fd))
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", part);
	if (link(part, path))
		return cc_fail_errno(err, errno == EEXIST ? CC_E_EXISTS : CC_E_INTERNAL, "%s",
				     path);
	unlink(part);
	return cc_sync_dir_of(path) ? cc_fail_errno(err, CC_E_INTERNAL, "the directory of %s", path)
				    : 0;
}

static int write_copy(struct store *st, const char *part, const char *path, uint64_t *rows,
		      struct cc_error *err)
{
	cc_auto_close int fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct store *copy = NULL;
	int rc;

	if (fd < 0)
		return cc_fail_errno(err, errno == EEXIST ? CC_E_EXISTS : CC_E_INTERNAL,
				     "%s: a backup that was broken off", part);
	copy = calloc(1, sizeof(*copy));
	rc = copy ? fill_copy(st, copy, part, rows, err)
		  : cc_fail(err, CC_E_NOMEM, "out of memory");
	store_close(copy);
	if (rc == 0)
		rc = publish(fd, part, path, err);
	if (rc)
		unlink(part);
	return rc;
}

int store_backup(struct store *st, const char *path, uint64_t *rows, struct cc_error *err)
{
	cc_auto_free char *part = NULL;

	if (asprintf(&part, "%s.part", path) < 0)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (!access(path, F_OK))
		return cc_fail(err, CC_E_EXISTS, "%s exists: name a new file", path);
	return write_copy(st, part, path, rows, err);
}
