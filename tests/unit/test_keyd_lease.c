// SPDX-License-Identifier: Apache-2.0
/*
 * Leases: who gets a volume when, what is renewed and what is refused, over restarts and reboots of
 * keyd's host.
 */
#include "keyd_hosts.h"
#include "keyd_return.h"

/* ---- the rules, as a table ----------------------------------------------------------------- */

enum which { SAME, OTHER };

static const struct {
	const char *what;
	/* the lease: against 1000 as now */
	uint64_t ms;
	int64_t end_ms;
	bool shared, read_only, revoked;
	/* the asker: same as the holder's or another */
	enum which enrolment, boot, container;
	bool ask_shared, ask_read_only;
	enum lease_verdict want;
} rules[] = {
	{"its own", 9, 1001, 0, 0, 0, SAME, SAME, SAME, 0, 0, LEASE_MINE},
	{"its own, over", 9, 1000, 0, 0, 0, SAME, SAME, SAME, 0, 0, LEASE_MINE},
	{"its own, without end", 0, 0, 0, 0, 0, SAME, SAME, SAME, 0, 0, LEASE_MINE},
	{"its own, of a time that did not record it", 0, 0, 0, 0, 0, SAME, SAME, SAME, 0, 1,
	 LEASE_MINE},
	{"its own, revoked", 9, 1001, 0, 0, 1, SAME, SAME, SAME, 0, 0, LEASE_CONFLICT},
	{"its own, revoked and over", 9, 1000, 0, 0, 1, SAME, SAME, SAME, 0, 0, LEASE_OVER},
	{"its own, but read-only", 9, 1001, 0, 1, 0, SAME, SAME, SAME, 0, 0, LEASE_CONFLICT},
	{"its own, but shared", 9, 1001, 1, 1, 0, SAME, SAME, SAME, 0, 1, LEASE_CONFLICT},
	{"another container here", 9, 1001, 0, 0, 0, SAME, SAME, OTHER, 0, 0, LEASE_CONFLICT},
	{"another container here, over", 9, 1000, 0, 0, 0, SAME, SAME, OTHER, 0, 0, LEASE_OVER},
	{"of before the boot", 9, 1001, 0, 0, 0, SAME, OTHER, SAME, 0, 0, LEASE_OVER},
	{"of before the boot, without end", 0, 0, 0, 0, 0, SAME, OTHER, OTHER, 0, 0, LEASE_OVER},
	{"another host's", 9, 1001, 0, 0, 0, OTHER, SAME, SAME, 0, 0, LEASE_CONFLICT},
	{"another host's, whatever its boot", 9, 1001, 0, 0, 0, OTHER, OTHER, SAME, 0, 0,
	 LEASE_CONFLICT},
	{"another host's, without end", 0, 0, 0, 0, 0, OTHER, OTHER, SAME, 0, 0, LEASE_CONFLICT},
	{"another host's, over", 9, 1000, 0, 0, 0, OTHER, OTHER, OTHER, 0, 0, LEASE_OVER},
	{"another host's, revoked", 9, 1001, 0, 0, 1, OTHER, OTHER, OTHER, 0, 0, LEASE_CONFLICT},
	{"both read", 9, 1001, 1, 1, 0, OTHER, OTHER, OTHER, 1, 1, LEASE_BESIDE},
	{"both read, over", 9, 1000, 1, 1, 0, OTHER, OTHER, OTHER, 1, 1, LEASE_BESIDE},
	{"both read, revoked", 9, 1001, 1, 1, 1, OTHER, OTHER, OTHER, 1, 1, LEASE_BESIDE},
	{"both read, revoked and over", 9, 1000, 1, 1, 1, OTHER, OTHER, OTHER, 1, 1, LEASE_OVER},
	{"it read, the other writes, over", 9, 1000, 1, 1, 0, OTHER, OTHER, OTHER, 0, 0,
	 LEASE_OVER},
	{"it read, the other does alone, over", 9, 1000, 1, 1, 0, OTHER, OTHER, OTHER, 0, 1,
	 LEASE_OVER},
	{"it reads, the other writes", 9, 1001, 0, 0, 0, OTHER, OTHER, OTHER, 1, 1, LEASE_CONFLICT},
	{"it writes, the other reads", 9, 1001, 1, 1, 0, OTHER, OTHER, OTHER, 0, 0, LEASE_CONFLICT},
};

static void each_rule(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct store_lease l = {
			.agent = "host1",
			.enrolment = UUID_PGDATA,
			.container = CONTAINER_1,
			.boot_id = BOOT_1,
			.host_boot = BOOT_1,
			.ms = rules[i].ms,
			.end_ms = rules[i].end_ms,
			.shared = rules[i].shared,
			.read_only = rules[i].read_only,
			.revoked = rules[i].revoked,
		};
		struct lease_ask ask = {
			.agent = "host1", /* a name is nobody */
			.enrolment = rules[i].enrolment == SAME ? UUID_PGDATA : UUID_OTHER,
			.boot_id = rules[i].boot == SAME ? BOOT_1 : BOOT_2,
			.container = rules[i].container == SAME ? CONTAINER_1 : CONTAINER_2,
			.shared = rules[i].ask_shared,
			.read_only = rules[i].ask_read_only,
		};

		print_message("# %s\n", rules[i].what);
		assert_int_equal(lease_judge(&l, &ask, 1000), rules[i].want);
	}
}

static void keyd_counts_longer_than_the_kernel(void **state)
{
	(void)state;
	assert_int_equal(lease_end(5, 2000), 5 + 2000 + 2000 + 250);
	assert_int_equal(lease_end(5, MS), 5 + END);
	assert_true(lease_end(INT64_C(1) << 40, CC_LEASE_MS_MAX) > 0);
}

/* ---- two hosts ----------------------------------------------------------------------------- */

static void a_lease_ends_for_others_after_its_time_and_no_earlier(void **state)
{
	struct world *w = *state;
	auto_got struct got b = {0}, again = {0};
	char id[37];

	hold(w, id);
	fake_boot_ms += END - 1;
	assert_busy(w);
	fake_boot_ms += 1;
	b = release_to_host2(w);
	assert_int_equal(b.http, 200);
	assert_int_equal(fence_of(&b), 2);
	/* Who held it before is told so, and cannot get it back. */
	again = renew(w, id);
	assert_not_renewed(&again, "lease");
	again = (got_clear(&again), release_to(w, BOOT_1, CONTAINER_1));
	assert_error(&again, 409, "busy", "lease");
}

static void the_answer_says_how_long(void **state)
{
	struct world *w = *state;
	auto_got struct got a = release_to(w, BOOT_1, CONTAINER_1), g = {0};
	const json_t *l = json_object_get(a.body, "lease");

	assert_int_equal(json_integer_value(json_object_get(l, "ms")), MS);
	assert_true(json_is_false(json_object_get(l, "shared")));
	fake_boot_ms += 1000;
	g = ask(w, OP_LEASE_LIST, "", NULL);
	l = json_array_get(json_object_get(g.body, "leases"), 0);
	assert_int_equal(json_integer_value(json_object_get(l, "leftMs")), END - 1000);
	assert_true(json_is_false(json_object_get(l, "revoked")));
}

static void a_renewal_keeps_the_lease(void **state)
{
	struct world *w = *state;
	char id[37];

	hold(w, id);
	for (int i = 0; i < 5; i++) {
		auto_got struct got g = {0};

		fake_boot_ms += END - 1;
		g = renew(w, id);
		assert_renewed(&g);
		assert_int_equal(json_integer_value(json_object_get(renewal_of(&g), "fence")), 1);
		assert_int_equal(json_integer_value(json_object_get(renewal_of(&g), "ms")), MS);
		assert_string_equal(json_string_value(json_object_get(renewal_of(&g), "onLapse")),
				    "freeze");
	}
	assert_string_equal(last_audit(w).event, "renew");
	assert_string_equal(last_audit(w).detail, "1 renewed: pgdata");
	assert_string_equal(last_audit(w).volume, "pgdata");
	fake_boot_ms += END - 1;
	assert_busy(w);
	fake_boot_ms += 1;
	assert_free(w);
}

static void a_lease_that_is_over_goes_on_while_nobody_else_took_it(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0}, r = {0};
	char id[37];

	hold(w, id);
	fake_boot_ms += 10 * END;
	g = renew(w, id);
	assert_renewed(&g);
	/* The kernel has lost the key by then: it is asked for again, under the same lease. */
	fake_boot_ms += 10 * END;
	r = release_to(w, BOOT_1, CONTAINER_1);
	assert_string_equal(lease_of(&r), id);
	assert_int_equal(fence_of(&r), 1);
	assert_busy(w);
}

static void the_clock_on_the_wall_does_not_matter(void **state)
{
	struct world *w = *state;
	char id[37];

	hold(w, id);
	fake_real += 1000000;
	assert_busy(w);
	fake_real -= 100000000;
	assert_busy(w);
	fake_boot_ms += END;
	assert_free(w);
}

static void leases_survive_a_restart_of_keyd(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	fake_boot_ms += END / 2;
	reopen_custodian(w);
	g = renew(w, id);
	assert_renewed(&g);
	reopen_custodian(w);
	fake_boot_ms += END - 1;
	assert_busy(w);
	fake_boot_ms += 1;
	assert_free(w);
}

static void a_reboot_of_keyds_host_waits_the_lease_out(void **state)
{
	struct world *w = *state;
	const char *was = fake_host_boot;
	char id[37];

	hold(w, id);
	/* The clock starts again, below or above what the row says. */
	for (int i = 0; i < 2; i++) {
		fake_host_boot = i ? "f0000000-0000-4000-8000-000000000003"
				   : "f0000000-0000-4000-8000-000000000002";
		fake_boot_ms = i ? 90000000 : 5000;
		reopen_custodian(w);
		fake_boot_ms += END - 1;
		assert_busy(w);
	}
	reopen_custodian(w);
	fake_boot_ms += 1;
	assert_free(w);
	fake_host_boot = was;
}

static void what_is_returned_is_free_at_once(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	return_lease(w, id);
	assert_free(w);
	g = renew(w, id);
	assert_not_renewed(&g, "lease");
}

/* ---- another length ---- */

static void set_ms(struct world *w, int ms)
{
	ask_ok(w, OP_VOLUME_SET, "pgdata", json_pack("{s:i}", "leaseMs", ms));
}

/* The answer to the renewal is lost: the kernel has the key for what was said before. */
static void a_lease_that_is_shortened_lasts_as_long_as_was_promised(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	set_ms(w, 2000);
	fake_boot_ms += 1000;
	g = renew(w, id);
	assert_int_equal(json_integer_value(json_object_get(renewal_of(&g), "ms")), 2000);
	fake_boot_ms += LASTS(2000);
	assert_busy(w);
	fake_boot_ms += END - LASTS(2000) - 1000 - 1;
	assert_busy(w);
	/* A release is a renewal, too. */
	g = (got_clear(&g), release_to(w, BOOT_1, CONTAINER_1));
	assert_int_equal(g.http, 200);
	fake_boot_ms += LASTS(2000) - 1;
	assert_busy(w);
	fake_boot_ms += 1;
	assert_free(w);
}

static void so_it_does_over_boots_of_keyds_host(void **state)
{
	struct world *w = *state;
	const char *was = fake_host_boot;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	set_ms(w, 2000);
	g = renew(w, id);
	assert_renewed(&g);
	fake_host_boot = "f0000000-0000-4000-8000-000000000002";
	fake_boot_ms = 5000;
	reopen_custodian(w);
	fake_boot_ms += LASTS(2000);
	g = (got_clear(&g), renew(w, id)); /* lost again */
	assert_renewed(&g);
	fake_host_boot = "f0000000-0000-4000-8000-000000000003";
	fake_boot_ms = 7000;
	reopen_custodian(w);
	fake_boot_ms += END - 1;
	assert_busy(w);
	/* The longer promise is over: from now on the shorter one is all there is. */
	g = (got_clear(&g), renew(w, id));
	fake_host_boot = "f0000000-0000-4000-8000-000000000004";
	reopen_custodian(w);
	fake_boot_ms += LASTS(2000) - 1;
	assert_busy(w);
	fake_boot_ms += 1;
	assert_free(w);
	fake_host_boot = was;
}

static void a_lease_that_is_prolonged_counts_at_once(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	set_ms(w, 2000);
	hold(w, id);
	set_ms(w, MS);
	g = renew(w, id);
	assert_renewed(&g);
	fake_boot_ms += END - 1;
	assert_busy(w);
	fake_boot_ms += 1;
	assert_free(w);
}

/* Its version is what tells others that it was granted or renewed, and nothing else was. */
static void the_version_grows_with_grants_and_renewals_only(void **state)
{
	struct world *w = *state;
	const char *was = fake_host_boot;
	auto_got struct got g = {0};
	struct store_lease l, old;
	struct cc_error err;
	char id[37];

	hold(w, id);
	assert_int_equal(store_lease_get(w->custodian.store, id, &old, &err), 0);
	assert_int_equal(old.ver, 1);
	g = renew(w, id);
	assert_renewed(&g);
	assert_int_equal(store_lease_get(w->custodian.store, id, &l, &err), 0);
	assert_int_equal(l.ver, 2);
	/* Who read it before writes nothing over what was written since. */
	assert_int_equal(store_lease_renew(w->custodian.store, &old, &err), -1);
	assert_int_equal(store_lease_update(w->custodian.store, &old, &err), -1);
	ask_ok(w, OP_LEASE_REVOKE, id, NULL);
	fake_host_boot = "f0000000-0000-4000-8000-000000000002";
	reopen_custodian(w);
	assert_int_equal(store_lease_get(w->custodian.store, id, &l, &err), 0);
	assert_int_equal(l.ver, 2);
	assert_true(l.revoked);
	fake_host_boot = was;
}

/* ---- what is taken away -------------------------------------------------------------------- */

static void a_revoked_lease_is_not_renewed_and_others_wait_for_its_end(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0}, again = {0};
	char id[37];

	hold(w, id);
	g = ask(w, OP_LEASE_REVOKE, id, NULL);
	assert_int_equal(g.http, 200);
	assert_int_equal(json_integer_value(json_object_get(g.body, "leftMs")), END);
	g = (got_clear(&g), renew(w, id));
	assert_not_renewed(&g, "revoked");
	assert_string_equal(last_audit(w).event, "renew");
	assert_string_equal(last_audit(w).outcome, "refuse");
	assert_string_equal(last_audit(w).fact, "revoked");
	assert_string_equal(last_audit(w).volume, "pgdata");
	assert_string_equal(last_audit(w).container, CONTAINER_1);
	again = release_to(w, BOOT_1, CONTAINER_1);
	assert_error(&again, 409, "busy", "lease");
	assert_busy(w);
	fake_boot_ms += END;
	assert_free(w);
}

static void a_revoked_lease_that_comes_back_frees_the_volume(void **state)
{
	struct world *w = *state;
	char id[37];

	hold(w, id);
	ask_ok(w, OP_LEASE_REVOKE, id, NULL);
	return_lease(w, id);
	assert_free(w);
}

static void revoke_identity(struct world *w)
{
	ask_ok(w, OP_IDENTITY_REVOKE, "pgdata", NULL);
}

static void revoke_signer(struct world *w)
{
	ask_ok(w, OP_SIGNER_DELETE, "ci", NULL);
}

static void raise_floor(struct world *w)
{
	json_t *pred = predicate(4);
	auto_got struct got g = {0};

	json_object_set_new(pred, "floor", json_integer(4));
	g = add_identity(w, w->signer, pred);
	assert_int_equal(g.http, 200);
}

static void whatever_is_revoked_ends_at_the_next_renewal(void **state)
{
	static const struct {
		void (*revoke)(struct world *w);
		const char *fact;
	} ways[] = {
		{revoke_identity, "identity"},
		{revoke_signer, "signature"},
		{raise_floor, "serial"},
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct world *w;
		auto_got struct got g = {0};
		char id[37];

		two_hosts_end(state);
		two_hosts(state);
		w = *state;
		print_message("# %s\n", ways[i].fact);
		hold(w, id);
		ways[i].revoke(w);
		g = renew(w, id);
		assert_not_renewed(&g, ways[i].fact);
		assert_string_equal(last_audit(w).fact, ways[i].fact);
	}
}

static struct got report(struct world *w, const char *lease, const char *container)
{
	struct cc_refusal no = {.fact = "capabilities", .text = "capabilities: CAP_SYS_ADMIN"};
	struct cc_renewal r = {.refusal = &no};

	snprintf(no.container, sizeof(no.container), "%s", container);
	return renew_by(w, "host1", w->agent, BOOT_1, lease, &r);
}

/* The holder measured its container, and it is no longer what it was said to be. */
static void what_the_holder_itself_refuses_is_not_renewed_and_is_in_the_log(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	g = report(w, id, CONTAINER_2);
	assert_not_renewed(&g, "lease"); /* not its container's: it says nothing about it */
	g = (got_clear(&g), report(w, id, CONTAINER_1));
	assert_not_renewed(&g, "capabilities");
	assert_string_equal(last_audit(w).event, "renew");
	assert_string_equal(last_audit(w).outcome, "refuse");
	assert_string_equal(last_audit(w).fact, "capabilities");
	assert_string_equal(last_audit(w).volume, "pgdata");
	assert_string_equal(last_audit(w).container, CONTAINER_1);
	assert_string_equal(last_audit(w).detail, "capabilities: CAP_SYS_ADMIN");
	assert_busy(w);
	return_lease(w, id);
	assert_free(w);
}

static void an_agent_that_was_removed_renews_nothing(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	ask_ok(w, OP_AGENT_DELETE, "host1", NULL);
	g = renew(w, id);
	assert_error(&g, 403, "refused", "agent");
	assert_busy(w);
	fake_boot_ms += END;
	assert_free(w);
}

/* An agent of that name, with @key, and a lease of the one that was removed. */
static void assert_another_holder(struct world *w, const json_t *key, const char *lease)
{
	auto_got struct got g = {0};

	ask_ok(w, OP_AGENT_DELETE, "host1", NULL);
	enrol(w, "host1", key);
	g = release_as(w, "host1", key, BOOT_2, CONTAINER_2);
	assert_error(&g, 409, "busy", "lease");
	assert_non_null(strstr(message_of(&g), "an earlier one of this name"));
	g = (got_clear(&g), release_as(w, "host1", key, BOOT_1, CONTAINER_1));
	assert_error(&g, 409, "busy", "lease");
	g = (got_clear(&g), renew_as(w, "host1", key, BOOT_1, CONTAINER_1, lease, NULL));
	assert_not_renewed(&g, "lease");
}

static void an_agent_of_the_same_name_is_another_holder(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *other = new_agent_key("host1");
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	assert_another_holder(w, other, id);
	/* So is the same key: it may be on another machine. */
	assert_another_holder(w, w->agent, id);
	reopen_custodian(w);
	fake_boot_ms += END - 1;
	g = release_to(w, BOOT_1, CONTAINER_1);
	assert_error(&g, 409, "busy", "lease");
	fake_boot_ms += 1;
	g = (got_clear(&g), release_to(w, BOOT_1, CONTAINER_1));
	assert_int_equal(g.http, 200);
	assert_string_not_equal(lease_of(&g), id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule),
		cmocka_unit_test(keyd_counts_longer_than_the_kernel),
		hosts_test(a_lease_ends_for_others_after_its_time_and_no_earlier),
		hosts_test(the_answer_says_how_long),
		hosts_test(a_renewal_keeps_the_lease),
		hosts_test(a_lease_that_is_over_goes_on_while_nobody_else_took_it),
		hosts_test(the_clock_on_the_wall_does_not_matter),
		hosts_test(leases_survive_a_restart_of_keyd),
		hosts_test(a_reboot_of_keyds_host_waits_the_lease_out),
		hosts_test(what_is_returned_is_free_at_once),
		hosts_test(a_lease_that_is_shortened_lasts_as_long_as_was_promised),
		hosts_test(so_it_does_over_boots_of_keyds_host),
		hosts_test(a_lease_that_is_prolonged_counts_at_once),
		hosts_test(the_version_grows_with_grants_and_renewals_only),
		hosts_test(a_revoked_lease_is_not_renewed_and_others_wait_for_its_end),
		hosts_test(a_revoked_lease_that_comes_back_frees_the_volume),
		hosts_test(whatever_is_revoked_ends_at_the_next_renewal),
		hosts_test(what_the_holder_itself_refuses_is_not_renewed_and_is_in_the_log),
		hosts_test(an_agent_that_was_removed_renews_nothing),
		hosts_test(an_agent_of_the_same_name_is_another_holder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
