// SPDX-License-Identifier: Apache-2.0
/* Rows and their sum while another keyd writes to the database as well, and what is undone. */
#include <sys/stat.h>

#include "keyd/init.h"
#include "keyd_rows.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		rows_test(what_another_keyd_writes_meanwhile_counts),
		rows_test(a_removed_lease_is_not_forgotten_when_another_keyd_writes),
		rows_test(a_removed_agent_does_not_come_back_when_another_keyd_writes),
		rows_test(what_does_not_fit_is_not_taken_however_often_it_is_asked_for),
		rows_test(whoever_did_not_look_at_the_rows_writes_none),
		rows_test(init_adds_nothing_where_rows_do_not_fit),
		rows_test(what_is_undone_is_not_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
