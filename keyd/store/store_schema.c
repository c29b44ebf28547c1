// SPDX-License-Identifier: Apache-2.0
/* The tables, and how those of an older keyd become them. */
#include "store/store.h"

#include "store/store_sql.h"

#define APPLICATION_ID 0x636b6431 /* "ckd1" */
#define SCHEMA_VERSION SCHEMA_SERIALS

/*
 * Several leases of one volume are shared ones; whether they may be is decided in lease.c. The
 * table as schemas 2 and 3 had it, which an older database gets on its way.
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

#define KEK_TABLE                      \
	"CREATE TABLE kek ("           \
	" number INTEGER PRIMARY KEY," \
	" state TEXT NOT NULL,"        \
	" id TEXT NOT NULL UNIQUE,"    \
	" created INTEGER NOT NULL,"   \
	" wrapped BLOB NOT NULL) STRICT;"
#define AUDIT_TRIGGERS                                                     \
	"CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit"            \
	" BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;" \
	"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit"            \
	" BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;"

/* One row. @schema: so that nobody makes the file look older, or newer, than it is. */
#define HEAD_TABLE                                \
	"CREATE TABLE audit_head ("               \
	" id INTEGER PRIMARY KEY CHECK (id = 1)," \
	" seq INTEGER NOT NULL,"                  \
	" hash BLOB NOT NULL,"                    \
	" start_seq INTEGER NOT NULL,"            \
	" start_hash BLOB NOT NULL,"              \
	" schema INTEGER NOT NULL,"               \
	" mac BLOB NOT NULL DEFAULT x'') STRICT;" HEAD_CHANGE_6

/* Rows are counted, see store_rows.c. */
#define HEAD_CHANGE_6                                                         \
	"ALTER TABLE audit_head ADD COLUMN ver INTEGER NOT NULL DEFAULT 0;"   \
	"ALTER TABLE audit_head ADD COLUMN counts BLOB NOT NULL DEFAULT x'';" \
	"ALTER TABLE audit_head ADD COLUMN nonce BLOB NOT NULL DEFAULT x'';"  \
	"ALTER TABLE audit_head ADD COLUMN sum BLOB NOT NULL DEFAULT x'';"

#define MAC_COLUMN(table) "ALTER TABLE " table " ADD COLUMN mac BLOB NOT NULL DEFAULT x'';"
#define MAC_COLUMNS            \
	MAC_COLUMN("setting")  \
	MAC_COLUMN("volume")   \
	MAC_COLUMN("identity") \
	MAC_COLUMN("signer")   \
	MAC_COLUMN("agent")    \
	MAC_COLUMN("lease") MAC_COLUMN("tombstone") MAC_COLUMN("audit") MAC_COLUMN("kek")

/* What a new volume of a deleted one's name goes on from. */
#define TOMBSTONE_TABLE                   \
	"CREATE TABLE tombstone ("        \
	" name TEXT PRIMARY KEY,"         \
	" fence INTEGER NOT NULL,"        \
	" serial_floor INTEGER NOT NULL," \
	" ver INTEGER NOT NULL) STRICT;"

/* Everybody is for all volumes, as before; a volume that is being created has no creator. */
#define SCOPE_CHANGE_5                                                     \
	"ALTER TABLE agent ADD COLUMN volumes TEXT NOT NULL DEFAULT '*';"  \
	"ALTER TABLE signer ADD COLUMN volumes TEXT NOT NULL DEFAULT '*';" \
	"ALTER TABLE volume ADD COLUMN creator TEXT NOT NULL DEFAULT '';"

/* Until then a volume had one identity, and with it all its leases were given. */
#define CHANGE_7                                                                          \
	"ALTER TABLE identity RENAME TO identity_6;"                                      \
	"CREATE TABLE identity ("                                                         \
	" id TEXT PRIMARY KEY," /* volume and serial */                                   \
	" volume INTEGER NOT NULL REFERENCES volume ON DELETE CASCADE,"                   \
	" serial INTEGER NOT NULL,"                                                       \
	" floor INTEGER NOT NULL," /* 0: it signs none */                                 \
	" state TEXT NOT NULL,"                                                           \
	" envelope BLOB NOT NULL,"                                                        \
	" digest TEXT NOT NULL,"                                                          \
	" signer TEXT NOT NULL,"                                                          \
	" mount_point TEXT NOT NULL,"                                                     \
	" mac BLOB NOT NULL DEFAULT x'') STRICT;"                                         \
	"CREATE INDEX identity_volume ON identity (volume, serial);"                      \
	"INSERT INTO identity SELECT volume || '/' || serial, volume, serial, 0, 'live'," \
	" envelope, digest, signer, mount_point, mac FROM identity_6;"                    \
	"DROP TABLE identity_6;"                                                          \
	"ALTER TABLE lease ADD COLUMN serial INTEGER NOT NULL DEFAULT 0;"                 \
	"UPDATE lease SET serial = coalesce("                                             \
	"(SELECT serial FROM identity WHERE identity.volume = lease.volume), 0);"

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

	AGENT_TABLE LEASE_TABLE_2 LEASE_CHANGE_4 TOMBSTONE_TABLE KEK_TABLE SCOPE_CHANGE_5

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
	/* Against accidents; against tampering there are MACs. */
	AUDIT_TRIGGERS MAC_COLUMNS HEAD_TABLE CHANGE_7;

/* "3 volumes (a b c)" */
static int name_all(struct store *st, const char *table, char *text, size_t size,
		    struct cc_error *err)
{
	sql_auto struct stmt *q = NULL;
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT count(*), coalesce(group_concat(name, ' '), '') FROM %s",
		 table);
	q = sql_prepare(st, err, sql, "");
	if (!q || sql_step(st, q, err) < 0)
		return -1;
	snprintf(text, size, "%lld %ss (%s)", (long long)sqlite3_column_int64(q->q, 0), table,
		 (const char *)sqlite3_column_text(q->q, 1));
	cc_text_clean(text);
	return 0;
}

/* Who reads the log shall see what was taken over, unseen as it was until then. @what: was done */
static int record_take_over(struct store *st, const char *what, struct cc_error *err)
{
	char detail[CC_TEXT_MAX], agents[200], signers[200], volumes[200];
	const struct cc_audit_row row = {.event = "upgrade", .outcome = "allow", .detail = detail};

	if (name_all(st, "agent", agents, sizeof(agents), err) ||
	    name_all(st, "signer", signers, sizeof(signers), err) ||
	    name_all(st, "volume", volumes, sizeof(volumes), err))
		return -1;
	snprintf(detail, sizeof(detail), "%s, as they were: %s, %s, %s", what, agents, signers,
		 volumes);
	return store_audit_add(st, &row, st->now, err);
}

/* Whether they had been counted before is not known here: that is in the high-water mark. */
static int say_uncounted(struct store *st, struct cc_error *err)
{
	return store_setting_put(st, STORE_COUNTED, STORE_COUNTED_NOT, err);
}

static int take_over(struct store *st, struct cc_error *err)
{
	if (sql_seal_all(st, err) || sql_audit_head_new(st, err) || say_uncounted(st, err) ||
	    st->seal->accept(st->seal, st, err))
		return -1;
	return record_take_over(st, "rows got MACs", err);
}

/* Before the columns change: only what keyd wrote is to have a MAC afterwards. */
static int unseal_bad(struct store *st, struct cc_error *err)
{
	return sql_unseal_bad(st, SEALED_IDENTITY, err) || sql_unseal_bad(st, SEALED_LEASE, err)
		       ? -1
		       : 0;
}

static int seal_again(struct store *st, struct cc_error *err)
{
	return sql_seal_again(st, SEALED_IDENTITY, err) || sql_seal_again(st, SEALED_LEASE, err)
		       ? -1
		       : 0;
}

static int begin_counting(struct store *st, struct cc_error *err)
{
	if (sql_seal_table(st, SEALED_KEK, err) || seal_again(st, err) ||
	    sql_audit_head_5(st, err) || say_uncounted(st, err))
		return -1;
	return record_take_over(st, "rows are counted", err);
}

static int note_misfit(struct store *st, struct cc_error *err)
{
	return sql_rows_misfit(st, &st->was, err) ? -1 : unseal_bad(st, err);
}

/* What did not fit before does not fit now: no upgrade makes a removed row one that never was. */
static int keep_misfit(struct store *st, struct cc_error *err)
{
	const struct tally lag = st->was;

	return seal_again(st, err) ? -1 : sql_rows_recount(st, &lag, err);
}

/**
 * struct step - from one version to the next.
 * @to: which that is
 * @first, @then: what SQL cannot do, before and after, in the same transaction; NULL for nothing
 */
struct step {
	int to;
	const char *sql;
	int (*then)(struct store *st, struct cc_error *err);
	int (*first)(struct store *st, struct cc_error *err);
};

/*
 * In order; [0] is from 1 to 2. A lease of version 1 has no end, a key wrapped by it (format 1) is
 * bound to less, which the custodian mends when it starts. What was promised before the last
 * renewal was not recorded before version 4. In version 5 rows got MACs, in 6 they are counted:
 * what is there then is taken over as it is. In 7 a volume may have several identities.
 */
static const struct step steps[] = {
	{2,
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
	 NULL, NULL},
	{3, "ALTER TABLE volume ADD COLUMN mount_options TEXT NOT NULL DEFAULT '';", NULL, NULL},
	{4,
	 LEASE_CHANGE_4 TOMBSTONE_TABLE
	 "ALTER TABLE agent RENAME TO agent_3;" AGENT_TABLE
	 "INSERT INTO agent SELECT name, " SQL_UUID ", thumbprint, jwk FROM agent_3;"
	 "DROP TABLE agent_3;"
	 "UPDATE lease SET cover_ms = ms, enrolment = coalesce("
	 "(SELECT enrolment FROM agent WHERE agent.name = lease.agent), '');",
	 NULL, NULL},
	{7, SCOPE_CHANGE_5 KEK_TABLE MAC_COLUMNS HEAD_TABLE CHANGE_7, take_over, NULL},
	{7, MAC_COLUMN("kek") HEAD_CHANGE_6 CHANGE_7, begin_counting, unseal_bad},
	{7, CHANGE_7, keep_misfit, note_misfit},
};

static int pragma_int(struct store *st, const char *sql, int64_t *v, struct cc_error *err)
{
	sql_auto struct stmt *q = sql_prepare(st, err, sql, "");

	if (!q || sql_step(st, q, err) < 0)
		return -1;
	*v = sqlite3_column_int64(q->q, 0);
	return 0;
}

static int run_step(struct store *st, const struct step *step, int from, struct cc_error *err)
{
	char mark[96];

	snprintf(mark, sizeof(mark), "PRAGMA application_id = %d; PRAGMA user_version = %d;",
		 APPLICATION_ID, step->to);
	st->layout_6 = true;
	if (step->first && step->first(st, err))
		return -1;
	st->layout_6 = false;
	if (sql_exec(st, step->sql, err) || sql_exec(st, mark, err))
		return -1;
	if (step->then && step->then(st, err))
		return -1;
	return step->to < SCHEMA_SEALED ? 0 : sql_audit_head_schema(st, from, step->to, err);
}

/* Makes a step and says of which version the database is now, all of it or nothing. */
static int apply(struct store *st, const struct step *step, int from, struct cc_error *err)
{
	if (store_begin(st, err))
		return -1;
	if (run_step(st, step, from, err) || store_commit(st, err)) {
		store_rollback(st);
		return -1;
	}
	return 0;
}

static int bring_up_to_date(struct store *st, int version, struct cc_error *err)
{
	while (version < SCHEMA_VERSION) {
		const struct step *step = &steps[version - 1];

		if (apply(st, step, version, err))
			return cc_prefix(err, "from schema %d to %d", version, step->to);
		version = step->to;
	}
	return 0;
}

int store_schema_now(void)
{
	return SCHEMA_VERSION;
}

int sql_schema_look(struct store *st, struct cc_error *err)
{
	int64_t app, version;

	if (pragma_int(st, "PRAGMA application_id", &app, err) ||
	    pragma_int(st, "PRAGMA user_version", &version, err))
		return -1;
	if (app == 0 && version == 0 && st->mode == STORE_CREATE)
		return 0;
	if (app != APPLICATION_ID)
		return cc_fail(
			err, CC_E_INVALID,
			"this is not keyd's database, or keyd init did not finish: run keyd init");
	if (version < 1 || version > SCHEMA_VERSION)
		return cc_fail(err, CC_E_INVALID,
			       "keyd's database has schema %lld, this keyd knows %d: use the keyd "
			       "that wrote it",
			       (long long)version, SCHEMA_VERSION);
	st->schema_was = (int)version;
	st->layout_6 = st->mode == STORE_LOOK && version < SCHEMA_SERIALS;
	return 0;
}

int sql_schema_start(struct store *st, struct cc_error *err)
{
	if (st->schema_was == 0)
		return apply(st, &(struct step){SCHEMA_VERSION, schema, sql_audit_head_new, NULL},
			     0, err);
	if (st->schema_was < SCHEMA_SEALED && st->mode == STORE_SERVE)
		return cc_fail(
			err, CC_E_INVALID,
			"keyd's database has schema %d, of before its rows were protected "
			"against changes: if you have just installed a newer keyd, run \"dmctl "
			"init\" once, which takes them over as they are; else restore a backup",
			st->schema_was);
	return bring_up_to_date(st, st->schema_was, err);
}
