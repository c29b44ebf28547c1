// SPDX-License-Identifier: Apache-2.0
/* Evidence that is not what it claims to be, or not whole. */
#include "evidence_signed.h"

static void the_kid_is_found_without_a_key(void **state)
{
	cc_auto_free char *jws = sign(CC_OP_FORMAT);
	struct cc_error err = {0};
	char kid[64];

	(void)state;
	expect_ok(cc_evidence_kid(jws, strlen(jws), kid, &err), &err);
	assert_string_equal(kid, "host1");
	assert_int_equal(cc_evidence_kid("x.y", 3, kid, &err), -1);
	expect_error(&err, CC_E_INVALID, "evidence", "");
}

static void another_agents_key_does_not_verify(void **state)
{
	cc_auto_free char *jws = sign(CC_OP_RELEASE);
	struct cc_error err = {0};
	struct cc_evidence ev;

	(void)state;
	assert_int_equal(verify(jws, other_public, &ev, &err), -1);
	expect_error(&err, CC_E_REFUSED, "signature", "agent's key");
}

static void every_changed_character_is_noticed(void **state)
{
	cc_auto_free char *jws = sign(CC_OP_FORMAT);
	size_t n = strlen(jws), payload = strcspn(jws, ".") + 1,
	       signature = payload + strcspn(jws + payload, ".") + 1;
	struct cc_error err = {0};
	struct cc_evidence ev;

	(void)state;
	for (size_t i = 0; i < n; i += i < signature ? 13 : 3) {
		char old = jws[i];

		jws[i] = old == 'A' ? 'Q' : 'A'; /* another character whose upper bits differ */
		assert_int_equal(verify(jws, agent_public, &ev, &err), -1);
		assert_true(err.code == CC_E_INVALID || !strcmp(err.fact, "signature"));
		if (i >= payload && i < signature - 1)
			expect_error(&err, CC_E_REFUSED, "signature", "");
		jws[i] = old;
	}
	for (size_t i = 0; i < n; i += 11) {
		cc_auto_free char *cut = strndup(jws, i);

		assert_int_equal(verify(cut, agent_public, &ev, &err), -1);
	}
	expect_ok(verify(jws, agent_public, &ev, &err), &err);
	cc_evidence_clear(&ev);
}

static void claims_signed_apart_cannot_be_swapped_in(void **state)
{
	cc_auto_free char *a = sign(CC_OP_FORMAT), *b = sign(CC_OP_RELEASE), *mixed = NULL;
	const char *claims_b = strchr(b, '.') + 1;

	(void)state;
	assert_true(asprintf(&mixed, "%.*s.%.*s%s", (int)strcspn(a, "."), a,
			     (int)strcspn(claims_b, "."), claims_b, strrchr(a, '.')) > 0);
	expect_rejected(mixed, CC_E_REFUSED, "signature", "does not verify");
}

static void only_the_one_header_is_accepted(void **state)
{
	static const struct {
		const char *header, *part;
	} bad[] = {
		{"{\"alg\":\"none\",\"typ\":\"" CC_EVIDENCE_TYP "\",\"kid\":\"host1\"}", "alg"},
		{"{\"alg\":\"HS256\",\"typ\":\"" CC_EVIDENCE_TYP "\",\"kid\":\"host1\"}", "alg"},
		{"{\"alg\":\"ES384\",\"typ\":\"" CC_EVIDENCE_TYP "\",\"kid\":\"host1\"}", "alg"},
		{"{\"typ\":\"" CC_EVIDENCE_TYP "\",\"kid\":\"host1\"}", "alg"},
		{"{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"host1\"}", "typ"},
		{"{\"alg\":\"ES256\",\"kid\":\"host1\"}", "typ"},
		{"{\"alg\":\"ES256\",\"typ\":\"" CC_EVIDENCE_TYP "\"}", "kid"},
		{"{\"alg\":\"ES256\",\"typ\":\"" CC_EVIDENCE_TYP "\",\"kid\":\"../x\"}", "kid"},
		{"{\"alg\":\"ES256\",\"typ\":\"" CC_EVIDENCE_TYP "\",\"kid\":7}", "kid"},
		{"{\"alg\":\"ES256\",\"typ\":\"" CC_EVIDENCE_TYP
		 "\",\"kid\":\"host1\",\"crit\":[\"b64\"],\"b64\":false}",
		 "unknown member"},
		{"{\"alg\":\"ES256\",\"typ\":\"" CC_EVIDENCE_TYP
		 "\",\"kid\":\"host1\",\"jku\":\"https://evil/\"}",
		 "unknown member \"jku\""},
		{"{\"alg\":\"ES256\",\"typ\":\"" CC_EVIDENCE_TYP
		 "\",\"kid\":\"host1\",\"jwk\":{\"kty\":\"EC\"}}",
		 "unknown member \"jwk\""},
		{"{\"alg\":\"none\",\"alg\":\"ES256\",\"typ\":\"" CC_EVIDENCE_TYP
		 "\",\"kid\":\"host1\"}",
		 "twice"},
		{"[]", "must be an object"},
	};
	cc_auto_free char *jws = sign(CC_OP_FORMAT);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cc_auto_json json_t *h = jose_b64_enc(bad[i].header, strlen(bad[i].header));
		cc_auto_free char *forged = NULL;

		assert_true(asprintf(&forged, "%s%s", json_string_value(h), strchr(jws, '.')) > 0);
		expect_rejected(forged, CC_E_INVALID, "evidence", bad[i].part);
	}
}

static void a_replaced_kid_does_not_verify(void **state)
{
	static const char header[] =
		"{\"alg\":\"ES256\",\"kid\":\"host2\",\"typ\":\"" CC_EVIDENCE_TYP "\"}";
	cc_auto_free char *jws = sign(CC_OP_FORMAT), *forged = NULL;
	cc_auto_json json_t *h = jose_b64_enc(header, strlen(header));

	(void)state;
	assert_true(asprintf(&forged, "%s%s", json_string_value(h), strchr(jws, '.')) > 0);
	expect_rejected(forged, CC_E_REFUSED, "signature", "does not verify");
}

static void an_agent_cannot_speak_for_another(void **state)
{
	cc_auto_free char *jws = sign(CC_OP_FORMAT), *claims = claims_of(jws), *forged = NULL;

	(void)state;
	memcpy(strstr(claims, "\"iss\":\"host1\"") + 11, "2", 1);
	forged = forge(HEADER, claims, agent);
	expect_rejected(forged, CC_E_INVALID, "evidence", "not the agent that signed");
}

static void keys_of_another_kind_verify_nothing(void **state)
{
	static const char *const keys[] = {
		"{'kty':'oct','k':'AAAA'}",
		"{'kty':'EC','crv':'P-384'}",
		"{}",
		"{'kty':'EC','crv':'P-256','x':'AAAA','y':'AAAA'}",
		"[]",
	};
	cc_auto_free char *jws = sign(CC_OP_FORMAT);

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		cc_auto_json json_t *key = json_of(keys[i]);
		struct cc_error err = {0};
		struct cc_evidence ev;

		assert_int_equal(verify(jws, key, &ev, &err), -1);
		assert_int_equal(err.code, CC_E_INVALID);
	}
}

static void malformed_serialisations_are_refused(void **state)
{
	cc_auto_free char *jws = sign(CC_OP_FORMAT), *four = NULL, *nosig = NULL, *padded = NULL,
			  *spaced = NULL, *huge = malloc(CC_EVIDENCE_MAX + 2);

	(void)state;
	assert_true(asprintf(&four, "%s.AA", jws) > 0);
	assert_true(asprintf(&padded, "%s=", jws) > 0);
	assert_true(asprintf(&spaced, " %s", jws) > 0);
	nosig = strdup(jws);
	strrchr(nosig, '.')[1] = '\0';
	memset(huge, 'A', CC_EVIDENCE_MAX + 1);
	huge[CC_EVIDENCE_MAX + 1] = '\0';
	expect_rejected("", CC_E_INVALID, "evidence", "");
	expect_rejected("..", CC_E_INVALID, "evidence", "");
	expect_rejected(four, CC_E_INVALID, "evidence", "3 parts");
	expect_rejected(padded, CC_E_INVALID, "evidence", "base64url");
	expect_rejected(spaced, CC_E_INVALID, "evidence", "base64url");
	expect_rejected(huge, CC_E_INVALID, "evidence", "longer than");
	expect_rejected(nosig, CC_E_REFUSED, "signature", "");
	expect_rejected("{\"payload\":\"\",\"signatures\":[]}", CC_E_INVALID, "evidence", "");
}

static void expect_bad_claim(const char *key, const char *value, const char *part)
{
	cc_auto_free char *jws = sign(CC_OP_RELEASE), *claims = claims_of(jws), *text = NULL;
	cc_auto_json json_t *doc = json_loads(claims, 0, NULL);
	struct cc_error err = {0};
	struct cc_evidence ev;

	if (value)
		json_object_set_new(doc, key, json_of(value));
	else
		assert_int_equal(json_object_del(doc, key), 0);
	text = json_dumps(doc, 0);
	if (!cc_evidence_claims_parse(text, strlen(text), &ev, &err))
		fail_msg("%s = %s is accepted", key, value ? value : "absent");
	expect_error(&err, CC_E_INVALID, "evidence", part);
	assert_null(ev.aud);
}

static void every_claim_is_required_and_checked(void **state)
{
	static const char *const required[] = {"eat_nonce", "aud",	  "iss",    "iat",
					       "boot_id",   "op",	  "volume", "cnf",
					       "channel",   "measurement"};

	(void)state;
	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
		expect_bad_claim(required[i], NULL, "");
		expect_bad_claim(required[i], "17.5", "");
	}
	expect_bad_claim("exp", "1", "unknown member");
	expect_bad_claim("eat_nonce", "'AAAA'", "32 bytes");
	expect_bad_claim("eat_nonce", "'" HASH43 "A'", "32 bytes");
	expect_bad_claim("iat", "-1", "negative");
	expect_bad_claim("boot_id", "'" UUID "0'", "UUID");
	expect_bad_claim("volume", "'pgdata'", "UUID");
	expect_bad_claim("op", "'delete'", "release, format, renew, return or maintain");
	expect_bad_claim("op", "'format'", "unknown member \"gate\"");
	expect_bad_claim("cnf", "{}", "jkt");
	expect_bad_claim("cnf", "{'jkt':'AAAA'}", "jkt");
	expect_bad_claim("cnf", "{'jkt':'" HASH43 "','jwk':{}}", "unknown member");
	expect_bad_claim("channel", "'tcp'", "channel");
	expect_bad_claim("measurement", "{}", "measurement");
}

static void a_channel_may_be_a_tls_exporter(void **state)
{
	struct cc_evidence ev = evidence(CC_OP_FORMAT), back;
	char exporter[] = HASH43;
	cc_auto_free char *jws = NULL;
	struct cc_error err = {0};

	(void)state;
	ev.channel = exporter;
	expect_ok(cc_evidence_sign(&ev, agent, &jws, &err), &err);
	expect_ok(verify(jws, agent_public, &back, &err), &err);
	assert_string_equal(back.channel, HASH43);
	cc_evidence_clear(&back);
}

static void claims_given_twice_are_refused(void **state)
{
	cc_auto_free char *jws = sign(CC_OP_FORMAT), *claims = claims_of(jws), *twice = NULL,
			  *forged = NULL;

	(void)state;
	assert_true(asprintf(&twice, "{\"aud\":\"other\",%s", claims + 1) > 0);
	forged = forge(HEADER, twice, agent);
	expect_rejected(forged, CC_E_INVALID, "evidence", "twice");
}

static void evidence_that_would_be_refused_is_not_signed(void **state)
{
	struct cc_evidence ev = evidence(CC_OP_FORMAT);
	cc_auto_json json_t *nameless = cc_jwk_new(NULL, false, &(struct cc_error){0});
	char other[] = "host2", *jws = NULL;
	struct cc_error err = {0};

	(void)state;
	assert_int_equal(cc_evidence_sign(&ev, nameless, &jws, &err), -1);
	assert_int_equal(cc_evidence_sign(&ev, agent_public, &jws, &err), -1);
	ev.iss = other;
	assert_int_equal(cc_evidence_sign(&ev, agent, &jws, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "iss");
	ev = evidence(CC_OP_FORMAT);
	ev.op = CC_OP_RELEASE;
	assert_int_equal(cc_evidence_sign(&ev, agent, &jws, &err), -1);
	ev = evidence(CC_OP_RELEASE);
	ev.op = CC_OP_FORMAT;
	assert_int_equal(cc_evidence_sign(&ev, agent, &jws, &err), -1);
	assert_null(jws);
}

static void evidence_too_long_for_keyd_is_not_signed(void **state)
{
	cc_auto_json json_t *doc = cc_measurement_to_json(measured);
	struct cc_error err = {0};
	cc_auto_measurement struct cc_measurement *big = cc_measurement_from_json(doc, &err);
	struct cc_evidence ev = evidence(CC_OP_RELEASE);
	cc_auto_free char *arg = malloc(40000);
	char *jws = NULL;

	(void)state;
	memset(arg, 'a', 39999);
	arg[39999] = '\0';
	expect_ok(cc_strv_push(&big->args, arg, &err), &err);
	ev.measurement = big;
	assert_int_equal(cc_evidence_sign(&ev, agent, &jws, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "longer than");
	assert_null(jws);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kid_is_found_without_a_key),
		cmocka_unit_test(another_agents_key_does_not_verify),
		cmocka_unit_test(every_changed_character_is_noticed),
		cmocka_unit_test(claims_signed_apart_cannot_be_swapped_in),
		cmocka_unit_test(only_the_one_header_is_accepted),
		cmocka_unit_test(a_replaced_kid_does_not_verify),
		cmocka_unit_test(an_agent_cannot_speak_for_another),
		cmocka_unit_test(keys_of_another_kind_verify_nothing),
		cmocka_unit_test(malformed_serialisations_are_refused),
		cmocka_unit_test(every_claim_is_required_and_checked),
		cmocka_unit_test(a_channel_may_be_a_tls_exporter),
		cmocka_unit_test(claims_given_twice_are_refused),
		cmocka_unit_test(evidence_that_would_be_refused_is_not_signed),
		cmocka_unit_test(evidence_too_long_for_keyd_is_not_signed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
