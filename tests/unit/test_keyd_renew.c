// SPDX-License-Identifier: Apache-2.0
/* What a renewal has to show: that the container is still what it was, and whose the lease is. */
#include "keyd_hosts.h"

static void to_sh(json_t *m)
{
	change(m, "config", "args", json_pack("[s]", "/bin/sh"));
}

static void to_host_pid(json_t *m)
{
	json_object_set_new(json_object_get(json_object_get(m, "config"), "namespaces"), "pid",
			    json_string("host"));
}

static void to_running(json_t *m)
{
	json_object_set_new(m, "state", json_string("running"));
}

#define OTHER_CHANNEL "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void a_running_container_renews_over_any_channel(void **state)
{
	static const char *const channels[] = {NULL, OTHER_CHANNEL};
	struct world *w = *state;
	char id[37];

	hold(w, id);
	for (size_t i = 0; i < 2; i++) {
		auto_got struct got g = {0};

		w->channel = channels[i];
		g = renew_as(w, "host1", w->agent, BOOT_1, CONTAINER_1, id, to_running);
		assert_renewed(&g);
	}
}

static void renewal_measures_again(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	g = renew_as(w, "host1", w->agent, BOOT_1, CONTAINER_1, id, to_sh);
	assert_not_renewed(&g, "args");
	g = (got_clear(&g), renew_as(w, "host1", w->agent, BOOT_1, CONTAINER_1, id, to_host_pid));
	assert_not_renewed(&g, "namespaces");
	g = (got_clear(&g), renew(w, id));
	assert_renewed(&g);
}

static void nobody_renews_anothers_lease(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	g = renew_as(w, "host2", host2, BOOT_1, CONTAINER_1, id, NULL);
	assert_not_renewed(&g, "lease");
	g = (got_clear(&g), renew_as(w, "host1", w->agent, BOOT_2, CONTAINER_1, id, NULL));
	assert_not_renewed(&g, "lease");
	g = (got_clear(&g), renew_as(w, "host1", w->agent, BOOT_1, CONTAINER_2, id, NULL));
	assert_not_renewed(&g, "lease");
	g = (got_clear(&g), renew_as(w, "host1", w->agent, BOOT_1, CONTAINER_1, UUID_OTHER, NULL));
	assert_not_renewed(&g, "lease");
}

/* "renew" and "allow" rows about the container; what the last of them says. */
struct look_rows {
	unsigned int n;
	char detail[CC_TEXT_MAX];
};

static int count_look(void *arg, const struct store_audit_row *audit, struct cc_error *err)
{
	struct look_rows *rows = arg;

	(void)err;
	if (strcmp(audit->row.event, "renew") || strcmp(audit->row.outcome, "allow") ||
	    !strstr(audit->row.detail, "looked at"))
		return 0;
	assert_string_equal(audit->row.volume, "pgdata");
	assert_string_equal(audit->row.container, CONTAINER_1);
	rows->n++;
	snprintf(rows->detail, sizeof(rows->detail), "%s", audit->row.detail);
	return 0;
}

static void a_container_that_was_looked_at_late_has_a_row_of_its_own(void **state)
{
	static const struct {
		enum cc_look look;
		const char *says;
	} cases[] = {{CC_LOOK_UNSAID, ""},
		     {CC_LOOK_LATE, "after its program had begun"},
		     {CC_LOOK_FILTER_UNREAD, "without the seccomp filter"}};
	cc_auto_json json_t *m = measurement(CONTAINER_1);
	struct world *w = *state;
	struct cc_error err;
	char id[37];

	hold(w, id);
	to_running(m);
	for (unsigned int i = 0; i < 3; i++) {
		struct cc_renewal r = {.look = cases[i].look,
				       .measurement = cc_measurement_from_json(m, &err)};
		auto_got struct got g = renew_by(w, "host1", w->agent, BOOT_1, id, &r);
		struct look_rows rows = {0};

		cc_measurement_free(r.measurement);
		assert_renewed(&g);
		assert_int_equal(store_audit_each(w->custodian.store, 0, count_look, &rows, &err),
				 0);
		assert_int_equal(rows.n, i);
		assert_non_null(strstr(rows.detail, cases[i].says));
	}
}

static void evidence_is_for_one_purpose(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *recipient = one_time_key();
	struct claim cl = claim_default(w, recipient);
	cc_auto_free char *jws = sign_claim(&cl);
	auto_got struct got g = ask(w, OP_RENEW, "", json_pack("{s:s}", "evidence", jws));

	assert_error(&g, 400, "invalid", "evidence");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		hosts_test(a_running_container_renews_over_any_channel),
		hosts_test(renewal_measures_again),
		hosts_test(nobody_renews_anothers_lease),
		hosts_test(a_container_that_was_looked_at_late_has_a_row_of_its_own),
		hosts_test(evidence_is_for_one_purpose),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
