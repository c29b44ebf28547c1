// SPDX-License-Identifier: Apache-2.0
/* A volume under another name: the key stays, and what counts by name goes on. */
#include "keyd_hosts.h"
#include "keyd_return.h"

static struct got rename_to(struct world *w, const char *from, const char *to)
{
	return ask(w, OP_VOLUME_RENAME, from, json_pack("{s:s}", "name", to));
}

static void rename_ok(struct world *w, const char *from, const char *to)
{
	auto_got struct got g = rename_to(w, from, to);

	if (g.http != 200)
		fail_msg("%s", message_of(&g));
	assert_string_equal(json_string_value(json_object_get(g.body, "name")), to);
}

static json_t *identity_of(const char *volume, uint64_t serial)
{
	json_t *p = predicate(serial);

	json_object_set_new(p, "volume", json_string(volume));
	return p;
}

static void add_identity_ok(struct world *w, const char *volume, uint64_t serial)
{
	auto_got struct got g = add_identity(w, w->signer, identity_of(volume, serial));

	if (g.http != 200)
		fail_msg("%s", message_of(&g));
}

/* The volume's key, as a container gets it; its lease is returned. */
static void take_key(struct world *w, struct cc_secret *key, json_int_t *fence)
{
	cc_auto_json json_t *recipient = one_time_key();
	struct claim cl = claim_default(w, recipient);
	cc_auto_free char *jws = sign_claim(&cl);
	auto_got struct got g = send_release(w, jws, recipient);

	assert_int_equal(open_key(&g, recipient, key), 0);
	*fence = fence_of(&g);
	return_lease(w, lease_of(&g));
}

static void a_renamed_volume_has_its_key_also_after_a_restart(void **state)
{
	cc_auto_secret struct cc_secret was = {0}, is = {0}, then = {0};
	struct world *w = *state;
	auto_got struct got gone = {0};
	json_int_t fence;

	take_key(w, &was, &fence);
	ask_ok(w, OP_IDENTITY_REVOKE, "pgdata", NULL);
	rename_ok(w, "pgdata", "orders");
	assert_string_equal(last_audit(w).event, "volume.rename");
	assert_string_equal(last_audit(w).volume, "pgdata");
	assert_non_null(strstr(last_audit(w).detail, "to orders"));
	gone = ask(w, OP_VOLUME_GET, "pgdata", NULL);
	assert_error(&gone, 404, "not-found", "volume");
	add_identity_ok(w, "orders", 9);
	take_key(w, &is, &fence);
	assert_true(cc_secret_eq(&was, &is));
	assert_int_equal(fence, 2);
	reopen_custodian(w);
	take_key(w, &then, &fence);
	assert_true(cc_secret_eq(&was, &then));
	assert_int_equal(fence, 3);
}

static void a_leased_volume_is_not_renamed(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	g = rename_to(w, "pgdata", "orders");
	assert_error(&g, 409, "busy", "lease");
	assert_string_equal(last_audit(w).outcome, "refuse");
}

static void a_volume_with_an_identity_is_not_renamed(void **state)
{
	struct world *w = *state;
	auto_got struct got g = rename_to(w, "pgdata", "orders"), still = {0};

	assert_error(&g, 409, "busy", "identity");
	assert_non_null(strstr(message_of(&g), "dmctl identity rm pgdata"));
	still = ask(w, OP_VOLUME_GET, "pgdata", NULL);
	assert_int_equal(still.http, 200);
}

/* An identity, and a fence, of the old name are those of the renamed volume, never of the next. */
static void a_new_volume_of_the_old_name_goes_on_from_its_counters(void **state)
{
	cc_auto_secret struct cc_secret key = {0}, other = {0};
	struct world *w = *state;
	auto_got struct got g = {0};
	json_int_t fence;

	take_key(w, &key, &fence);
	ask_ok(w, OP_IDENTITY_REVOKE, "pgdata", NULL);
	rename_ok(w, "pgdata", "orders");
	ask_ok(w, OP_VOLUME_CREATE, "", volume_body("pgdata", UUID_OTHER));
	ask_ok(w, OP_VOLUME_READY, "pgdata", json_object());
	g = add_identity(w, w->signer, identity_of("pgdata", 3));
	assert_error(&g, 403, "refused", "serial");
	reopen_custodian(w);
	g = (got_clear(&g), add_identity(w, w->signer, identity_of("pgdata", 3)));
	assert_error(&g, 403, "refused", "serial");
}

/* And back again: neither name's counters start anew. */
static void the_counters_of_the_new_name_go_on_too(void **state)
{
	cc_auto_secret struct cc_secret key = {0}, again = {0};
	struct world *w = *state;
	auto_got struct got g = {0};
	json_int_t fence;

	ask_ok(w, OP_VOLUME_CREATE, "", volume_body("orders", UUID_OTHER));
	ask_ok(w, OP_VOLUME_READY, "orders", json_object());
	add_identity_ok(w, "orders", 70);
	ask_ok(w, OP_VOLUME_DELETE, "orders", NULL);
	take_key(w, &key, &fence);
	assert_int_equal(fence, 1);
	ask_ok(w, OP_IDENTITY_REVOKE, "pgdata", NULL);
	rename_ok(w, "pgdata", "orders");
	g = add_identity(w, w->signer, identity_of("orders", 70));
	assert_error(&g, 403, "refused", "serial");
	rename_ok(w, "orders", "pgdata");
	g = (got_clear(&g), add_identity(w, w->signer, identity_of("pgdata", 70)));
	assert_error(&g, 403, "refused", "serial");
	add_identity_ok(w, "pgdata", 71);
	take_key(w, &again, &fence);
	assert_int_equal(fence, 2);
	assert_true(cc_secret_eq(&key, &again));
}

static void whoever_held_it_under_the_old_name_does_not_come_back(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	fake_boot_ms += INT64_C(3600) * 1000;
	ask_ok(w, OP_IDENTITY_REVOKE, "pgdata", NULL);
	rename_ok(w, "pgdata", "orders");
	add_identity_ok(w, "orders", 9);
	g = renew(w, id);
	assert_not_renewed(&g, "lease");
}

static void names_that_cannot_be_are_refused_and_nothing_changes(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	uint64_t rows;

	ask_ok(w, OP_VOLUME_CREATE, "", volume_body("other", UUID_OTHER));
	ask_ok(w, OP_IDENTITY_REVOKE, "pgdata", NULL);
	g = rename_to(w, "pgdata", "other");
	assert_error(&g, 409, "exists", "volume");
	g = (got_clear(&g), rename_to(w, "other", "half"));
	assert_error(&g, 409, "busy", "");
	g = (got_clear(&g), rename_to(w, "pgdata", "../x"));
	assert_error(&g, 400, "invalid", "");
	g = (got_clear(&g), rename_to(w, "pgdata", "x"));
	assert_error(&g, 400, "invalid", "");
	g = (got_clear(&g), rename_to(w, "nothing", "orders"));
	assert_error(&g, 404, "not-found", "volume");
	rows = last_audit(w).seq;
	rename_ok(w, "pgdata", "pgdata");
	assert_int_equal(last_audit(w).seq, rows);
}

#define rename_test(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		rename_test(a_renamed_volume_has_its_key_also_after_a_restart),
		rename_test(a_leased_volume_is_not_renamed),
		rename_test(a_volume_with_an_identity_is_not_renamed),
		rename_test(a_new_volume_of_the_old_name_goes_on_from_its_counters),
		rename_test(the_counters_of_the_new_name_go_on_too),
		rename_test(whoever_held_it_under_the_old_name_does_not_come_back),
		rename_test(names_that_cannot_be_are_refused_and_nothing_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
