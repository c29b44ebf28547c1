// SPDX-License-Identifier: Apache-2.0
/*
 * What keyd keeps in memory is found again, is bounded, and never answers for a row that changed.
 * Verifications are counted where libcrypto does them.
 */
#include "keyd_world.h"

#include "keyd/custodian/trust.h"
#include "pkey.h"
#include "verifications.h"

static void assert_released(struct world *w)
{
	auto_got struct got g = release_to(w, BOOT_1, CONTAINER_1);

	if (g.http != 200)
		fail_msg("%s", g.text);
}

static void assert_refused(struct world *w, const char *fact)
{
	auto_got struct got g = release_to(w, BOOT_1, CONTAINER_1);

	assert_error(&g, 403, "refused", fact);
}

/* ---- how much work ---- */

static void an_identity_is_verified_once(void **state)
{
	struct world *w = *state;

	reopen_custodian(w);
	verifications = 0;
	assert_released(w);
	assert_int_equal(verifications, 2); /* the evidence's and the identity's */
	assert_released(w);
	assert_int_equal(verifications, 3);
	{
		auto_got struct got g = release_to(w, BOOT_1, CONTAINER_1);
		auto_got struct got renewed = renew(w, lease_of(&g));

		assert_renewed(&renewed);
	}
	assert_int_equal(verifications, 5);
}

/* @n signers besides "ci", none of whom signed. */
static void add_strangers(struct world *w, size_t n)
{
	char name[16];

	for (size_t i = 0; i < n; i++) {
		EVP_PKEY *key = new_p256();

		snprintf(name, sizeof(name), "a%02zu", i);
		add_signer(w, name, key);
		EVP_PKEY_free(key);
	}
}

/* An envelope of @n signatures that are none, which name nobody. */
static char *unsigned_envelope(struct world *w, size_t n)
{
	cc_auto_free char *text = envelope_by(w->signer, predicate(4));
	cc_auto_json json_t *env = json_loads(text, 0, NULL);
	json_t *sigs = json_object_get(env, "signatures");
	cc_auto_json json_t *sig = json_incref(json_array_get(sigs, 0));
	cc_auto_free char *other = envelope_by(w->signer, predicate(5));
	cc_auto_json json_t *theirs = json_loads(other, 0, NULL);

	json_object_set(
		sig, "sig",
		json_object_get(json_array_get(json_object_get(theirs, "signatures"), 0), "sig"));
	json_object_set_new(sig, "keyid", json_string(""));
	json_array_clear(sigs);
	for (size_t i = 0; i < n; i++)
		json_array_append(sigs, sig);
	return json_dumps(env, 0);
}

static void signatures_times_signers_are_bounded(void **state)
{
	struct world *w = *state;
	cc_auto_free char *env = NULL;
	auto_got struct got g = {0};

	add_strangers(w, 63);
	env = unsigned_envelope(w, 16);
	verifications = 0;
	g = ask(w, OP_IDENTITY_ADD, "", json_pack("{s:s}", "envelope", env));
	assert_error(&g, 403, "refused", "signature");
	assert_true(verifications > 0 && verifications <= TRUST_TRIES_MAX);
}

/* ---- rows that change ---- */

static void a_kept_identity_counts_only_while_its_signer_is_enrolled(void **state)
{
	struct world *w = *state;

	assert_released(w);
	ask_ok(w, OP_SIGNER_DELETE, "ci", NULL);
	assert_refused(w, "signature");
	add_signer(w, "ci", w->signer);
	assert_released(w);
}

static void another_key_under_the_signers_name_does_not_inherit_its_identities(void **state)
{
	struct world *w = *state;
	EVP_PKEY *other = new_p256();

	assert_released(w);
	ask_ok(w, OP_SIGNER_DELETE, "ci", NULL);
	add_signer(w, "ci", other);
	assert_refused(w, "signature");
	EVP_PKEY_free(other);
}

static void a_changed_envelope_is_not_the_one_that_was_kept(void **state)
{
	struct world *w = *state;

	assert_released(w);
	tamper_sealed(w, "UPDATE identity SET envelope = CAST(replace(envelope, "
			 "'\"payload\":\"', '\"payload\":\"AAAA') AS BLOB)");
	assert_refused(w, "signature");
}

static void an_agents_kept_key_does_not_speak_for_the_next_of_its_name(void **state)
{
	struct world *w = *state;
	json_t *next = new_agent_key("host1");

	assert_released(w);
	ask_ok(w, OP_AGENT_DELETE, "host1", NULL);
	assert_refused(w, "agent");
	enrol(w, "host1", next);
	assert_refused(w, "signature");
	json_decref(next);
}

/* ---- the table ---- */

static void a_key_is_kept_and_an_agents_is_no_signers(void **state)
{
	struct world *w = *state;
	struct cc_error err = {0};
	struct kept *k = kept_new(&err);
	json_t *public = cc_jwk_public(w->agent, &err);
	cc_auto_free char *pem = public_pem(w->signer), *jwk = json_dumps(public, 0);
	cc_auto_pkey EVP_PKEY *a = kept_signer_key(k, pem, &err),
			      *b = kept_signer_key(k, pem, &err);
	cc_auto_pkey EVP_PKEY *c = kept_agent_key(k, jwk, &err), *d = kept_agent_key(k, jwk, &err);

	assert_non_null(a);
	assert_ptr_equal(a, b);
	assert_non_null(c);
	assert_ptr_equal(c, d);
	for (size_t i = 0; i < 2; i++) {
		assert_null(kept_signer_key(k, jwk, &err));
		assert_null(kept_agent_key(k, pem, &err));
		assert_null(kept_agent_key(k, "{}", &err));
	}
	kept_free(k);
	json_decref(public);
}

static void what_is_kept_is_bounded(void **state)
{
	struct world *w = *state;
	struct cc_error err = {0};
	struct kept *k = kept_new(&err);
	struct cc_identity *id = calloc(1, sizeof(*id)), *last = calloc(1, sizeof(*last));
	const struct kept_proof newest = kept_proof("pem", "newest", 6),
				large = kept_proof("pem", "large", 5);
	char text[16];

	(void)w;
	for (size_t i = 0; i < (size_t)10 * KEPT_SETS * KEPT_WAYS; i++) {
		struct kept_proof proof;

		snprintf(text, sizeof(text), "%zu", i);
		proof = kept_proof("pem", text, strlen(text));
		kept_identity_put(k, &proof, id, 100);
	}
	assert_true(id->refs > 0 && id->refs <= KEPT_SETS * KEPT_WAYS);
	kept_identity_put(k, &newest, last, KEPT_IDENTITY_MAX);
	assert_ptr_equal(kept_identity(k, &newest), last);
	kept_identity_put(k, &large, last, KEPT_IDENTITY_MAX + 1);
	assert_null(kept_identity(k, &large));
	kept_free(k);
	assert_int_equal(id->refs, 0);
	assert_int_equal(last->refs, 1);
	cc_identity_free(id);
	cc_identity_free(last);
	cc_identity_free(last);
}

static void no_byte_moves_from_the_key_to_the_envelope(void **state)
{
	const struct kept_proof a = kept_proof("ab", "c", 1), b = kept_proof("a", "bc", 2);

	(void)state;
	assert_memory_not_equal(&a, &b, sizeof(a));
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(an_identity_is_verified_once),
		world_test(signatures_times_signers_are_bounded),
		world_test(a_kept_identity_counts_only_while_its_signer_is_enrolled),
		world_test(another_key_under_the_signers_name_does_not_inherit_its_identities),
		world_test(a_changed_envelope_is_not_the_one_that_was_kept),
		world_test(an_agents_kept_key_does_not_speak_for_the_next_of_its_name),
		world_test(a_key_is_kept_and_an_agents_is_no_signers),
		world_test(what_is_kept_is_bounded),
		cmocka_unit_test(no_byte_moves_from_the_key_to_the_envelope),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
