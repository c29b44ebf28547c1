// SPDX-License-Identifier: Apache-2.0
/* Who gets a volume's key to repair it by hand, for how long, and what is written down. */
#include "keyd_hosts.h"
#include "keyd_return.h"
#include "release.h"

#define RUN_1 "a0000000-0000-4000-8000-000000000001"
#define RUN_2 "a0000000-0000-4000-8000-000000000002"
#define COMMAND "e2fsck -f '{}'"

/**
 * struct try - a request; what is not set fits volume pgdata.
 * @recipient: the one-time key; NULL: it goes on
 */
struct
try {
	const char *iss, *name, *uuid, *run, *boot_id;
	const json_t *agent, *recipient;
	bool without_jkt;
};

static char *evidence_of(struct world *w, const struct try *t)
{
	auto_got struct got g = challenge(w);
	struct cc_evidence ev = {.iat = fake_real, .op = CC_OP_MAINTAIN};
	cc_auto_free char *jkt = NULL;
	struct cc_error err;
	char *jws = NULL;

	assert_int_equal(
		cc_b64u_decode32(json_string_value(json_object_get(g.body, "nonce")), ev.nonce), 0);
	ev.aud = (char *)"keyd-test";
	ev.iss = (char *)(t->iss ? t->iss : "host1");
	ev.channel = (char *)channel_of(w);
	ev.gate = (char *)"open,look";
	ev.command = (char *)COMMAND;
	if (t->recipient && !t->without_jkt)
		ev.jkt = jkt = cc_jwk_thumbprint(t->recipient, &err);
	snprintf(ev.boot_id, sizeof(ev.boot_id), "%s", t->boot_id ? t->boot_id : BOOT_1);
	snprintf(ev.volume, sizeof(ev.volume), "%s", t->uuid ? t->uuid : UUID_PGDATA);
	snprintf(ev.maintenance, sizeof(ev.maintenance), "%s", t->run ? t->run : RUN_1);
	if (cc_evidence_sign(&ev, t->agent ? t->agent : w->agent, &jws, &err))
		fail_msg("%s", err.text);
	return jws;
}

static struct got send_maintain(struct world *w, const struct try *t)
{
	cc_auto_free char *jws = evidence_of(w, t);
	struct cc_error err;

	return ask(w, OP_VOLUME_MAINTAIN, t->name ? t->name : "pgdata",
		   json_pack("{s:s, s:o*}", "evidence", jws, "recipient",
			     t->recipient ? cc_jwk_public(t->recipient, &err) : NULL));
}

/* With a one-time key of its own. */
static struct got begin(struct world *w, struct try t)
{
	cc_auto_json json_t *recipient = one_time_key();

	t.recipient = recipient;
	return send_maintain(w, &t);
}

static struct got go_on(struct world *w, const char *run)
{
	return send_maintain(w, &(struct try){.run = run});
}

static void a_maintenance_gets_the_key_and_a_lease_of_its_own(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *recipient = one_time_key();
	auto_got struct got g = send_maintain(w, &(struct try){.recipient = recipient});
	cc_auto_secret struct cc_secret key = {0};

	if (g.http != 200)
		fail_msg("%s", g.text);
	assert_int_equal(open_key(&g, recipient, &key), 0);
	assert_int_equal(key.len, 64);
	assert_non_null(lease_of(&g));
	assert_busy(w);
}

static void the_audit_row_has_the_words_of_the_command(void **state)
{
	struct world *w = *state;
	auto_got struct got g = begin(w, (struct try){0});
	struct last_row row = last_audit(w);

	assert_int_equal(g.http, 200);
	assert_string_equal(row.event, "volume.maintain");
	assert_string_equal(row.outcome, "allow");
	assert_string_equal(row.agent, "host1");
	assert_string_equal(row.volume, "pgdata");
	assert_string_equal(row.container, "maintenance-" RUN_1);
	assert_non_null(strstr(row.detail, COMMAND));
	assert_non_null(strstr(row.detail, "gate open,look"));
}

static void no_maintenance_begins_while_a_container_has_the_volume(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	g = begin(w, (struct try){0});
	assert_error(&g, 409, "busy", "lease");
	assert_null(json_object_get(g.body, "jwe"));
}

static void no_second_maintenance_begins_on_the_same_host(void **state)
{
	struct world *w = *state;
	auto_got struct got first = begin(w, (struct try){0});
	auto_got struct got g = begin(w, (struct try){.run = RUN_2});

	assert_int_equal(first.http, 200);
	assert_error(&g, 409, "busy", "lease");
	assert_non_null(strstr(message_of(&g), "dmctl volume maintain"));
}

static void a_maintenance_that_goes_on_keeps_its_lease_and_gets_no_key_again(void **state)
{
	struct world *w = *state;
	auto_got struct got first = begin(w, (struct try){0}), g = {0};

	assert_int_equal(first.http, 200);
	fake_boot_ms += MS / 5;
	g = go_on(w, RUN_1);
	if (g.http != 200)
		fail_msg("%s", g.text);
	assert_null(json_object_get(g.body, "jwe"));
	assert_string_equal(lease_of(&g), lease_of(&first));
	fake_boot_ms += END - 1;
	assert_busy(w);
	fake_boot_ms += 1;
	assert_free(w);
}

static void only_what_has_begun_goes_on(void **state)
{
	struct world *w = *state;
	auto_got struct got g = go_on(w, RUN_1);

	assert_error(&g, 403, "refused", "lease");
	assert_free(w);
}

static void a_maintenance_whose_lease_is_revoked_does_not_go_on(void **state)
{
	struct world *w = *state;
	auto_got struct got first = begin(w, (struct try){0}), g = {0};

	assert_int_equal(first.http, 200);
	ask_ok(w, OP_LEASE_REVOKE, lease_of(&first), NULL);
	g = go_on(w, RUN_1);
	assert_error(&g, 403, "refused", "lease");
}

static void the_lease_of_a_maintenance_is_returned_by_its_host(void **state)
{
	struct world *w = *state;
	auto_got struct got g = begin(w, (struct try){0});

	assert_int_equal(g.http, 200);
	return_lease(w, lease_of(&g));
	assert_free(w);
}

static void an_agent_maintains_no_volume_outside_its_scope(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};

	ask_ok(w, OP_AGENT_SET, "host1", json_pack("{s:s}", "volumes", "web*"));
	g = begin(w, (struct try){0});
	assert_error(&g, 403, "refused", "scope");
}

static void one_who_is_not_enrolled_maintains_nothing(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *forger = new_agent_key("host1"), *other = new_agent_key("host3");
	auto_got struct got g = begin(w, (struct try){.agent = forger});

	assert_error(&g, 403, "refused", "signature");
	g = (got_clear(&g), begin(w, (struct try){.iss = "host3", .agent = other}));
	assert_error(&g, 403, "refused", "agent");
}

static void evidence_maintains_the_volume_that_it_names_only(void **state)
{
	struct world *w = *state;
	auto_got struct got g = begin(w, (struct try){.uuid = UUID_OTHER});

	assert_error(&g, 400, "invalid", "evidence");
}

static void a_key_goes_to_the_one_time_key_of_the_evidence_only(void **state)
{
	struct world *w = *state;
	auto_got struct got g = begin(w, (struct try){.without_jkt = true});

	assert_error(&g, 400, "invalid", "evidence");
}

/* What was signed for one thing is not taken for another. */
static void evidence_of_a_maintenance_releases_no_key(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *recipient = one_time_key();
	cc_auto_free char *jws = evidence_of(w, &(struct try){.recipient = recipient});
	auto_got struct got g = send_release(w, jws, recipient);

	assert_error(&g, 400, "invalid", "evidence");
}

static void evidence_of_a_release_maintains_nothing(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *recipient = one_time_key();
	struct claim cl = claim_default(w, recipient);
	cc_auto_free char *jws = sign_claim(&cl);
	struct cc_error err;
	auto_got struct got g = ask(w, OP_VOLUME_MAINTAIN, "pgdata",
				    json_pack("{s:s, s:o}", "evidence", jws, "recipient",
					      cc_jwk_public(recipient, &err)));

	assert_error(&g, 400, "invalid", "evidence");
}

static void a_volume_that_is_still_being_created_is_not_maintained(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};

	ask_ok(w, OP_VOLUME_CREATE, "", volume_body("other", UUID_OTHER));
	g = begin(w, (struct try){.name = "other", .uuid = UUID_OTHER});
	assert_error(&g, 403, "refused", "state");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		hosts_test(a_maintenance_gets_the_key_and_a_lease_of_its_own),
		hosts_test(the_audit_row_has_the_words_of_the_command),
		hosts_test(no_maintenance_begins_while_a_container_has_the_volume),
		hosts_test(no_second_maintenance_begins_on_the_same_host),
		hosts_test(a_maintenance_that_goes_on_keeps_its_lease_and_gets_no_key_again),
		hosts_test(only_what_has_begun_goes_on),
		hosts_test(a_maintenance_whose_lease_is_revoked_does_not_go_on),
		hosts_test(the_lease_of_a_maintenance_is_returned_by_its_host),
		hosts_test(an_agent_maintains_no_volume_outside_its_scope),
		hosts_test(one_who_is_not_enrolled_maintains_nothing),
		hosts_test(evidence_maintains_the_volume_that_it_names_only),
		hosts_test(a_key_goes_to_the_one_time_key_of_the_evidence_only),
		hosts_test(evidence_of_a_maintenance_releases_no_key),
		hosts_test(evidence_of_a_release_maintains_nothing),
		hosts_test(a_volume_that_is_still_being_created_is_not_maintained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
