// SPDX-License-Identifier: Apache-2.0
/* The terms on which a volume's key is lent. */
#include "keyd_hosts.h"
#include "keyd_return.h"

static void set(struct world *w, const char *key, json_t *value)
{
	json_t *body = json_object();

	json_object_set_new(body, key, value);
	ask_ok(w, OP_VOLUME_SET, "pgdata", body);
}

static void the_length_is_the_volumes(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	set(w, "leaseMs", json_integer(20000));
	hold(w, id);
	fake_boot_ms += LASTS(20000) - 1;
	assert_busy(w);
	set(w, "leaseMs", json_integer(2000));
	g = renew(w, id);
	assert_int_equal(json_integer_value(json_object_get(renewal_of(&g), "ms")), 2000);
	fake_boot_ms += LASTS(2000);
	assert_free(w);
}

static void terms_are_checked_and_recorded(void **state)
{
	static const char *const bad[] = {
		"{\"leaseMs\":1999}",
		"{\"leaseMs\":2678400001}",
		"{\"leaseMs\":0}",
		"{\"leaseMs\":\"1\"}",
		"{\"onLapse\":\"kill\"}",
		"{\"onRevoke\":\"\"}",
		"{\"onLock\":\"queue:0\"}",
		"{\"onLock\":\"queue:\"}",
		"{\"onLock\":\"queue:600001\"}",
		"{\"onLock\":\"queue:1s\"}",
		"{\"sharedRead\":1}",
		"{\"mountOptions\":\"suid\"}",
		"{\"mountOptions\":\"noexec,data=journal\"}",
		"{\"mountOptions\":[\"noexec\"]}",
		"{\"name\":\"x\"}",
	};
	struct world *w = *state;
	auto_got struct got g = {0};
	uint64_t rows;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		auto_got struct got refused = ask_text(w, OP_VOLUME_SET, "pgdata", bad[i]);

		print_message("# %s\n", bad[i]);
		assert_int_equal(refused.http, 400);
	}
	g = ask_text(w, OP_VOLUME_SET, "pgdata",
		     "{\"leaseMs\":5000,\"sharedRead\":true,\"onLapse\":\"continue\",\"onRevoke\":"
		     "\"freeze\",\"onLock\":\"error\"}");
	assert_int_equal(g.http, 200);
	assert_string_equal(last_audit(w).event, "volume.set");
	rows = last_audit(w).seq;
	reopen_custodian(w);
	g = (got_clear(&g), ask(w, OP_VOLUME_GET, "pgdata", NULL));
	assert_int_equal(json_integer_value(json_object_get(g.body, "leaseMs")), 5000);
	assert_true(json_is_true(json_object_get(g.body, "sharedRead")));
	assert_string_equal(json_string_value(json_object_get(g.body, "onLapse")), "continue");
	assert_string_equal(json_string_value(json_object_get(g.body, "onRevoke")), "freeze");
	assert_string_equal(json_string_value(json_object_get(g.body, "onLock")), "error");
	set(w, "onLock", json_string("error"));
	assert_int_equal(last_audit(w).seq, rows);
}

static void how_a_volume_is_mounted_is_recorded(void **state)
{
	static const char *const lists[][2] = {
		{"noatime,noexec", "noexec,noatime"}, {"ro", "ro"}, {"defaults", ""}};
	struct world *w = *state;
	uint64_t rows;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		auto_got struct got g = {0};

		set(w, "mountOptions", json_string(lists[i][0]));
		assert_string_equal(last_audit(w).event, "volume.set");
		rows = last_audit(w).seq;
		set(w, "mountOptions", json_string(lists[i][0])); /* no other */
		set(w, "onLock", json_string("queue:300000"));
		assert_int_equal(last_audit(w).seq, rows);
		reopen_custodian(w);
		g = ask(w, OP_VOLUME_GET, "pgdata", NULL);
		assert_string_equal(json_string_value(json_object_get(g.body, "mountOptions")),
				    lists[i][1]);
	}
	tamper_sealed(w, "UPDATE volume SET mount_options = 'suid'");
	{
		auto_got struct got g = ask(w, OP_VOLUME_GET, "pgdata", NULL);

		assert_int_equal(g.http, 500);
	}
}

static void discard_is_a_term_of_its_own_beside_the_mount_options(void **state)
{
	static const struct {
		const char *mount;
		bool discard;
	} both[] = {{"", true}, {"noexec,noatime", true}, {"noexec,noatime", false}, {"", false}};
	struct world *w = *state;
	auto_got struct got first = ask(w, OP_VOLUME_GET, "pgdata", NULL);

	assert_true(json_is_false(json_object_get(first.body, "discard")));
	for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++) {
		auto_got struct got g = {0};

		set(w, "mountOptions", json_string(both[i].mount));
		set(w, "discard", json_boolean(both[i].discard));
		reopen_custodian(w);
		g = ask(w, OP_VOLUME_GET, "pgdata", NULL);
		assert_int_equal(json_is_true(json_object_get(g.body, "discard")), both[i].discard);
		assert_string_equal(json_string_value(json_object_get(g.body, "mountOptions")),
				    both[i].mount);
	}
}

static void readers_may_share_and_keep_a_writer_out(void **state)
{
	struct world *w = *state;
	auto_got struct got a = {0}, b = {0}, c = {0};
	json_t *pred = predicate(5);

	read_only_identity(w);
	/* Not unless the volume says so. */
	a = release_to(w, BOOT_1, CONTAINER_1);
	assert_int_equal(a.http, 200);
	assert_busy(w);
	return_lease(w, lease_of(&a));

	set(w, "sharedRead", json_true());
	a = (got_clear(&a), release_to(w, BOOT_1, CONTAINER_1));
	assert_true(json_is_true(json_object_get(json_object_get(a.body, "lease"), "shared")));
	assert_true(json_is_true(json_object_get(json_object_get(a.body, "mount"), "readOnly")));
	b = release_to_host2(w);
	assert_int_equal(b.http, 200);
	c = renew(w, lease_of(&a));
	assert_renewed(&c);
	return_lease(w, lease_of(&a));

	/* Now it may be written: not while there is a reader. */
	c = (got_clear(&c), add_identity(w, w->signer, pred));
	assert_int_equal(c.http, 200);
	c = (got_clear(&c), release_to(w, BOOT_1, CONTAINER_1));
	assert_error(&c, 409, "busy", "lease");
	fake_boot_ms += END;
	c = (got_clear(&c), release_to(w, BOOT_1, CONTAINER_1));
	assert_int_equal(c.http, 200);
	assert_true(json_is_false(json_object_get(json_object_get(c.body, "lease"), "shared")));
	assert_busy(w);
}

static void the_lease_of_another_is_not_told(void **state)
{
	struct world *w = *state;
	auto_got struct got a = {0}, b = {0};

	read_only_identity(w);
	a = release_to(w, BOOT_1, CONTAINER_1);
	assert_int_equal(a.http, 200);
	b = release_to_host2(w);
	assert_error(&b, 409, "busy", "lease");
	assert_null(strstr(b.text, lease_of(&a)));
	return_lease(w, lease_of(&a));
	set(w, "sharedRead", json_true());
	a = (got_clear(&a), release_to(w, BOOT_1, CONTAINER_1));
	assert_int_equal(a.http, 200);
	b = (got_clear(&b), release_to_host2(w));
	assert_int_equal(b.http, 200);
	assert_null(strstr(b.text, lease_of(&a)));
}

/* Nobody wrote: a reader that was cut off goes on, whoever came to read meanwhile. */
static void a_reader_does_not_expel_one_whose_time_is_over(void **state)
{
	struct world *w = *state;
	auto_got struct got a = {0}, b = {0}, c = {0};
	json_t *pred = predicate(5);

	read_only_identity(w);
	set(w, "sharedRead", json_true());
	a = release_to(w, BOOT_1, CONTAINER_1);
	assert_int_equal(a.http, 200);
	fake_boot_ms += 2 * END;
	b = release_to_host2(w);
	assert_int_equal(b.http, 200);
	c = renew(w, lease_of(&a));
	assert_renewed(&c);

	/* A writer does, when both have run out. */
	fake_boot_ms += 2 * END;
	c = (got_clear(&c), add_identity(w, w->signer, pred));
	assert_int_equal(c.http, 200);
	c = (got_clear(&c), release_as(w, "host2", host2, BOOT_2, CONTAINER_1));
	assert_int_equal(c.http, 200);
	c = (got_clear(&c), renew(w, lease_of(&a)));
	assert_not_renewed(&c, "lease");
}

static void a_volume_whose_leases_are_over_can_be_deleted(void **state)
{
	struct world *w = *state;
	char id[37];

	hold(w, id);
	fake_boot_ms += END;
	ask_ok(w, OP_VOLUME_DELETE, "pgdata", NULL);
}

static void a_new_volume_of_an_old_name_goes_on_from_its_counters(void **state)
{
	struct world *w = *state;

	for (unsigned int i = 0; i < 3; i++) {
		auto_got struct got a = release_to(w, BOOT_1, CONTAINER_1), g = {0};

		assert_int_equal(fence_of(&a), i + 1);
		return_lease(w, lease_of(&a));
		/* One that nobody had in between changes nothing. */
		for (unsigned int k = 0; k < 2; k++) {
			ask_ok(w, OP_VOLUME_DELETE, "pgdata", NULL);
			reopen_custodian(w);
			add_volume(w, "pgdata", UUID_PGDATA);
		}
		/* What was signed for the deleted one is not taken for this one. */
		g = add_identity(w, w->signer, predicate(3 + i));
		assert_error(&g, 403, "refused", "serial");
		g = (got_clear(&g), add_identity(w, w->signer, predicate(4 + i)));
		assert_int_equal(g.http, 200);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		hosts_test(the_length_is_the_volumes),
		hosts_test(terms_are_checked_and_recorded),
		hosts_test(how_a_volume_is_mounted_is_recorded),
		hosts_test(discard_is_a_term_of_its_own_beside_the_mount_options),
		hosts_test(readers_may_share_and_keep_a_writer_out),
		hosts_test(the_lease_of_another_is_not_told),
		hosts_test(a_reader_does_not_expel_one_whose_time_is_over),
		hosts_test(a_volume_whose_leases_are_over_can_be_deleted),
		hosts_test(a_new_volume_of_an_old_name_goes_on_from_its_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
