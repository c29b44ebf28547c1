// SPDX-License-Identifier: Apache-2.0
/*
 * What somebody achieves who writes to keyd's database with what was once there: removes rows, or
 * puts older versions of them back, MACs and all, while keyd runs or while it does not.
 */
#include "keyd_rows.h"

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
		rows_test(generations_change_their_state_under_their_macs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
