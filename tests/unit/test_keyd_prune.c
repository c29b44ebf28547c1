// SPDX-License-Identifier: Apache-2.0
/* From which databases `keyd prune` removes audit rows: not from one that the mark does not fit. */
#include <sys/stat.h>

#include "keyd/maintain.h"
#include "keyd_rows.h"

/* Everything is older. */
#define BEFORE "2100-01-01"

static int prune(struct world *w, const char *anchor, struct cc_error *err)
{
	const char *kek = path_of(w, "kek");
	FILE *f = fopen(kek, "w");

	assert_non_null(f);
	assert_int_equal(fchmod(fileno(f), 0600), 0);
	assert_int_equal(fputs("kekkekkekkekkekkekkekkekkekkekke", f) < 0 || fclose(f), 0);
	*err = (struct cc_error){0};
	return keyd_prune(w->dir, anchor, kek, BEFORE, err);
}

static size_t n_rows(struct world *w)
{
	auto_got struct got g = ask(w, OP_AUDIT_LIST, "", NULL);

	return json_array_size(json_object_get(g.body, "rows"));
}

static void a_database_whose_mark_fits_is_pruned(void **state)
{
	struct world *w = *state;
	struct cc_error err;

	custodian_close(&w->custodian);
	if (prune(w, w->anchor, &err))
		fail_msg("%s", err.text);
	open_custodian(w);
	assert_false(quarantine_on(&w->custodian));
	assert_true(n_rows(w) < 4);
}

static void a_database_whose_mark_is_not_found_is_not_pruned(void **state)
{
	struct world *w = *state;
	const char *elsewhere = path_of(w, "elsewhere");
	size_t rows = n_rows(w);
	struct cc_error err;

	custodian_close(&w->custodian);
	assert_int_equal(prune(w, elsewhere, &err), -1);
	assert_string_equal(err.fact, "mark");
	assert_non_null(strstr(err.text, "give --anchor"));
	open_custodian(w);
	assert_int_equal(n_rows(w), rows);
	assert_false(quarantine_on(&w->custodian));
}

/* That it has a mark is in a row, which somebody may remove. */
static void a_database_that_hides_its_mark_is_not_pruned(void **state)
{
	struct world *w = *state;
	struct cc_error err;

	custodian_close(&w->custodian);
	tamper(w, "DELETE FROM setting WHERE key = 'mark'");
	assert_int_equal(prune(w, path_of(w, "elsewhere"), &err), -1);
	assert_string_equal(err.fact, "row");
	open_custodian(w);
}

static void an_older_copy_is_not_pruned(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	char id[37];

	copy_as(w, "copy");
	hold(w, id);
	custodian_close(&w->custodian);
	copy_back(w, "copy");
	assert_int_equal(prune(w, w->anchor, &err), -1);
	assert_string_equal(err.fact, "mark");
	assert_non_null(strstr(err.text, "older than the one that keyd served last"));
	open_custodian(w);
	assert_true(quarantine_on(&w->custodian));
	assert_true(n_rows(w) >= 4);
}

static void a_database_that_has_no_mark_yet_is_pruned(void **state)
{
	struct world *w = *state;
	struct cc_error err;

	custodian_close(&w->custodian);
	if (prune(w, path_of(w, "anchor"), &err))
		fail_msg("%s", err.text);
	open_custodian(w);
	assert_true(n_rows(w) < 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rows_test(a_database_whose_mark_fits_is_pruned),
		rows_test(a_database_whose_mark_is_not_found_is_not_pruned),
		rows_test(a_database_that_hides_its_mark_is_not_pruned),
		rows_test(an_older_copy_is_not_pruned),
		cmocka_unit_test_setup_teardown(a_database_that_has_no_mark_yet_is_pruned,
						two_hosts, two_hosts_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
