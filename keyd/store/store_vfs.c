// SPDX-License-Identifier: Apache-2.0
/* SQLite's own files, but for how to sleep, and for the write-ahead log. */
#include "store/store.h"

#include <poll.h>
#include <string.h>

#include "store/store_sql.h"

#define VFS_NAME "keyd"
#define GATHER_MAX 32768 /* bytes; more than a group of releases writes */

/*
 * SQLite sleeps while another process has the database, in its busy handler and where readers race
 * for the log: by clock_nanosleep(), which the custodian's filter of system calls ends it for.
 */
static int sleep_us(sqlite3_vfs *vfs, int us)
{
	int ms = us / 1000 + (us % 1000 > 0);

	(void)vfs;
	poll(NULL, 0, ms);
	return ms * 1000;
}

/* ---- the log ---- */

/**
 * struct gathered - what was written to the log, but not to its file yet: SQLite writes each page
 * and its head by themselves. It lies behind SQLite's own struct of the file.
 *
 * Nobody misses it there: what a commit has written is synced, and written with that, before the
 * log's index says that there is any of it (this takes "synchronous = FULL"); what is read back is
 * written first. It stays until it is written, or until its transaction is undone: after that
 * others have the log, and may have written something else to that place.
 */
struct gathered {
	unsigned char *bytes;
	sqlite3_int64 at;
	int n;
};

static const sqlite3_io_methods *of_unix; /* SQLite's own for a log */
static sqlite3_io_methods of_log;
static int (*unix_open)(sqlite3_vfs *, const char *, sqlite3_file *, int, int *);
static int unix_size;

static struct gathered *gathered(sqlite3_file *f)
{
	return (struct gathered *)((char *)f + unix_size);
}

static int write_out(sqlite3_file *f)
{
	struct gathered *g = gathered(f);
	int rc = g->n ? of_unix->xWrite(f, g->bytes, g->n, g->at) : SQLITE_OK;

	if (rc == SQLITE_OK)
		g->n = 0;
	return rc;
}

static int write_log(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	struct gathered *g = gathered(f);
	int rc = SQLITE_OK;

	if (g->n && (at != g->at + g->n || n > GATHER_MAX - g->n))
		rc = write_out(f);
	if (rc != SQLITE_OK || n > GATHER_MAX)
		return rc != SQLITE_OK ? rc : of_unix->xWrite(f, p, n, at);
	if (!g->n)
		g->at = at;
	memcpy(g->bytes + g->n, p, (size_t)n);
	g->n += n;
	return SQLITE_OK;
}

static int read_log(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	const struct gathered *g = gathered(f);

	/* a full disk at a read would cost the statement only, and SQLite the rest of it */
	if (g->n && at < g->at + g->n && at + n > g->at && write_out(f) != SQLITE_OK)
		return SQLITE_IOERR_READ;
	return of_unix->xRead(f, p, n, at);
}

static int sync_log(sqlite3_file *f, int flags)
{
	int rc = write_out(f);

	return rc == SQLITE_OK ? of_unix->xSync(f, flags) : rc;
}

static int size_log(sqlite3_file *f, sqlite3_int64 *size)
{
	int rc = write_out(f);

	return rc == SQLITE_OK ? of_unix->xFileSize(f, size) : rc;
}

/*
 * SQLite has locked out all others, has every page of the log in the database, and begins it again.
 * First its head goes, synced: a log without one counts as empty, whatever is left of the rest.
 */
static int overwrite(sqlite3_file *f, sqlite3_int64 from, sqlite3_int64 to)
{
	static const unsigned char zeros[4096];
	int rc = SQLITE_OK;

	for (sqlite3_int64 at = from; at < to && rc == SQLITE_OK; at += (int)sizeof(zeros)) {
		int n = to - at < (int)sizeof(zeros) ? (int)(to - at) : (int)sizeof(zeros);

		rc = of_unix->xWrite(f, zeros, n, at);
		if (rc == SQLITE_OK && at == from)
			rc = of_unix->xSync(f, SQLITE_SYNC_NORMAL);
	}
	return rc == SQLITE_OK ? of_unix->xSync(f, SQLITE_SYNC_NORMAL) : rc;
}

static int truncate_log(sqlite3_file *f, sqlite3_int64 size)
{
	sqlite3_int64 was = 0;
	int rc = size_log(f, &was);

	if (rc == SQLITE_OK && was > size)
		rc = overwrite(f, size, was);
	return rc == SQLITE_OK ? of_unix->xTruncate(f, size) : rc;
}

static int close_log(sqlite3_file *f)
{
	free(gathered(f)->bytes); /* of no commit */
	*gathered(f) = (struct gathered){0};
	return of_unix->xClose(f);
}

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
	int rc = unix_open(vfs, name, f, flags, out);

	if (rc != SQLITE_OK || !(flags & SQLITE_OPEN_WAL))
		return rc;
	*gathered(f) = (struct gathered){.bytes = malloc(GATHER_MAX)};
	if (!gathered(f)->bytes) {
		f->pMethods->xClose(f);
		f->pMethods = NULL;
		return SQLITE_NOMEM;
	}
	of_unix = f->pMethods;
	of_log = *of_unix;
	of_log.xClose = close_log;
	of_log.xRead = read_log;
	of_log.xWrite = write_log;
	of_log.xTruncate = truncate_log;
	of_log.xSync = sync_log;
	of_log.xFileSize = size_log;
	f->pMethods = &of_log;
	return SQLITE_OK;
}

static void on_rollback(void *db)
{
	sqlite3_file *log = NULL;

	/* it is the log's where there is one */
	if (sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK &&
	    log && log->pMethods == &of_log)
		gathered(log)->n = 0;
}

void sql_vfs_watch(sqlite3 *db)
{
	sqlite3_rollback_hook(db, on_rollback, db);
}

/* ---- */

/*
 * No locks between threads, as there are none, and no account of what memory is in use. Where
 * SQLite has been used before, it goes on as it was.
 */
static void configure(void)
{
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

/* A struct of ours behind SQLite's must be aligned. */
static void add_room(sqlite3_vfs *vfs)
{
	const int align = (int)_Alignof(struct gathered);

	unix_size = (vfs->szOsFile + align - 1) / align * align;
	vfs->szOsFile = unix_size + (int)sizeof(struct gathered);
}

const char *sql_vfs(void)
{
	static sqlite3_vfs vfs;

	if (!vfs.zName) {
		const sqlite3_vfs *unix_vfs;

		configure();
		unix_vfs = sqlite3_vfs_find(NULL);
		if (!unix_vfs)
			return NULL;
		vfs = *unix_vfs;
		vfs.zName = VFS_NAME;
		vfs.xSleep = sleep_us;
		unix_open = unix_vfs->xOpen;
		vfs.xOpen = open_file;
		add_room(&vfs);
	}
	return sqlite3_vfs_register(&vfs, 0) == SQLITE_OK ? VFS_NAME : NULL;
}
