// SPDX-License-Identifier: Apache-2.0
/*
 * What somebody achieves who writes to keyd's database with what was once there: removes rows, or
 * puts older versions of them back, MACs and all, while keyd runs or while it does not.
 */
#include <sys/stat.h>

#include "hex.h"
#include "keyd/init.h"
#include "keyd_copies.h"
#include "keyd_hosts.h"
#include "keyd_return.h"

#define BAD_ROW "row"

static int anchored(void **state)
{
	struct world *w;

	two_hosts(state);
	w = *state;
	snprintf(w->anchor, sizeof(w->anchor), "%s/anchor", w->dir);
	reopen_custodian(w);
	return 0;
}

#define rows_test(f) cmocka_unit_test_setup_teardown(f, anchored, two_hosts_end)

/* ---- what was once there ---- */

static void keep(struct world *w, const char *table)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "CREATE TABLE old_%s AS SELECT * FROM %s", table, table);
	tamper(w, sql);
}

static void bring_back(struct world *w, const char *table)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
		 "DELETE FROM %s; INSERT INTO %s SELECT * FROM old_%s; DROP TABLE old_%s", table,
		 table, table, table);
	tamper(w, sql);
}

/* A release or whatever it was gave no key, as a row is not what it should be. */
static void assert_bad_row(const struct got *g, const char *what)
{
	assert_error(g, 500, "internal", BAD_ROW);
	if (!strstr(message_of(g), what))
		fail_msg("%s", g->text);
	assert_null(strstr(g->text, "jwe"));
}

static void assert_host2_gets_nothing(struct world *w, const char *what)
{
	auto_got struct got g = release_to_host2(w);

	assert_bad_row(&g, what);
}

/* The next start notices what was done while there was no keyd. */
static void assert_quarantine_for_good(struct world *w)
{
	auto_got struct got g = {0};

	open_custodian(w);
	assert_true(quarantine_for_good(&w->custodian));
	assert_string_equal(last_audit(w).event, "quarantine");
	fake_boot_ms += 100 * END;
	g = release_to_host2(w);
	if (g.http == 200)
		fail_msg("%s", g.text);
	assert_null(strstr(g.text, "jwe"));
	reopen_custodian(w);
	assert_true(quarantine_for_good(&w->custodian));
}

static void assert_rows_fit(struct world *w)
{
	struct cc_error err;
	size_t bad;

	assert_int_equal(store_check_rows(w->custodian.store, &bad, &err), 0);
	assert_int_equal(bad, 0);
	if (store_rows_load(w->custodian.store, &err))
		fail_msg("%s", err.text);
	assert_string_equal(store_rows_misfit(w->custodian.store), "");
}

/* ---- two holders ---- */

static void a_lease_that_is_removed_keeps_its_volume(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	tamper(w, "DELETE FROM lease");
	assert_host2_gets_nothing(w, "lease of volume pgdata");
	/* Nor is its holder told that it is over. */
	g = renew(w, id);
	assert_not_renewed(&g, BAD_ROW);
	assert_string_equal(last_audit(w).fact, BAD_ROW);
	custodian_close(&w->custodian);
	assert_quarantine_for_good(w);
}

static void a_lease_that_is_removed_while_keyd_is_down_is_missed(void **state)
{
	struct world *w = *state;
	char id[37];

	hold(w, id);
	custodian_close(&w->custodian);
	tamper(w, "DELETE FROM lease");
	assert_quarantine_for_good(w);
	assert_non_null(strstr(store_rows_misfit(w->custodian.store),
			       "table lease has 0 rows, keyd left 1"));
}

static void a_lease_of_before_its_renewal_does_not_count(void **state)
{
	for (int down = 0; down < 2; down++) {
		struct world *w;
		auto_got struct got g = {0};
		char id[37];

		two_hosts_end(state);
		anchored(state);
		w = *state;
		hold(w, id);
		keep(w, "lease");
		fake_boot_ms += END / 2;
		g = renew(w, id);
		assert_renewed(&g);
		if (down)
			custodian_close(&w->custodian);
		bring_back(w, "lease");
		fake_boot_ms += END / 2;
		if (down)
			assert_quarantine_for_good(w);
		else
			assert_host2_gets_nothing(w, "has replaced");
	}
}

/* The lease and the volume with its fence, of one moment. */
static void a_volume_and_its_leases_of_before_do_not_count_together(void **state)
{
	struct world *w = *state;
	char id[37];

	keep(w, "volume");
	keep(w, "lease");
	hold(w, id);
	tamper(w, "PRAGMA foreign_keys = OFF");
	bring_back(w, "lease");
	bring_back(w, "volume");
	assert_host2_gets_nothing(w, "volume pgdata");
	custodian_close(&w->custodian);
	assert_quarantine_for_good(w);
}

/* All but the log, and its mark fits; while keyd runs and when it starts. */
static void the_sums_of_before_do_not_count_either(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	keep(w, "lease");
	keep(w, "audit_head");
	fake_boot_ms += END / 2;
	g = renew(w, id);
	assert_renewed(&g);
	bring_back(w, "lease");
	bring_back(w, "audit_head");
	fake_boot_ms += END / 2;
	g = (got_clear(&g), release_to_host2(w));
	assert_error(&g, 500, "internal", "audit");
}

/* What has no audit row raises the version of all rows, and the mark has that. */
static void a_copy_that_lacks_what_has_no_audit_row_is_noticed(void **state)
{
	struct world *w = *state;
	struct cc_error err;

	copy_as(w, "old");
	assert_int_equal(store_setting_put(w->custodian.store, "x", "y", &err), 0);
	ask_ok(w, OP_HEALTHZ, "", NULL);
	custodian_close(&w->custodian);
	copy_back(w, "old");
	open_custodian(w);
	assert_true(quarantine_on(&w->custodian));
	assert_false(quarantine_for_good(&w->custodian));
}

static void a_tombstone_that_is_removed_is_missed(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};

	add_volume(w, "gone", UUID_OTHER);
	ask_ok(w, OP_VOLUME_DELETE, "gone", NULL);
	tamper(w, "DELETE FROM tombstone");
	g = ask(w, OP_VOLUME_CREATE, "", volume_body("gone", UUID_OTHER));
	assert_bad_row(&g, "tombstone gone");
}

/* ---- forged ---- */

static void an_agent_that_was_removed_does_not_come_back(void **state)
{
	struct world *w = *state;
	auto_got struct got list = {0};

	keep(w, "agent");
	ask_ok(w, OP_AGENT_DELETE, "host2", NULL);
	bring_back(w, "agent");
	assert_host2_gets_nothing(w, "agent host2");
	list = ask(w, OP_AGENT_LIST, "", NULL);
	assert_int_equal(json_array_size(json_object_get(list.body, "agents")), 1);
	assert_non_null(strstr(list.text, "\"badRows\":[\"agent host2\"]"));
	custodian_close(&w->custodian);
	assert_quarantine_for_good(w);
}

static void an_agents_wider_scope_of_before_does_not_count(void **state)
{
	struct world *w = *state;

	keep(w, "agent");
	ask_ok(w, OP_AGENT_SET, "host2", json_pack("{s:s}", "volumes", "other"));
	bring_back(w, "agent");
	assert_host2_gets_nothing(w, "agent host2");
}

static void a_signer_that_was_removed_signs_nothing(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};

	keep(w, "signer");
	ask_ok(w, OP_SIGNER_DELETE, "ci", NULL);
	bring_back(w, "signer");
	g = add_identity(w, w->signer, predicate(4));
	assert_error(&g, 403, "refused", "signature");
	assert_host2_gets_nothing(w, "signer ci");
}

static void an_identity_that_was_replaced_does_not_count(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};

	keep(w, "identity");
	g = add_identity(w, w->signer, predicate(4));
	assert_int_equal(g.http, 200);
	bring_back(w, "identity");
	assert_host2_gets_nothing(w, "identity of volume pgdata");
}

/* ---- what goes on ---- */

static void a_missing_row_can_be_removed_and_enrolled_again(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};

	tamper(w, "DELETE FROM agent WHERE name = 'host2'");
	g = ask(w, OP_AGENT_DELETE, "host2", NULL);
	assert_int_equal(g.http, 200);
	enrol(w, "host2", host2);
	assert_free(w);
	assert_rows_fit(w);
}

static void a_bad_row_that_keyd_writes_anew_is_right_again(void **state)
{
	struct world *w = *state;

	tamper(w, "UPDATE agent SET thumbprint = 'x' WHERE name = 'host2'");
	ask_ok(w, OP_AGENT_DELETE, "host2", NULL);
	enrol(w, "host2", host2);
	assert_rows_fit(w);
	reopen_custodian(w);
	assert_false(quarantine_on(&w->custodian));
}

static void rows_can_be_accepted_as_they_are(void **state)
{
	struct world *w = *state;
	char anchor[80];
	struct cc_error err;
	bool was;

	custodian_close(&w->custodian);
	tamper(w, "DELETE FROM agent WHERE name = 'host1'");
	open_custodian(w);
	assert_true(quarantine_for_good(&w->custodian));
	memcpy(anchor, w->anchor, sizeof(anchor));
	w->anchor[0] = '\0';
	reopen_custodian(w);
	memcpy(w->anchor, anchor, sizeof(anchor));
	assert_int_equal(quarantine_accept(&w->custodian, w->anchor, &was, &err), 0);
	assert_true(was);
	reopen_custodian(w);
	assert_false(quarantine_on(&w->custodian));
	assert_rows_fit(w);
	assert_free(w);
}

/* keyd init beside it, which has another connection and may write. */
static void what_another_keyd_writes_meanwhile_counts(void **state)
{
	struct world *w = *state;
	store_auto struct store *st = NULL;
	auto_got struct got g = {0};
	struct store_agent a;
	struct cc_error err;

	st = store_open(w->dir, STORE_CREATE, &err);
	assert_non_null(st);
	assert_int_equal(store_start(st, &w->custodian.seal.ops, fake_real, &err), 0);
	assert_int_equal(store_agent_get(st, "host2", &a, &err), 0);
	assert_int_equal(store_agent_delete(st, "host2", &err), 0);
	g = ask(w, OP_AGENT_LIST, "", NULL);
	assert_null(json_object_get(g.body, "badRows"));
	g = (got_clear(&g), release_to_host2(w));
	assert_error(&g, 403, "refused", "agent");
	assert_int_equal(store_agent_add(st, &a, &err), 0);
	assert_free(w);
	/* And the other way round. */
	assert_int_equal(store_agent_delete(st, "host1", &err), 0);
	assert_rows_fit(w);
	store_agent_clear(&a);
}

/* As keyd init that was started before somebody tampered: it knows the rows of then. */
static struct store *another_keyd(struct world *w)
{
	struct cc_error err;
	struct store *st = store_open(w->dir, STORE_CREATE, &err);

	assert_non_null(st);
	assert_int_equal(store_start(st, &w->custodian.seal.ops, fake_real, &err), 0);
	if (store_rows_load(st, &err))
		fail_msg("%s", err.text);
	return st;
}

static void writes(struct store *st)
{
	struct cc_error err;

	if (store_setting_put(st, "another", "1", &err))
		fail_msg("%s", err.text);
}

/* It begins while keyd serves, with the request after the one that found out. */
static void assert_quarantine_while_it_serves(struct world *w, const char *what)
{
	auto_got struct got g = release_to_host2(w);

	assert_bad_row(&g, what);
	g = (got_clear(&g), release_to_host2(w));
	assert_error(&g, 409, "busy", "quarantine");
	assert_true(quarantine_for_good(&w->custodian));
	assert_string_equal(last_audit(w).fact, "quarantine");
	fake_boot_ms += 100 * END;
	g = (got_clear(&g), release_to_host2(w));
	assert_error(&g, 409, "busy", "quarantine");
	reopen_custodian(w);
	assert_true(quarantine_for_good(&w->custodian));
}

static void a_removed_lease_is_not_forgotten_when_another_keyd_writes(void **state)
{
	struct world *w = *state;
	store_auto struct store *st = another_keyd(w);
	char id[37];

	hold(w, id);
	writes(st);
	tamper(w, "DELETE FROM lease");
	writes(st);
	assert_quarantine_while_it_serves(w, "table lease has 0 rows, keyd left 1");
}

static void a_removed_agent_does_not_come_back_when_another_keyd_writes(void **state)
{
	struct world *w = *state;
	store_auto struct store *st = NULL;

	keep(w, "agent");
	ask_ok(w, OP_AGENT_DELETE, "host2", NULL);
	st = another_keyd(w);
	bring_back(w, "agent");
	writes(st);
	assert_quarantine_while_it_serves(w, "table agent has 2 rows, keyd left 1");
}

/* Without a mark there is no quarantine: what was remembered counts on. */
static void what_does_not_fit_is_not_taken_however_often_it_is_asked_for(void **state)
{
	struct world *w = *state;
	store_auto struct store *st = NULL;
	char id[37];

	hold(w, id);
	w->custodian.marked = false;
	st = another_keyd(w);
	tamper(w, "DELETE FROM lease");
	for (int i = 0; i < 3; i++) {
		writes(st);
		assert_host2_gets_nothing(w, "table lease has 0 rows, keyd left 1");
	}
	w->custodian.marked = true;
}

static void whoever_did_not_look_at_the_rows_writes_none(void **state)
{
	struct world *w = *state;
	store_auto struct store *st = NULL;
	struct cc_error err = {0};
	char id[37];

	hold(w, id);
	tamper(w, "DELETE FROM lease");
	st = store_open(w->dir, STORE_CREATE, &err);
	assert_non_null(st);
	assert_int_equal(store_start(st, &w->custodian.seal.ops, fake_real, &err), 0);
	assert_int_equal(store_setting_put(st, "another", "1", &err), -1);
	assert_string_equal(err.fact, BAD_ROW);
	assert_host2_gets_nothing(w, "lease of volume pgdata");
}

static int init_beside(struct world *w, struct cc_error *err)
{
	const struct init_options opts = {
		.state_dir = w->dir, .anchor = w->anchor, .kek = path_of(w, "kek")};
	FILE *f = fopen(opts.kek, "w");

	assert_non_null(f);
	assert_int_equal(fchmod(fileno(f), 0600), 0);
	assert_int_equal(fputs("kekkekkekkekkekkekkekkekkekkekke", f) < 0 || fclose(f), 0);
	return keyd_init(&opts, err);
}

static void init_adds_nothing_where_rows_do_not_fit(void **state)
{
	struct world *w = *state;
	struct cc_error err = {0};
	char id[37];

	if (init_beside(w, &err))
		fail_msg("%s", err.text);
	hold(w, id);
	tamper(w, "DELETE FROM lease");
	assert_int_equal(init_beside(w, &err), -1);
	assert_int_equal(err.code, CC_E_INVALID);
	assert_string_equal(err.fact, BAD_ROW);
}

static void what_is_undone_is_not_counted(void **state)
{
	struct world *w = *state;
	struct store *st = w->custodian.store;
	struct cc_error err;

	assert_int_equal(store_begin(st, &err), 0);
	assert_int_equal(store_setting_put(st, "a", "1", &err), 0);
	assert_int_equal(store_part_begin(st, &err), 0);
	assert_int_equal(store_setting_put(st, "a", "2", &err), 0);
	assert_int_equal(store_setting_put(st, "b", "2", &err), 0);
	assert_int_equal(store_agent_delete(st, "host2", &err), 0);
	store_part_undo(st);
	assert_int_equal(store_commit(st, &err), 0);
	assert_rows_fit(w);
	assert_int_equal(store_begin(st, &err), 0);
	assert_int_equal(store_setting_put(st, "b", "3", &err), 0);
	assert_int_equal(store_agent_delete(st, "host1", &err), 0);
	store_rollback(st);
	assert_rows_fit(w);
	assert_free(w);
}

/* ---- key generations ---- */

static void generations_change_their_state_under_their_macs(void **state)
{
	static const char *const changes[] = {
		"UPDATE kek SET state = 'active' WHERE state = 'destroyed'",
		"UPDATE kek SET state = 'retired' WHERE state = 'active'"};
	struct world *w = *state;
	struct cc_error err;
	size_t bad;

	add_volume(w, "gone", UUID_OTHER);
	ask_ok(w, OP_VOLUME_DELETE, "gone", NULL);
	assert_rows_fit(w);
	for (size_t i = 0; i < 2; i++) {
		keep(w, "kek");
		tamper(w, changes[i]);
		assert_int_equal(store_check_rows(w->custodian.store, &bad, &err), 0);
		assert_int_equal(bad, 1);
		bring_back(w, "kek");
	}
	custodian_close(&w->custodian);
	tamper(w, changes[1]);
	assert_int_equal(start_custodian(w, STORE_SERVE, &err), -1);
	assert_string_equal(err.fact, BAD_ROW);
}

/* ---- the upgrade ---- */

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
	/* The mark is of a keyd that counted. */
	assert_true(quarantine_on(&w->custodian));
	assert_rows_fit(w);
	fake_boot_ms += END;
	assert_free(w);
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

/* ---- how much is read ---- */

static unsigned int rows_read;

static int count_row(unsigned int what, void *arg, void *stmt, void *unused)
{
	(void)what;
	(void)arg;
	(void)stmt;
	(void)unused;
	rows_read++;
	return 0;
}

static void add_many(struct world *w, unsigned int n)
{
	struct store *st = w->custodian.store;
	struct store_volume v;
	struct cc_error err;

	assert_int_equal(store_volume_get(st, "pgdata", &v, &err), 0);
	assert_int_equal(store_begin(st, &err), 0);
	for (unsigned int i = 0; i < n; i++) {
		snprintf(v.rec.name, sizeof(v.rec.name), "v%u", i);
		snprintf(v.rec.uuid, sizeof(v.rec.uuid), "0b000000-0000-4000-8000-%012u", i);
		assert_int_equal(store_volume_add(st, &v, &err), 0);
	}
	assert_int_equal(store_commit(st, &err), 0);
}

static void neither_metrics_nor_a_release_read_more_rows_with_more_volumes(void **state)
{
	struct world *w = *state;
	sqlite3 *db = w->custodian.store->db;
	unsigned int few[2], many[2];
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	return_lease(w, id);
	for (int round = 0; round < 2; round++) {
		unsigned int *n = round ? many : few;

		sqlite3_trace_v2(db, SQLITE_TRACE_ROW, count_row, NULL);
		rows_read = 0;
		g = (got_clear(&g), ask(w, OP_METRICS, "", NULL));
		n[0] = rows_read;
		rows_read = 0;
		hold(w, id);
		n[1] = rows_read;
		sqlite3_trace_v2(db, 0, NULL, NULL);
		if (round == 0) {
			return_lease(w, id);
			add_many(w, 3000);
		}
	}
	assert_int_equal(many[0], few[0]);
	assert_true(many[0] < 5);
	assert_int_equal(many[1], few[1]);
	assert_non_null(strstr(g.text, "container_crypt_volumes{state=\"ready\"} 3001\n"));
	assert_non_null(strstr(g.text, "container_crypt_leases 0\n"));
}

static void metrics_count_leases_until_their_end(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	g = ask(w, OP_METRICS, "", NULL);
	assert_non_null(strstr(g.text, "container_crypt_leases 1\n"));
	fake_boot_ms += END;
	g = (got_clear(&g), ask(w, OP_METRICS, "", NULL));
	assert_non_null(strstr(g.text, "container_crypt_leases 0\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rows_test(a_lease_that_is_removed_keeps_its_volume),
		rows_test(a_lease_that_is_removed_while_keyd_is_down_is_missed),
		rows_test(a_lease_of_before_its_renewal_does_not_count),
		rows_test(a_volume_and_its_leases_of_before_do_not_count_together),
		rows_test(the_sums_of_before_do_not_count_either),
		rows_test(a_copy_that_lacks_what_has_no_audit_row_is_noticed),
		rows_test(a_tombstone_that_is_removed_is_missed),
		rows_test(an_agent_that_was_removed_does_not_come_back),
		rows_test(an_agents_wider_scope_of_before_does_not_count),
		rows_test(a_signer_that_was_removed_signs_nothing),
		rows_test(an_identity_that_was_replaced_does_not_count),
		rows_test(a_missing_row_can_be_removed_and_enrolled_again),
		rows_test(a_bad_row_that_keyd_writes_anew_is_right_again),
		rows_test(rows_can_be_accepted_as_they_are),
		rows_test(what_another_keyd_writes_meanwhile_counts),
		rows_test(a_removed_lease_is_not_forgotten_when_another_keyd_writes),
		rows_test(a_removed_agent_does_not_come_back_when_another_keyd_writes),
		rows_test(what_does_not_fit_is_not_taken_however_often_it_is_asked_for),
		rows_test(whoever_did_not_look_at_the_rows_writes_none),
		rows_test(init_adds_nothing_where_rows_do_not_fit),
		rows_test(what_is_undone_is_not_counted),
		rows_test(generations_change_their_state_under_their_macs),
		rows_test(a_database_of_version_5_is_counted_as_it_is),
		rows_test(a_log_that_was_cut_is_not_counted),
		rows_test(neither_metrics_nor_a_release_read_more_rows_with_more_volumes),
		rows_test(metrics_count_leases_until_their_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
