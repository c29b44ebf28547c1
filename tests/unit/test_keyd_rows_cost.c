// SPDX-License-Identifier: Apache-2.0
/* How much of the database is read. */
#include "keyd_rows.h"

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
		rows_test(neither_metrics_nor_a_release_read_more_rows_with_more_volumes),
		rows_test(metrics_count_leases_until_their_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
