// SPDX-License-Identifier: Apache-2.0
/* Who gives a lease back: the host that has it, and nobody else. */
#include "keyd_hosts.h"
#include "keyd_return.h"

/* Nothing was returned: the lease is renewed, and nobody else gets the volume. */
static void assert_still_held(struct world *w, const char *lease)
{
	auto_got struct got g = renew(w, lease);

	assert_renewed(&g);
	assert_busy(w);
}

static void a_lease_is_returned_by_the_agent_that_holds_it(void **state)
{
	struct world *w = *state;
	struct last_row row;
	char id[37];

	hold(w, id);
	return_lease(w, id);
	row = last_audit(w);
	assert_string_equal(row.event, "lease.return");
	assert_string_equal(row.outcome, "allow");
	assert_string_equal(row.agent, "host1");
	assert_string_equal(row.volume, "pgdata");
	assert_string_equal(row.container, CONTAINER_1);
	assert_free(w);
}

static void a_return_without_evidence_is_refused_and_says_what_to_upgrade(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	g = ask(w, OP_LEASE_RETURN, id, json_object());
	assert_error(&g, 403, "refused", "evidence");
	assert_non_null(strstr(message_of(&g), "upgrade"));
	assert_non_null(strstr(message_of(&g), "dmctl lease revoke"));
	assert_still_held(w, id);
}

/* host2 is enrolled as well as host1 is, and knows the id. The row names who asked. */
static void a_lease_is_not_returned_by_another_agent(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	struct last_row row;
	char id[37];

	hold(w, id);
	g = return_lease_as(w, "host2", host2, BOOT_1, id, id);
	assert_error(&g, 403, "refused", "lease");
	row = last_audit(w);
	assert_string_equal(row.outcome, "refuse");
	assert_string_equal(row.agent, "host2");
	assert_string_equal(row.volume, "pgdata");
	assert_still_held(w, id);
}

static void a_lease_is_not_returned_by_one_who_says_that_it_is_the_holder(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *forger = new_agent_key("host1");
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	g = return_lease_as(w, "host1", forger, BOOT_1, id, id);
	assert_error(&g, 403, "refused", "signature");
	assert_still_held(w, id);
}

/* The kernel that has the key is that of the boot in which it was asked for. */
static void a_lease_is_not_returned_from_another_boot(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	g = return_lease_as(w, "host1", w->agent, BOOT_2, id, id);
	assert_error(&g, 403, "refused", "lease");
	assert_still_held(w, id);
}

/* The name is the same, and the key: the enrolment is not. */
static void a_lease_is_not_returned_by_a_later_agent_of_its_holders_name(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	ask_ok(w, OP_AGENT_DELETE, "host1", NULL);
	g = return_lease_as(w, "host1", w->agent, BOOT_1, id, id);
	assert_error(&g, 403, "refused", "agent");
	enrol(w, "host1", w->agent);
	g = (got_clear(&g), return_lease_as(w, "host1", w->agent, BOOT_1, id, id));
	assert_error(&g, 403, "refused", "lease");
	assert_busy(w);
}

static void evidence_returns_the_lease_that_it_names_only(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	g = return_lease_as(w, "host1", w->agent, BOOT_1, id, UUID_OTHER);
	assert_error(&g, 400, "invalid", "evidence");
	assert_still_held(w, id);
}

/* What was signed for one thing is not taken for another. */
static void evidence_of_another_operation_returns_no_lease(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *recipient = one_time_key();
	struct claim cl = claim_default(w, recipient);
	cc_auto_free char *jws = NULL;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	jws = sign_claim(&cl);
	g = ask(w, OP_LEASE_RETURN, id, json_pack("{s:s}", "evidence", jws));
	assert_error(&g, 400, "invalid", "evidence");
	assert_still_held(w, id);
}

static char *return_evidence(struct world *w, const char *lease)
{
	auto_got struct got g = challenge(w);
	struct cc_evidence ev = {.op = CC_OP_RETURN, .boot_id = BOOT_1};
	struct cc_error err;
	char *jws = NULL;

	assert_int_equal(
		cc_b64u_decode32(json_string_value(json_object_get(g.body, "nonce")), ev.nonce), 0);
	ev.aud = (char *)"keyd-test";
	ev.iss = (char *)"host1";
	ev.channel = (char *)channel_of(w);
	snprintf(ev.lease, sizeof(ev.lease), "%s", lease);
	assert_int_equal(cc_evidence_sign(&ev, w->agent, &jws, &err), 0);
	return jws;
}

static void evidence_of_a_return_releases_and_renews_nothing(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *recipient = one_time_key();
	cc_auto_free char *one = return_evidence(w, UUID_OTHER), *two = NULL;
	auto_got struct got g = send_release(w, one, recipient);

	assert_error(&g, 400, "invalid", "evidence");
	two = return_evidence(w, UUID_OTHER);
	g = (got_clear(&g), ask(w, OP_RENEW, "", json_pack("{s:s}", "evidence", two)));
	assert_error(&g, 400, "invalid", "evidence");
}

/* The nonce is for once: what was seen of a return does not end the next lease. */
static void a_return_is_not_replayed(void **state)
{
	struct world *w = *state;
	cc_auto_free char *jws = NULL;
	auto_got struct got g = {0}, again = {0};
	char id[37];

	hold(w, id);
	jws = return_evidence(w, id);
	g = ask(w, OP_LEASE_RETURN, id, json_pack("{s:s}", "evidence", jws));
	assert_int_equal(g.http, 200);
	again = ask(w, OP_LEASE_RETURN, id, json_pack("{s:s}", "evidence", jws));
	assert_error(&again, 403, "refused", "nonce");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		hosts_test(a_lease_is_returned_by_the_agent_that_holds_it),
		hosts_test(a_return_without_evidence_is_refused_and_says_what_to_upgrade),
		hosts_test(a_lease_is_not_returned_by_another_agent),
		hosts_test(a_lease_is_not_returned_by_one_who_says_that_it_is_the_holder),
		hosts_test(a_lease_is_not_returned_from_another_boot),
		hosts_test(a_lease_is_not_returned_by_a_later_agent_of_its_holders_name),
		hosts_test(evidence_returns_the_lease_that_it_names_only),
		hosts_test(evidence_of_another_operation_returns_no_lease),
		hosts_test(evidence_of_a_return_releases_and_renews_nothing),
		hosts_test(a_return_is_not_replayed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
