// SPDX-License-Identifier: Apache-2.0
#include "lib_test.h"

#include <jose/b64.h>
#include <jose/jwe.h>
#include <jose/jwk.h>
#include <jose/jws.h>
#include <sanitizer/lsan_interface.h>

#include "evidence.h"
#include "jose.h"
#include "jwk.h"
#include "pkey.h"
#include "secret.h"
#include "strv.h"

#define UUID "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
#define UUID_2 "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8fa"
#define HASH43 "IUrCNxHSRZQYHv4pl1q7RaPUQiWg7LWiMUBD6xpXUmc"

static json_t *agent, *agent_public, *other_public;
static struct cc_measurement *measured;

static int set_up(void **state)
{
	cc_auto_json json_t *m = json_of(
		"{'engine':'docker','state':'created','container':{'id':'c0ffee'},"
		"'process':{'pid':4711,'startTime':123456,'cgroupId':987},"
		"'image':{'id':'" DIGEST_A "','manifests':[],'args':['/app'],'env':[],'cwd':'',"
		"'user':{'uid':0,'gid':0}},'config':{'args':['/app'],'env':[],'cwd':'/',"
		"'user':{'uid':0,'gid':0},'capabilities':[],'noNewPrivileges':false,"
		"'readonlyRootfs':false,'seccomp':'unconfined','mounts':[],'devices':[],'hooks':[],'settings':[],"
		"'namespaces':{'cgroup':'private','ipc':'private','mnt':'private','net':'private',"
		"'pid':'private','uts':'private'},'privileged':false},"
		"'rootfs':{'upper':'clean','firstStart':true}}");
	struct cc_error err = {0};
	cc_auto_json json_t *other = NULL;

	(void)state;
	if (cc_secret_heap_init(&err))
		return -1;
	measured = cc_measurement_from_json(m, &err);
	agent = cc_jwk_new("host1", false, &err);
	other = cc_jwk_new("host1", false, &err);
	agent_public = cc_jwk_public(agent, &err);
	other_public = cc_jwk_public(other, &err);
	return measured && agent_public && other_public ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	json_decref(agent);
	json_decref(agent_public);
	json_decref(other_public);
	cc_measurement_free(measured);
	return 0;
}

/* Borrows all it points to: not for cc_evidence_clear(). */
static struct cc_evidence evidence(enum cc_op op)
{
	static char aud[] = "realm", iss[] = "host1", jkt[] = HASH43, channel[] = CC_CHANNEL_UNIX;
	static char gate[] = "open,look";
	struct cc_evidence ev = {.nonce = {1, 2, 3},
				 .aud = aud,
				 .iss = iss,
				 .iat = 1780000000,
				 .boot_id = UUID,
				 .op = op,
				 .volume = UUID,
				 .jkt = jkt,
				 .channel = channel,
				 .gate = op == CC_OP_RELEASE ? gate : NULL,
				 .measurement = op == CC_OP_RELEASE ? measured : NULL};

	return ev;
}

static char *sign(enum cc_op op)
{
	struct cc_evidence ev = evidence(op);
	struct cc_error err = {0};
	char *jws = NULL;

	expect_ok(cc_evidence_sign(&ev, agent, &jws, &err), &err);
	return jws;
}

/* A compact JWS with this header and these claims, signed well by libjose with @key. */
static char *forge(const char *header, const char *claims, const json_t *key)
{
	cc_auto_json json_t *doc = json_object(), *sig = json_object(), *jwk = json_deep_copy(key);
	cc_auto_jose_cfg jose_cfg_t *cfg = cc_jose_cfg();
	const char *h, *p, *s;
	char *jws = NULL;

	json_object_del(jwk, "alg");
	json_object_set_new(doc, "payload", jose_b64_enc(claims, strlen(claims)));
	json_object_set_new(sig, "protected", jose_b64_enc(header, strlen(header)));
	assert_true(jose_jws_sig(cfg, doc, sig, jwk));
	assert_int_equal(
		json_unpack(doc, "{s:s,s:s,s:s}", "protected", &h, "payload", &p, "signature", &s),
		0);
	assert_true(asprintf(&jws, "%s.%s.%s", h, p, s) > 0);
	return jws;
}

#define HEADER "{\"alg\":\"ES256\",\"typ\":\"" CC_EVIDENCE_TYP "\",\"kid\":\"host1\"}"

static char *claims_of(const char *jws)
{
	const char *p = strchr(jws, '.') + 1;
	struct cc_jose_part part = {p, strcspn(p, ".")};
	struct cc_error err = {0};
	char *text = NULL;
	size_t len;

	expect_ok(cc_jose_decode(&part, &text, &len, "claims", &err), &err);
	return text;
}

static int verify(const char *jws, const json_t *key, struct cc_evidence *ev, struct cc_error *err)
{
	cc_auto_pkey EVP_PKEY *pkey = cc_evidence_key(key, err);

	*ev = (struct cc_evidence){0};
	return pkey ? cc_evidence_verify(jws, strlen(jws), pkey, ev, err) : -1;
}

static void expect_rejected(const char *jws, enum cc_code code, const char *fact, const char *part)
{
	struct cc_error err = {0};
	struct cc_evidence ev;

	assert_int_equal(verify(jws, agent_public, &ev, &err), -1);
	expect_error(&err, code, fact, part);
	assert_null(ev.iss);
	assert_null(ev.measurement);
}

/* ---- evidence ------------------------------------------------------------------------------ */

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
	struct cc_renewal r[2] = {
		{.lease = UUID, .volume = UUID, .measurement = measured},
		{.lease = UUID_2, .volume = UUID, .left_ms = 7, .measurement = measured}};
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
		cmocka_unit_test(a_maintenance_names_its_command_and_a_key_only_when_it_begins),
		cmocka_unit_test(a_command_that_an_audit_row_would_show_otherwise_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
