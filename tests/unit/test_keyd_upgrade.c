// SPDX-License-Identifier: Apache-2.0
/* Databases of older versions, and what was changed in one behind keyd's back. */
#include "keyd_hosts.h"

#define BACK_TO_3                                                      \
	"ALTER TABLE lease DROP COLUMN cover_ms;"                      \
	"ALTER TABLE lease DROP COLUMN ver;"                           \
	"ALTER TABLE lease DROP COLUMN enrolment;"                     \
	"DROP TABLE tombstone;"                                        \
	"DROP TABLE kek;"                                              \
	"ALTER TABLE agent RENAME TO a;"                               \
	"CREATE TABLE agent (name TEXT PRIMARY KEY,"                   \
	" thumbprint TEXT NOT NULL UNIQUE, jwk TEXT NOT NULL) STRICT;" \
	"INSERT INTO agent SELECT name, thumbprint, jwk FROM a;"       \
	"DROP TABLE a;"

/* What the first keyd would have written. */
static void back_to_version_1(struct world *w)
{
	struct kek_use use = {NULL, UUID_PGDATA, 1, "aes-xts-plain64", 64};
	unsigned char wrapped[KEK_WRAPPED_MAX];
	cc_auto_secret struct cc_secret key = {0};
	struct store_volume v;
	struct cc_error err;
	size_t len;

	assert_int_equal(store_volume_get(w->custodian.store, "pgdata", &v, &err), 0);
	use.name = "pgdata";
	assert_int_equal(kek_unwrap(&w->custodian.kek, &use, v.wrapped, v.wrapped_len, &key, &err),
			 0);
	use.name = NULL;
	assert_int_equal(kek_wrap(&w->custodian.kek, &use, &key, wrapped, &len, &err), 0);
	memcpy(v.wrapped, wrapped, len);
	assert_int_equal(store_volume_update(w->custodian.store, &v, &err), 0);
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
	assert_string_equal(last_audit(w).detail, "1 volume keys bound to their names");
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

static void a_key_that_version_1_lost_does_not_keep_keyd_from_starting(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};

	back_to_version_1(w);
	tamper(w, "UPDATE volume SET uuid = '" UUID_OTHER "'");
	open_custodian(w);
	g = ask(w, OP_VOLUME_GET, "pgdata", NULL);
	assert_int_equal(g.http, 200);
	tamper(w, "UPDATE volume SET uuid = '" UUID_PGDATA "'");
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
	tamper(w, "UPDATE volume SET name = 'x' WHERE name = 'pgdata';"
		  "UPDATE volume SET name = 'pgdata' WHERE name = 'other';"
		  "UPDATE volume SET name = 'other' WHERE name = 'x';"
		  "UPDATE identity SET volume = (SELECT id FROM volume WHERE name = 'pgdata');"
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

	tamper(w, "UPDATE signer SET keyid = 'sha256:of another encoding'");
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

	tamper(w,
	       "INSERT INTO signer SELECT 'twin', 'sha256:of another encoding', pem FROM signer");
	reopen_custodian(w);
	assert_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		hosts_test(a_database_of_version_1_is_brought_up_to_date),
		hosts_test(a_volume_of_version_2_has_no_mount_options),
		hosts_test(a_lease_of_version_3_covers_its_length),
		hosts_test(a_key_that_version_1_lost_does_not_keep_keyd_from_starting),
		hosts_test(key_ids_of_signers_are_made_canonical),
		hosts_test(two_signers_of_one_key_do_not_keep_keyd_from_starting),
		hosts_test(names_that_were_swapped_in_the_database_open_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
