// SPDX-License-Identifier: Apache-2.0
/* A volume's key for a recovery key that is kept elsewhere. */
#include "keyd_hosts.h"

static struct got export_to(struct world *w, const char *volume, const json_t *jwk)
{
	return ask(w, OP_VOLUME_EXPORT, volume, json_pack("{s:O}", "recipient", jwk));
}

static void key_of_container(struct world *w, struct cc_secret *key)
{
	cc_auto_json json_t *recipient = one_time_key();
	struct claim cl = claim_default(w, recipient);
	cc_auto_free char *jws = sign_claim(&cl);
	auto_got struct got g = send_release(w, jws, recipient);

	assert_int_equal(open_key(&g, recipient, key), 0);
}

static void the_recovery_key_opens_the_key_of_the_container_and_no_other_does(void **state)
{
	cc_auto_json json_t *recovery = one_time_key(), *other = one_time_key();
	cc_auto_json json_t *public = public_of(recovery);
	cc_auto_secret struct cc_secret lent = {0}, exported = {0}, none = {0};
	struct world *w = *state;
	auto_got struct got g = {0};

	key_of_container(w, &lent);
	g = export_to(w, "pgdata", public);
	assert_int_equal(g.http, 200);
	assert_int_equal(open_key(&g, recovery, &exported), 0);
	assert_true(cc_secret_eq(&lent, &exported));
	assert_int_equal(open_key(&g, other, &none), -1);
}

/* With the database copied and the machine lost: what opens the LUN is said beside the key. */
static void the_answer_says_what_the_key_opens(void **state)
{
	cc_auto_json json_t *recovery = one_time_key(), *public = public_of(recovery);
	struct world *w = *state;
	auto_got struct got g = export_to(w, "pgdata", public);
	const json_t *volume = json_object_get(g.body, "volume");

	assert_string_equal(json_string_value(json_object_get(volume, "uuid")), UUID_PGDATA);
	assert_int_equal(json_integer_value(json_object_get(volume, "offset")), 65536);
	assert_int_equal(json_integer_value(json_object_get(volume, "keyBytes")), 64);
}

static void the_audit_log_names_the_recovery_key(void **state)
{
	cc_auto_json json_t *recovery = one_time_key(), *public = public_of(recovery);
	cc_auto_free char *thumbprint = NULL;
	struct world *w = *state;
	struct cc_error err;
	auto_got struct got g = export_to(w, "pgdata", public);

	assert_int_equal(g.http, 200);
	thumbprint = cc_jwk_thumbprint(public, &err);
	assert_string_equal(last_audit(w).event, "volume.export");
	assert_string_equal(last_audit(w).volume, "pgdata");
	assert_string_equal(last_audit(w).outcome, "allow");
	assert_non_null(strstr(last_audit(w).detail, thumbprint));
	assert_string_equal(json_string_value(json_object_get(g.body, "recipient")), thumbprint);
}

/* The container goes on, and nobody needs a lease to rescue. */
static void an_export_changes_nothing_of_a_lease(void **state)
{
	cc_auto_json json_t *recovery = one_time_key(), *public = public_of(recovery);
	struct world *w = *state;
	auto_got struct got g = {0}, renewed = {0};
	char id[37];

	hold(w, id);
	g = export_to(w, "pgdata", public);
	assert_int_equal(g.http, 200);
	renewed = renew(w, id);
	assert_int_equal(renewed.http, 200);
}

static void what_is_no_recovery_key_gets_nothing(void **state)
{
	cc_auto_json json_t *private = one_time_key(), *public = public_of(private);
	cc_auto_json json_t *agent = new_agent_key("host9"), *signing = public_of(agent);
	cc_auto_json json_t *off_curve = json_deep_copy(public);
	struct world *w = *state;
	auto_got struct got g = {0};

	g = export_to(w, "pgdata", private);
	assert_error(&g, 400, "invalid", "recipient");
	g = (got_clear(&g), export_to(w, "pgdata", signing));
	assert_error(&g, 400, "invalid", "recipient");
	json_object_set(off_curve, "x", json_object_get(public, "y"));
	g = (got_clear(&g), export_to(w, "pgdata", off_curve));
	assert_error(&g, 400, "invalid", "recipient");
	g = (got_clear(&g), ask(w, OP_VOLUME_EXPORT, "pgdata", json_object()));
	assert_int_equal(g.http, 400);
	assert_null(json_object_get(g.body, "jwe"));
	g = (got_clear(&g), export_to(w, "nothing", public));
	assert_error(&g, 404, "not-found", "volume");
}

static void a_volume_that_is_being_created_has_no_key_to_rescue_by(void **state)
{
	cc_auto_json json_t *recovery = one_time_key(), *public = public_of(recovery);
	struct world *w = *state;
	auto_got struct got g = {0};

	ask_ok(w, OP_VOLUME_CREATE, "", volume_body("orders", UUID_OTHER));
	g = export_to(w, "orders", public);
	assert_error(&g, 409, "busy", "state");
	assert_null(json_object_get(g.body, "jwe"));
}

#define export_test(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		export_test(the_recovery_key_opens_the_key_of_the_container_and_no_other_does),
		export_test(the_answer_says_what_the_key_opens),
		export_test(the_audit_log_names_the_recovery_key),
		export_test(an_export_changes_nothing_of_a_lease),
		export_test(what_is_no_recovery_key_gets_nothing),
		export_test(a_volume_that_is_being_created_has_no_key_to_rescue_by),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
