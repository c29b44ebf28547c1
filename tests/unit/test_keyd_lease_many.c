// SPDX-License-Identifier: Apache-2.0
/* More leases than are looked at together when keyd starts after a boot of its host. */
#include "keyd_hosts.h"

#define MANY 1234

struct seen {
	size_t n, settled;
	int64_t end_ms;
};

static int look(void *arg, const struct store_lease *l, struct cc_error *err)
{
	struct seen *seen = arg;

	(void)err;
	seen->n++;
	seen->settled += !strcmp(l->host_boot, fake_host_boot) && l->end_ms == seen->end_ms;
	return 0;
}

/* Copies of the one there is. The store judges nothing. */
static void have_many(struct world *w)
{
	store_auto_leases struct store_leases held = {0};
	struct store_volume v;
	struct cc_error err;

	assert_int_equal(store_volume_get(w->custodian.store, "pgdata", &v, &err), 0);
	assert_int_equal(store_leases_of(w->custodian.store, v.id, &held, &err), 0);
	assert_int_equal(held.n, 1);
	assert_int_equal(store_begin(w->custodian.store, &err), 0);
	for (unsigned int i = 1; i < MANY; i++) {
		snprintf(held.v[0].id, sizeof(held.v[0].id), "1e000000-0000-4000-8000-%012u", i);
		assert_int_equal(store_lease_add(w->custodian.store, v.id, &held.v[0], &err), 0);
	}
	assert_int_equal(store_commit(w->custodian.store, &err), 0);
}

/* Keyd's host was booted: @n leases are there, each of them waited out from now on. */
static void assert_settled_by_a_boot(struct world *w, size_t n)
{
	const char *was = fake_host_boot;
	struct seen seen = {0};
	struct cc_error err;

	fake_host_boot = "f0000000-0000-4000-8000-000000000002";
	fake_boot_ms = 5000;
	reopen_custodian(w);
	seen.end_ms = fake_boot_ms + END;
	assert_int_equal(store_lease_each(w->custodian.store, look, &seen, &err), 0);
	assert_int_equal(seen.n, n);
	assert_int_equal(seen.settled, n);
	fake_host_boot = was;
}

static void after_a_boot_each_of_many_leases_is_waited_out(void **state)
{
	struct world *w = *state;
	char id[37];

	hold(w, id);
	have_many(w);
	assert_settled_by_a_boot(w, MANY);
}

/* Somebody with the file puts as many as are looked at together before those that count. */
static void rows_that_keyd_did_not_write_do_not_keep_it_from_the_others(void **state)
{
	struct world *w = *state;
	char id[37];

	hold(w, id);
	have_many(w);
	tamper(w, "UPDATE lease SET agent = 'mallory' "
		  "WHERE id BETWEEN '1e000000-0000-4000-8000-000000000001' "
		  "AND '1e000000-0000-4000-8000-000000001100'");
	assert_settled_by_a_boot(w, MANY - 1100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		hosts_test(after_a_boot_each_of_many_leases_is_waited_out),
		hosts_test(rows_that_keyd_did_not_write_do_not_keep_it_from_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
