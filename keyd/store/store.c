// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "store/store_sql.h"

#define VFS_NAME "keyd"

/* Opening: every commit reaches the disk, deleted bytes are overwritten, nothing in the file is
 * trusted to be SQL, and no temporary file is ever made. */
static const char pragmas[] = "PRAGMA journal_mode = WAL;"
			      "PRAGMA synchronous = FULL;"
			      "PRAGMA foreign_keys = ON;"
			      "PRAGMA secure_delete = ON;"
			      "PRAGMA temp_store = MEMORY;"
			      "PRAGMA trusted_schema = OFF;"
			      "PRAGMA cell_size_check = ON;"
			      "PRAGMA mmap_size = 0;";

/* SQLite would take any file name; only a root-only directory keeps others from swapping it. */
static int check_dir(const char *dir, struct cc_error *err)
{
	struct stat sb;

	if (stat(dir, &sb))
		return cc_fail_errno(err, CC_E_NOTFOUND, "state directory %s", dir);
	if (!S_ISDIR(sb.st_mode) || sb.st_uid != geteuid() || (sb.st_mode & 077))
		return cc_fail(err, CC_E_PERM,
			       "state directory %s must be a directory of user %u with mode 0700",
			       dir, geteuid());
	return 0;
}

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

/* SQLite's own files of a write-ahead log, but for what is cut off. */
static sqlite3_io_methods log_methods;
static int (*unix_truncate)(sqlite3_file *, sqlite3_int64);
static int (*unix_open)(sqlite3_vfs *, const char *, sqlite3_file *, int, int *);

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

		rc = f->pMethods->xWrite(f, zeros, n, at);
		if (rc == SQLITE_OK && at == from)
			rc = f->pMethods->xSync(f, SQLITE_SYNC_NORMAL);
	}
	return rc == SQLITE_OK ? f->pMethods->xSync(f, SQLITE_SYNC_NORMAL) : rc;
}

static int truncate_log(sqlite3_file *f, sqlite3_int64 size)
{
	sqlite3_int64 was = 0;
	int rc = f->pMethods->xFileSize(f, &was);

	if (rc == SQLITE_OK && was > size)
		rc = overwrite(f, size, was);
	return rc == SQLITE_OK ? unix_truncate(f, size) : rc;
}

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
	int rc = unix_open(vfs, name, f, flags, out);

	if (rc != SQLITE_OK || !(flags & SQLITE_OPEN_WAL))
		return rc;
	log_methods = *f->pMethods;
	unix_truncate = f->pMethods->xTruncate;
	log_methods.xTruncate = truncate_log;
	f->pMethods = &log_methods;
	return rc;
}

/*
 * No locks between threads, as there are none, and no account of what memory is in use. Where
 * SQLite has been used before, it goes on as it was.
 */
static void configure(void)
{
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

/* SQLite's own files, but for how to sleep, and for the log. NULL: SQLite has none. */
static const char *use_vfs(void)
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
	}
	return sqlite3_vfs_register(&vfs, 0) == SQLITE_OK ? VFS_NAME : NULL;
}

struct store *store_open(const char *dir, enum store_mode mode, struct cc_error *err)
{
	bool create = mode == STORE_CREATE;
	int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);
	store_auto struct store *st = calloc(1, sizeof(*st));
	cc_auto_free char *path = NULL;
	const char *vfs;

	if (!st || asprintf(&path, "%s/%s", dir, STORE_FILE) < 0) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	st->mode = mode;
	if (check_dir(dir, err))
		return NULL;
	if (!create && access(path, F_OK)) {
		cc_fail_errno(err, CC_E_NOTFOUND, "%s: run keyd init first", path);
		return NULL;
	}
	vfs = use_vfs();
	if (!vfs) {
		cc_fail(err, CC_E_INTERNAL, "SQLite does not start");
		return NULL;
	}
	if (sqlite3_open_v2(path, &st->db, flags, vfs) != SQLITE_OK) {
		cc_fail(err, CC_E_INTERNAL, "%s: %s", path,
			st->db ? sqlite3_errmsg(st->db) : "out of memory");
		return NULL;
	}
	sqlite3_busy_timeout(st->db, STORE_BUSY_MS);
	sqlite3_db_config(st->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	/* Neither are somebody else's. Ours guard the audit log against other programs only. */
	sqlite3_db_config(st->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(st->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	if (sql_exec(st, pragmas, err) || sql_schema_look(st, err)) {
		cc_prefix(err, "%s", path);
		return NULL;
	}
	return cc_steal(st);
}

void store_close(struct store *st)
{
	if (!st)
		return;
	store_rollback(st);
	sql_forget(st);
	sqlite3_close(st->db);
	rows_clear(&st->rows);
	free(st->scratch);
	free(st);
}

int store_start(struct store *st, struct store_seal *seal, int64_t now, struct cc_error *err)
{
	st->seal = seal;
	st->now = now;
	if (st->mode == STORE_LOOK)
		return 0;
	if (sql_schema_start(st, err) || sql_audit_head_check(st, err))
		return -1;
	st->started = true;
	return 0;
}

int store_schema_was(const struct store *st)
{
	return st->schema_was;
}

bool store_has_macs(const struct store *st)
{
	return st->schema_was >= SCHEMA_SEALED;
}

bool store_has_sums(const struct store *st)
{
	return st->schema_was == 0 || st->schema_was >= SCHEMA_COUNTED;
}

int store_begin(struct store *st, struct cc_error *err)
{
	st->next_seq = st->own_seq;
	memcpy(st->next_hash, st->own_hash, sizeof(st->next_hash));
	if (sql_run(st, err, "BEGIN IMMEDIATE", "") < 0)
		return -1;
	if (sql_rows_begin(st, err) == 0)
		return 0;
	store_rollback(st);
	return -1;
}

int store_commit(struct store *st, struct cc_error *err)
{
	if (sql_rows_before_commit(st, err) || sql_run(st, err, "COMMIT", "") < 0)
		return -1;
	sql_rows_committed(st);
	st->own_seq = st->next_seq;
	memcpy(st->own_hash, st->next_hash, sizeof(st->own_hash));
	return 0;
}

void store_rollback(struct store *st)
{
	/* A full disk makes SQLite roll back by itself. */
	if (st->db && !sqlite3_get_autocommit(st->db))
		sqlite3_exec(st->db, "ROLLBACK", NULL, NULL, NULL);
	sql_rows_undone(st);
}

int store_part_begin(struct store *st, struct cc_error *err)
{
	st->part_seq = st->next_seq;
	memcpy(st->part_hash, st->next_hash, sizeof(st->part_hash));
	sql_rows_part(st);
	return sql_run(st, err, "SAVEPOINT part", "") < 0 ? -1 : 0;
}

int store_part_end(struct store *st, struct cc_error *err)
{
	return sql_run(st, err, "RELEASE part", "") < 0 ? -1 : 0;
}

void store_part_undo(struct store *st)
{
	struct cc_error err;

	st->next_seq = st->part_seq;
	memcpy(st->next_hash, st->part_hash, sizeof(st->next_hash));
	sql_rows_part_undone(st);
	if (sql_run(st, &err, "ROLLBACK TO part", "") < 0 ||
	    sql_run(st, &err, "RELEASE part", "") < 0)
		store_rollback(st);
}

bool store_is_open(const struct store *st)
{
	return !sqlite3_get_autocommit(st->db);
}

int store_checkpoint(struct store *st, struct cc_error *err)
{
	int rc = sqlite3_wal_checkpoint_v2(st->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

	if (rc == SQLITE_BUSY)
		return cc_fail(err, CC_E_BUSY,
			       "keyd's database: another process has been reading its log for %d s",
			       STORE_BUSY_MS / 1000);
	return rc == SQLITE_OK ? 0 : sql_fail(st, err);
}

int store_check(struct store *st, struct cc_error *err)
{
	static const char *const checks[] = {"PRAGMA integrity_check(1)",
					     "SELECT * FROM pragma_foreign_key_check"};

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		sql_auto struct stmt *q = sql_prepare(st, err, checks[i], "");
		const char *text;
		int rc;

		if (!q)
			return -1;
		rc = sql_step(st, q, err);
		if (rc < 0)
			return -1;
		text = rc ? (const char *)sqlite3_column_text(q->q, 0) : NULL;
		if (rc && (!text || strcmp(text, "ok")))
			return cc_fail(err, CC_E_INVALID,
				       "keyd's database is damaged: %s; restore a backup",
				       text ? text : "foreign key");
	}
	return 0;
}

int store_setting_peek(struct store *st, const char *key, char **value, struct cc_error *err)
{
	sql_auto struct stmt *q = NULL;
	int rc;

	*value = NULL;
	if (st->schema_was == 0 && !st->seal)
		return 0; /* there are no tables yet */
	q = sql_prepare(st, err, "SELECT value FROM setting WHERE key = ?", "t", key);
	rc = q ? sql_step(st, q, err) : -1;
	return rc <= 0 ? rc : sql_dup(q, 0, value, NULL, err);
}

int store_setting_get(struct store *st, const char *key, char **value, struct cc_error *err)
{
	sql_auto struct stmt *q = sql_prepare(st, err, SELECT_SETTING "WHERE key = ?", "t", key);
	int rc = q ? sql_step(st, q, err) : -1;

	*value = NULL;
	if (rc <= 0)
		return rc;
	return sql_check(st, q, SEALED_SETTING, err) || sql_dup(q, 1, value, NULL, err) ? -1 : 0;
}

int store_setting_put(struct store *st, const char *key, const char *value, struct cc_error *err)
{
	const struct row_at at = {SEALED_SETTING, .text = key};
	unsigned char mac[STORE_MAC_LEN];

	if (sql_mac(st, mac, err, SEALED_SETTING, "tt", key, value))
		return -1;
	return sql_write(st, err, &at, mac,
			 "INSERT OR REPLACE INTO setting (key, value, mac) VALUES (?, ?, ?)", "ttb",
			 key, value, mac, sizeof(mac)) < 0
		       ? -1
		       : 0;
}
