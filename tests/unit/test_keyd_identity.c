// SPDX-License-Identifier: Apache-2.0
/* Several identities of a volume at once: who starts, who goes on, what ends. */
#include "keyd_versions.h"

/* ---- starts ---- */

static void without_a_floor_only_the_newest_starts_and_what_runs_goes_on(void **state)
{
	struct world *w = *state;
	char id[37];

	hold(w, id);
	add(w, version(4, 0, "/app2"));
	assert_goes_on(w, id);
	assert_no_start(w, "args");
}

static void from_the_floor_up_all_start_and_the_newest_that_fits_counts(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};

	add(w, version(4, 3, "/app2"));
	assert_int_equal(starts_with(w), 3);
	add(w, version(5, 3, NULL));
	assert_int_equal(starts_with(w), 5);
	g = release_to(w, BOOT_1, CONTAINER_1);
	assert_non_null(strstr(last_audit(w).detail, "serial 5 "));
	g = (got_clear(&g), ask(w, OP_LEASE_LIST, "", NULL));
	assert_non_null(strstr(g.text, "\"serial\":5"));
}

static void where_none_matches_the_nearest_says_what_differs(void **state)
{
	struct world *w = *state;
	json_t *near = version(5, 4, "/app2"), *newest = version(6, 4, "/app2");
	auto_got struct got g = {0};

	add(w, version(4, 4, "/app2"));
	add(w, near);
	json_object_set_new(newest, "image", json_pack("{s:s}", "configDigest", DIGEST_2));
	add(w, newest);
	g = release_to(w, BOOT_1, CONTAINER_1);
	assert_error(&g, 403, "refused", "args");
	assert_non_null(strstr(g.text, "none of 3 identities, of the nearest, serial 5: args: "));
}

static void one_of_the_two_platforms_of_an_image_starts(void **state)
{
	struct world *w = *state;
	json_t *pred = version(4, 0, NULL);

	json_object_set_new(pred, "image",
			    json_pack("{s:[s, s]}", "configDigest", DIGEST_2, DIGEST_1));
	add(w, pred);
	assert_int_equal(starts_with(w), 4);
}

static const json_t *told(const struct got *g, const char *member)
{
	return json_object_get(json_object_get(g->body, "error"), member);
}

static void where_none_matches_all_facts_are_of_the_nearest_that_was_tried(void **state)
{
	struct world *w = *state;
	json_t *nearest = version(4, 3, "/app3"), *newest = version(5, 3, "/app2");
	json_t *drained = version(6, 3, NULL);
	auto_got struct got g = {0};

	ask_ok(w, OP_IDENTITY_DRAIN, "pgdata", serial(3));
	json_object_set_new(nearest, "image", json_pack("{s:s}", "configDigest", DIGEST_2));
	add(w, nearest);
	json_object_set_new(newest, "image", json_pack("{s:s}", "configDigest", DIGEST_2));
	json_object_set_new(newest, "readonlyRootfs", json_true());
	add(w, newest);
	json_object_set_new(drained, "readonlyRootfs", json_true());
	add(w, drained);
	ask_ok(w, OP_IDENTITY_DRAIN, "pgdata", serial(6));
	g = release_to(w, BOOT_1, CONTAINER_1);
	assert_error(&g, 403, "refused", "image");
	assert_int_equal(json_integer_value(told(&g, "factCount")), 2);
	assert_non_null(strstr(message_of(&g), "none of 2 identities, of the nearest, serial 4: "));
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(told(&g, "facts"), 0), "text")),
		message_of(&g));
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(told(&g, "facts"), 1), "fact")),
		"args");
}

/* What differed from the newest does not matter once another lets in, whatever comes then. */
static void what_an_older_identity_lets_in_is_told_of_no_facts(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	add(w, version(4, 3, "/app2"));
	hold(w, id);
	g = release_to_host2(w);
	assert_error(&g, 409, "busy", "lease");
	assert_null(told(&g, "facts"));
	assert_null(strstr(last_audit(w).detail, "other fact"));
}

/* No signature, no change of keyd: version 1 is started again. */
static void a_hundred_upgrades_and_rollbacks_need_no_further_signature(void **state)
{
	struct world *w = *state;

	for (uint64_t n = 4; n < 104; n++) {
		json_t *pred = version(n, n - 2, n % 2 ? NULL : "/app2");
		char id[37];

		if (n % 2)
			json_object_set_new(
				pred, "image",
				json_pack("{s:[s, s]}", "configDigest", DIGEST_2, DIGEST_1));
		hold(w, id);
		add(w, pred);
		assert_goes_on(w, id);
		return_lease(w, id);
		assert_int_equal(starts_with(w), n % 2 ? n : n - 1);
	}
}

static void an_identity_that_is_over_leaves_the_start_to_another(void **state)
{
	struct world *w = *state;
	json_t *pred = version(4, 3, NULL);

	json_object_set_new(pred, "notAfter", json_string("2027-01-15T09:00:00Z"));
	add(w, pred);
	fake_real = 1810000000;
	assert_int_equal(starts_with(w), 3);
}

static void an_identity_of_a_signer_that_was_removed_leaves_the_start_to_another(void **state)
{
	struct world *w = *state;
	EVP_PKEY *second = new_p256();
	auto_got struct got g = {0};

	add_signer(w, "second", second);
	g = add_identity(w, second, version(4, 3, NULL));
	assert_int_equal(g.http, 200);
	ask_ok(w, OP_SIGNER_DELETE, "second", NULL);
	assert_int_equal(starts_with(w), 3);
	EVP_PKEY_free(second);
}

/* ---- what runs ---- */

static void a_raised_floor_ends_what_runs_below_it(void **state)
{
	struct world *w = *state;
	char id[37];

	hold(w, id);
	add(w, version(4, 3, NULL));
	assert_goes_on(w, id);
	add(w, version(5, 4, NULL));
	assert_ends(w, id, "serial");
}

static void a_later_identity_without_a_floor_takes_none_back(void **state)
{
	struct world *w = *state;
	char id[37];

	hold(w, id);
	add(w, version(4, 4, NULL));
	add(w, version(5, 0, NULL));
	assert_ends(w, id, "serial");
	add(w, version(6, 1, "/app2"));
	assert_int_equal(starts_with(w), 5);
	ask_ok(w, OP_IDENTITY_REVOKE_ONE, "pgdata", serial(5));
	assert_int_equal(starts_with(w), 4);
	ask_ok(w, OP_IDENTITY_REVOKE_ONE, "pgdata", serial(4));
	assert_no_start(w, "args"); /* 3 fits, and is below the floor that 4 signed */
}

static void what_runs_ends_when_its_own_identity_is_over(void **state)
{
	struct world *w = *state;
	json_t *pred = version(4, 0, NULL);
	char id[37];

	json_object_set_new(pred, "notAfter", json_string("2027-01-15T09:00:00Z"));
	add(w, pred);
	hold(w, id);
	add(w, version(5, 0, NULL));
	assert_goes_on(w, id);
	fake_real = 1810000000;
	assert_ends(w, id, "validity");
}

/* What a container is let in by is what it is held against. */
static void a_renewal_is_judged_by_the_identity_of_its_lease(void **state)
{
	struct world *w = *state;
	char id[37];

	add(w, version(4, 3, "/app2"));
	hold(w, id); /* by 3 */
	ask_ok(w, OP_IDENTITY_REVOKE_ONE, "pgdata", serial(4));
	assert_goes_on(w, id);
	add(w, version(5, 3, NULL)); /* fits as well */
	ask_ok(w, OP_IDENTITY_REVOKE_ONE, "pgdata", serial(3));
	assert_ends(w, id, "identity");
}

/* ---- drain, revoke ---- */

static void of_a_drained_one_no_more_start_and_what_runs_goes_on(void **state)
{
	struct world *w = *state;
	char id[37];
	uint64_t rows;

	hold(w, id);
	ask_ok(w, OP_IDENTITY_DRAIN, "pgdata", serial(3));
	assert_string_equal(last_audit(w).event, "identity.drain");
	assert_non_null(strstr(last_audit(w).detail, "serial 3"));
	rows = last_audit(w).seq;
	ask_ok(w, OP_IDENTITY_DRAIN, "pgdata", serial(3));
	assert_int_equal(last_audit(w).seq, rows);
	assert_goes_on(w, id);
	assert_no_start(w, "identity");
	reopen_custodian(w);
	assert_goes_on(w, id);
	assert_no_start(w, "identity");
	add(w, version(4, 3, NULL));
	return_lease(w, id);
	assert_int_equal(starts_with(w), 4);
}

static void a_revoked_one_neither_starts_nor_goes_on_nor_is_drained_or_added_again(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	for (int i = 0; i < 2; i++)
		ask_ok(w, OP_IDENTITY_REVOKE_ONE, "pgdata", serial(3));
	g = ask(w, OP_IDENTITY_DRAIN, "pgdata", serial(3));
	assert_string_equal(json_string_value(json_object_get(g.body, "state")), "revoked");
	assert_ends(w, id, "identity");
	assert_no_start(w, "identity");
	g = (got_clear(&g), add_identity(w, w->signer, predicate(3)));
	assert_error(&g, 403, "refused", "serial");
}

static void a_serial_that_is_not_there_is_said_so(void **state)
{
	static const enum op ops[] = {OP_IDENTITY_DRAIN, OP_IDENTITY_REVOKE_ONE};

	for (size_t i = 0; i < 2; i++) {
		auto_got struct got g = ask(*state, ops[i], "pgdata", serial(9));
		auto_got struct got no = ask(*state, ops[i], "other", serial(3));

		assert_error(&g, 404, "not-found", "identity");
		assert_error(&no, 404, "not-found", "volume");
	}
}

/* ---- bounds ---- */

static size_t stored(struct world *w)
{
	auto_got struct got g = ask(w, OP_IDENTITY_LIST, "", NULL);

	return json_array_size(json_object_get(g.body, "identities"));
}

static void old_ones_that_nothing_runs_with_make_room(void **state)
{
	struct world *w = *state;
	char id[37];

	hold(w, id);
	for (uint64_t n = 4; n < 10 + STORE_IDENTITIES_MAX; n++)
		add(w, version(n, 0, NULL));
	assert_int_equal(stored(w), STORE_IDENTITIES_MAX);
	assert_goes_on(w, id);
}

static void more_than_can_be_kept_are_refused_until_the_floor_goes_up(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	uint64_t n = 4;

	for (; n < 3 + STORE_IDENTITIES_MAX; n++)
		add(w, version(n, 3, NULL));
	g = add_identity(w, w->signer, version(n, 3, NULL));
	assert_error(&g, 409, "busy", "identities");
	add(w, version(n, 10, NULL));
	assert_int_equal(stored(w), STORE_IDENTITIES_MAX);
}

/* ---- somebody writes to the database ---- */

static void what_was_changed_behind_keyds_back_lets_nobody_in(void **state)
{
	static const char *const ways[] = {
		"UPDATE identity SET state = 'live' WHERE serial = 4",
		"UPDATE identity SET floor = 3 WHERE serial = 5",
		"DELETE FROM identity WHERE serial = 4",
		"DELETE FROM identity",
		"UPDATE identity SET serial = 9 WHERE serial = 4",
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct world *w;
		auto_got struct got g = {0};

		two_hosts_end(state);
		two_hosts(state);
		w = *state;
		add(w, version(4, 3, NULL));
		add(w, version(5, 4, NULL));
		ask_ok(w, OP_IDENTITY_REVOKE_ONE, "pgdata", serial(4));
		assert_int_equal(starts_with(w), 5);
		tamper(w, ways[i]);
		g = release_to(w, BOOT_1, CONTAINER_1);
		assert_error(&g, 500, "internal", "row");
	}
}

static void a_lease_under_another_serial_by_somebody_else_is_not_renewed(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	add(w, version(4, 4, NULL));
	tamper(w, "UPDATE lease SET serial = 4");
	g = renew(w, id);
	assert_not_renewed(&g, "row");
}

static void the_serials_of_a_deleted_volume_stay_used(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};

	add(w, version(4, 4, NULL));
	ask_ok(w, OP_VOLUME_DELETE, "pgdata", NULL);
	add_volume(w, "pgdata", UUID_PGDATA);
	assert_int_equal(stored(w), 0);
	g = add_identity(w, w->signer, version(4, 4, NULL));
	assert_error(&g, 403, "refused", "serial");
	add(w, version(5, 1, NULL));
	assert_int_equal(starts_with(w), 5);
}

static void a_volume_with_a_missing_identity_can_be_deleted(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	size_t bad;

	add(w, version(4, 3, NULL));
	tamper(w, "DELETE FROM identity WHERE serial = 3");
	ask_ok(w, OP_VOLUME_DELETE, "pgdata", NULL);
	reopen_custodian(w);
	assert_int_equal(store_check_rows(w->custodian.store, &bad, &err), 0);
	assert_string_equal(store_rows_misfit(w->custodian.store), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		hosts_test(without_a_floor_only_the_newest_starts_and_what_runs_goes_on),
		hosts_test(from_the_floor_up_all_start_and_the_newest_that_fits_counts),
		hosts_test(where_none_matches_the_nearest_says_what_differs),
		hosts_test(where_none_matches_all_facts_are_of_the_nearest_that_was_tried),
		hosts_test(what_an_older_identity_lets_in_is_told_of_no_facts),
		hosts_test(one_of_the_two_platforms_of_an_image_starts),
		hosts_test(a_hundred_upgrades_and_rollbacks_need_no_further_signature),
		hosts_test(an_identity_that_is_over_leaves_the_start_to_another),
		hosts_test(an_identity_of_a_signer_that_was_removed_leaves_the_start_to_another),
		hosts_test(a_raised_floor_ends_what_runs_below_it),
		hosts_test(a_later_identity_without_a_floor_takes_none_back),
		hosts_test(what_runs_ends_when_its_own_identity_is_over),
		hosts_test(a_renewal_is_judged_by_the_identity_of_its_lease),
		hosts_test(of_a_drained_one_no_more_start_and_what_runs_goes_on),
		hosts_test(a_revoked_one_neither_starts_nor_goes_on_nor_is_drained_or_added_again),
		hosts_test(a_serial_that_is_not_there_is_said_so),
		hosts_test(old_ones_that_nothing_runs_with_make_room),
		hosts_test(more_than_can_be_kept_are_refused_until_the_floor_goes_up),
		hosts_test(what_was_changed_behind_keyds_back_lets_nobody_in),
		hosts_test(a_lease_under_another_serial_by_somebody_else_is_not_renewed),
		hosts_test(the_serials_of_a_deleted_volume_stay_used),
		hosts_test(a_volume_with_a_missing_identity_can_be_deleted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
