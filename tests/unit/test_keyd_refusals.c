// SPDX-License-Identifier: Apache-2.0
/* How much of the audit log and of the metrics an enrolled agent can fill with what is refused. */
#include "keyd_hosts.h"

/* ---- asking ---- */

/* All of @r in one request; the answer is not looked at. */
static void renew_all(struct world *w, const char *iss, const json_t *key, struct cc_renewal *r,
		      size_t n)
{
	auto_got struct got answer = renew_all_by(w, iss, key, BOOT_1, r, n);

	if (answer.http != 200)
		fail_msg("%s", answer.text);
	assert_int_equal(json_array_size(json_object_get(answer.body, "renewals")), n);
}

/* A request for leases that the agent makes up, the @first of them on; it says what it likes. */
static void renew_made_up(struct world *w, const char *iss, const json_t *key, unsigned int first,
			  size_t n)
{
	struct cc_refusal no = {.container = CONTAINER_1, .fact = "user", .text = "user: 0"};
	struct cc_renewal r[CC_RENEWALS_MAX] = {0};

	for (unsigned int i = 0; i < n; i++) {
		snprintf(r[i].lease, sizeof(r[i].lease), "1e000000-0000-4000-8000-%012u",
			 first + i);
		snprintf(r[i].volume, sizeof(r[i].volume), UUID_PGDATA);
		r[i].refusal = &no;
	}
	renew_all(w, iss, key, r, n);
}

static struct got report(struct world *w, const char *lease, const char *fact)
{
	struct cc_refusal no = {.container = CONTAINER_1, .text = "as the agent says"};
	struct cc_renewal r = {.refusal = &no};

	snprintf(no.fact, sizeof(no.fact), "%s", fact);
	return renew_by(w, "host1", w->agent, BOOT_1, lease, &r);
}

static void to_sh(json_t *m)
{
	change(m, "config", "args", json_pack("[s]", "/bin/sh"));
}

static void to_root(json_t *m)
{
	change(m, "config", "cwd", json_string("/root"));
}

static void refuse(struct world *w, const char *lease, change_fn *differ, const char *fact)
{
	auto_got struct got g = renew_as(w, "host1", w->agent, BOOT_1, CONTAINER_1, lease, differ);

	assert_not_renewed(&g, fact);
}

static void assert_metric(struct world *w, const char *line)
{
	auto_got struct got g = ask(w, OP_METRICS, "", NULL);

	if (!strstr(g.text, line))
		fail_msg("%s is not in %s", line, g.text);
}

/* ---- leases that are not its own ---- */

static void leases_that_an_agent_makes_up_fill_no_log(void **state)
{
	struct world *w = *state;
	uint64_t rows = last_audit(w).seq;

	for (unsigned int i = 0; i < 4; i++)
		renew_made_up(w, "host1", w->agent, i * CC_RENEWALS_MAX, CC_RENEWALS_MAX);
	assert_int_equal(last_audit(w).seq, rows + REFUSALS_BURST);
	assert_metric(w, "\ncontainer_crypt_refusals_total{fact=\"lease\"} 256\n");
	assert_metric(w, "\ncontainer_crypt_refusals_unrecorded_total 248\n");
	/* What has a row later says how many there were. */
	fake_boot_ms += REFUSALS_REFILL_MS;
	renew_made_up(w, "host1", w->agent, 1000, 2);
	assert_int_equal(last_audit(w).seq, rows + REFUSALS_BURST + 1);
	assert_non_null(strstr(last_audit(w).detail, "(and 248 of this agent before"));
}

static void what_one_agent_does_costs_its_neighbour_no_row(void **state)
{
	struct world *w = *state;
	uint64_t rows;

	renew_made_up(w, "host1", w->agent, 0, CC_RENEWALS_MAX);
	rows = last_audit(w).seq;
	/* The same leases, too. */
	renew_made_up(w, "host2", host2, 0, REFUSALS_BURST);
	assert_int_equal(last_audit(w).seq, rows + REFUSALS_BURST);
	assert_string_equal(last_audit(w).agent, "host2");
	assert_null(strstr(last_audit(w).detail, "without a row"));
}

/* A neighbour's lease is none of its own, whatever it knows of it. */
static void another_agents_lease_costs_that_agent_no_row(void **state)
{
	struct world *w = *state;
	uint64_t rows = 0;
	char id[37];

	hold(w, id);
	for (int i = 0; i < 20; i++) {
		auto_got struct got g = renew_as(w, "host2", host2, BOOT_2, CONTAINER_1, id, to_sh);

		assert_not_renewed(&g, "lease");
		rows = i ? rows : last_audit(w).seq;
	}
	assert_int_equal(last_audit(w).seq, rows);
	refuse(w, id, to_sh, "args");
	assert_int_equal(last_audit(w).seq, rows + 1);
	assert_string_equal(last_audit(w).agent, "host1");
}

/* ---- its own ---- */

static void the_same_refusal_of_a_lease_has_one_row_until_it_is_renewed(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	uint64_t rows;
	char id[37];

	hold(w, id);
	rows = last_audit(w).seq;
	for (int i = 0; i < 3; i++)
		refuse(w, id, to_sh, "args");
	assert_int_equal(last_audit(w).seq, rows + 1);
	/* What differs otherwise is something else. */
	refuse(w, id, to_root, "cwd");
	assert_int_equal(last_audit(w).seq, rows + 2);
	assert_string_equal(last_audit(w).fact, "cwd");
	assert_non_null(strstr(last_audit(w).detail, "(and 2 of this agent before"));
	g = renew(w, id);
	assert_renewed(&g);
	refuse(w, id, to_sh, "args");
	assert_int_equal(last_audit(w).seq, rows + 4);
	assert_metric(w, "\ncontainer_crypt_refusals_total{fact=\"args\"} 4\n");
}

static void a_refusal_that_lasts_longer_than_the_lease_has_a_row_again(void **state)
{
	struct world *w = *state;
	uint64_t rows;
	char id[37];

	hold(w, id);
	refuse(w, id, to_sh, "args");
	rows = last_audit(w).seq;
	fake_boot_ms += END - 1;
	refuse(w, id, to_sh, "args");
	assert_int_equal(last_audit(w).seq, rows);
	fake_boot_ms += 1;
	refuse(w, id, to_sh, "args");
	assert_int_equal(last_audit(w).seq, rows + 1);
}

static void facts_that_an_agent_makes_up_are_counted_as_one(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	uint64_t rows;
	char id[37], fact[16];

	hold(w, id);
	rows = last_audit(w).seq;
	for (int i = 0; i < 200; i++) {
		auto_got struct got no = {0};

		snprintf(fact, sizeof(fact), "x%c%c", 'a' + i / 26, 'a' + i % 26);
		no = report(w, id, fact);
		assert_not_renewed(&no, fact);
	}
	assert_int_equal(last_audit(w).seq, rows + REFUSALS_OF_LEASE);
	assert_metric(w, "\ncontainer_crypt_refusals_total{fact=\"agent-refused\"} 200\n");
	/* Nor does that hide what keyd finds itself, which is counted by its fact. */
	refuse(w, id, to_sh, "args");
	assert_string_equal(last_audit(w).fact, "args");
	assert_int_equal(last_audit(w).seq, rows + REFUSALS_OF_LEASE + 1);
	g = ask(w, OP_METRICS, "", NULL);
	assert_null(strstr(g.text, "\"xa"));
	assert_non_null(strstr(g.text, "refusals_total{fact=\"args\"} 1\n"));
}

/* It may be renewed as often as it likes, and so are its bounds not. */
static void an_agent_that_renews_in_between_reports_no_more(void **state)
{
	struct world *w = *state;
	uint64_t rows = 0;
	char id[37];

	hold(w, id);
	for (int i = 0; i < 40; i++) {
		auto_got struct got g = renew(w, id), no = {0};

		assert_renewed(&g);
		rows = last_audit(w).seq;
		no = report(w, id, "user");
		assert_not_renewed(&no, "user");
		assert_int_equal(last_audit(w).seq, rows + (i == 0));
		fake_boot_ms += 1000;
	}
}

static void facts_that_an_agent_reports_between_renewals_have_the_bound_of_one_lease(void **state)
{
	struct world *w = *state;
	uint64_t refused = 0;
	char id[37], fact[16];

	hold(w, id);
	for (int i = 0; i < 40; i++) {
		auto_got struct got g = renew(w, id), no = {0};
		uint64_t rows = last_audit(w).seq;

		assert_renewed(&g);
		snprintf(fact, sizeof(fact), "x%c%c", 'a' + i / 26, 'a' + i % 26);
		no = report(w, id, fact);
		assert_not_renewed(&no, fact);
		refused += last_audit(w).seq - rows;
	}
	assert_int_equal(refused, REFUSALS_OF_LEASE);
}

/* What it measures is its own as well; beyond the first ones it costs what made up leases cost. */
static void measurements_that_are_wrong_between_renewals_use_up_the_agents_rows(void **state)
{
	struct world *w = *state;
	uint64_t refused = 0;
	char id[37];

	hold(w, id);
	for (int i = 0; i < 40; i++) {
		auto_got struct got g = renew(w, id);
		uint64_t rows = last_audit(w).seq;

		assert_renewed(&g);
		refuse(w, id, to_sh, "args");
		refused += last_audit(w).seq - rows;
	}
	assert_int_equal(refused, REFUSALS_OF_LEASE + REFUSALS_BURST);
	fake_boot_ms += REFUSALS_REFILL_MS;
	refuse(w, id, to_root, "cwd");
	assert_non_null(strstr(last_audit(w).detail, "of this agent before without a row)"));
}

static void how_a_container_was_looked_at_has_one_row_of_a_lease(void **state)
{
	cc_auto_json json_t *m = measurement(CONTAINER_1);
	struct world *w = *state;
	struct cc_error err;
	char id[37];

	hold(w, id);
	for (int i = 0; i < 20; i++) {
		struct cc_renewal r = {.look = i % 2 ? CC_LOOK_LATE : CC_LOOK_FILTER_UNREAD,
				       .measurement = cc_measurement_from_json(m, &err)};
		uint64_t rows = last_audit(w).seq;
		auto_got struct got g = renew_by(w, "host1", w->agent, BOOT_1, id, &r);

		cc_measurement_free(r.measurement);
		assert_renewed(&g);
		/* One of the renewal; and one of each of both looks. */
		assert_int_equal(last_audit(w).seq, rows + 1 + (i < 2));
		fake_boot_ms += MS / 2;
	}
}

/* ---- what is kept ---- */

static void what_is_undone_with_its_row_has_one_the_next_time(void **state)
{
	struct world *w = *state;
	struct refusals *rs = &w->custodian.refusals;
	const struct refusal r = {.enrolment = "a", .id = UUID_OTHER, .fact = "lease"};
	uint64_t held;

	assert_true(refusals_note(rs, &r, fake_boot_ms, &held));
	refusals_undo(rs, 0);
	assert_true(refusals_note(rs, &r, fake_boot_ms, &held));
	refusals_keep(rs);
	refusals_undo(rs, 0);
	assert_false(refusals_note(rs, &r, fake_boot_ms, &held));
}

static int commits_to_refuse;

static int refuse_commit(void *arg)
{
	(void)arg;
	return commits_to_refuse-- > 0;
}

static void a_refusal_whose_row_was_lost_has_one_the_next_time(void **state)
{
	struct world *w = *state;
	char id[37];

	hold(w, id);
	sqlite3_commit_hook(w->custodian.store->db, refuse_commit, NULL);
	commits_to_refuse = 1;
	{
		auto_got struct got g =
			renew_as(w, "host1", w->agent, BOOT_1, CONTAINER_1, id, to_sh);

		assert_int_equal(g.http, 500);
	}
	sqlite3_commit_hook(w->custodian.store->db, NULL, NULL);
	assert_string_not_equal(last_audit(w).fact, "args");
	refuse(w, id, to_sh, "args");
	assert_string_equal(last_audit(w).fact, "args");
}

/* What was rolled back never was; that the request failed is counted by itself. */
static void decisions_that_were_lost_are_not_counted(void **state)
{
	struct world *w = *state;
	char id[37];

	hold(w, id);
	sqlite3_commit_hook(w->custodian.store->db, refuse_commit, NULL);
	for (int i = 0; i < 2; i++) {
		auto_got struct got g = {0};

		commits_to_refuse = 1;
		g = renew_as(w, "host1", w->agent, BOOT_1, CONTAINER_1, id, i ? to_sh : NULL);
		assert_int_equal(g.http, 500);
	}
	for (int i = 0; i < 2; i++) {
		auto_got struct got g = {0};

		commits_to_refuse = i == 0;
		g = report(w, id, "user");
		if (i == 0)
			assert_int_equal(g.http, 500);
	}
	sqlite3_commit_hook(w->custodian.store->db, NULL, NULL);
	assert_int_equal(w->custodian.counters.renewals, 0);
	assert_int_equal(w->custodian.counters.errors, 3);
	assert_metric(w, "\ncontainer_crypt_refusals_unrecorded_total 0\n");
	assert_metric(w, "\ncontainer_crypt_refusals_total{fact=\"agent-refused\"} 1\n");
	{
		auto_got struct got g = ask(w, OP_METRICS, "", NULL);

		assert_null(strstr(g.text, "{fact=\"args\"}"));
	}
}

static void what_is_over_is_forgotten(void **state)
{
	struct world *w = *state;
	struct refusals *rs = &w->custodian.refusals;
	char id[37];

	hold(w, id);
	for (unsigned int i = 0; i < 50; i++) {
		renew_made_up(w, "host1", w->agent, i, 1);
		refuse(w, id, to_sh, "args");
		fake_boot_ms += 10 * REFUSALS_REFILL_MS;
	}
	fake_boot_ms += 2 * END;
	refuse(w, id, to_root, "cwd");
	if (rs->rows.n > 4)
		fail_msg("%zu", rs->rows.n);
}

/* ---- metrics ---- */

static void facts_that_are_left_are_counted_as_other(void **state)
{
	struct world *w = *state;
	char fact[16];

	for (int i = 0; i < 300; i++) {
		snprintf(fact, sizeof(fact), "fact%d", i);
		custodian_count_fact(&w->custodian, fact);
	}
	custodian_count_fact(&w->custodian, "fact0");
	custodian_count_fact(&w->custodian, "x\"} 1\nforged 1");
	assert_metric(w, "{fact=\"fact0\"} 2\n");
	assert_metric(w, "{fact=\"fact94\"} 1\n");
	assert_metric(w, "{fact=\"other\"} 206\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		hosts_test(leases_that_an_agent_makes_up_fill_no_log),
		hosts_test(what_one_agent_does_costs_its_neighbour_no_row),
		hosts_test(another_agents_lease_costs_that_agent_no_row),
		hosts_test(the_same_refusal_of_a_lease_has_one_row_until_it_is_renewed),
		hosts_test(a_refusal_that_lasts_longer_than_the_lease_has_a_row_again),
		hosts_test(facts_that_an_agent_makes_up_are_counted_as_one),
		hosts_test(an_agent_that_renews_in_between_reports_no_more),
		hosts_test(
			facts_that_an_agent_reports_between_renewals_have_the_bound_of_one_lease),
		hosts_test(measurements_that_are_wrong_between_renewals_use_up_the_agents_rows),
		hosts_test(how_a_container_was_looked_at_has_one_row_of_a_lease),
		hosts_test(what_is_undone_with_its_row_has_one_the_next_time),
		hosts_test(a_refusal_whose_row_was_lost_has_one_the_next_time),
		hosts_test(decisions_that_were_lost_are_not_counted),
		hosts_test(what_is_over_is_forgotten),
		hosts_test(facts_that_are_left_are_counted_as_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
