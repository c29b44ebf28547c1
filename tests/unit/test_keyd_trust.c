// SPDX-License-Identifier: Apache-2.0
/* Whose signature counts, whichever way a key is written, at what cost, and until when. */
#include "keyd_world.h"

#include <openssl/core_names.h>

static const char *signer_of(const struct got *g)
{
	return json_string_value(json_object_get(g->body, "signer"));
}

/* The same key with its point written in the other way, 33 bytes instead of 65. */
static char *compressed_pem(EVP_PKEY *key)
{
	EVP_PKEY *copy = EVP_PKEY_dup(key);
	char *pem;

	assert_int_equal(EVP_PKEY_set_utf8_string_param(
				 copy, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed"),
			 1);
	pem = public_pem(copy);
	EVP_PKEY_free(copy);
	return pem;
}

static void one_key_is_one_signer_however_it_is_written(void **state)
{
	struct world *w = *state;
	uint64_t rows;
	cc_auto_free char *plain = public_pem(w->signer), *pem = compressed_pem(w->signer);
	auto_got struct got twice = {0}, same = {0};

	assert_string_not_equal(plain, pem);
	twice = ask(w, OP_SIGNER_ADD, "", json_pack("{s:s, s:s}", "name", "ci2", "pem", pem));
	assert_error(&twice, 409, "exists", "");
	rows = last_audit(w).seq;
	same = ask(w, OP_SIGNER_ADD, "", json_pack("{s:s, s:s}", "name", "ci", "pem", pem));
	assert_int_equal(same.http, 200);
	assert_int_equal(last_audit(w).seq, rows);
}

static void a_signer_that_cannot_be_read_hides_no_other(void **state)
{
	struct world *w = *state;

	tamper_sealed(w, "INSERT INTO signer (name, keyid, pem) VALUES "
			 "('a-first', 'sha256:x', 'no key');"
			 "UPDATE identity SET signer = 'a-first'");
	reopen_custodian(w);
	{
		auto_got struct got released = release_to(w, BOOT_1, CONTAINER_1);
		auto_got struct got added = add_identity(w, w->signer, predicate(4));

		assert_int_equal(released.http, 200);
		assert_string_equal(signer_of(&added), "ci");
	}
}

/* 43 characters of base64url are 258 bits: two of them say nothing, and would make another key. */
static void one_key_is_one_agent_however_it_is_written(void **state)
{
	static const char order[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	struct world *w = *state;
	struct cc_error err;
	json_t *public = cc_jwk_public(w->agent, &err);
	char x[44];
	auto_got struct got g = {0};

	snprintf(x, sizeof(x), "%s", json_string_value(json_object_get(public, "x")));
	x[42] = strchr(order, x[42])[1];
	json_object_set_new(public, "x", json_string(x));
	json_object_del(public, "kid");
	g = ask(w, OP_AGENT_ADD, "", json_pack("{s:s, s:o}", "name", "host2", "jwk", public));
	assert_error(&g, 400, "invalid", "");
}

/* 15 signatures that are none before the one of @signer. @named: it says whose it is */
static char *last_of_many(EVP_PKEY *signer, bool named)
{
	cc_auto_free char *text = envelope_by(signer, predicate(4));
	cc_auto_json json_t *env = json_loads(text, 0, NULL);
	json_t *sigs = json_object_get(env, "signatures");
	json_t *bad = json_pack("{s:s, s:s}", "keyid", "", "sig", "AAAA");

	if (!named)
		json_object_del(json_array_get(sigs, 0), "keyid");
	for (size_t i = 0; i < 15; i++)
		json_array_insert(sigs, 0, bad);
	json_decref(bad);
	return json_dumps(env, 0);
}

static void the_work_for_one_envelope_is_bounded(void **state)
{
	struct world *w = *state;
	EVP_PKEY *last = new_p256();
	cc_auto_free char *named = NULL, *unnamed = NULL;
	auto_got struct got no = {0}, yes = {0};
	char name[16];

	for (size_t i = 0; i < 20; i++) {
		EVP_PKEY *key = new_p256();

		snprintf(name, sizeof(name), "s%zu", i);
		add_signer(w, name, key);
		EVP_PKEY_free(key);
	}
	add_signer(w, "z", last);
	unnamed = last_of_many(last, false);
	no = ask(w, OP_IDENTITY_ADD, "", json_pack("{s:s}", "envelope", unnamed));
	assert_error(&no, 403, "refused", "signature");
	assert_non_null(strstr(message_of(&no), "keyid"));
	named = last_of_many(last, true);
	yes = ask(w, OP_IDENTITY_ADD, "", json_pack("{s:s}", "envelope", named));
	assert_string_equal(signer_of(&yes), "z");
	EVP_PKEY_free(last);
}

/* The identity is over at 08:00:10; @when: what the clock says */
static void assert_over(struct world *w, int64_t when)
{
	auto_got struct got g = {0};

	fake_real = when;
	g = release_to(w, BOOT_1, CONTAINER_1);
	assert_error(&g, 403, "refused", "validity");
}

static void a_clock_set_back_brings_no_identity_back(void **state)
{
	struct world *w = *state;
	json_t *pred = predicate(4);
	const struct cc_audit_row init = {.event = "init", .outcome = "allow"};
	const int64_t start = fake_real;
	struct cc_error err;

	json_object_set_new(pred, "notAfter", json_string("2027-01-15T08:00:10Z"));
	{
		auto_got struct got added = add_identity(w, w->signer, pred);
		auto_got struct got good = release_to(w, BOOT_1, CONTAINER_1);

		assert_int_equal(added.http, 200);
		assert_int_equal(good.http, 200);
	}
	assert_over(w, start + 20);
	assert_over(w, start);
	reopen_custodian(w);
	assert_over(w, start + 5);
	/* A row of keyd init or of an upgrade, which go by the clock as it is. */
	if (store_audit_add(w->custodian.store, &init, start, &err))
		fail_msg("%s", err.text);
	reopen_custodian(w);
	assert_over(w, start + 5);
	fake_real = start;
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(one_key_is_one_signer_however_it_is_written),
		world_test(a_signer_that_cannot_be_read_hides_no_other),
		world_test(one_key_is_one_agent_however_it_is_written),
		world_test(the_work_for_one_envelope_is_bounded),
		world_test(a_clock_set_back_brings_no_identity_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
