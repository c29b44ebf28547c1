// SPDX-License-Identifier: Apache-2.0
/*
 * An older copy of the database that went on by itself is put back, also with rows of the newest
 * one in it, each of which keyd wrote: it is noticed.
 */
#include "hex.h"
#include "keyd_marked.h"

#include <inttypes.h>

#define UNLOCK "DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete;"

/*
 * An old copy goes on, with a keyd that does not know the mark, and is older than the newest
 * database, the copy "new", at no row: @rows more. Nothing runs afterwards; the mark is of "new".
 */
static struct mark go_on_elsewhere(struct world *w, int rows)
{
	struct mark mark;
	char id[37];

	copy_as(w, "old");
	hold(w, id);
	copy_as(w, "new");
	mark = w->custodian.mark.mark;
	custodian_close(&w->custodian);
	rename(path_of(w, "anchor/" MARK_FILE), path_of(w, "away"));
	copy_back(w, "old");
	open_custodian(w);
	fake_boot_ms += 10 * END;
	for (int i = 0; i < rows; i++)
		ask_ok(w, OP_VOLUME_SET, "pgdata", json_pack("{s:i}", "leaseMs", MS + i));
	custodian_close(&w->custodian);
	rename(path_of(w, "away"), path_of(w, "anchor/" MARK_FILE));
	return mark;
}

/* Rows @from to @to of the newest database's log, with their MACs, in place of its own. */
static void take_rows(struct world *w, uint64_t from, uint64_t to)
{
	char sql[512];

	snprintf(sql, sizeof(sql),
		 UNLOCK "ATTACH '%s' AS new; DELETE FROM audit WHERE seq BETWEEN %" PRIu64
			" AND %" PRIu64
			"; INSERT INTO audit SELECT * FROM new.audit WHERE seq BETWEEN %" PRIu64
			" AND %" PRIu64 ";",
		 path_of(w, "new"), from, to, from, to);
	tamper(w, sql);
}

static void an_older_database_that_went_on_elsewhere_is_noticed(void **state)
{
	struct world *w = *state;

	go_on_elsewhere(w, 5);
	open_custodian(w);
	assert_quarantine(w);
}

static void the_marks_hash_in_a_row_of_somebody_elses_does_not_count(void **state)
{
	struct world *w = *state;
	struct mark mark = go_on_elsewhere(w, 5);
	char hex[CC_HEX_32], sql[256];

	cc_hex_encode(mark.hash, sizeof(mark.hash), hex);
	snprintf(sql, sizeof(sql), UNLOCK "UPDATE audit SET hash = x'%s' WHERE seq = %" PRIu64, hex,
		 mark.seq);
	tamper(w, sql);
	open_custodian(w);
	assert_quarantine(w);
}

/* Each of these rows is keyd's, and the one that the mark names is the one that it was. */
static void the_marks_row_copied_whole_into_an_older_database_is_noticed(void **state)
{
	struct world *w = *state;
	struct mark mark = go_on_elsewhere(w, 5);

	take_rows(w, mark.seq, mark.seq);
	open_custodian(w);
	assert_quarantine(w);
}

static void the_whole_newer_log_in_an_older_database_is_noticed(void **state)
{
	struct world *w = *state;
	struct mark mark = go_on_elsewhere(w, 5);

	take_rows(w, 1, mark.seq);
	open_custodian(w);
	assert_quarantine(w);
}

static void an_older_database_that_was_pruned_beyond_the_mark_is_noticed(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	struct mark mark;
	char anchor[80];
	uint64_t rows;

	mark = go_on_elsewhere(w, 5);
	memcpy(anchor, w->anchor, sizeof(anchor));
	w->anchor[0] = '\0';
	open_custodian(w);
	assert_int_equal(store_audit_prune(w->custodian.store, INT64_MAX, UINT64_MAX, fake_real,
					   &rows, &err),
			 0);
	assert_true(rows > mark.seq);
	custodian_close(&w->custodian);
	memcpy(w->anchor, anchor, sizeof(anchor));
	open_custodian(w);
	assert_quarantine(w);
}

/* The newest one, of which no row from the mark on may be missing. */
static void a_row_that_is_missing_after_the_mark_is_noticed(void **state)
{
	struct world *w = *state;
	struct mark was = w->custodian.mark.mark;
	struct cc_error err;
	char sql[128];

	for (int i = 0; i < 3; i++)
		ask_ok(w, OP_VOLUME_SET, "pgdata", json_pack("{s:i}", "leaseMs", MS + i));
	w->custodian.mark.mark = was;
	assert_int_equal(mark_write(&w->custodian.mark, true, 0, &err), 0);
	custodian_close(&w->custodian);
	snprintf(sql, sizeof(sql), UNLOCK "DELETE FROM audit WHERE seq = %" PRIu64, was.seq + 1);
	tamper(w, sql);
	open_custodian(w);
	assert_quarantine(w);
}

/* The file's pages are replaced under a keyd that serves. */
static void overwrite(struct world *w, const char *name)
{
	sqlite3_backup *backup;
	sqlite3 *from, *to;

	assert_int_equal(sqlite3_open(path_of(w, name), &from), SQLITE_OK);
	assert_int_equal(sqlite3_open(path_of(w, STORE_FILE), &to), SQLITE_OK);
	backup = sqlite3_backup_init(to, "main", from, "main");
	assert_non_null(backup);
	assert_int_equal(sqlite3_backup_step(backup, -1), SQLITE_DONE);
	assert_int_equal(sqlite3_backup_finish(backup), SQLITE_OK);
	sqlite3_close(from);
	sqlite3_close(to);
}

static void an_older_database_under_a_keyd_that_serves_is_noticed(void **state)
{
	struct world *w = *state;
	struct mark mark = go_on_elsewhere(w, 5);
	auto_got struct got g = {0};

	rename(path_of(w, STORE_FILE), path_of(w, "fork"));
	assert_int_equal(link(path_of(w, "new"), path_of(w, STORE_FILE)), 0);
	unlink(path_of(w, "new"));
	open_custodian(w);
	assert_false(quarantine_on(&w->custodian));
	copy_as(w, "new");
	overwrite(w, "fork");
	take_rows(w, mark.seq, mark.seq);
	g = ask(w, OP_VOLUME_SET, "pgdata", json_pack("{s:i}", "leaseMs", MS));
	assert_error(&g, 500, "internal", "audit");
	g = (got_clear(&g), release_to_host2(w));
	assert_int_equal(g.http, 500);
	assert_null(strstr(g.text, "jwe"));
	reopen_custodian(w);
	assert_quarantine(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		marked_test(an_older_database_that_went_on_elsewhere_is_noticed),
		marked_test(the_marks_hash_in_a_row_of_somebody_elses_does_not_count),
		marked_test(the_marks_row_copied_whole_into_an_older_database_is_noticed),
		marked_test(the_whole_newer_log_in_an_older_database_is_noticed),
		marked_test(an_older_database_that_was_pruned_beyond_the_mark_is_noticed),
		marked_test(a_row_that_is_missing_after_the_mark_is_noticed),
		marked_test(an_older_database_under_a_keyd_that_serves_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
