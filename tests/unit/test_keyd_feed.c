// SPDX-License-Identifier: Apache-2.0
/* keyd lets in an image by who signed it, as long as that signer is enrolled. */
#include "feed_test.h"

#include "keyd_world.h"
#include "verifications.h"

static EVP_PKEY *release_key;

static json_t *feed(uint64_t serial, const char *signer)
{
	json_t *p = predicate(serial);

	json_object_set_new(p, "image",
			    json_pack("{s:[s], s:s, s:{s:s, s:s}}", "signedBy", signer,
				      "repository", REPOSITORY, "floor", "annotation", "version",
				      "minimum", "1.1"));
	return p;
}

static void add_feed(struct world *w, const char *signer)
{
	auto_got struct got g = add_identity(w, w->signer, feed(4, signer));

	if (g.http != 200)
		fail_msg("%s", g.text);
}

/* A signer of images, and of no identity. */
static void add_release(struct world *w)
{
	cc_auto_free char *pem = public_pem(release_key);

	ask_ok(w, OP_SIGNER_ADD, "",
	       json_pack("{s:s, s:s, s:s}", "name", "release", "pem", pem, "volumes", "-"));
}

static int feed_setup(void **state)
{
	release_key = new_p256();
	return world_setup(state);
}

static int feed_teardown(void **state)
{
	EVP_PKEY_free(release_key);
	return world_teardown(state);
}

/* The image of measurement(), signed as @version. */
static json_t *proof(const char *version)
{
	cc_auto_image_proof struct cc_image_proof *p = proof_of(DIGEST_1, true);
	char optional[64];

	snprintf(optional, sizeof(optional), "{\"version\":\"%s\"}", version);
	add_signature(p, release_key, payload_of(REPOSITORY, p->index, optional));
	return cc_image_proof_to_json(p);
}

/* @brought: taken over; NULL: nothing */
static struct got start_with(struct world *w, json_t *brought)
{
	cc_auto_json json_t *recipient = one_time_key();
	struct claim cl = claim_default(w, recipient);
	cc_auto_free char *jws = NULL;

	if (brought)
		change(cl.measurement, "image", "proof", brought);
	jws = sign_claim(&cl);
	return send_release(w, jws, recipient);
}

/* @signed_as: the version; NULL: nothing was brought */
static struct got start(struct world *w, const char *signed_as)
{
	return start_with(w, signed_as ? proof(signed_as) : NULL);
}

/* As cosign 3 signs it. @annotations: JSON */
static json_t *statement_proof(const char *annotations)
{
	cc_auto_image_proof struct cc_image_proof *p = proof_of(DIGEST_1, true);
	char subject[256];

	snprintf(subject, sizeof(subject), ",\"annotations\":{%s}", annotations);
	add_statement(p, release_key, statement_of(p->index, subject, SIGN_V1, "{}"));
	return cc_image_proof_to_json(p);
}

static void bring_1_1(json_t *m)
{
	change(m, "image", "proof", proof("1.1"));
}

static struct got go_on(struct world *w, const char *lease, change_fn *brings)
{
	return renew_as(w, "host1", w->agent, BOOT_1, CONTAINER_1, lease, brings);
}

static void a_new_version_starts_without_a_new_identity(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0}, renewed = {0};

	add_release(w);
	add_feed(w, "release");
	g = start(w, "1.1");
	assert_int_equal(g.http, 200);
	renewed = go_on(w, lease_of(&g), bring_1_1);
	assert_renewed(&renewed);
}

static void a_signer_may_be_named_by_its_key(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	struct cc_error err;
	char keyid[72];

	assert_int_equal(cc_pubkey_id(release_key, keyid, &err), 0);
	add_release(w);
	add_feed(w, keyid);
	g = start(w, "1.2.0");
	assert_int_equal(g.http, 200);
}

static void an_image_that_is_not_what_was_signed_for_is_refused(void **state)
{
	struct world *w = *state;
	auto_got struct got none = {0}, stale = {0};

	add_release(w);
	add_feed(w, "release");
	none = start(w, NULL);
	assert_error(&none, 403, "refused", "imageProof");
	assert_string_equal(last_audit(w).fact, "imageProof");
	stale = start(w, "1.0.9");
	assert_error(&stale, 403, "refused", "imageFloor");
}

static void what_cosign_3_signs_is_let_in_for_the_repository_that_it_names(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0}, none = {0};

	add_release(w);
	add_feed(w, "release");
	none = start_with(w, statement_proof("\"version\":\"1.1\""));
	assert_error(&none, 403, "refused", "imageRepository");
	g = start_with(
		w, statement_proof("\"version\":\"1.1\",\"docker-reference\":\"" REPOSITORY "\""));
	assert_int_equal(g.http, 200);
}

/* The proof of 1.1, and provenance of @builder. */
static json_t *proof_built_by(const char *builder)
{
	cc_auto_json json_t *brought = proof("1.1");
	cc_auto_image_proof struct cc_image_proof *p = NULL;
	struct cc_error err = {0};
	char predicate[512];

	snprintf(predicate, sizeof(predicate),
		 "{\"runDetails\":{\"builder\":{\"id\":\"%s\"}},\"buildDefinition\":{"
		 "\"externalParameters\":{\"source\":\"git+https://git.example/db\"}}}",
		 builder);
	p = cc_image_proof_from_json(brought, &err);
	assert_non_null(p);
	add_statement(p, release_key,
		      statement_of(p->index, "", "https://slsa.dev/provenance/v1", predicate));
	return cc_image_proof_to_json(p);
}

static void an_image_is_let_in_by_who_built_it(void **state)
{
	struct world *w = *state;
	json_t *pred = feed(4, "release");
	auto_got struct got added = {0}, none = {0}, other = {0}, g = {0};

	add_release(w);
	json_object_set_new(json_object_get(pred, "image"), "builtBy",
			    json_pack("{s:s, s:s}", "builder", "https://ci.example/b", "source",
				      "git+https://git.example/db"));
	added = add_identity(w, w->signer, pred);
	assert_int_equal(added.http, 200);
	none = start(w, "1.1");
	assert_error(&none, 403, "refused", "imageProvenance");
	other = start_with(w, proof_built_by("https://evil.example/b"));
	assert_error(&other, 403, "refused", "imageBuilder");
	assert_string_equal(last_audit(w).fact, "imageBuilder");
	g = start_with(w, proof_built_by("https://ci.example/b"));
	assert_int_equal(g.http, 200);
}

static void a_signer_of_images_signs_no_identity(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};

	add_release(w);
	g = add_identity(w, release_key, feed(4, "release"));
	assert_error(&g, 403, "refused", "scope");
	assert_non_null(strstr(message_of(&g), "--volumes 'pgdata'"));
}

static void a_signer_that_was_removed_ends_what_it_let_in(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0}, again = {0}, other = {0};
	char lease[37];

	add_release(w);
	add_feed(w, "release");
	g = start(w, "1.1");
	assert_int_equal(g.http, 200);
	snprintf(lease, sizeof(lease), "%s", lease_of(&g));
	ask_ok(w, OP_SIGNER_DELETE, "release", NULL);
	again = go_on(w, lease, bring_1_1);
	assert_not_renewed(&again, "imageSigner");
	other = start(w, "1.1");
	assert_error(&other, 403, "refused", "imageSigner");
}

static void a_renewal_has_to_bring_the_signature_as_well(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0}, again = {0};

	add_release(w);
	add_feed(w, "release");
	g = start(w, "1.1");
	assert_int_equal(g.http, 200);
	again = go_on(w, lease_of(&g), NULL);
	assert_not_renewed(&again, "imageProof");
}

static void a_signature_is_verified_once_for_all_identities_of_a_release(void **state)
{
	struct world *w = *state;
	auto_got struct got first = {0}, again = {0};

	add_release(w);
	for (uint64_t serial = 4; serial < 9; serial++) {
		json_t *pred = feed(serial, "release");
		auto_got struct got g = {0};

		json_object_set_new(pred, "floor", json_integer(4));
		g = add_identity(w, w->signer, pred);
		assert_int_equal(g.http, 200);
	}
	first = start(w, "1.0.9");
	assert_error(&first, 403, "refused", "imageFloor");
	verifications = 0;
	again = start(w, "1.0.9");
	assert_error(&again, 403, "refused", "imageFloor");
	assert_non_null(strstr(message_of(&again), "none of 5 identities"));
	assert_int_equal(verifications, 2); /* the evidence's and the image's */
}

static void an_agent_is_told_to_bring_signatures(void **state)
{
	struct world *w = *state;
	auto_got struct got before = ask(w, OP_IDENTITY_GET, "pgdata", NULL), after = {0};

	add_feed(w, "release");
	after = ask(w, OP_IDENTITY_GET, "pgdata", NULL);
	assert_non_null(strstr(before.text, "\"proof\":false"));
	assert_non_null(strstr(after.text, "\"proof\":true"));
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, feed_setup, feed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_WORLD(a_new_version_starts_without_a_new_identity),
		WITH_WORLD(a_signer_may_be_named_by_its_key),
		WITH_WORLD(an_image_that_is_not_what_was_signed_for_is_refused),
		WITH_WORLD(what_cosign_3_signs_is_let_in_for_the_repository_that_it_names),
		WITH_WORLD(an_image_is_let_in_by_who_built_it),
		WITH_WORLD(a_signer_of_images_signs_no_identity),
		WITH_WORLD(a_signer_that_was_removed_ends_what_it_let_in),
		WITH_WORLD(a_renewal_has_to_bring_the_signature_as_well),
		WITH_WORLD(a_signature_is_verified_once_for_all_identities_of_a_release),
		WITH_WORLD(an_agent_is_told_to_bring_signatures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
