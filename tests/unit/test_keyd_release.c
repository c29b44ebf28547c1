// SPDX-License-Identifier: Apache-2.0
/* The custodian's decision, request in, answer out: who gets the key, and that nobody else does. */
#include "keyd_world.h"

#include "release.h"

/* A refusal names its fact, has an audit row that does, and no key in it. */
static void assert_refused(struct world *w, const struct got *g, uint64_t rows_before, int http,
			   const char *code, const char *fact)
{
	struct last_row row = last_audit(w);

	assert_error(g, http, code, fact);
	assert_null(json_object_get(g->body, "jwe"));
	assert_null(strstr(g->text, "jwe"));
	assert_int_equal(row.seq, rows_before + 1);
	assert_string_equal(row.outcome, "refuse");
	assert_string_equal(row.fact, fact);
	assert_true(row.detail[0]);
}

/* One by nobody knows whom is counted, and leaves no row: any peer could fill the disk. */
static void assert_unverified(struct world *w, const struct got *g, uint64_t rows_before, int http,
			      const char *code, const char *fact)
{
	assert_error(g, http, code, fact);
	assert_null(strstr(g->text, "jwe"));
	assert_int_equal(last_audit(w).seq, rows_before);
	assert_true(w->custodian.counters.unverified > 0);
}

static void right_container_gets_the_key(void **state)
{
	struct world *w = *state;
	cc_auto_secret struct cc_secret key = {0}, again = {0};
	cc_auto_json json_t *recipient = one_time_key();
	struct claim cl = claim_default(w, recipient);
	cc_auto_free char *jws = sign_claim(&cl);
	auto_got struct got g = send_release(w, jws, recipient);
	struct last_row row = last_audit(w);

	assert_int_equal(g.http, 200);
	assert_int_equal(open_key(&g, recipient, &key), 0);
	assert_int_equal(key.len, 64);
	assert_int_equal(fence_of(&g), 1);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(g.body, "mount"), "point")),
		"/data");
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(g.body, "identity"), "serial")),
		3);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(g.body, "volume"), "uuid")),
		UUID_PGDATA);

	assert_string_equal(row.event, "release");
	assert_string_equal(row.outcome, "allow");
	assert_string_equal(row.agent, "host1");
	assert_string_equal(row.volume, "pgdata");
	assert_string_equal(row.container, CONTAINER_1);
	assert_null(memmem(row.detail, strlen(row.detail), key.p, 8));

	/* The same key every time. */
	{
		struct claim cl2 = claim_default(w, recipient);
		cc_auto_free char *jws2 = sign_claim(&cl2);
		auto_got struct got g2 = send_release(w, jws2, recipient);

		assert_int_equal(open_key(&g2, recipient, &again), 0);
		assert_true(cc_secret_eq(&key, &again));
	}
}

/* ---- one thing wrong at a time ---- */

typedef void twist_fn(struct world *w, struct claim *cl);

static void wrong_audience(struct world *w, struct claim *cl)
{
	(void)w;
	cl->aud = "keyd-other";
}

static void wrong_channel(struct world *w, struct claim *cl)
{
	(void)w;
	cl->channel = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
}

static void unknown_nonce(struct world *w, struct claim *cl)
{
	(void)w;
	strcpy(cl->nonce, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
}

static void stale_nonce(struct world *w, struct claim *cl)
{
	(void)w;
	(void)cl;
	fake_boot_ms += NONCE_LIFE_MS;
}

static void other_one_time_key(struct world *w, struct claim *cl)
{
	(void)w;
	cl->jkt = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
}

static void agent_removed(struct world *w, struct claim *cl)
{
	(void)cl;
	ask_ok(w, OP_AGENT_DELETE, "host1", NULL);
}

static void agent_key_replaced(struct world *w, struct claim *cl)
{
	cc_auto_json json_t *other = new_agent_key("host1");

	(void)cl;
	ask_ok(w, OP_AGENT_DELETE, "host1", NULL);
	enrol(w, "host1", other);
}

static void unknown_volume(struct world *w, struct claim *cl)
{
	(void)w;
	cl->volume = UUID_OTHER;
}

static void no_identity(struct world *w, struct claim *cl)
{
	(void)cl;
	ask_ok(w, OP_IDENTITY_REVOKE, "pgdata", NULL);
}

static void signer_removed(struct world *w, struct claim *cl)
{
	(void)cl;
	ask_ok(w, OP_SIGNER_DELETE, "ci", NULL);
}

static void stored_identity_changed(struct world *w, struct claim *cl)
{
	cc_auto_json json_t *statement = NULL;
	EVP_PKEY *mallory = new_p256();
	char *env = envelope_by(mallory, predicate(9));
	cc_auto_free char *sql = NULL;

	(void)cl;
	assert_true(asprintf(&sql, "UPDATE identity SET envelope = CAST('%s' AS BLOB)", env) > 0);
	tamper_sealed(w, sql);
	free(env);
	EVP_PKEY_free(mallory);
}

static void stored_identity_is_older(struct world *w, struct claim *cl)
{
	char *env = envelope_by(w->signer, predicate(2));
	cc_auto_free char *sql = NULL;

	(void)cl;
	assert_true(asprintf(&sql, "UPDATE identity SET envelope = CAST('%s' AS BLOB)", env) > 0);
	tamper_sealed(w, sql);
	free(env);
}

static void stored_identity_of_another_volume(struct world *w, struct claim *cl)
{
	json_t *pred = predicate(9);
	cc_auto_free char *sql = NULL;
	char *env;

	(void)cl;
	json_object_set_new(pred, "volume", json_string("other"));
	env = envelope_by(w->signer, pred);
	assert_true(asprintf(&sql, "UPDATE identity SET envelope = CAST('%s' AS BLOB)", env) > 0);
	tamper_sealed(w, sql);
	free(env);
}

static void identity_over(struct world *w, struct claim *cl)
{
	json_t *pred = predicate(4);
	auto_got struct got g = {0};

	(void)cl;
	json_object_set_new(pred, "notAfter", json_string("2027-01-15T00:00:00Z"));
	g = add_identity(w, w->signer, pred);
	assert_int_equal(g.http, 200);
	fake_real = 1810000000;
}

static void volume_not_ready(struct world *w, struct claim *cl)
{
	(void)cl;
	tamper_sealed(w, "UPDATE volume SET ready = 0");
}

static void other_image(struct world *w, struct claim *cl)
{
	(void)w;
	change(cl->measurement, "image", "id", json_string(DIGEST_2));
}

static void other_args(struct world *w, struct claim *cl)
{
	(void)w;
	change(cl->measurement, "config", "args", json_pack("[s]", "/bin/sh"));
}

static void extra_mount(struct world *w, struct claim *cl)
{
	(void)w;
	change(cl->measurement, "config", "mounts",
	       json_pack("[{s:s, s:s, s:s, s:[s], s:b}]", "destination", "/app", "type", "bind",
			 "source", "/home/mallory/app", "options", "rbind", "engine", 0));
}

static void privileged(struct world *w, struct claim *cl)
{
	(void)w;
	change(cl->measurement, "config", "privileged", json_true());
}

static void leased_to_another_container(struct world *w, struct claim *cl)
{
	auto_got struct got g = release_to(w, BOOT_1, CONTAINER_2);

	(void)cl;
	assert_int_equal(g.http, 200);
}

static const struct twist {
	const char *what;
	twist_fn *fn;
	int http;
	const char *code, *fact;
	const char *volume; /* in the audit row; NULL: there is none, as nobody knows who asked */
} twists[] = {
	{"wrong audience", wrong_audience, 403, "refused", "audience", NULL},
	{"another connection", wrong_channel, 403, "refused", "channel", NULL},
	{"nonce keyd never gave", unknown_nonce, 403, "refused", "nonce", NULL},
	{"nonce that is too old", stale_nonce, 403, "refused", "nonce", NULL},
	{"another one-time key", other_one_time_key, 403, "refused", "recipient", ""},
	{"agent that is not enrolled", agent_removed, 403, "refused", "agent", NULL},
	{"another agent's signature", agent_key_replaced, 403, "refused", "signature", NULL},
	{"no such volume", unknown_volume, 404, "not-found", "volume", ""},
	{"revoked identity", no_identity, 403, "refused", "identity", "pgdata"},
	{"signer that is gone", signer_removed, 403, "refused", "signature", "pgdata"},
	{"identity row changed", stored_identity_changed, 403, "refused", "signature", "pgdata"},
	{"identity row rolled back", stored_identity_is_older, 403, "refused", "serial", "pgdata"},
	{"identity row of another volume", stored_identity_of_another_volume, 403, "refused",
	 "volume", "pgdata"},
	{"identity that is over", identity_over, 403, "refused", "validity", "pgdata"},
	{"volume being created", volume_not_ready, 403, "refused", "state", "pgdata"},
	{"other image", other_image, 403, "refused", "image", "pgdata"},
	{"other arguments", other_args, 403, "refused", "args", "pgdata"},
	{"extra mount", extra_mount, 403, "refused", "mounts", "pgdata"},
	{"privileged", privileged, 403, "refused", "privileged", "pgdata"},
	{"leased already", leased_to_another_container, 409, "busy", "lease", "pgdata"},
};

/* An administrator of keyd's own host may bind a container that runs, nobody else. */
static void a_running_container_is_released_to_over_the_unix_socket_only(void **state)
{
	static const struct {
		const char *channel;
		int http;
	} ways[] = {{"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 403}, {NULL, 200}};
	struct world *w = *state;

	for (size_t i = 0; i < 2; i++) {
		cc_auto_json json_t *recipient = one_time_key();
		cc_auto_free char *jws = NULL;
		auto_got struct got g = {0};
		struct claim cl;

		w->channel = ways[i].channel;
		cl = claim_default(w, recipient);
		json_object_set_new(cl.measurement, "state", json_string("running"));
		jws = sign_claim(&cl);
		g = send_release(w, jws, recipient);
		if (ways[i].http == 403)
			assert_error(&g, 403, "refused", "state");
		assert_int_equal(g.http, ways[i].http);
	}
}

static void each_difference_is_refused_by_its_name(void **state)
{
	for (size_t i = 0; i < sizeof(twists) / sizeof(twists[0]); i++) {
		const struct twist *t = &twists[i];
		cc_auto_json json_t *recipient = one_time_key();
		cc_auto_free char *jws = NULL;
		auto_got struct got g = {0};
		struct last_row row;
		struct claim cl;
		struct world *w;
		uint64_t rows;

		world_teardown(state);
		world_setup(state);
		w = *state;
		print_message("# %s\n", t->what);
		cl = claim_default(w, recipient);
		t->fn(w, &cl);
		jws = sign_claim(&cl);
		rows = last_audit(w).seq;
		g = send_release(w, jws, recipient);
		if (!t->volume) {
			assert_unverified(w, &g, rows, t->http, t->code, t->fact);
			continue;
		}
		assert_refused(w, &g, rows, t->http, t->code, t->fact);
		row = last_audit(w);
		assert_string_equal(row.event, "release");
		assert_string_equal(row.volume, t->volume);
	}
}

static void evidence_is_good_once(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *recipient = one_time_key();
	struct claim cl = claim_default(w, recipient);
	cc_auto_free char *jws = sign_claim(&cl);
	auto_got struct got first = send_release(w, jws, recipient);
	uint64_t rows = last_audit(w).seq;
	auto_got struct got second = send_release(w, jws, recipient);

	assert_int_equal(first.http, 200);
	assert_unverified(w, &second, rows, 403, "refused", "nonce");
}

static void a_refused_release_uses_its_nonce_up(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *recipient = one_time_key(), *other = one_time_key();
	struct claim cl = claim_default(w, recipient);
	cc_auto_free char *jws = sign_claim(&cl);
	auto_got struct got wrong = send_release(w, jws, other);
	auto_got struct got right = send_release(w, jws, recipient);

	assert_error(&wrong, 403, "refused", "recipient");
	assert_error(&right, 403, "refused", "nonce");
}

static void a_restart_makes_challenges_stale(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *recipient = one_time_key();
	struct claim cl = claim_default(w, recipient);
	cc_auto_free char *jws = sign_claim(&cl);
	auto_got struct got g = {0};

	reopen_custodian(w);
	g = send_release(w, jws, recipient);
	assert_error(&g, 403, "refused", "nonce");
}

static void changed_evidence_is_refused(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *recipient = one_time_key();

	/* A character in each of the parts: header, claims, signature. */
	for (int part = 0; part < 3; part++) {
		struct claim cl = claim_default(w, recipient);
		cc_auto_free char *jws = sign_claim(&cl);
		uint64_t rows = last_audit(w).seq;
		auto_got struct got g = {0};
		char *at = jws;

		for (int i = 0; i < part; i++)
			at = strchr(at, '.') + 1;
		at[20] = at[20] == 'A' ? 'B' : 'A';
		g = send_release(w, jws, recipient);
		assert_true(g.http == 403 || g.http == 400);
		assert_null(strstr(g.text, "jwe"));
		assert_int_equal(last_audit(w).seq, rows);
		if (part > 0)
			assert_string_equal(fact_of(&g), "signature");
	}
}

static void another_agents_name_does_not_help(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *recipient = one_time_key(), *host2 = new_agent_key("host2");
	struct claim cl;
	cc_auto_free char *jws = NULL;
	auto_got struct got g = {0};

	enrol(w, "host2", host2);
	/* host2's key signs a header that says host1. */
	json_object_set_new(host2, "kid", json_string("host1"));
	cl = claim_default(w, recipient);
	cl.agent = host2;
	jws = sign_claim(&cl);
	g = send_release(w, jws, recipient);
	assert_error(&g, 403, "refused", "signature");
}

static void a_private_or_foreign_recipient_is_refused(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *recipient = one_time_key();
	struct claim cl = claim_default(w, recipient);
	cc_auto_free char *jws = sign_claim(&cl);
	auto_got struct got g =
		ask(w, OP_RELEASE, "",
		    json_pack("{s:s, s:O}", "evidence", jws, "recipient", recipient));

	assert_error(&g, 400, "invalid", "recipient");
}

static void malformed_requests_are_refused_and_counted(void **state)
{
	static const char *const bodies[] = {
		"",
		"[]",
		"{",
		"{}",
		"{\"evidence\":\"x\"}",
		"{\"evidence\":1,\"recipient\":{}}",
		"{\"evidence\":\"x\",\"recipient\":[]}",
		"{\"evidence\":\"x\",\"evidence\":\"y\",\"recipient\":{}}",
		"{\"evidence\":\"x\",\"recipient\":{},\"more\":1}",
		"{\"evidence\":\"..\",\"recipient\":{}}",
		"{\"evidence\":\"a.b.c\",\"recipient\":{}} x",
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		uint64_t rows = last_audit(w).seq;
		auto_got struct got g = ask_text(w, OP_RELEASE, "", bodies[i]);

		print_message("# %s\n", bodies[i]);
		assert_int_equal(g.http, 400);
		assert_int_equal(last_audit(w).seq, rows);
		assert_int_equal(w->custodian.counters.unverified, i + 1);
	}
}

static void too_long_evidence_is_refused(void **state)
{
	struct world *w = *state;
	cc_auto_free char *jws = malloc(CC_EVIDENCE_MAX + 2);
	auto_got struct got g = {0};

	memset(jws, 'A', CC_EVIDENCE_MAX + 1);
	jws[CC_EVIDENCE_MAX + 1] = '\0';
	g = ask(w, OP_RELEASE, "", json_pack("{s:s, s:{}}", "evidence", jws, "recipient"));
	assert_error(&g, 400, "invalid", "evidence");
}

/* ---- format ---- */

static struct got ask_format(struct world *w, const char *uuid)
{
	cc_auto_json json_t *recipient = one_time_key();
	struct claim cl = claim_default(w, recipient);
	cc_auto_free char *jws = NULL;

	cl.op = CC_OP_FORMAT;
	cl.volume = uuid;
	jws = sign_claim(&cl);
	return send_release(w, jws, recipient);
}

static void format_is_for_volumes_being_created_only(void **state)
{
	struct world *w = *state;
	auto_got struct got ready = ask_format(w, UUID_PGDATA), creating = {0};
	json_t *body = volume_body("other", UUID_OTHER);

	assert_error(&ready, 403, "refused", "state");
	json_object_set_new(body, "creator", json_string("host1"));
	ask_ok(w, OP_VOLUME_CREATE, "", body);
	creating = ask_format(w, UUID_OTHER);
	assert_int_equal(creating.http, 200);
	assert_non_null(json_object_get(creating.body, "jwe"));
	assert_true(json_is_null(json_object_get(creating.body, "lease")));
	assert_true(json_is_null(json_object_get(creating.body, "mount")));
	assert_true(json_is_null(json_object_get(creating.body, "identity")));
	assert_string_equal(last_audit(w).event, "format");
	assert_string_equal(last_audit(w).volume, "other");
}

/* ---- challenges ---- */

static void challenges_of_a_connection_are_bounded(void **state)
{
	struct world *w = *state;
	auto_got struct got full = {0}, again = {0}, other = {0};

	w->conn = 7;
	for (int i = 0; i < NONCE_PER_CONNECTION; i++) {
		auto_got struct got g = challenge(w);

		assert_int_equal(g.http, 200);
	}
	full = challenge(w);
	assert_error(&full, 429, "busy", "nonces");
	w->conn = 8;
	other = challenge(w);
	assert_int_equal(other.http, 200);
	w->conn = 7;
	fake_boot_ms += NONCE_LIFE_MS;
	again = challenge(w);
	assert_int_equal(again.http, 200);
}

static void metrics_count_what_happened(void **state)
{
	struct world *w = *state;
	auto_got struct got good = release_to(w, BOOT_1, CONTAINER_1);
	auto_got struct got bad = release_to(w, BOOT_1, CONTAINER_2);
	auto_got struct got g = ask(w, OP_METRICS, "", NULL);

	assert_int_equal(good.http, 200);
	assert_int_equal(bad.http, 409);
	assert_non_null(strstr(g.text, "\ncontainer_crypt_releases_total 1\n"));
	assert_non_null(strstr(g.text, "\ncontainer_crypt_refusals_total{fact=\"lease\"} 1\n"));
	assert_non_null(strstr(g.text, "\ncontainer_crypt_leases 1\n"));
	assert_non_null(strstr(g.text, "\ncontainer_crypt_volumes{state=\"ready\"} 1\n"));
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(right_container_gets_the_key),
		world_test(a_running_container_is_released_to_over_the_unix_socket_only),
		world_test(each_difference_is_refused_by_its_name),
		world_test(evidence_is_good_once),
		world_test(a_refused_release_uses_its_nonce_up),
		world_test(a_restart_makes_challenges_stale),
		world_test(changed_evidence_is_refused),
		world_test(another_agents_name_does_not_help),
		world_test(a_private_or_foreign_recipient_is_refused),
		world_test(malformed_requests_are_refused_and_counted),
		world_test(too_long_evidence_is_refused),
		world_test(format_is_for_volumes_being_created_only),
		world_test(challenges_of_a_connection_are_bounded),
		world_test(metrics_count_what_happened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
