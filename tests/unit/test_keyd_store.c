// SPDX-License-Identifier: Apache-2.0
/* The store, and the audit chain in it. */
#include "keyd_world.h"

#include <sys/stat.h>

static int empty_setup(void **state)
{
	*state = world_empty();
	return 0;
}

static struct store_volume volume(const char *name, const char *uuid)
{
	struct store_volume v = {
		.rec.cipher = "aes-xts-plain64",
		.rec.key_bytes = 64,
		.rec.sector_size = 4096,
		.rec.offset = 65536,
		.rec.sectors = UINT64_C(1) << 40,
		.rec.fs = "xfs",
		.rec.generation = 3,
		.rec.created = 1800000000,
		.kek_id = "00112233445566778899aabbccddeeff",
		.wrapped = "not really",
		.wrapped_len = 92,
		.fence = 5,
		.serial_floor = 9,
		.wrap_format = KEK_FORMAT,
		.rec.terms = CC_LEASE_TERMS_DEFAULT,
	};

	strcpy(v.rec.name, name);
	strcpy(v.rec.uuid, uuid);
	return v;
}

static void a_volume_comes_back_as_it_was(void **state)
{
	struct world *w = *state;
	struct store *st = w->custodian.store;
	struct store_volume v = volume("pgdata", UUID_PGDATA), back;
	struct cc_error err;

	assert_int_equal(store_volume_add(st, &v, &err), 0);
	reopen_custodian(w);
	st = w->custodian.store;
	assert_int_equal(store_volume_get(st, "pgdata", &back, &err), 0);
	assert_int_equal(back.id, v.id);
	assert_string_equal(back.rec.name, v.rec.name);
	assert_string_equal(back.rec.uuid, v.rec.uuid);
	assert_string_equal(back.rec.cipher, v.rec.cipher);
	assert_int_equal(back.rec.key_bytes, v.rec.key_bytes);
	assert_int_equal(back.rec.sector_size, v.rec.sector_size);
	assert_true(back.rec.offset == v.rec.offset && back.rec.sectors == v.rec.sectors);
	assert_string_equal(back.rec.fs, v.rec.fs);
	assert_int_equal(back.rec.generation, v.rec.generation);
	assert_false(back.rec.ready);
	assert_true(back.rec.created == v.rec.created);
	assert_string_equal(back.kek_id, v.kek_id);
	assert_int_equal(back.wrapped_len, v.wrapped_len);
	assert_memory_equal(back.wrapped, v.wrapped, v.wrapped_len);
	assert_int_equal(back.fence, v.fence);
	assert_int_equal(back.serial_floor, v.serial_floor);

	back.rec.ready = true;
	back.fence = 6;
	assert_int_equal(store_volume_update(st, &back, &err), 0);
	assert_int_equal(store_volume_by_uuid(st, UUID_PGDATA, &back, &err), 0);
	assert_true(back.rec.ready);
	assert_int_equal(back.fence, 6);
}

static void leases_are_kept_with_their_volume(void **state)
{
	struct store *st = ((struct world *)*state)->custodian.store;
	struct store_volume v = volume("pgdata", UUID_PGDATA);
	struct store_lease l = {.id = UUID_OTHER,
				.volume = "pgdata",
				.volume_uuid = UUID_PGDATA,
				.agent = "host1",
				.enrolment = BOOT_1,
				.container = CONTAINER_1,
				.boot_id = BOOT_1,
				.fence = 1,
				.granted = 1800000000,
				.ms = 5000,
				.cover_ms = 6000,
				.ver = 7,
				.shared = true,
				.read_only = true,
				.host_boot = BOOT_2,
				.end_ms = 77},
			   back;
	store_auto_leases struct store_leases list = {0};
	struct cc_error err;

	assert_int_equal(store_volume_add(st, &v, &err), 0);
	assert_int_equal(store_lease_add(st, v.id, &l, &err), 0);
	assert_int_equal(store_lease_get(st, UUID_OTHER, &back, &err), 0);
	assert_string_equal(back.volume, "pgdata");
	assert_string_equal(back.volume_uuid, UUID_PGDATA);
	assert_string_equal(back.enrolment, BOOT_1);
	assert_string_equal(back.container, CONTAINER_1);
	assert_string_equal(back.host_boot, BOOT_2);
	assert_true(back.shared && back.read_only && !back.revoked);
	assert_int_equal(back.ms, 5000);
	assert_int_equal(back.end_ms, 77);
	assert_int_equal(back.cover_ms, 6000);
	assert_int_equal(back.ver, 7);
	back.revoked = true;
	back.end_ms = 99;
	assert_int_equal(store_lease_update(st, &back, &err), 0);
	assert_int_equal(store_lease_add(st, v.id, &l, &err), -1);
	assert_int_equal(err.code, CC_E_EXISTS);
	strcpy(l.id, UUID_PGDATA);
	assert_int_equal(store_lease_add(st, v.id, &l, &err), 0);
	assert_int_equal(store_leases_of(st, v.id, &list, &err), 0);
	assert_int_equal(list.n, 2);
	assert_int_equal(list.v[0].revoked + list.v[1].revoked, 1);
	assert_int_equal(list.v[0].end_ms + list.v[1].end_ms, 77 + 99);
	/* Nor does it go away under its leases. */
	assert_int_equal(store_volume_delete(st, v.id, &err), -1);
	assert_int_equal(store_lease_delete(st, UUID_OTHER, &err), 0);
	assert_int_equal(store_lease_delete(st, UUID_PGDATA, &err), 0);
	assert_int_equal(store_volume_delete(st, v.id, &err), 0);
}

static void an_identity_goes_with_its_volume(void **state)
{
	struct store *st = ((struct world *)*state)->custodian.store;
	struct store_volume v = volume("pgdata", UUID_PGDATA);
	struct store_identity id = {.envelope = (char *)"a\0b",
				    .envelope_len = 3,
				    .serial = 7,
				    .digest = DIGEST_1,
				    .signer = "ci",
				    .mount_point = (char *)"/data"};
	store_auto_identity struct store_identity back = {0};
	struct cc_error err;

	assert_int_equal(store_volume_add(st, &v, &err), 0);
	assert_int_equal(store_identity_put(st, v.id, &id, &err), 0);
	assert_int_equal(store_identity_get(st, v.id, &back, &err), 0);
	assert_int_equal(back.envelope_len, 3);
	assert_memory_equal(back.envelope, "a\0b", 3);
	assert_int_equal(back.serial, 7);
	store_identity_clear(&back);
	assert_int_equal(store_volume_delete(st, v.id, &err), 0);
	assert_int_equal(store_identity_get(st, v.id, &back, &err), -1);
	assert_int_equal(err.code, CC_E_NOTFOUND);
}

static void what_is_rolled_back_never_was(void **state)
{
	struct store *st = ((struct world *)*state)->custodian.store;
	struct store_volume v = volume("pgdata", UUID_PGDATA), back;
	struct cc_error err;

	assert_int_equal(store_begin(st, &err), 0);
	assert_int_equal(store_volume_add(st, &v, &err), 0);
	store_rollback(st);
	store_rollback(st);
	assert_int_equal(store_volume_get(st, "pgdata", &back, &err), -1);
	assert_int_equal(err.code, CC_E_NOTFOUND);
	assert_string_equal(err.fact, "volume");
}

static void damaged_rows_are_errors_not_values(void **state)
{
	struct world *w = *state;
	struct store *st = w->custodian.store;
	struct store_volume v = volume("pgdata", UUID_PGDATA), back;
	struct cc_error err;

	assert_int_equal(store_volume_add(st, &v, &err), 0);
	tamper_sealed(w, "UPDATE volume SET sectors = -1");
	assert_int_equal(store_volume_get(st, "pgdata", &back, &err), -1);
	assert_int_equal(err.code, CC_E_INTERNAL);
	tamper_sealed(w, "UPDATE volume SET sectors = 1, wrapped = zeroblob(1000)");
	assert_int_equal(store_volume_get(st, "pgdata", &back, &err), -1);
	tamper_sealed(w, "UPDATE volume SET wrapped = x'00', kek_id = printf('%.*c', 100, 'x')");
	assert_int_equal(store_volume_get(st, "pgdata", &back, &err), -1);
}

static void a_database_of_another_kind_or_version_is_refused(void **state)
{
	struct world *w = *state;
	struct cc_error err;

	custodian_close(&w->custodian);
	tamper(w, "PRAGMA user_version = 99");
	assert_null(store_open(w->dir, STORE_CREATE, &err));
	assert_int_equal(err.code, CC_E_INVALID);
	tamper(w, "PRAGMA user_version = 1; PRAGMA application_id = 7");
	assert_null(store_open(w->dir, STORE_SERVE, &err));
	assert_int_equal(err.code, CC_E_INVALID);
}

static void the_directory_must_be_ours_alone(void **state)
{
	struct world *w = *state;
	struct cc_error err;

	custodian_close(&w->custodian);
	assert_int_equal(chmod(w->dir, 0750), 0);
	assert_null(store_open(w->dir, STORE_SERVE, &err));
	assert_int_equal(err.code, CC_E_PERM);
	assert_int_equal(chmod(w->dir, 0700), 0);
	assert_null(store_open("/nonexistent", STORE_SERVE, &err));
	assert_int_equal(err.code, CC_E_NOTFOUND);
}

static void a_missing_database_is_not_made_by_the_way(void **state)
{
	struct world *w = *state;
	char path[128];
	struct cc_error err;

	custodian_close(&w->custodian);
	snprintf(path, sizeof(path), "%s/" STORE_FILE, w->dir);
	assert_int_equal(unlink(path), 0);
	assert_null(store_open(w->dir, STORE_SERVE, &err));
	assert_int_equal(err.code, CC_E_NOTFOUND);
	assert_int_equal(access(path, F_OK), -1);
}

/* ---- the audit chain ---- */

static void append(struct store *st, const char *detail)
{
	struct cc_audit_row row = {.time = "2027-01-15T08:00:00Z",
				   .event = "release",
				   .outcome = "allow",
				   .agent = "host1",
				   .volume = "pgdata",
				   .container = CONTAINER_1,
				   .fact = "",
				   .detail = detail};
	struct cc_error err;

	if (store_audit_append(st, &row, &err))
		fail_msg("%s", err.text);
}

#define UNLOCK "DROP TRIGGER IF EXISTS audit_no_update; DROP TRIGGER IF EXISTS audit_no_delete;"

static void each_change_of_the_log_is_found(void **state)
{
	static const struct {
		const char *what, *sql, *row;
	} changes[] = {
		{"text changed", UNLOCK "UPDATE audit SET detail = 'x' WHERE seq = 3", "row 3"},
		{"outcome changed", UNLOCK "UPDATE audit SET outcome = 'allow ' WHERE seq = 2",
		 "row 2"},
		{"text moved between fields",
		 UNLOCK "UPDATE audit SET agent = 'host', volume = '1pgdata' WHERE seq = 2",
		 "row 2"},
		{"hash changed", UNLOCK "UPDATE audit SET hash = zeroblob(32) WHERE seq = 4",
		 "row 4"},
		{"row removed", UNLOCK "DELETE FROM audit WHERE seq = 3", "row 3"},
		{"first row removed", UNLOCK "DELETE FROM audit WHERE seq = 1", "row 1"},
		{"rows swapped",
		 UNLOCK "UPDATE audit SET seq = 100 WHERE seq = 2; UPDATE audit SET seq = 2 "
			"WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = 100",
		 "row 2"},
		{"row invented",
		 "INSERT INTO audit SELECT 6, time, event, outcome, agent, volume, container, fact, "
		 "detail, hash, hash, mac FROM audit WHERE seq = 5",
		 "row 6"},
		{"short hash", UNLOCK "UPDATE audit SET hash = x'00' WHERE seq = 2", "row 2"},
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct world *w;
		struct cc_error err;
		uint64_t rows;

		world_teardown(state);
		empty_setup(state);
		w = *state;
		print_message("# %s\n", changes[i].what);
		for (int n = 0; n < 5; n++)
			append(w->custodian.store, "detail");
		assert_int_equal(store_audit_verify(w->custodian.store, &rows, &err), 0);
		assert_int_equal(rows, 5);
		tamper(w, changes[i].sql);
		assert_int_equal(store_audit_verify(w->custodian.store, &rows, &err), -1);
		assert_int_equal(err.code, CC_E_INVALID);
		assert_string_equal(err.fact, "audit");
		assert_non_null(strstr(err.text, changes[i].row));
	}
}

static void rows_are_not_changed_by_accident(void **state)
{
	struct world *w = *state;
	char path[128];
	sqlite3 *db;

	append(w->custodian.store, "detail");
	snprintf(path, sizeof(path), "%s/" STORE_FILE, w->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_not_equal(sqlite3_exec(db, "UPDATE audit SET detail = ''", NULL, NULL, NULL),
			     SQLITE_OK);
	assert_int_not_equal(sqlite3_exec(db, "DELETE FROM audit", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void the_chain_goes_on_after_a_restart_and_a_rollback(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	uint64_t rows;

	append(w->custodian.store, "one");
	assert_int_equal(store_begin(w->custodian.store, &err), 0);
	append(w->custodian.store, "never");
	store_rollback(w->custodian.store);
	append(w->custodian.store, "two");
	reopen_custodian(w);
	append(w->custodian.store, "three");
	assert_int_equal(store_audit_verify(w->custodian.store, &rows, &err), 0);
	assert_int_equal(rows, 3);
}

static void a_second_writer_does_not_break_the_chain(void **state)
{
	struct world *w = *state;
	store_auto struct store *other = NULL;
	struct cc_error err;
	uint64_t rows;

	other = store_open(w->dir, STORE_SERVE, &err);
	assert_non_null(other);
	assert_int_equal(store_start(other, &w->custodian.seal.ops, fake_real, &err), 0);
	append(w->custodian.store, "one");
	append(other, "two");
	append(w->custodian.store, "three");
	assert_int_equal(store_audit_verify(w->custodian.store, &rows, &err), 0);
	assert_int_equal(rows, 3);
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, empty_setup, world_teardown)

/* As many other statements as are kept, each at an address of its own. */
static void fill_kept(struct store *st)
{
	static char texts[128][sizeof("SELECT 1")];
	struct cc_error err;

	for (size_t i = 0; i < 128; i++) {
		strcpy(texts[i], "SELECT 1");
		sql_done(sql_prepare(st, &err, texts[i], ""));
	}
}

static void a_store_keeps_its_statements_whatever_others_do(void **state)
{
	struct world *w = *state;
	struct store *first = w->custodian.store, *second;
	static const char sql[] = "SELECT 2";
	sqlite3_stmt *compiled;
	struct cc_error err;

	fill_kept(first);
	second = store_open(w->dir, STORE_SERVE, &err);
	assert_non_null(second);
	sql_done(sql_prepare(second, &err, sql, ""));
	compiled = sqlite3_next_stmt(second->db, NULL);
	assert_non_null(compiled);
	sql_done(sql_prepare(second, &err, sql, ""));
	assert_ptr_equal(sqlite3_next_stmt(second->db, NULL), compiled);
	store_close(second);
	/* It took none of them along. */
	assert_non_null(sqlite3_next_stmt(first->db, NULL));
	fill_kept(first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(a_volume_comes_back_as_it_was),
		world_test(leases_are_kept_with_their_volume),
		world_test(an_identity_goes_with_its_volume),
		world_test(what_is_rolled_back_never_was),
		world_test(damaged_rows_are_errors_not_values),
		world_test(a_database_of_another_kind_or_version_is_refused),
		world_test(the_directory_must_be_ours_alone),
		world_test(a_missing_database_is_not_made_by_the_way),
		world_test(each_change_of_the_log_is_found),
		world_test(rows_are_not_changed_by_accident),
		world_test(the_chain_goes_on_after_a_restart_and_a_rollback),
		world_test(a_second_writer_does_not_break_the_chain),
		world_test(a_store_keeps_its_statements_whatever_others_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
