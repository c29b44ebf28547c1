/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyd_rows.h - keyd's world with a high-water mark, and rows of its database that are removed, or
 * replaced by what was once there, MACs and all.
 */
#ifndef TEST_KEYD_ROWS_H
#define TEST_KEYD_ROWS_H

#include "keyd_copies.h"
#include "keyd_hosts.h"
#include "keyd_return.h"

#define BAD_ROW "row"

static inline int anchored(void **state)
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

static inline void keep(struct world *w, const char *table)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "CREATE TABLE old_%s AS SELECT * FROM %s", table, table);
	tamper(w, sql);
}

static inline void bring_back(struct world *w, const char *table)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
		 "DELETE FROM %s; INSERT INTO %s SELECT * FROM old_%s; DROP TABLE old_%s", table,
		 table, table, table);
	tamper(w, sql);
}

/* A release or whatever it was gave no key, as a row is not what it should be. */
static inline void assert_bad_row(const struct got *g, const char *what)
{
	assert_error(g, 500, "internal", BAD_ROW);
	if (!strstr(message_of(g), what))
		fail_msg("%s", g->text);
	assert_null(strstr(g->text, "jwe"));
}

static inline void assert_host2_gets_nothing(struct world *w, const char *what)
{
	auto_got struct got g = release_to_host2(w);

	assert_bad_row(&g, what);
}

/* The next start notices what was done while there was no keyd. */
static inline void assert_quarantine_for_good(struct world *w)
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

static inline void assert_rows_fit(struct world *w)
{
	struct cc_error err;
	size_t bad;

	assert_int_equal(store_check_rows(w->custodian.store, &bad, &err), 0);
	assert_int_equal(bad, 0);
	if (store_rows_load(w->custodian.store, &err))
		fail_msg("%s", err.text);
	assert_string_equal(store_rows_misfit(w->custodian.store), "");
}

#endif
