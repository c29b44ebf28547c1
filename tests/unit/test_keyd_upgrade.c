// SPDX-License-Identifier: Apache-2.0
/* Databases of older versions, and what was changed in one behind keyd's back. */
#include "keyd/init.h"
#include "keyd/maintain.h"
#include "keyd_copies.h"
#include "keyd_hosts.h"

#define BACK_TO_4                                                                        \
	BACK_TO_6                                                                        \
	"DROP TABLE audit_head; DROP TABLE kek;"                                         \
	"ALTER TABLE setting DROP COLUMN mac; ALTER TABLE volume DROP COLUMN mac;"       \
	"ALTER TABLE identity DROP COLUMN mac; ALTER TABLE signer DROP COLUMN mac;"      \
	"ALTER TABLE agent DROP COLUMN mac; ALTER TABLE lease DROP COLUMN mac;"          \
	"ALTER TABLE tombstone DROP COLUMN mac; ALTER TABLE audit DROP COLUMN mac;"      \
	"ALTER TABLE agent DROP COLUMN volumes; ALTER TABLE signer DROP COLUMN volumes;" \
	"ALTER TABLE volume DROP COLUMN creator;"                                        \
	"PRAGMA user_version = 4;"

#define BACK_TO_3                                                      \
	BACK_TO_4                                                      \
	"ALTER TABLE lease DROP COLUMN cover_ms;"                      \
	"ALTER TABLE lease DROP COLUMN ver;"                           \
	"ALTER TABLE lease DROP COLUMN enrolment;"                     \
	"DROP TABLE tombstone;"                                        \
	"ALTER TABLE agent RENAME TO a;"                               \
	"CREATE TABLE agent (name TEXT PRIMARY KEY,"                   \
	" thumbprint TEXT NOT NULL UNIQUE, jwk TEXT NOT NULL) STRICT;" \
	"INSERT INTO agent SELECT name, thumbprint, jwk FROM a;"       \
	"DROP TABLE a;"

/* The key of pgdata as a keyd of @format wrapped it. */
static void wrap_as(struct world *w, enum kek_format format)
{
	struct kek_use use = {format == KEK_FORMAT_1 ? NULL : "pgdata",
			      UUID_PGDATA,
			      1,
			      "aes-xts-plain64",
			      64,
			      KEK_ANY};
	cc_auto_secret struct cc_secret key = {0};
	struct store_volume v;
	struct cc_error err;

	assert_int_equal(store_volume_get(w->custodian.store, "pgdata", &v, &err), 0);
	assert_int_equal(volume_key_open(&w->custodian.kek, &v, &key, &err), 0);
	assert_int_equal(kek_wrap(&w->custodian.kek, &use, &key, v.wrapped, &v.wrapped_len, &err),
			 0);
	v.wrap_format = format;
	assert_int_equal(store_volume_update(w->custodian.store, &v, &err), 0);
}

/* What the first keyd would have written. */
static void back_to_version_1(struct world *w)
{
	wrap_as(w, KEK_FORMAT_1);
	custodian_close(&w->custodian);
	tamper(w, BACK_TO_3
	       "DROP INDEX lease_volume;"
	       "ALTER TABLE lease RENAME TO l;"
	       "CREATE TABLE lease (id TEXT PRIMARY KEY,"
	       " volume INTEGER NOT NULL UNIQUE REFERENCES volume, agent TEXT NOT NULL,"
	       " container TEXT NOT NULL, boot_id TEXT NOT NULL, fence INTEGER NOT NULL,"
	       " granted INTEGER NOT NULL, ms INTEGER NOT NULL) STRICT;"
	       "INSERT INTO lease SELECT id, volume, agent, container, boot_id, fence, granted, 0 FROM l;"
	       "DROP TABLE l;"
	       "ALTER TABLE volume DROP COLUMN wrap_format; ALTER TABLE volume DROP COLUMN lease_ms;"
	       "ALTER TABLE volume DROP COLUMN shared_read; ALTER TABLE volume DROP COLUMN on_lapse;"
	       "ALTER TABLE volume DROP COLUMN on_revoke; ALTER TABLE volume DROP COLUMN queue_ms;"
	       "ALTER TABLE volume DROP COLUMN mount_options;"
	       "PRAGMA user_version = 1");
}

static void back_to_version_4(struct world *w)
{
	wrap_as(w, KEK_FORMAT_2);
	custodian_close(&w->custodian);
	tamper(w, BACK_TO_4);
}

/* Its MACs and its sum as well: keyd wrote it. */
static void back_to_version_6(struct world *w)
{
	struct store *st = w->custodian.store;
	struct cc_error err;
	struct head head;

	have_rows_of_6(w);
	assert_int_equal(store_begin(st, &err), 0);
	assert_int_equal(sql_head_read(st, &head, &err), 0);
	head.schema = 6;
	assert_int_equal(sql_head_write(st, &head, &err), 0);
	assert_int_equal(store_commit(st, &err), 0);
	custodian_close(&w->custodian);
	tamper(w, "PRAGMA user_version = 6");
}

static void assert_rows_are_right(struct world *w)
{
	struct cc_error err;
	size_t bad;

	assert_int_equal(store_check_rows(w->custodian.store, &bad, &err), 0);
	assert_int_equal(bad, 0);
	assert_string_equal(store_rows_misfit(w->custodian.store), "");
}

static void a_lease_of_version_6_has_the_serial_of_its_volumes_identity(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	back_to_version_6(w);
	{
		struct cc_error err;
		store_auto struct store *st = store_open(w->dir, STORE_LOOK, &err);

		assert_non_null(st);
		assert_int_equal(store_check(st, &err), 0);
	}
	open_custodian(w);
	assert_rows_are_right(w);
	g = ask(w, OP_LEASE_LIST, "", NULL);
	assert_non_null(strstr(g.text, "\"serial\":3"));
	g = (got_clear(&g), renew(w, id));
	assert_renewed(&g);
	g = (got_clear(&g), add_identity(w, w->signer, predicate(4)));
	assert_int_equal(g.http, 200);
	reopen_custodian(w);
	assert_rows_are_right(w);
	g = (got_clear(&g), renew(w, id));
	assert_renewed(&g);
}

/* Whoever wrote a row of version 6 gets no MAC for it by the upgrade. */
static void a_bad_row_of_version_6_is_bad_afterwards(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};

	back_to_version_6(w);
	tamper(w, "UPDATE identity SET signer = 'mallory'");
	open_custodian(w);
	g = release_to_host2(w);
	assert_error(&g, 500, "internal", "row");
	assert_string_not_equal(store_rows_misfit(w->custodian.store), "");
}

static void a_row_that_version_6_misses_is_missed_afterwards(void **state)
{
	struct world *w = *state;

	add_volume(w, "other", UUID_OTHER);
	back_to_version_6(w);
	tamper(w, "DELETE FROM volume WHERE name = 'other'");
	for (int i = 0; i < 2; i++) {
		open_custodian(w);
		assert_non_null(strstr(store_rows_misfit(w->custodian.store),
				       "table volume has 1 rows, keyd left 2"));
		custodian_close(&w->custodian);
	}
	open_custodian(w);
}

static void a_database_of_version_1_is_brought_up_to_date(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	struct cc_error err;
	char id[37];

	hold(w, id);
	back_to_version_1(w);
	{
		store_auto struct store *st = store_open(w->dir, STORE_LOOK, &err);
		uint64_t rows;

		assert_non_null(st);
		assert_int_equal(store_check(st, &err), 0);
		assert_int_equal(store_audit_verify(st, &rows, &err), 0);
	}
	open_custodian(w);
	assert_string_equal(last_audit(w).event, "upgrade");
	assert_string_equal(last_audit(w).detail, "1 volume keys bound to names and states");
	/* Its lease has no end until it is renewed. */
	fake_boot_ms += 100 * END;
	assert_busy(w);
	g = renew(w, id);
	assert_renewed(&g);
	fake_boot_ms += END;
	assert_free(w);
	assert_int_equal(store_check(w->custodian.store, &err), 0);
	reopen_custodian(w);
	assert_string_not_equal(last_audit(w).event, "upgrade");
}

static void a_volume_of_version_2_has_no_mount_options(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};

	wrap_as(w, KEK_FORMAT_2);
	custodian_close(&w->custodian);
	tamper(w,
	       BACK_TO_3 "ALTER TABLE volume DROP COLUMN mount_options; PRAGMA user_version = 2");
	open_custodian(w);
	g = ask(w, OP_VOLUME_GET, "pgdata", NULL);
	assert_string_equal(json_string_value(json_object_get(g.body, "mountOptions")), "");
	g = (got_clear(&g), release_to(w, BOOT_1, CONTAINER_1));
	assert_int_equal(g.http, 200);
}

static void a_lease_of_version_3_covers_its_length(void **state)
{
	struct world *w = *state;
	const char *was = fake_host_boot;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	wrap_as(w, KEK_FORMAT_2);
	custodian_close(&w->custodian);
	tamper(w, BACK_TO_3 "PRAGMA user_version = 3");
	fake_host_boot = "f0000000-0000-4000-8000-000000000002";
	fake_boot_ms = 5000;
	open_custodian(w);
	fake_boot_ms += END - 1;
	assert_busy(w);
	g = renew(w, id);
	assert_renewed(&g);
	fake_boot_ms += END;
	assert_free(w);
	fake_host_boot = was;
}

static void a_database_of_version_4_has_no_scopes_and_no_creators(void **state)
{
	struct world *w = *state;
	auto_got struct got agents = {0}, signers = {0}, g = {0};

	back_to_version_4(w);
	open_custodian(w);
	agents = ask(w, OP_AGENT_LIST, "", NULL);
	signers = ask(w, OP_SIGNER_LIST, "", NULL);
	assert_non_null(strstr(agents.text, "\"volumes\":\"*\""));
	assert_non_null(strstr(signers.text, "\"volumes\":\"*\""));
	g = ask(w, OP_VOLUME_GET, "pgdata", NULL);
	assert_null(json_object_get(g.body, "creator"));
	assert_free(w);
}

static void a_key_that_version_1_lost_does_not_keep_keyd_from_starting(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};

	back_to_version_1(w);
	tamper(w, "UPDATE volume SET uuid = '" UUID_OTHER "'");
	open_custodian(w);
	g = ask(w, OP_VOLUME_GET, "pgdata", NULL);
	assert_int_equal(g.http, 200);
	tamper_sealed(w, "UPDATE volume SET uuid = '" UUID_PGDATA "'");
	/* Format 1 is never unwrapped for a release. */
	g = (got_clear(&g), release_to(w, BOOT_1, CONTAINER_1));
	assert_error(&g, 500, "internal", "wrapped-key");
}

static void names_that_were_swapped_in_the_database_open_nothing(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *recipient = one_time_key();
	cc_auto_free char *jws = NULL;
	auto_got struct got g = {0};
	struct claim cl;

	/* The volume's own identity fits whoever is called pgdata now. */
	add_volume(w, "other", UUID_OTHER);
	tamper_sealed(w, "UPDATE volume SET name = 'x' WHERE name = 'pgdata';"
			 "UPDATE volume SET name = 'pgdata' WHERE name = 'other';"
			 "UPDATE volume SET name = 'other' WHERE name = 'x';"
			 "UPDATE identity SET volume = "
			 "(SELECT id FROM volume WHERE name = 'pgdata');"
			 "UPDATE volume SET serial_floor = 3");
	cl = claim_default(w, recipient);
	cl.volume = UUID_OTHER;
	jws = sign_claim(&cl);
	g = send_release(w, jws, recipient);
	assert_error(&g, 500, "internal", "wrapped-key");
	assert_null(strstr(g.text, "jwe"));
}

static void key_ids_of_signers_are_made_canonical(void **state)
{
	struct world *w = *state;
	auto_got struct got before = ask(w, OP_SIGNER_LIST, "", NULL), after = {0};
	uint64_t rows;

	tamper_sealed(w, "UPDATE signer SET keyid = 'sha256:of another encoding'");
	reopen_custodian(w);
	after = ask(w, OP_SIGNER_LIST, "", NULL);
	assert_true(json_equal(before.body, after.body));
	assert_string_equal(last_audit(w).event, "upgrade");
	assert_string_equal(last_audit(w).detail, "1 signers' key ids made canonical");
	rows = last_audit(w).seq;
	reopen_custodian(w);
	assert_int_equal(last_audit(w).seq, rows);
}

static void two_signers_of_one_key_do_not_keep_keyd_from_starting(void **state)
{
	struct world *w = *state;

	tamper_sealed(w, "INSERT INTO signer (name, keyid, pem) "
			 "SELECT 'twin', 'sha256:of another encoding', pem FROM signer");
	reopen_custodian(w);
	assert_free(w);
}

/* ---- rows without MACs ---- */

static void rows_of_version_4_are_taken_over_when_an_administrator_says_so(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	size_t bad;

	back_to_version_4(w);
	assert_int_equal(start_custodian(w, STORE_SERVE, &err), -1);
	assert_int_equal(err.code, CC_E_INVALID);
	assert_non_null(strstr(err.text, "dmctl init"));
	custodian_close(&w->custodian);

	open_custodian(w);
	assert_int_equal(store_check_rows(w->custodian.store, &bad, &err), 0);
	assert_int_equal(bad, 0);
	assert_string_equal(last_audit(w).event, "upgrade");
	custodian_close(&w->custodian);
	assert_int_equal(start_custodian(w, STORE_SERVE, &err), 0);
	assert_free(w);
}

/* What was accepted without proof is named in the log. */
static void the_log_names_what_was_taken_over(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	const json_t *row;
	const char *detail = "";
	size_t i;

	back_to_version_4(w);
	open_custodian(w);
	g = ask(w, OP_AUDIT_LIST, "", NULL);
	json_array_foreach(json_object_get(g.body, "rows"), i, row)
		if (!strncmp(json_string_value(json_object_get(row, "detail")), "rows got MACs",
			     13))
			detail = json_string_value(json_object_get(row, "detail"));
	assert_string_equal(detail, "rows got MACs, as they were: 2 agents (host1 host2), "
				    "1 signers (ci), 1 volumes (pgdata)");
}

/* The MACs taken away, and the agent added that is to get the key. */
static void a_database_that_was_made_to_look_old_is_refused(void **state)
{
	static const char *const formats[] = {"", "UPDATE volume SET wrap_format = 2;",
					      "UPDATE volume SET wrap_format = 1, ready = 0;"};

	for (size_t i = 0; i < 3; i++) {
		struct world *w;
		struct cc_error err;

		two_hosts_end(state);
		two_hosts(state);
		w = *state;
		custodian_close(&w->custodian);
		tamper(w, BACK_TO_4);
		tamper(w, formats[i]);
		assert_int_equal(start_custodian(w, STORE_CREATE, &err), -1);
		assert_int_equal(err.code, CC_E_INVALID);
		assert_string_equal(err.fact, "schema");
		assert_non_null(strstr(err.text, "pgdata"));
	}
}

/* Nothing is half done: it is the same file that the next keyd finds. */
static void a_refused_upgrade_changes_nothing(void **state)
{
	struct world *w = *state;
	struct cc_error err;

	custodian_close(&w->custodian);
	tamper(w, BACK_TO_4);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(start_custodian(w, STORE_CREATE, &err), -1);
		assert_string_equal(err.fact, "schema");
		assert_int_equal(store_schema_was(w->custodian.store), 4);
		custodian_close(&w->custodian);
	}
}

static void a_log_that_is_broken_is_not_taken_over(void **state)
{
	struct world *w = *state;
	struct cc_error err;

	back_to_version_4(w);
	tamper(w, "DROP TRIGGER audit_no_update; UPDATE audit SET detail = 'x' WHERE seq = 2");
	assert_int_equal(start_custodian(w, STORE_CREATE, &err), -1);
	assert_string_equal(err.fact, "audit");
	assert_non_null(strstr(err.text, "row 2"));
}

/* ---- where there is a mark ---- */

/*
 * Somebody took the MACs away, with the keys that are wrapped since, and left the log as it is: its
 * hashes are anybody's, so that the mark's row is there. The generation is what an administrator
 * removes who has no newer backup.
 */
static void served_and_made_to_look_old(struct world *w)
{
	snprintf(w->anchor, sizeof(w->anchor), "%s/anchor", w->dir);
	reopen_custodian(w);
	assert_free(w);
	custodian_close(&w->custodian);
	tamper(w, BACK_TO_4 "DELETE FROM lease; DELETE FROM identity; DELETE FROM volume");
	assert_int_equal(unlink(path_of(w, "anchor/" DOMAIN_FILE)), 0);
}

static void init_takes_over_no_database_of_before_where_there_is_a_mark(void **state)
{
	struct world *w = *state;
	struct cc_error err;

	served_and_made_to_look_old(w);
	for (int i = 0; i < 2; i++) {
		const struct init_options opts = {
			.state_dir = w->dir, .anchor = w->anchor, .kek = path_of(w, "kek")};

		assert_int_equal(keyd_init(&opts, &err), -1);
		assert_int_equal(err.code, CC_E_INVALID);
		assert_string_equal(err.fact, "mark");
		assert_non_null(strstr(err.text, "schema 4"));
	}
	assert_int_equal(keyd_check(w->dir, w->anchor, NULL, &err), -1);
	assert_int_equal(err.code, CC_E_INVALID);
	assert_non_null(strstr(err.text, "older"));
}

static void a_database_of_before_is_in_quarantine_where_there_is_a_mark(void **state)
{
	struct world *w = *state;

	served_and_made_to_look_old(w);
	open_custodian(w);
	assert_true(quarantine_on(&w->custodian));
	assert_string_equal(last_audit(w).event, "quarantine");
	reopen_custodian(w);
	assert_true(quarantine_on(&w->custodian));
}

static void a_database_of_before_can_be_accepted(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	char anchor[80];
	bool was;

	served_and_made_to_look_old(w);
	memcpy(anchor, w->anchor, sizeof(anchor));
	w->anchor[0] = '\0';
	assert_int_equal(start_custodian(w, STORE_TAKE_OVER, &err), 0);
	assert_int_equal(quarantine_accept(&w->custodian, anchor, &was, &err), 0);
	assert_true(was);
	assert_string_equal(last_audit(w).event, "accept");
	memcpy(w->anchor, anchor, sizeof(anchor));
	reopen_custodian(w);
	assert_false(quarantine_on(&w->custodian));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		hosts_test(a_lease_of_version_6_has_the_serial_of_its_volumes_identity),
		hosts_test(a_bad_row_of_version_6_is_bad_afterwards),
		hosts_test(a_row_that_version_6_misses_is_missed_afterwards),
		hosts_test(a_database_of_version_1_is_brought_up_to_date),
		hosts_test(a_volume_of_version_2_has_no_mount_options),
		hosts_test(a_lease_of_version_3_covers_its_length),
		hosts_test(a_database_of_version_4_has_no_scopes_and_no_creators),
		hosts_test(a_key_that_version_1_lost_does_not_keep_keyd_from_starting),
		hosts_test(key_ids_of_signers_are_made_canonical),
		hosts_test(two_signers_of_one_key_do_not_keep_keyd_from_starting),
		hosts_test(names_that_were_swapped_in_the_database_open_nothing),
		hosts_test(rows_of_version_4_are_taken_over_when_an_administrator_says_so),
		hosts_test(the_log_names_what_was_taken_over),
		hosts_test(a_database_that_was_made_to_look_old_is_refused),
		hosts_test(a_refused_upgrade_changes_nothing),
		hosts_test(a_log_that_is_broken_is_not_taken_over),
		hosts_test(init_takes_over_no_database_of_before_where_there_is_a_mark),
		hosts_test(a_database_of_before_is_in_quarantine_where_there_is_a_mark),
		hosts_test(a_database_of_before_can_be_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
