// SPDX-License-Identifier: Apache-2.0
/* No key leaves when something is wrong with keyd's database. */
#include "keyd_world.h"

static void a_wrapped_key_moved_to_another_volume_does_not_open(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	uint64_t rows;

	add_volume(w, "other", UUID_OTHER);
	tamper_sealed(w, "UPDATE volume SET wrapped = (SELECT wrapped FROM volume "
			 "WHERE name = 'other') WHERE name = 'pgdata'");
	rows = last_audit(w).seq;
	g = release_to(w, BOOT_1, CONTAINER_1);
	assert_error(&g, 500, "internal", "wrapped-key");
	assert_null(strstr(g.text, "jwe"));
	assert_int_equal(last_audit(w).seq, rows + 1);
	assert_string_equal(last_audit(w).outcome, "error");
	/* Nothing was granted either. */
	g = (got_clear(&g), ask(w, OP_LEASE_LIST, "", NULL));
	assert_int_equal(json_array_size(json_object_get(g.body, "leases")), 0);
}

static void without_an_audit_row_there_is_no_key(void **state)
{
	struct world *w = *state;
	auto_got struct got refused = {0}, leases = {0}, good = {0};

	/* An index whose expression overflows: no row can be added. */
	tamper(w, "CREATE INDEX full ON audit (abs(seq - seq - 9223372036854775807 - 1)) "
		  "WHERE seq > 5");
	refused = release_to(w, BOOT_1, CONTAINER_1);
	assert_error(&refused, 500, "internal", "");
	assert_null(strstr(refused.text, "jwe"));
	leases = ask(w, OP_LEASE_LIST, "", NULL);
	assert_int_equal(json_array_size(json_object_get(leases.body, "leases")), 0);

	/* And keyd goes on when there is room again. */
	tamper(w, "DROP INDEX full");
	good = release_to(w, BOOT_1, CONTAINER_1);
	assert_int_equal(good.http, 200);
	assert_int_equal(fence_of(&good), 1);
}

static void a_cut_audit_log_stops_releases(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};

	tamper(w, "DROP TRIGGER audit_no_delete; DELETE FROM audit WHERE seq = "
		  "(SELECT max(seq) FROM audit)");
	g = release_to(w, BOOT_1, CONTAINER_1);
	assert_error(&g, 500, "internal", "audit");
	assert_null(strstr(g.text, "jwe"));
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(a_wrapped_key_moved_to_another_volume_does_not_open),
		world_test(without_an_audit_row_there_is_no_key),
		world_test(a_cut_audit_log_stops_releases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
