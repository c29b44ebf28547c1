// SPDX-License-Identifier: Apache-2.0
/* The audit log against whoever can write to the database, and its pruning. */
#include "hex.h"
#include "keyd_world.h"

#define UNLOCK "DROP TRIGGER IF EXISTS audit_no_update; DROP TRIGGER IF EXISTS audit_no_delete;"
#define DAY 86400

/* Five rows, one a day. */
static int five_days(void **state)
{
	struct world *w = world_empty();
	struct cc_error err;

	*state = w;
	for (int day = 0; day < 5; day++) {
		const struct cc_audit_row row = {.event = "release", .outcome = "allow"};

		assert_int_equal(
			store_audit_add(w->custodian.store, &row, 1800000000 + day * DAY, &err), 0);
	}
	fake_real = 1800000000 + 5 * DAY;
	return 0;
}

#define days_test(f) cmocka_unit_test_setup_teardown(f, five_days, world_teardown)

/* keyd's next start. */
static void assert_does_not_start(struct world *w, const char *text)
{
	struct cc_error err;

	custodian_close(&w->custodian);
	assert_int_equal(start_custodian(w, STORE_SERVE, &err), -1);
	assert_int_equal(err.code, CC_E_INVALID);
	assert_string_equal(err.fact, "audit");
	if (!strstr(err.text, text))
		fail_msg("%s", err.text);
}

static void assert_verify_fails(struct world *w, const char *text)
{
	struct cc_error err;
	uint64_t rows;

	assert_int_equal(store_audit_verify(w->custodian.store, &rows, &err), -1);
	assert_int_equal(err.code, CC_E_INVALID);
	assert_string_equal(err.fact, "audit");
	if (!strstr(err.text, text))
		fail_msg("%s", err.text);
}

/* What anybody can compute: all hashes from row 2 on, after its text was changed. */
struct rewriting {
	unsigned char hash[32];
	char sql[4096];
	size_t at;
};

static int rewrite_row(void *arg, const struct store_audit_row *r, struct cc_error *err)
{
	struct rewriting *rw = arg;
	struct cc_audit_row row = r->row;
	char prev[CC_HEX_32], hash[CC_HEX_32];

	if (row.seq == 2)
		row.detail = "rewritten";
	cc_hex_encode(rw->hash, 32, prev);
	assert_int_equal(cc_audit_hash(rw->hash, &row, rw->hash, err), 0);
	cc_hex_encode(rw->hash, 32, hash);
	rw->at += (size_t)snprintf(rw->sql + rw->at, sizeof(rw->sql) - rw->at,
				   "UPDATE audit SET prev = x'%s', hash = x'%s' WHERE seq = %d;",
				   prev, hash, (int)row.seq);
	return 0;
}

static void compute_anew(struct world *w)
{
	struct rewriting rw = {0};
	struct cc_error err;
	char hash[CC_HEX_32], head[128];

	assert_int_equal(store_audit_each(w->custodian.store, 0, rewrite_row, &rw, &err), 0);
	tamper(w, UNLOCK "UPDATE audit SET detail = 'rewritten' WHERE seq = 2");
	tamper(w, rw.sql);
	cc_hex_encode(rw.hash, 32, hash);
	snprintf(head, sizeof(head), "UPDATE audit_head SET hash = x'%s'", hash);
	tamper(w, head);
}

static void a_chain_that_was_computed_anew_is_noticed(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	uint64_t rows;

	compute_anew(w);
	{
		/* The hashes fit, as whoever looks without the KEK sees. */
		store_auto struct store *look = store_open(w->dir, STORE_LOOK, &err);

		assert_non_null(look);
		assert_int_equal(store_audit_verify(look, &rows, &err), 0);
		assert_int_equal(rows, 5);
	}
	assert_verify_fails(w, "head");
	assert_does_not_start(w, "head");
}

/* With the right head, which is under another MAC. */
static void rows_that_were_computed_anew_are_noticed_by_themselves(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	const json_t *row;

	tamper(w, "CREATE TABLE saved AS SELECT * FROM audit_head");
	compute_anew(w);
	tamper(w, "DELETE FROM audit_head; INSERT INTO audit_head SELECT * FROM saved");
	assert_verify_fails(w, "row 2 was not written by keyd");
	g = ask(w, OP_AUDIT_LIST, "", NULL);
	row = json_array_get(json_object_get(g.body, "rows"), 0);
	assert_true(json_is_true(json_object_get(row, "sealed")));
	row = json_array_get(json_object_get(g.body, "rows"), 1);
	assert_true(json_is_false(json_object_get(row, "sealed")));
	assert_does_not_start(w, "row 5 has been changed");
}

static void rows_that_were_cut_off_while_keyd_did_not_run_are_missed(void **state)
{
	struct world *w = *state;

	tamper(w, UNLOCK "DELETE FROM audit WHERE seq > 3");
	assert_verify_fails(w, "row 5 has been removed");
	assert_does_not_start(w, "row 5 has been removed");
}

static void a_head_that_was_moved_back_to_the_cut_is_not_believed(void **state)
{
	struct world *w = *state;

	tamper(w, UNLOCK "DELETE FROM audit WHERE seq > 3;"
			 "UPDATE audit_head SET seq = 3, hash = "
			 "(SELECT hash FROM audit WHERE seq = 3)");
	assert_verify_fails(w, "head");
	assert_does_not_start(w, "head");
}

static void a_log_without_its_head_is_none(void **state)
{
	struct world *w = *state;

	tamper(w, UNLOCK "DELETE FROM audit_head; DELETE FROM audit");
	assert_verify_fails(w, "head has been removed");
	assert_does_not_start(w, "head has been removed");
}

static void a_row_that_was_added_is_not_keyds(void **state)
{
	struct world *w = *state;

	tamper(w,
	       "INSERT INTO audit SELECT 6, time, event, outcome, agent, volume, container, fact, "
	       "detail, hash, hash, mac FROM audit WHERE seq = 5");
	assert_does_not_start(w, "row 6 was not written by keyd");
}

static void the_time_of_a_row_that_is_not_keyds_does_not_count(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	int64_t t;

	tamper(w, UNLOCK "UPDATE audit SET time = '2099-01-01T00:00:00Z' WHERE seq = 5");
	assert_int_equal(store_audit_last_time(w->custodian.store, &t, &err), -1);
	assert_string_equal(err.fact, "audit");
}

/* ---- the signed head ---- */

static void the_head_is_signed_by_a_key_of_the_kek(void **state)
{
	struct world *w = *state;
	auto_got struct got g = ask(w, OP_AUDIT_LIST, "", NULL), later = {0};
	json_t *obj = json_object_get(g.body, "head");
	struct cc_audit_head first, second;
	struct cc_error err;

	if (cc_audit_head_from_json(&first, obj, &err))
		fail_msg("%s", err.text);
	assert_int_equal(first.seq, 5);
	assert_int_equal(first.start_seq, 0);
	assert_string_equal(first.realm, "keyd-test");
	json_object_set_new(obj, "seq", json_integer(4));
	assert_int_equal(cc_audit_head_from_json(&second, obj, &err), -1);
	assert_string_equal(err.fact, "audit");

	/* The same key after a restart: it can be kept somewhere else, and compared. */
	reopen_custodian(w);
	later = ask(w, OP_AUDIT_LIST, "", NULL);
	assert_int_equal(
		cc_audit_head_from_json(&second, json_object_get(later.body, "head"), &err), 0);
	assert_memory_equal(first.key, second.key, sizeof(first.key));
}

/* ---- pruning ---- */

static uint64_t prune(struct world *w, int64_t before)
{
	struct cc_error err;
	uint64_t rows;

	if (store_audit_prune(w->custodian.store, before, UINT64_MAX, fake_real, &rows, &err))
		fail_msg("%s", err.text);
	return rows;
}

static void old_rows_go_and_the_rest_is_verified_as_before(void **state)
{
	struct world *w = *state;
	struct store_audit_head head;
	struct cc_error err;
	uint64_t rows;

	assert_int_equal(prune(w, 1800000000 + 2 * DAY), 2);
	assert_int_equal(store_audit_verify(w->custodian.store, &rows, &err), 0);
	assert_int_equal(rows, 4); /* three, and what was done */
	assert_string_equal(last_audit(w).event, "audit.prune");
	assert_non_null(strstr(last_audit(w).detail, "rows 1 to 2, the last hash "));
	assert_int_equal(store_audit_head(w->custodian.store, &head, &err), 0);
	assert_int_equal(head.start_seq, 2);
	assert_int_equal(head.seq, 6);
	reopen_custodian(w);
	assert_int_equal(store_audit_verify(w->custodian.store, &rows, &err), 0);
	assert_int_equal(prune(w, 1800000000 + 2 * DAY), 0);
	assert_int_equal(last_audit(w).seq, 6);
}

static void the_last_row_stays(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	uint64_t rows;

	assert_int_equal(prune(w, INT64_MAX), 4);
	assert_int_equal(store_audit_verify(w->custodian.store, &rows, &err), 0);
	assert_int_equal(rows, 2);
}

/* What keyd knows of the log begins with the row of its mark. */
static void no_row_goes_that_is_later_than_the_one_to_keep(void **state)
{
	struct world *w = *state;
	struct store_audit_head head;
	struct cc_error err;
	uint64_t rows;

	for (int i = 0; i < 3; i++)
		assert_int_equal(
			store_audit_prune(w->custodian.store, INT64_MAX, 3, fake_real, &rows, &err),
			0);
	assert_int_equal(store_audit_head(w->custodian.store, &head, &err), 0);
	assert_int_equal(head.start_seq, 3);
	assert_int_equal(head.seq, 6);
	assert_int_equal(store_audit_verify(w->custodian.store, &rows, &err), 0);
}

/* Another process prunes what the one that serves wrote last. */
static void a_keyd_that_serves_goes_on_after_a_prune(void **state)
{
	struct world *w = *state;
	const struct cc_audit_row row = {.event = "release", .outcome = "allow"};
	store_auto struct store *other = NULL;
	struct cc_error err;
	uint64_t rows;

	other = store_open(w->dir, STORE_SERVE, &err);
	assert_non_null(other);
	assert_int_equal(store_start(other, &w->custodian.seal.ops, fake_real, &err), 0);
	assert_int_equal(store_audit_add(other, &row, fake_real, &err), 0);
	assert_int_equal(store_audit_prune(other, INT64_MAX, UINT64_MAX, fake_real, &rows, &err),
			 0);
	assert_int_equal(rows, 5);
	if (store_audit_add(w->custodian.store, &row, fake_real, &err))
		fail_msg("%s", err.text);
	assert_int_equal(store_audit_verify(w->custodian.store, &rows, &err), 0);
	assert_int_equal(rows, 3);
}

static void a_beginning_that_somebody_else_moved_is_not_believed(void **state)
{
	struct world *w = *state;

	tamper(w, UNLOCK "UPDATE audit_head SET start_seq = 2, start_hash = "
			 "(SELECT hash FROM audit WHERE seq = 2); DELETE FROM audit WHERE seq < 3");
	assert_verify_fails(w, "head");
}

static void rows_that_are_gone_without_a_prune_are_missed(void **state)
{
	struct world *w = *state;

	assert_int_equal(prune(w, 1800000000 + 2 * DAY), 2);
	tamper(w, UNLOCK "DELETE FROM audit WHERE seq = 3");
	assert_verify_fails(w, "row 3 is missing");
}

static void a_broken_log_is_not_pruned(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	uint64_t rows;

	tamper(w, UNLOCK "UPDATE audit SET detail = 'x' WHERE seq = 4");
	assert_int_equal(store_audit_prune(w->custodian.store, 1800000000 + 2 * DAY, UINT64_MAX,
					   fake_real, &rows, &err),
			 -1);
	assert_string_equal(err.fact, "audit");
	assert_int_equal(rows, 0);
	assert_non_null(strstr(err.text, "row 4"));
}

/* In parts, so that nobody waits long for the database. */
static void a_long_log_is_pruned_in_parts(void **state)
{
	struct world *w = *state;
	const struct cc_audit_row row = {.event = "release", .outcome = "allow"};
	struct cc_error err;
	uint64_t rows;

	assert_int_equal(store_begin(w->custodian.store, &err), 0);
	for (int i = 0; i < 20010; i++)
		assert_int_equal(store_audit_add(w->custodian.store, &row, fake_real, &err), 0);
	assert_int_equal(store_commit(w->custodian.store, &err), 0);
	assert_int_equal(prune(w, fake_real + 1), 20014);
	assert_int_equal(store_audit_verify(w->custodian.store, &rows, &err), 0);
	assert_int_equal(rows, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		days_test(a_chain_that_was_computed_anew_is_noticed),
		days_test(rows_that_were_computed_anew_are_noticed_by_themselves),
		days_test(rows_that_were_cut_off_while_keyd_did_not_run_are_missed),
		days_test(a_head_that_was_moved_back_to_the_cut_is_not_believed),
		days_test(a_log_without_its_head_is_none),
		days_test(a_row_that_was_added_is_not_keyds),
		days_test(the_time_of_a_row_that_is_not_keyds_does_not_count),
		days_test(the_head_is_signed_by_a_key_of_the_kek),
		days_test(old_rows_go_and_the_rest_is_verified_as_before),
		days_test(the_last_row_stays),
		days_test(no_row_goes_that_is_later_than_the_one_to_keep),
		days_test(a_keyd_that_serves_goes_on_after_a_prune),
		days_test(a_beginning_that_somebody_else_moved_is_not_believed),
		days_test(rows_that_are_gone_without_a_prune_are_missed),
		days_test(a_broken_log_is_not_pruned),
		days_test(a_long_log_is_pruned_in_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
