// SPDX-License-Identifier: Apache-2.0
/* Evidence: what each operation says, and what comes back. */
#include "evidence_signed.h"

static void evidence_survives_signing_and_verifying(void **state)
{
	static const enum cc_op ops[] = {CC_OP_RELEASE, CC_OP_FORMAT};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct cc_evidence want = evidence(ops[i]), ev;
		cc_auto_free char *jws = sign(ops[i]);
		struct cc_error err = {0};

		expect_ok(verify(jws, agent_public, &ev, &err), &err);
		assert_memory_equal(ev.nonce, want.nonce, CC_NONCE_LEN);
		assert_string_equal(ev.aud, want.aud);
		assert_string_equal(ev.iss, want.iss);
		assert_int_equal(ev.iat, want.iat);
		assert_string_equal(ev.boot_id, want.boot_id);
		assert_int_equal(ev.op, ops[i]);
		assert_string_equal(ev.volume, want.volume);
		assert_string_equal(ev.jkt, want.jkt);
		assert_string_equal(ev.channel, want.channel);
		if (ops[i] == CC_OP_RELEASE) {
			cc_auto_json json_t *a = cc_measurement_to_json(measured);
			cc_auto_json json_t *b = cc_measurement_to_json(ev.measurement);

			assert_true(json_equal(a, b));
			assert_string_equal(ev.gate, "open,look");
		} else {
			assert_null(ev.measurement);
			assert_null(ev.gate);
		}
		cc_evidence_clear(&ev);
	}
}

/* Borrows the measurement twice. */
static char *sign_renewals(size_t n, struct cc_error *err)
{
	struct cc_evidence ev = evidence(CC_OP_RENEW);
	struct cc_renewal r[2] = {{.lease = UUID, .volume = UUID, .measurement = measured},
				  {.lease = UUID_2,
				   .volume = UUID,
				   .left_ms = 7,
				   .look = CC_LOOK_LATE,
				   .measurement = measured}};
	char *jws = NULL;

	ev.n_renewals = n;
	ev.renewals = r;
	return cc_evidence_sign(&ev, agent, &jws, err) ? NULL : jws;
}

static void renewals_survive_signing_and_verifying(void **state)
{
	struct cc_error err = {0};
	cc_auto_free char *jws = sign_renewals(2, &err);
	cc_auto_json json_t *a = cc_measurement_to_json(measured), *b = NULL;
	struct cc_evidence ev;

	(void)state;
	assert_non_null(jws);
	expect_ok(verify(jws, agent_public, &ev, &err), &err);
	assert_int_equal(ev.op, CC_OP_RENEW);
	assert_int_equal(ev.n_renewals, 2);
	assert_string_equal(ev.renewals[1].lease, UUID_2);
	assert_string_equal(ev.renewals[1].volume, UUID);
	assert_int_equal(ev.renewals[0].left_ms, 0);
	assert_int_equal(ev.renewals[1].left_ms, 7);
	assert_int_equal(ev.renewals[0].look, CC_LOOK_UNSAID);
	assert_int_equal(ev.renewals[1].look, CC_LOOK_LATE);
	assert_null(ev.jkt);
	assert_null(ev.measurement);
	b = cc_measurement_to_json(ev.renewals[1].measurement);
	assert_true(json_equal(a, b));
	cc_evidence_clear(&ev);
	assert_null(sign_renewals(0, &err));
}

static void a_lease_is_named_once(void **state)
{
	struct cc_refusal no = {.container = "c0ffee", .fact = "user", .text = "user: uid 0"};
	struct cc_renewal r[3] = {{.lease = UUID, .volume = UUID, .refusal = &no},
				  {.lease = UUID_2, .volume = UUID, .refusal = &no},
				  {.lease = UUID, .volume = UUID, .measurement = measured}};
	struct cc_evidence ev = evidence(CC_OP_RENEW), back;
	cc_auto_free char *jws = NULL;
	struct cc_error err;

	(void)state;
	ev.n_renewals = 3;
	ev.renewals = r;
	expect_ok(cc_evidence_sign(&ev, agent, &jws, &err), &err);
	assert_int_equal(verify(jws, agent_public, &back, &err), -1);
	assert_int_equal(err.code, CC_E_INVALID);
	assert_string_equal(err.fact, "evidence");
	assert_non_null(strstr(err.text, UUID " is named twice"));
}

static void a_refusal_in_place_of_a_measurement_survives_signing_and_verifying(void **state)
{
	struct cc_refusal no = {.container = "c0ffee", .fact = "user", .text = "user: uid 0"};
	struct cc_renewal r = {.lease = UUID, .volume = UUID, .refusal = &no};
	struct cc_evidence ev = evidence(CC_OP_RENEW), back;
	cc_auto_free char *jws = NULL;
	struct cc_error err;

	(void)state;
	ev.n_renewals = 1;
	ev.renewals = &r;
	expect_ok(cc_evidence_sign(&ev, agent, &jws, &err), &err);
	expect_ok(verify(jws, agent_public, &back, &err), &err);
	assert_null(back.renewals[0].measurement);
	assert_string_equal(back.renewals[0].refusal->container, "c0ffee");
	assert_string_equal(back.renewals[0].refusal->fact, "user");
	assert_string_equal(back.renewals[0].refusal->text, "user: uid 0");
	cc_evidence_clear(&back);
}

#define REFUSED "[{'lease':'" UUID "','volume':'" UUID "','refused':"

static void a_renewal_that_is_not_whole_is_refused(void **state)
{
	static const char *const bad[] = {
		"[]",
		"[1]",
		"[{}]",
		"{}",
		"[{'lease':'" UUID "','volume':'" UUID "'}]",
		"[{'lease':'x','volume':'" UUID "','measurement':{}}]",
		"[{'lease':'" UUID "','volume':'" UUID "','measurement':{}}]",
		"[{'lease':'" UUID "','volume':'" UUID "','measurement':{},'key':1}]",
		"[{'lease':'" UUID "','volume':'" UUID "','leftMs':-1,'measurement':{}}]",
		"[{'lease':'" UUID "','volume':'" UUID "','look':'well','measurement':{}}]",
		REFUSED "{}}]",
		REFUSED "{'container':'c0','fact':'user'}}]",
		REFUSED "{'container':'c0','fact':'user','message':''}}]",
		REFUSED "{'container':'../c0','fact':'user','message':'x'}}]",
		REFUSED "{'container':'c0','fact':'','message':'x'}}]",
		REFUSED "{'container':'c0','fact':'a\\nb','message':'x'}}]",
		REFUSED "{'container':'c0','fact':'user','message':'x','more':1}}]",
		REFUSED "{'container':'c0','fact':'user','message':'x'},'measurement':{}}]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cc_auto_json json_t *doc =
			json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:o}", "eat_nonce", HASH43,
				  "aud", "r", "iss", "host1", "iat", 1, "boot_id", UUID, "op",
				  "renew", "channel", CC_CHANNEL_UNIX, "renewals", json_of(bad[i]));
		cc_auto_free char *text = json_dumps(doc, 0);
		struct cc_error err = {0};
		struct cc_evidence ev;

		if (!cc_evidence_claims_parse(text, strlen(text), &ev, &err))
			fail_msg("%s is accepted", bad[i]);
		expect_error(&err, CC_E_INVALID, "evidence", "");
		assert_null(ev.renewals);
	}
}

static void a_return_names_one_lease_and_nothing_else(void **state)
{
	struct cc_evidence ev = evidence(CC_OP_RETURN), back;
	cc_auto_free char *jws = NULL;
	struct cc_error err = {0};

	(void)state;
	assert_int_equal(cc_evidence_sign(&ev, agent, &jws, &err), -1);
	memcpy(ev.lease, UUID, sizeof(ev.lease));
	expect_ok(cc_evidence_sign(&ev, agent, &jws, &err), &err);
	expect_ok(verify(jws, agent_public, &back, &err), &err);
	assert_int_equal(back.op, CC_OP_RETURN);
	assert_string_equal(back.lease, UUID);
	assert_true(!back.jkt && !back.volume[0]);
	cc_evidence_clear(&back);
}

/* What a release says of the gate goes into the audit log: words, or nothing. */
static void a_gate_that_is_no_list_of_words_is_refused(void **state)
{
	static const struct {
		const char *gate;
		bool good;
	} cases[] = {{"none", true},
		     {"open,look", true},
		     {"", false},
		     {"Open", false},
		     {"open look", false},
		     {"open\n", false},
		     {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", true},
		     {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cc_evidence ev = evidence(CC_OP_RELEASE), back;
		cc_auto_free char *gate = strdup(cases[i].gate);
		cc_auto_free char *jws = NULL;
		struct cc_error err = {0};

		ev.gate = gate;
		expect_ok(cc_evidence_sign(&ev, agent, &jws, &err), &err);
		assert_int_equal(verify(jws, agent_public, &back, &err), cases[i].good ? 0 : -1);
		if (cases[i].good)
			cc_evidence_clear(&back);
		else
			expect_error(&err, CC_E_INVALID, "evidence", "gate");
	}
}

static char *sign_maintain(char *command, char *jkt)
{
	struct cc_evidence ev = evidence(CC_OP_MAINTAIN);
	struct cc_error err = {0};
	char *jws = NULL;

	ev.command = command;
	ev.jkt = jkt;
	memcpy(ev.maintenance, UUID, sizeof(ev.maintenance));
	expect_ok(cc_evidence_sign(&ev, agent, &jws, &err), &err);
	return jws;
}

static void a_maintenance_names_its_command_and_a_key_only_when_it_begins(void **state)
{
	static char command[] = "e2fsck -f '{}'", jkt[] = HASH43;
	cc_auto_pkey EVP_PKEY *key = NULL;
	struct cc_error err = {0};

	(void)state;
	key = cc_evidence_key(agent_public, &err);
	for (int begins = 0; begins < 2; begins++) {
		cc_auto_free char *jws = sign_maintain(command, begins ? jkt : NULL);
		cc_cleanup(cc_evidence_clear) struct cc_evidence ev = {0};

		expect_ok(cc_evidence_verify(jws, strlen(jws), key, &ev, &err), &err);
		assert_int_equal(ev.op, CC_OP_MAINTAIN);
		assert_string_equal(ev.command, command);
		assert_string_equal(ev.maintenance, UUID);
		assert_int_equal(ev.jkt != NULL, begins);
	}
}

static void a_command_that_an_audit_row_would_show_otherwise_is_refused(void **state)
{
	char longest[CC_COMMAND_MAX + 2];
	cc_auto_pkey EVP_PKEY *key = NULL;
	char *bad[] = {(char *)"", (char *)"a\nb", (char *)"a\x1b[2K", longest};
	struct cc_error err = {0};

	(void)state;
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	key = cc_evidence_key(agent_public, &err);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cc_auto_free char *jws = sign_maintain(bad[i], NULL);
		struct cc_evidence ev = {0};

		assert_int_equal(cc_evidence_verify(jws, strlen(jws), key, &ev, &err), -1);
		assert_string_equal(err.fact, "evidence");
		assert_non_null(strstr(err.text, "command"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(evidence_survives_signing_and_verifying),
		cmocka_unit_test(renewals_survive_signing_and_verifying),
		cmocka_unit_test(a_lease_is_named_once),
		cmocka_unit_test(
			a_refusal_in_place_of_a_measurement_survives_signing_and_verifying),
		cmocka_unit_test(a_renewal_that_is_not_whole_is_refused),
		cmocka_unit_test(a_return_names_one_lease_and_nothing_else),
		cmocka_unit_test(a_gate_that_is_no_list_of_words_is_refused),
		cmocka_unit_test(a_maintenance_names_its_command_and_a_key_only_when_it_begins),
		cmocka_unit_test(a_command_that_an_audit_row_would_show_otherwise_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
