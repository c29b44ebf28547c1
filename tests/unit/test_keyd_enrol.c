// SPDX-License-Identifier: Apache-2.0
/* Invitations, enrolments and certificates, as the custodian sees them; time moves as told. */
#include "keyd_world.h"

#include "enrol.h"
#include "keyd/custodian/ca.h"
#include "keyd/custodian/caller.h"

#define CHANNEL_1 "IUrCNxHSRZQYHv4pl1q7RaPUQiWg7LWiMUBD6xpXUmc"
#define CHANNEL_2 "JUrCNxHSRZQYHv4pl1q7RaPUQiWg7LWiMUBD6xpXUmc"
#define WEEK (7 * 24 * 3600)

/* A request as it comes over TLS; @who: NULL without a certificate. @body is taken over. */
static struct got ask_far(struct world *w, enum op op, const char *arg, json_t *body,
			  const struct ca_name *who, const char *channel)
{
	cc_auto_free char *text = body ? json_dumps(body, 0) : strdup("");
	struct request rq = {.op = op,
			     .plane = who ? PLANE_NET : PLANE_ENROL,
			     .body = text,
			     .body_len = strlen(text)};
	struct answer a = {0};
	struct got g;

	snprintf(rq.arg, sizeof(rq.arg), "%s", arg);
	snprintf(rq.channel, sizeof(rq.channel), "%s", channel);
	if (who) {
		memcpy(rq.enrolment, who->enrolment, sizeof(rq.enrolment));
		rq.until = who->until;
	}
	custodian_handle(&w->custodian, &rq, &a);
	g = (struct got){.http = a.http, .text = a.text};
	g.body = json_loads(a.text, JSON_REJECT_DUPLICATES, NULL);
	json_decref(body);
	return g;
}

static int setup(void **state)
{
	struct cc_error err;
	struct world *w;

	fake_real = 1800000000; /* whatever the test before made of it */
	world_setup(state);
	w = *state;
	if (caller_start(&w->custodian, true, &err))
		fail_msg("%s", err.text);
	return 0;
}

/* DER of the certificate in an answer, OPENSSL_free(). */
static unsigned char *der_of(const struct got *g, int *len)
{
	const char *pem = json_string_value(json_object_get(g->body, "certificate"));
	unsigned char *der = NULL;
	BIO *bio;
	X509 *x;

	assert_non_null(pem);
	bio = BIO_new_mem_buf(pem, -1);
	x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	*len = i2d_X509(x, &der);
	X509_free(x);
	BIO_free(bio);
	return der;
}

/* The certificate of an agent that is enrolled, as its connection has it. */
static struct ca_name certified(struct world *w, const char *agent)
{
	auto_got struct got g = ask(w, OP_AGENT_CERTIFICATE, agent, json_object());
	struct ca_name who;
	struct cc_error err;
	unsigned char *der;
	int len;

	assert_int_equal(g.http, 200);
	der = der_of(&g, &len);
	if (caller_of(&w->custodian, der, (size_t)len, &who, &err))
		fail_msg("%s", err.text);
	OPENSSL_free(der);
	assert_string_equal(who.agent, agent);
	return who;
}

static char *invited(struct world *w, const char *name, json_t *body)
{
	auto_got struct got g = ask(w, OP_AGENT_INVITE, name, body);

	if (g.http != 200)
		fail_msg("%s", g.text);
	return strdup(json_string_value(json_object_get(g.body, "token")));
}

static struct got enrol_by(struct world *w, const char *token, const json_t *key)
{
	struct cc_enrol_token t;
	struct cc_error err;
	cc_auto_free char *proof = NULL;

	assert_int_equal(cc_enrol_token_parse(token, strlen(token), &t, &err), 0);
	proof = cc_enrol_prove(&t, key, &err);
	assert_non_null(proof);
	return ask_far(
		w, OP_ENROL, "",
		json_pack("{s:s, s:o, s:s}", "token", token, "jwk", public_of(key), "proof", proof),
		NULL, CHANNEL_1);
}

/* The release of pgdata by host1, by evidence for @channel, over @over with @who's certificate. */
static struct got release_over(struct world *w, const struct ca_name *who, const char *channel,
			       const char *over)
{
	cc_auto_json json_t *recipient = one_time_key();
	struct claim cl;
	cc_auto_free char *jws = NULL;

	w->channel = channel;
	cl = claim_default(w, recipient);
	jws = sign_claim(&cl);
	w->channel = NULL;
	return ask_far(w, OP_RELEASE, "",
		       json_pack("{s:s, s:o}", "evidence", jws, "recipient", public_of(recipient)),
		       who, over);
}

static void a_release_over_tls_is_for_that_connection(void **state)
{
	struct world *w = *state;
	const struct ca_name who = certified(w, "host1");

	{
		auto_got struct got g = release_over(w, &who, CHANNEL_1, CHANNEL_1);

		if (g.http != 200)
			fail_msg("%s", g.text);
	}
	{
		/* relayed: what was made for one connection comes over another */
		auto_got struct got g = release_over(w, &who, CHANNEL_1, CHANNEL_2);

		assert_error(&g, 403, "refused", "channel");
	}
	{
		auto_got struct got g = release_over(w, &who, CC_CHANNEL_UNIX, CHANNEL_1);

		assert_error(&g, 403, "refused", "channel");
	}
}

static void evidence_goes_with_the_certificate_of_its_enrolment(void **state)
{
	cc_auto_json json_t *other = new_agent_key("host2");
	struct world *w = *state;
	struct ca_name theirs;

	enrol(w, "host2", other);
	theirs = certified(w, "host2");
	{
		auto_got struct got g = release_over(w, &theirs, CHANNEL_1, CHANNEL_1);

		assert_error(&g, 403, "refused", "certificate");
	}
}

static void a_certificate_is_over_after_a_week(void **state)
{
	struct world *w = *state;
	struct ca_name who = certified(w, "host1");

	fake_real += WEEK - 1;
	{
		auto_got struct got g = ask_far(w, OP_HEALTHZ, "", NULL, &who, CHANNEL_1);

		assert_int_equal(g.http, 200);
	}
	fake_real += 2;
	{
		auto_got struct got g = ask_far(w, OP_HEALTHZ, "", NULL, &who, CHANNEL_1);

		assert_error(&g, 403, "refused", "certificate");
	}
}

static void only_this_cas_agents_are_known_by_their_certificates(void **state)
{
	struct world *w = *state;
	auto_got struct got g = ask(w, OP_AGENT_CERTIFICATE, "host1", json_object());
	struct ca_server server;
	struct ca_name who;
	struct cc_error err;
	int len;
	unsigned char *der = der_of(&g, &len);

	assert_int_equal(caller_of(&w->custodian, der, (size_t)len, &who, &err), 0);
	for (int i = 0; i < len; i++)
		assert_int_equal(caller_of(&w->custodian, der, (size_t)i, &who, &err), -1);
	for (int i = 0; i < len; i++) {
		der[i] ^= 1;
		assert_int_equal(caller_of(&w->custodian, der, (size_t)len, &who, &err), -1);
		assert_string_equal(who.enrolment, "");
		der[i] ^= 1;
	}
	/* keyd's own is of the same CA */
	assert_int_equal(ca_server_make(&w->custodian.ca, "keyd-test", fake_real, &server, &err),
			 0);
	assert_int_equal(caller_of(&w->custodian, server.cert, server.cert_len, &who, &err), -1);
	assert_string_equal(err.fact, "certificate");
	assert_int_equal(caller_of(&w->custodian, server.ca, server.ca_len, &who, &err), -1);
	ca_server_clear(&server);
	/* of the time before, and after */
	fake_real -= 1000;
	w->custodian.floor = (struct custodian_floor){.known = true, .time = fake_real};
	assert_int_equal(caller_of(&w->custodian, der, (size_t)len, &who, &err), -1);
	fake_real += 1000 + WEEK;
	assert_int_equal(caller_of(&w->custodian, der, (size_t)len, &who, &err), -1);
	OPENSSL_free(der);
}

static void the_ca_is_the_same_after_a_restart(void **state)
{
	struct world *w = *state;
	unsigned char pin[CA_PIN_LEN];
	struct last_row row = last_audit(w);
	struct cc_error err;
	bool there;

	assert_string_equal(row.event, "ca");
	memcpy(pin, w->custodian.ca.pin, sizeof(pin));
	reopen_custodian(w);
	assert_null(w->custodian.ca.key);
	assert_int_equal(
		ca_load(&w->custodian.ca, w->custodian.store, &w->custodian.kek, &there, &err), 0);
	assert_true(there);
	assert_memory_equal(w->custodian.ca.pin, pin, sizeof(pin));
	assert_int_equal(last_audit(w).seq, row.seq);
	certified(w, "host1");
}

static void a_ca_that_somebody_put_there_is_not_taken(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	struct ca ca;
	bool there;

	tamper(w, "UPDATE setting SET value = 'AAAA' WHERE key = 'ca.key'");
	assert_int_equal(ca_load(&ca, w->custodian.store, &w->custodian.kek, &there, &err), -1);
	assert_string_equal(err.fact, "row");
	ca_clear(&ca);
}

static void without_tls_there_are_neither_tokens_nor_certificates(void **state)
{
	struct world *w = *state;

	ca_clear(&w->custodian.ca);
	{
		auto_got struct got g = ask(w, OP_AGENT_INVITE, "host2", json_object());

		assert_error(&g, 400, "invalid", "tls");
	}
	{
		auto_got struct got g = ask(w, OP_AGENT_CERTIFICATE, "host1", json_object());

		assert_error(&g, 400, "invalid", "tls");
	}
}

static void an_enrolment_is_in_the_audit_log(void **state)
{
	cc_auto_json json_t *key = new_agent_key("host2");
	struct world *w = *state;
	cc_auto_free char *token = invited(w, "host2", json_pack("{s:s}", "volumes", "web*"));
	struct last_row row = last_audit(w);

	assert_string_equal(row.event, "agent.invite");
	assert_string_equal(row.agent, "host2");
	assert_non_null(strstr(row.detail, "web*"));
	assert_null(strstr(row.detail, token + 6)); /* the id only, not what counts */
	{
		auto_got struct got g = enrol_by(w, token, key);

		if (g.http != 200)
			fail_msg("%s", g.text);
	}
	row = last_audit(w);
	assert_string_equal(row.event, "enrol");
	assert_string_equal(row.outcome, "allow");
	assert_string_equal(row.agent, "host2");
	assert_non_null(strstr(row.detail, "certificate "));
	certified(w, "host2");
}

static void a_token_is_used_once_and_only_in_time(void **state)
{
	cc_auto_json json_t *key = new_agent_key("host2"), *late = new_agent_key("host3");
	struct world *w = *state;
	cc_auto_free char *token = invited(w, "host2", json_object());
	cc_auto_free char *short_one = invited(w, "host3", json_pack("{s:i}", "seconds", 60));
	uint64_t seq;

	{
		auto_got struct got g = enrol_by(w, token, key);

		assert_int_equal(g.http, 200);
	}
	seq = last_audit(w).seq;
	{
		auto_got struct got g = enrol_by(w, token, key);

		assert_error(&g, 403, "refused", "token");
	}
	fake_real += 60;
	{
		auto_got struct got g = enrol_by(w, short_one, late);

		assert_error(&g, 403, "refused", "token");
	}
	/* nobody is known to have asked: no row, or anybody could fill the disk */
	assert_int_equal(last_audit(w).seq, seq);
}

static void what_is_wrong_after_the_token_leaves_a_row_and_the_token(void **state)
{
	cc_auto_json json_t *key = new_agent_key("host2"), *other = new_agent_key("host2");
	struct world *w = *state;
	cc_auto_free char *token = invited(w, "host2", json_object());
	struct cc_enrol_token t;
	struct cc_error err;
	cc_auto_free char *proof = NULL;

	assert_int_equal(cc_enrol_token_parse(token, strlen(token), &t, &err), 0);
	proof = cc_enrol_prove(&t, other, &err);
	{
		auto_got struct got g = ask_far(w, OP_ENROL, "",
						json_pack("{s:s, s:o, s:s}", "token", token, "jwk",
							  public_of(key), "proof", proof),
						NULL, CHANNEL_1);

		assert_error(&g, 403, "refused", "proof");
	}
	assert_string_equal(last_audit(w).fact, "proof");
	{
		auto_got struct got g = enrol_by(w, token, key);

		assert_int_equal(g.http, 200);
	}
}

/* Who writes to the database invites nobody. */
static void an_invitation_that_keyd_did_not_write_is_none(void **state)
{
	cc_auto_json json_t *key = new_agent_key("host2");
	struct world *w = *state;
	cc_auto_free char *token = invited(w, "host2", json_pack("{s:s}", "volumes", "web"));

	tamper(w, "UPDATE setting SET value = replace(value, ' web', ' *') WHERE key GLOB "
		  "'invite/*'");
	{
		auto_got struct got g = enrol_by(w, token, key);

		assert_int_equal(g.http, 500);
		assert_string_equal(fact_of(&g), "row");
	}
}

static void a_used_invitation_that_is_put_back_is_noticed(void **state)
{
	cc_auto_json json_t *key = new_agent_key("host2"), *other = new_agent_key("host2");
	struct world *w = *state;
	cc_auto_free char *token = invited(w, "host2", json_object());

	tamper(w, "CREATE TABLE kept AS SELECT * FROM setting WHERE key GLOB 'invite/*'");
	{
		auto_got struct got g = enrol_by(w, token, key);

		assert_int_equal(g.http, 200);
	}
	ask_ok(w, OP_AGENT_DELETE, "host2", NULL);
	tamper(w, "INSERT INTO setting SELECT * FROM kept");
	{
		auto_got struct got g = enrol_by(w, token, other);

		assert_true(g.http != 200);
	}
}

static void invitations_are_bounded_and_make_room_when_they_are_over(void **state)
{
	struct world *w = *state;
	char name[32];

	for (int i = 0; i < STORE_INVITES_MAX; i++) {
		snprintf(name, sizeof(name), "node%d", i);
		free(invited(w, name, json_pack("{s:i}", "seconds", 60)));
	}
	{
		auto_got struct got g = ask(w, OP_AGENT_INVITE, "one-more", json_object());

		assert_error(&g, 409, "busy", "");
	}
	fake_real += 61;
	free(invited(w, "one-more", json_object()));
}

static void an_invitation_has_a_sane_time(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 2; i++) {
		auto_got struct got g =
			ask(w, OP_AGENT_INVITE, "host2",
			    json_pack("{s:I}", "seconds", (json_int_t)(i ? WEEK + 1 : 0)));

		assert_error(&g, 400, "invalid", "");
	}
}

#define enrol_test(t) cmocka_unit_test_setup_teardown(t, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		enrol_test(a_release_over_tls_is_for_that_connection),
		enrol_test(evidence_goes_with_the_certificate_of_its_enrolment),
		enrol_test(a_certificate_is_over_after_a_week),
		enrol_test(only_this_cas_agents_are_known_by_their_certificates),
		enrol_test(the_ca_is_the_same_after_a_restart),
		enrol_test(a_ca_that_somebody_put_there_is_not_taken),
		enrol_test(without_tls_there_are_neither_tokens_nor_certificates),
		enrol_test(an_enrolment_is_in_the_audit_log),
		enrol_test(a_token_is_used_once_and_only_in_time),
		enrol_test(what_is_wrong_after_the_token_leaves_a_row_and_the_token),
		enrol_test(an_invitation_that_keyd_did_not_write_is_none),
		enrol_test(a_used_invitation_that_is_put_back_is_noticed),
		enrol_test(invitations_are_bounded_and_make_room_when_they_are_over),
		enrol_test(an_invitation_has_a_sane_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
