// SPDX-License-Identifier: Apache-2.0
/* Which agent gets the keys of which volumes, and which signer says what may have them. */
#include "keyd_hosts.h"

/* ---- helpers ---- */

static json_t *volumes_of(const char *list)
{
	return json_pack("{s:s}", "volumes", list);
}

static void set_agent(struct world *w, const char *name, const char *list)
{
	ask_ok(w, OP_AGENT_SET, name, volumes_of(list));
}

static void set_signer(struct world *w, const char *list)
{
	ask_ok(w, OP_SIGNER_SET, "ci", volumes_of(list));
}

/* Refused for the scope, in words that name @part, with that fact in the audit log. */
static void assert_outside(struct world *w, const struct got *g, const char *part)
{
	struct last_row row = last_audit(w);

	assert_error(g, 403, "refused", "scope");
	if (!strstr(message_of(g), part))
		fail_msg("\"%s\" does not say \"%s\"", message_of(g), part);
	assert_string_equal(row.outcome, "refuse");
	assert_string_equal(row.fact, "scope");
}

/* What a listing says of @name. */
static const char *listed(const struct got *g, const char *list, const char *name)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(g->body, list), i, one)
		if (!strcmp(json_string_value(json_object_get(one, "name")), name))
			return json_string_value(json_object_get(one, "volumes"));
	fail_msg("%s is not listed", name);
	return NULL;
}

/* ---- agents ---- */

static void an_agent_gets_the_keys_of_its_volumes_only(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};

	set_agent(w, "host2", "web*,mail");
	g = release_to_host2(w);
	assert_outside(
		w, &g,
		"agent host2 is for volumes \"web*,mail\", not for pgdata; \"dmctl agents set "
		"host2 --volumes 'web*,mail,pgdata'\" allows it");
	assert_string_equal(last_audit(w).agent, "host2");
	assert_string_equal(last_audit(w).volume, "pgdata");
	assert_null(json_object_get(g.body, "jwe"));
	set_agent(w, "host2", "web*,pg????");
	assert_free(w);
}

/* As one that is revoked: not renewed, and nobody else has the volume before the end. */
static void a_scope_that_is_narrowed_ends_at_the_renewal(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	set_agent(w, "host1", "other");
	g = renew(w, id);
	assert_not_renewed(&g, "scope");
	assert_string_equal(last_audit(w).fact, "scope");
	assert_string_equal(last_audit(w).volume, "pgdata");
	assert_busy(w);
	g = (got_clear(&g), release_to(w, BOOT_1, CONTAINER_1));
	assert_error(&g, 403, "refused", "scope");
	fake_boot_ms += END;
	assert_free(w);
}

static void whoever_waits_for_changes_hears_of_a_scope(void **state)
{
	(void)state;
	assert_true(operations[OP_AGENT_SET].flags & OPF_WAKES);
	assert_true(operations[OP_SIGNER_SET].flags & OPF_WAKES);
	assert_true(operations[OP_AGENT_SET].flags & OPF_AUDITED);
	assert_true(operations[OP_SIGNER_SET].flags & OPF_AUDITED);
}

static void agents_are_for_all_volumes_unless_it_is_said(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *key = new_agent_key("host3");
	struct cc_error err;
	json_t *public = cc_jwk_public(key, &err);
	cc_auto_json json_t *body =
		json_pack("{s:s, s:o, s:s}", "name", "host3", "jwk", public, "volumes", "web?");
	auto_got struct got all = {0}, other = {0};
	uint64_t rows;

	ask_ok(w, OP_AGENT_ADD, "", json_incref(body));
	assert_non_null(strstr(last_audit(w).detail, "volumes web?"));
	all = ask(w, OP_AGENT_LIST, "", NULL);
	assert_string_equal(listed(&all, "agents", "host1"), "*");
	assert_string_equal(listed(&all, "agents", "host3"), "web?");

	/* The same again, or without volumes, is success; others are not taken silently. */
	rows = last_audit(w).seq;
	ask_ok(w, OP_AGENT_ADD, "", json_incref(body));
	enrol(w, "host3", key);
	assert_int_equal(last_audit(w).seq, rows);
	json_object_set_new(body, "volumes", json_string("*"));
	other = ask(w, OP_AGENT_ADD, "", json_incref(body));
	assert_error(&other, 409, "exists", "scope");
	assert_non_null(strstr(message_of(&other), "dmctl agents set host3 --volumes '*'"));
}

/* ---- changing ---- */

static void a_change_is_recorded_and_one_that_changes_nothing_is_not(void **state)
{
	struct world *w = *state;
	uint64_t rows;

	set_agent(w, "host2", "web*");
	assert_string_equal(last_audit(w).event, "agent.set");
	assert_string_equal(last_audit(w).agent, "host2");
	assert_non_null(strstr(last_audit(w).detail, "volumes web*"));
	set_signer(w, "pg*");
	assert_string_equal(last_audit(w).event, "signer.set");
	assert_non_null(strstr(last_audit(w).detail, "signer ci"));
	rows = last_audit(w).seq;
	set_agent(w, "host2", "web*");
	set_signer(w, "pg*");
	assert_int_equal(last_audit(w).seq, rows);
	reopen_custodian(w);
	{
		auto_got struct got agents = ask(w, OP_AGENT_LIST, "", NULL);
		auto_got struct got signers = ask(w, OP_SIGNER_LIST, "", NULL);

		assert_string_equal(listed(&agents, "agents", "host2"), "web*");
		assert_string_equal(listed(&signers, "signers", "ci"), "pg*");
	}
}

static void what_is_not_a_scope_changes_nothing(void **state)
{
	static const char *const bad[] = {"{}",
					  "{\"volumes\":\"\"}",
					  "{\"volumes\":\"A\"}",
					  "{\"volumes\":null}",
					  "{\"volumes\":[\"a\"]}",
					  "{\"volumes\":\"a\",\"name\":\"b\"}"};
	struct world *w = *state;
	auto_got struct got g = {0};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		g = (got_clear(&g), ask_text(w, OP_AGENT_SET, "host1", bad[i]));
		assert_error(&g, 400, "invalid", "");
		g = (got_clear(&g), ask_text(w, OP_SIGNER_SET, "ci", bad[i]));
		assert_error(&g, 400, "invalid", "");
	}
	g = (got_clear(&g), ask(w, OP_AGENT_SET, "nobody", volumes_of("*")));
	assert_error(&g, 404, "not-found", "agent");
	g = (got_clear(&g), ask(w, OP_SIGNER_SET, "nobody", volumes_of("*")));
	assert_error(&g, 404, "not-found", "signer");
	assert_free(w);
}

static void a_scope_that_keyd_did_not_write_covers_nothing(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};

	tamper(w, "UPDATE agent SET volumes = '' WHERE name = 'host2'");
	g = release_to_host2(w);
	assert_int_equal(g.http, 500);
	assert_null(json_object_get(g.body, "jwe"));
}

/* ---- signers ---- */

static void a_signer_signs_for_its_volumes_only(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	set_signer(w, "web*");
	g = add_identity(w, w->signer, predicate(4));
	assert_outside(w, &g,
		       "signer ci is for volumes \"web*\", not for pgdata; \"dmctl signer set ci "
		       "--volumes 'web*,pgdata'\" allows it");
	/* What it had signed before no longer counts either. */
	g = (got_clear(&g), renew(w, id));
	assert_not_renewed(&g, "scope");
	g = (got_clear(&g), release_to(w, BOOT_1, CONTAINER_1));
	assert_outside(w, &g, "signer ci");
	set_signer(w, "*");
	g = (got_clear(&g), renew(w, id));
	assert_renewed(&g);
	g = (got_clear(&g), add_identity(w, w->signer, predicate(4)));
	assert_int_equal(g.http, 200);
}

/* One statement, signed by two. */
static char *signed_by_both(EVP_PKEY *a, EVP_PKEY *b)
{
	cc_auto_free char *one = envelope_by(a, predicate(4)), *two = envelope_by(b, predicate(4));
	cc_auto_json json_t *x = json_loads(one, 0, NULL), *y = json_loads(two, 0, NULL);

	assert_true(json_equal(json_object_get(x, "payload"), json_object_get(y, "payload")));
	json_array_extend(json_object_get(x, "signatures"), json_object_get(y, "signatures"));
	return json_dumps(x, JSON_COMPACT);
}

static void of_two_that_signed_the_one_for_the_volume_counts(void **state)
{
	struct world *w = *state;
	EVP_PKEY *second = new_p256();
	cc_auto_free char *env = signed_by_both(w->signer, second);
	auto_got struct got g = {0};

	add_signer(w, "ops", second);
	set_signer(w, "web*");
	g = ask(w, OP_IDENTITY_ADD, "", json_pack("{s:s}", "envelope", env));
	assert_int_equal(g.http, 200);
	assert_string_equal(json_string_value(json_object_get(g.body, "signer")), "ops");
	assert_free(w);
	EVP_PKEY_free(second);
}

static void a_signer_may_be_added_with_its_volumes(void **state)
{
	struct world *w = *state;
	EVP_PKEY *key = new_p256();
	cc_auto_free char *pem = public_pem(key);
	cc_auto_json json_t *body =
		json_pack("{s:s, s:s, s:s}", "name", "ops", "pem", pem, "volumes", "web*");
	auto_got struct got g = {0};

	ask_ok(w, OP_SIGNER_ADD, "", json_incref(body));
	g = add_identity(w, key, predicate(4));
	assert_outside(w, &g, "signer ops");
	add_signer(w, "ops", key);
	json_object_set_new(body, "volumes", json_string("*"));
	g = (got_clear(&g), ask(w, OP_SIGNER_ADD, "", json_incref(body)));
	assert_error(&g, 409, "exists", "scope");
	EVP_PKEY_free(key);
}

/* ---- who formats ---- */

static json_t *volume_by(const char *creator)
{
	json_t *body = volume_body("other", UUID_OTHER);

	if (creator)
		json_object_set_new(body, "creator", json_string(creator));
	return body;
}

static struct got format_as(struct world *w, const char *iss, const json_t *key)
{
	cc_auto_json json_t *recipient = one_time_key();
	struct claim cl = claim_default(w, recipient);
	cc_auto_free char *jws = NULL;

	cl.op = CC_OP_FORMAT;
	cl.volume = UUID_OTHER;
	cl.iss = iss;
	cl.agent = key;
	jws = sign_claim(&cl);
	return send_release(w, jws, recipient);
}

static void only_the_creator_gets_the_key_to_format(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};

	ask_ok(w, OP_VOLUME_CREATE, "", volume_by("host1"));
	assert_non_null(strstr(last_audit(w).detail, "creator host1"));
	g = format_as(w, "host2", host2);
	assert_error(&g, 403, "refused", "creator");
	assert_non_null(
		strstr(message_of(&g), "other is for agent host1 to format, not for agent host2"));
	assert_string_equal(last_audit(w).event, "format");
	assert_string_equal(last_audit(w).agent, "host2");
	assert_null(json_object_get(g.body, "jwe"));
	g = (got_clear(&g), format_as(w, "host1", w->agent));
	assert_int_equal(g.http, 200);
	assert_non_null(json_object_get(g.body, "jwe"));
}

/* As dmctl of before made it. */
static void a_volume_without_a_creator_is_formatted_by_nobody(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};

	ask_ok(w, OP_VOLUME_CREATE, "", volume_by(NULL));
	g = format_as(w, "host1", w->agent);
	assert_error(&g, 403, "refused", "creator");
	assert_non_null(strstr(message_of(&g), "upgrade"));
	/* Made again, by whoever says who it is: another key. */
	ask_ok(w, OP_VOLUME_CREATE, "", volume_by("host2"));
	g = (got_clear(&g), format_as(w, "host1", w->agent));
	assert_error(&g, 403, "refused", "creator");
	g = (got_clear(&g), format_as(w, "host2", host2));
	assert_int_equal(g.http, 200);
}

/* Its name, and even its key, do not make a later agent the creator. */
static void the_creator_is_an_enrolment(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};

	ask_ok(w, OP_VOLUME_CREATE, "", volume_by("host1"));
	ask_ok(w, OP_AGENT_DELETE, "host1", NULL);
	g = format_as(w, "host2", host2);
	assert_error(&g, 403, "refused", "creator");
	assert_non_null(strstr(message_of(&g), "an agent that was removed"));
	enrol(w, "host1", w->agent);
	g = (got_clear(&g), format_as(w, "host1", w->agent));
	assert_error(&g, 403, "refused", "creator");
}

static void the_creator_must_be_enrolled_and_for_the_volume(void **state)
{
	struct world *w = *state;
	auto_got struct got g = ask(w, OP_VOLUME_CREATE, "", volume_by("nobody"));

	assert_error(&g, 404, "not-found", "agent");
	g = (got_clear(&g), ask(w, OP_VOLUME_CREATE, "", volume_by("No/Body")));
	assert_error(&g, 400, "invalid", "");
	set_agent(w, "host1", "pg*");
	g = (got_clear(&g), ask(w, OP_VOLUME_CREATE, "", volume_by("host1")));
	assert_outside(w, &g, "agent host1");
	set_agent(w, "host1", "*");
	ask_ok(w, OP_VOLUME_CREATE, "", volume_by("host1"));
	set_agent(w, "host1", "pg*");
	g = (got_clear(&g), format_as(w, "host1", w->agent));
	assert_outside(w, &g, "agent host1");
}

static const char *creator_of(const struct got *g)
{
	return json_string_value(json_object_get(g->body, "creator"));
}

static void the_creator_is_shown_while_the_volume_is_being_created(void **state)
{
	struct world *w = *state;
	auto_got struct got g = ask(w, OP_VOLUME_CREATE, "", volume_by("host1"));

	assert_string_equal(creator_of(&g), "host1");
	g = (got_clear(&g), ask(w, OP_VOLUME_GET, "other", NULL));
	assert_string_equal(creator_of(&g), "host1");
	ask_ok(w, OP_VOLUME_READY, "other", json_object());
	g = (got_clear(&g), ask(w, OP_VOLUME_GET, "other", NULL));
	assert_null(json_object_get(g.body, "creator"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		hosts_test(an_agent_gets_the_keys_of_its_volumes_only),
		hosts_test(a_scope_that_is_narrowed_ends_at_the_renewal),
		hosts_test(whoever_waits_for_changes_hears_of_a_scope),
		hosts_test(agents_are_for_all_volumes_unless_it_is_said),
		hosts_test(a_change_is_recorded_and_one_that_changes_nothing_is_not),
		hosts_test(what_is_not_a_scope_changes_nothing),
		hosts_test(a_scope_that_keyd_did_not_write_covers_nothing),
		hosts_test(a_signer_signs_for_its_volumes_only),
		hosts_test(of_two_that_signed_the_one_for_the_volume_counts),
		hosts_test(a_signer_may_be_added_with_its_volumes),
		hosts_test(only_the_creator_gets_the_key_to_format),
		hosts_test(a_volume_without_a_creator_is_formatted_by_nobody),
		hosts_test(the_creator_is_an_enrolment),
		hosts_test(the_creator_must_be_enrolled_and_for_the_volume),
		hosts_test(the_creator_is_shown_while_the_volume_is_being_created),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
