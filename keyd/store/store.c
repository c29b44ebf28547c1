// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "store/store_sql.h"

#define APPLICATION_ID 0x636b6431 /* "ckd1" */
#define SCHEMA_VERSION 4
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

/*
 * Several leases of one volume are shared ones; whether they may be is decided in lease.c. The
 * table as schemas 2 and 3 had it, which an older data base gets on its way.
 */
#define LEASE_TABLE_2                                 \
	"CREATE TABLE lease ("                        \
	" id TEXT PRIMARY KEY,"                       \
	" volume INTEGER NOT NULL REFERENCES volume," \
	" agent TEXT NOT NULL,"                       \
	" container TEXT NOT NULL,"                   \
	" boot_id TEXT NOT NULL,"                     \
	" fence INTEGER NOT NULL,"                    \
	" granted INTEGER NOT NULL,"                  \
	" ms INTEGER NOT NULL,"                       \
	" shared INTEGER NOT NULL,"                   \
	" read_only INTEGER NOT NULL,"                \
	" revoked INTEGER NOT NULL,"                  \
	" host_boot TEXT NOT NULL,"                   \
	" end_ms INTEGER NOT NULL) STRICT;"           \
	"CREATE INDEX lease_volume ON lease (volume);"

#define LEASE_CHANGE_4                                                      \
	"ALTER TABLE lease ADD COLUMN cover_ms INTEGER NOT NULL DEFAULT 0;" \
	"ALTER TABLE lease ADD COLUMN ver INTEGER NOT NULL DEFAULT 1;"      \
	"ALTER TABLE lease ADD COLUMN enrolment TEXT NOT NULL DEFAULT '';"

/* A random UUID (version 4), for agents that were enrolled when keyd gave them none. */
#define SQL_UUID                                                                   \
	"lower(printf('%s-%s-4%s-8%s-%s', hex(randomblob(4)), hex(randomblob(2))," \
	" substr(hex(randomblob(2)), 2), substr(hex(randomblob(2)), 2), hex(randomblob(6))))"

#define AGENT_TABLE                         \
	"CREATE TABLE agent ("              \
	" name TEXT PRIMARY KEY,"           \
	" enrolment TEXT NOT NULL UNIQUE,"  \
	" thumbprint TEXT NOT NULL UNIQUE," \
	" jwk TEXT NOT NULL) STRICT;"

/* What a new volume of a deleted one's name goes on from. */
#define TOMBSTONE_TABLE                   \
	"CREATE TABLE tombstone ("        \
	" name TEXT PRIMARY KEY,"         \
	" fence INTEGER NOT NULL,"        \
	" serial_floor INTEGER NOT NULL," \
	" ver INTEGER NOT NULL) STRICT;"

static const char schema[] =
	"CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;"

	"CREATE TABLE volume ("
	" id INTEGER PRIMARY KEY,"
	" name TEXT NOT NULL UNIQUE,"
	" uuid TEXT NOT NULL UNIQUE,"
	" cipher TEXT NOT NULL,"
	" key_bytes INTEGER NOT NULL,"
	" sector_size INTEGER NOT NULL,"
	" data_offset INTEGER NOT NULL," /* 512-byte sectors */
	" sectors INTEGER NOT NULL,"
	" fs TEXT NOT NULL,"
	" generation INTEGER NOT NULL,"
	" ready INTEGER NOT NULL CHECK (ready IN (0, 1)),"
	" created INTEGER NOT NULL,"
	" kek_id TEXT NOT NULL,"
	" wrapped BLOB NOT NULL,"
	" fence INTEGER NOT NULL,"
	" serial_floor INTEGER NOT NULL,"
	" wrap_format INTEGER NOT NULL,"
	" lease_ms INTEGER NOT NULL,"
	" shared_read INTEGER NOT NULL CHECK (shared_read IN (0, 1)),"
	" on_lapse TEXT NOT NULL,"
	" on_revoke TEXT NOT NULL,"
	" queue_ms INTEGER NOT NULL,"
	" mount_options TEXT NOT NULL) STRICT;"

	"CREATE TABLE identity ("
	" volume INTEGER PRIMARY KEY REFERENCES volume ON DELETE CASCADE,"
	" envelope BLOB NOT NULL,"
	" serial INTEGER NOT NULL,"
	" digest TEXT NOT NULL,"
	" signer TEXT NOT NULL,"
	" mount_point TEXT NOT NULL) STRICT;"

	"CREATE TABLE signer ("
	" name TEXT PRIMARY KEY,"
	" keyid TEXT NOT NULL UNIQUE,"
	" pem TEXT NOT NULL) STRICT;"

	AGENT_TABLE LEASE_TABLE_2 LEASE_CHANGE_4 TOMBSTONE_TABLE

	"CREATE TABLE audit ("
	" seq INTEGER PRIMARY KEY,"
	" time TEXT NOT NULL,"
	" event TEXT NOT NULL,"
	" outcome TEXT NOT NULL,"
	" agent TEXT NOT NULL,"
	" volume TEXT NOT NULL,"
	" container TEXT NOT NULL,"
	" fact TEXT NOT NULL,"
	" detail TEXT NOT NULL,"
	" prev BLOB NOT NULL,"
	" hash BLOB NOT NULL) STRICT;"
	/* Against accidents; against tampering there is the chain. */
	"CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit"
	" BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;"
	"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit"
	" BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;";

/*
 * Changes from one version to the next, in order; [0] is from 1 to 2. A lease of version 1 has no
 * end, a key wrapped by it (format 1) is bound to less, which the custodian mends when it starts.
 * What was promised before the last renewal was not recorded before version 4.
 */
static const char *const changes[] = {
	"ALTER TABLE volume ADD COLUMN wrap_format INTEGER NOT NULL DEFAULT 1;"
	"ALTER TABLE volume ADD COLUMN lease_ms INTEGER NOT NULL DEFAULT 600000;"
	"ALTER TABLE volume ADD COLUMN shared_read INTEGER NOT NULL DEFAULT 0"
	" CHECK (shared_read IN (0, 1));"
	"ALTER TABLE volume ADD COLUMN on_lapse TEXT NOT NULL DEFAULT 'freeze';"
	"ALTER TABLE volume ADD COLUMN on_revoke TEXT NOT NULL DEFAULT 'kill';"
	"ALTER TABLE volume ADD COLUMN queue_ms INTEGER NOT NULL DEFAULT 300000;"
	"ALTER TABLE lease RENAME TO lease_1;" LEASE_TABLE_2
	"INSERT INTO lease SELECT id, volume, agent, container, boot_id, fence, granted, ms,"
	" 0, 0, 0, boot_id, 0 FROM lease_1;"
	"DROP TABLE lease_1;",

	"ALTER TABLE volume ADD COLUMN mount_options TEXT NOT NULL DEFAULT '';",

	LEASE_CHANGE_4 TOMBSTONE_TABLE
	"ALTER TABLE agent RENAME TO agent_3;" AGENT_TABLE
	"INSERT INTO agent SELECT name, " SQL_UUID ", thumbprint, jwk FROM agent_3;"
	"DROP TABLE agent_3;"
	"UPDATE lease SET cover_ms = ms, enrolment = coalesce("
	"(SELECT enrolment FROM agent WHERE agent.name = lease.agent), '');",
};

static int exec(struct store *st, const char *sql, struct cc_error *err)
{
	return sqlite3_exec(st->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : sql_fail(st, err);
}

static int pragma_int(struct store *st, const char *sql, int64_t *v, struct cc_error *err)
{
	sql_auto sqlite3_stmt *q = sql_prepare(st, err, sql, "");

	if (!q || sql_step(st, q, err) < 0)
		return -1;
	*v = sqlite3_column_int64(q, 0);
	return 0;
}

/* Runs @sql and says that the data base is of this version now, both or neither. */
static int apply(struct store *st, const char *sql, int version, struct cc_error *err)
{
	char mark[96];

	snprintf(mark, sizeof(mark), "PRAGMA application_id = %d; PRAGMA user_version = %d;",
		 APPLICATION_ID, version);
	if (store_begin(st, err))
		return -1;
	if (exec(st, sql, err) || exec(st, mark, err) || store_commit(st, err)) {
		store_rollback(st);
		return -1;
	}
	return 0;
}

static int bring_up_to_date(struct store *st, int version, struct cc_error *err)
{
	for (; version < SCHEMA_VERSION; version++)
		if (apply(st, changes[version - 1], version + 1, err))
			return cc_prefix(err, "from schema %d to %d", version, version + 1);
	return 0;
}

static int check_schema(struct store *st, enum store_mode mode, struct cc_error *err)
{
	int64_t app, version;

	if (pragma_int(st, "PRAGMA application_id", &app, err) ||
	    pragma_int(st, "PRAGMA user_version", &version, err))
		return -1;
	if (app == 0 && version == 0 && mode == STORE_CREATE)
		return apply(st, schema, SCHEMA_VERSION, err);
	if (app != APPLICATION_ID)
		return cc_fail(
			err, CC_E_INVALID,
			"this is not keyd's database, or keyd init did not finish: run keyd init");
	if (version < 1 || version > SCHEMA_VERSION)
		return cc_fail(err, CC_E_INVALID,
			       "keyd's database has schema %lld, this keyd knows %d: use the keyd "
			       "that wrote it",
			       (long long)version, SCHEMA_VERSION);
	return mode == STORE_LOOK ? 0 : bring_up_to_date(st, (int)version, err);
}

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

/* SQLite's own files, but for how to sleep. NULL: SQLite has none. */
static const char *use_vfs(void)
{
	static sqlite3_vfs vfs;

	if (!vfs.zName) {
		const sqlite3_vfs *unix_vfs = sqlite3_vfs_find(NULL);

		if (!unix_vfs)
			return NULL;
		vfs = *unix_vfs;
		vfs.zName = VFS_NAME;
		vfs.xSleep = sleep_us;
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
	if (exec(st, pragmas, err) || check_schema(st, mode, err)) {
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
	free(st);
}

int store_begin(struct store *st, struct cc_error *err)
{
	st->next_seq = st->head_seq;
	memcpy(st->next_hash, st->head_hash, sizeof(st->next_hash));
	return sql_run(st, err, "BEGIN IMMEDIATE", "") < 0 ? -1 : 0;
}

int store_commit(struct store *st, struct cc_error *err)
{
	if (sql_run(st, err, "COMMIT", "") < 0)
		return -1;
	st->head_seq = st->next_seq;
	memcpy(st->head_hash, st->next_hash, sizeof(st->head_hash));
	return 0;
}

void store_rollback(struct store *st)
{
	/* A full disk makes SQLite roll back by itself. */
	if (st->db && !sqlite3_get_autocommit(st->db))
		sqlite3_exec(st->db, "ROLLBACK", NULL, NULL, NULL);
}

int store_part_begin(struct store *st, struct cc_error *err)
{
	st->part_seq = st->next_seq;
	memcpy(st->part_hash, st->next_hash, sizeof(st->part_hash));
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
	return exec(st, "PRAGMA wal_checkpoint(TRUNCATE)", err);
}

int store_check(struct store *st, struct cc_error *err)
{
	static const char *const checks[] = {"PRAGMA integrity_check(1)",
					     "SELECT * FROM pragma_foreign_key_check"};

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		sql_auto sqlite3_stmt *q = sql_prepare(st, err, checks[i], "");
		const char *text;
		int rc;

		if (!q)
			return -1;
		rc = sql_step(st, q, err);
		if (rc < 0)
			return -1;
		text = rc ? (const char *)sqlite3_column_text(q, 0) : NULL;
		if (rc && (!text || strcmp(text, "ok")))
			return cc_fail(err, CC_E_INVALID,
				       "keyd's database is damaged: %s; restore a backup",
				       text ? text : "foreign key");
	}
	return 0;
}

int store_setting_get(struct store *st, const char *key, char **value, struct cc_error *err)
{
	sql_auto sqlite3_stmt *q =
		sql_prepare(st, err, "SELECT value FROM setting WHERE key = ?", "t", key);
	int rc;

	*value = NULL;
	if (!q)
		return -1;
	rc = sql_step(st, q, err);
	return rc <= 0 ? rc : sql_dup(q, 0, value, NULL, err);
}

int store_setting_put(struct store *st, const char *key, const char *value, struct cc_error *err)
{
	return sql_run(st, err, "INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)", "tt",
		       key, value) < 0
		       ? -1
		       : 0;
}
