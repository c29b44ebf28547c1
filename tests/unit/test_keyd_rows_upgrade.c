// SPDX-License-Identifier: Apache-2.0
/* A database of before rows were counted, and one that was made to look like one. */
#include <sys/stat.h>

#include "hex.h"
#include "keyd/custodian/start.h"
#include "keyd/init.h"
#include "keyd/maintain.h"
#include "keyd_rows.h"

/* As the keyd wrote it that did not count. */
static void back_to_version_5(struct world *w)
{
	struct store *st = w->custodian.store;
	unsigned char mac[STORE_MAC_LEN];
	char hex[CC_HEX_32], sql[512];
	struct cc_error err;
	struct head head;

	have_rows_of_6(w);
	assert_int_equal(sql_head_read(st, &head, &err), 0);
	assert_int_equal(sql_mac(st, mac, &err, SEALED_AUDIT_HEAD_5, "iububu", (int64_t)1,
				 head.at.seq, (const void *)head.at.hash, (size_t)32,
				 head.at.start_seq, (const void *)head.at.start_hash, (size_t)32,
				 (uint64_t)5),
			 0);
	cc_hex_encode(mac, sizeof(mac), hex);
	snprintf(
		sql, sizeof(sql),
		"ALTER TABLE audit_head DROP COLUMN ver; ALTER TABLE audit_head DROP COLUMN counts;"
		"ALTER TABLE audit_head DROP COLUMN nonce; ALTER TABLE audit_head DROP COLUMN sum;"
		"ALTER TABLE kek DROP COLUMN mac; UPDATE audit_head SET schema = 5, mac = x'%s';"
		"PRAGMA user_version = 5",
		hex);
	custodian_close(&w->custodian);
	tamper(w, sql);
}

static void a_database_of_version_5_is_counted_as_it_is(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	char id[37];

	hold(w, id);
	back_to_version_5(w);
	{
		store_auto struct store *st = store_open(w->dir, STORE_LOOK, &err);
		uint64_t rows;

		assert_non_null(st);
		if (store_audit_verify(st, &rows, &err) ||
		    store_backup(st, path_of(w, "copy"), &rows, &err))
			fail_msg("%s", err.text);
	}
	if (start_custodian(w, STORE_SERVE, &err))
		fail_msg("%s", err.text);
	assert_rows_fit(w);
	/* The mark is of a keyd that counted. */
	assert_true(quarantine_for_good(&w->custodian));
	assert_non_null(strstr(last_audit(w).detail, "of before rows were counted"));
}

/* The head that version 5 had makes the rows right that were removed. */
static void a_quarantine_for_good_is_one_after_an_upgrade_as_well(void **state)
{
	struct world *w = *state;
	char id[37];

	hold(w, id);
	custodian_close(&w->custodian);
	tamper(w, "DELETE FROM lease");
	assert_quarantine_for_good(w);
	back_to_version_5(w);
	for (int i = 0; i < 2; i++) {
		auto_got struct got g = {0};

		open_custodian(w);
		assert_string_equal(store_rows_misfit(w->custodian.store), "");
		assert_true(quarantine_for_good(&w->custodian));
		fake_boot_ms += 100 * END;
		g = release_to_host2(w);
		assert_error(&g, 409, "busy", "quarantine");
		custodian_close(&w->custodian);
	}
	open_custodian(w);
}

/* Nor is it a timed one where rows were removed from a database that was right before. */
static void rows_that_are_removed_with_a_head_of_version_5_are_not_waited_for(void **state)
{
	struct world *w = *state;
	char id[37];

	hold(w, id);
	back_to_version_5(w);
	tamper(w, "DELETE FROM lease");
	assert_quarantine_for_good(w);
}

/* ---- whoever upgrades it ---- */

static void put_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fchmod(fileno(f), 0600), 0);
	assert_int_equal(fputs(text, f) < 0 || fclose(f), 0);
}

/* An old copy with a row less, which only the mark tells from one that was never counted. */
static const char *old_copy(struct world *w)
{
	const char *kek = path_of(w, "kek");
	struct custodian *c = &w->custodian;
	struct cc_error err;
	char id[37];

	hold(w, id);
	if (store_setting_put(c->store, "kek_id", c->kek.id, &err) ||
	    store_setting_put(c->store, "realm", "keyd-test", &err))
		fail_msg("%s", err.text);
	back_to_version_5(w);
	tamper(w, "DELETE FROM lease");
	put_file(kek, "kekkekkekkekkekkekkekkekkekkekke");
	return kek;
}

static void a_copy_that_init_upgrades_is_in_quarantine_for_good(void **state)
{
	struct world *w = *state;
	const struct init_options opts = {
		.state_dir = w->dir, .anchor = w->anchor, .kek = old_copy(w)};
	struct cc_error err;

	if (keyd_init(&opts, &err))
		fail_msg("%s", err.text);
	assert_quarantine_for_good(w);
}

static void a_copy_that_prune_upgrades_is_in_quarantine_for_good(void **state)
{
	struct world *w = *state;
	const char *kek = old_copy(w);
	struct cc_error err;

	/* It may well refuse. */
	keyd_prune(w->dir, w->anchor, kek, "2000-01-01", &err);
	assert_quarantine_for_good(w);
}

/* It has upgraded the database, and come no further. */
static void a_copy_whose_first_start_fails_is_in_quarantine_for_good(void **state)
{
	struct world *w = *state;
	const char *kek = old_copy(w);

	for (int i = 0; i < 2; i++) {
		struct custodian c;
		struct cc_error err;

		if (custodian_open(&c, w->dir, kek, STORE_SERVE, &err))
			fail_msg("%s", err.text);
		custodian_close(&c);
	}
	assert_quarantine_for_good(w);
}

static void a_quarantine_for_good_of_an_old_copy_is_over_when_it_is_accepted(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	bool was;

	old_copy(w);
	assert_quarantine_for_good(w);
	custodian_close(&w->custodian);
	if (custodian_accept(&w->custodian, w->dir, w->anchor, path_of(w, "kek"), &was, &err))
		fail_msg("%s", err.text);
	assert_true(was);
	custodian_close(&w->custodian);
	open_custodian(w);
	assert_false(quarantine_on(&w->custodian));
}

/* Where no keyd has counted; the mark of the one that now does is not held against the database. */
static void a_first_upgrade_ends_in_no_quarantine(void **state)
{
	struct world *w = *state;

	old_copy(w);
	assert_int_equal(unlink(path_of(w, "anchor/" MARK_FILE)), 0);
	tamper(w, "DELETE FROM setting WHERE key = 'mark'");
	for (int i = 0; i < 3; i++) {
		open_custodian(w);
		assert_false(quarantine_on(&w->custodian));
		custodian_close(&w->custodian);
	}
	open_custodian(w);
}

static void a_quarantine_for_good_starts_no_time_with_a_boot(void **state)
{
	struct world *w = *state;
	char id[37];

	hold(w, id);
	custodian_close(&w->custodian);
	tamper(w, "DELETE FROM lease");
	assert_quarantine_for_good(w);
	/* As they are they are right, by whoever has the KEK. */
	tamper_sealed(w, "DELETE FROM setting WHERE key = 'none'");
	custodian_close(&w->custodian);
	fake_host_boot = "f0000000-0000-4000-8000-000000000009";
	open_custodian(w);
	fake_host_boot = "f0000000-0000-4000-8000-000000000001";
	assert_true(quarantine_for_good(&w->custodian));
}

static void a_log_that_was_cut_is_not_counted(void **state)
{
	struct world *w = *state;
	struct cc_error err;

	back_to_version_5(w);
	tamper(w, "DROP TRIGGER audit_no_delete; DELETE FROM audit WHERE seq = "
		  "(SELECT max(seq) FROM audit)");
	assert_int_equal(start_custodian(w, STORE_SERVE, &err), -1);
	assert_string_equal(err.fact, "audit");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rows_test(a_database_of_version_5_is_counted_as_it_is),
		rows_test(a_quarantine_for_good_is_one_after_an_upgrade_as_well),
		rows_test(rows_that_are_removed_with_a_head_of_version_5_are_not_waited_for),
		rows_test(a_copy_that_init_upgrades_is_in_quarantine_for_good),
		rows_test(a_copy_that_prune_upgrades_is_in_quarantine_for_good),
		rows_test(a_copy_whose_first_start_fails_is_in_quarantine_for_good),
		rows_test(a_quarantine_for_good_of_an_old_copy_is_over_when_it_is_accepted),
		rows_test(a_first_upgrade_ends_in_no_quarantine),
		rows_test(a_quarantine_for_good_starts_no_time_with_a_boot),
		rows_test(a_log_that_was_cut_is_not_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
