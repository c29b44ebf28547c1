// SPDX-License-Identifier: Apache-2.0
/*
 * What it costs to follow images back to their signatures is bounded, and what cannot be found out
 * is no refusal. Verifications are counted, and fail, where libcrypto does them.
 */
#include "feed_keys.h"

#include "dsse.h"
#include "facts.h"
#include "verifications.h"

static struct cc_feed *feed_of_two(void)
{
	cc_auto_json json_t *image = json_pack("{s:[s,s], s:s}", "signedBy", "release", "backup",
					       "repository", REPOSITORY);
	struct cc_error err = {0};
	struct cc_feed *feed = cc_feed_from_json(image, &err);

	assert_non_null(feed);
	return feed;
}

/* ---- how much work ---- */

static char *payload_numbered(const struct cc_image_proof *p, size_t i)
{
	char optional[32];

	snprintf(optional, sizeof(optional), "{\"n\":\"%zu\"}", i);
	return payload_of(REPOSITORY, p->manifest, optional);
}

/* Signed by nobody who is named. */
static struct cc_image_proof *proof_by_strangers(size_t from)
{
	struct cc_image_proof *p = proof_of(DIGEST_A, false);

	for (size_t i = 0; i < CC_IMAGE_SIGNATURES_MAX; i++)
		add_signature(p, stranger, payload_numbered(p, from + i));
	return p;
}

static void a_signature_is_verified_once_for_all_identities_of_a_request(void **state)
{
	cc_auto_image_proof struct cc_image_proof *p = proof_by_strangers(0);
	const struct cc_feed_keys keys = {{release, backup}};
	auto_feed *feed = feed_of_two();
	auto_image_tries tries = {0};

	(void)state;
	verifications = 0;
	for (int identity = 0; identity < 5; identity++) {
		struct cc_error err = {0};

		assert_int_equal(cc_feed_check(feed, p, DIGEST_A, &keys, &tries, &err), -1);
		expect_error(&err, CC_E_REFUSED, "imageSigner", "no signature of the image");
	}
	assert_int_equal(verifications, 2 * CC_IMAGE_SIGNATURES_MAX);
}

static void what_was_verified_before_still_lets_in(void **state)
{
	cc_auto_image_proof struct cc_image_proof *p = proof_of(DIGEST_A, false);
	const struct cc_feed_keys keys = {{release, backup}};
	auto_feed *feed = feed_of_two();
	auto_image_tries tries = {0};
	struct cc_error err = {0};

	(void)state;
	add_signature(p, backup, payload_numbered(p, 0));
	verifications = 0;
	expect_ok(cc_feed_check(feed, p, DIGEST_A, &keys, &tries, &err), &err);
	expect_ok(cc_feed_check(feed, p, DIGEST_A, &keys, &tries, &err), &err);
	assert_int_equal(verifications, 2);
}

static void equal_keys_and_equal_signatures_are_tried_once(void **state)
{
	cc_auto_image_proof struct cc_image_proof *p = proof_of(DIGEST_A, false);
	const struct cc_feed_keys twice = {{release, release}};
	auto_feed *feed = feed_of_two();
	struct cc_error err = {0};

	(void)state;
	add_signature(p, stranger, payload_numbered(p, 0));
	p->v[1] = (struct cc_image_signature){strdup(p->v[0].payload), strdup(p->v[0].signature),
					      false};
	p->n = 2;
	verifications = 0;
	assert_int_equal(cc_feed_check(feed, p, DIGEST_A, &twice, NULL, &err), -1);
	expect_error(&err, CC_E_REFUSED, "imageSigner", "");
	assert_int_equal(verifications, 1);
}

static void the_work_of_one_request_is_bounded_and_the_refusal_says_so(void **state)
{
	const struct cc_feed_keys keys = {{release, backup}};
	auto_feed *feed = feed_of_two();
	auto_image_tries tries = {0};
	struct cc_error err = {0};

	(void)state;
	verifications = 0;
	for (size_t i = 0; i <= CC_IMAGE_TRIES_MAX / 2; i += CC_IMAGE_SIGNATURES_MAX) {
		cc_auto_image_proof struct cc_image_proof *p = proof_by_strangers(i);

		assert_int_equal(cc_feed_check(feed, p, DIGEST_A, &keys, &tries, &err), -1);
	}
	expect_error(&err, CC_E_REFUSED, "imageSignatures", "512 verifications");
	assert_int_equal(verifications, CC_IMAGE_TRIES_MAX);
}

/* ---- what cannot be found out ---- */

static void without_memory_a_signature_is_not_said_to_be_wrong(void **state)
{
	cc_auto_image_proof struct cc_image_proof *p = proof_of(DIGEST_A, false);
	const struct cc_feed_keys keys = {{release}};
	auto_feed *feed = feed_of_two();
	auto_image_tries tries = {0};
	struct cc_error err = {0};

	(void)state;
	add_signature(p, release, payload_numbered(p, 0));
	memory_is_short = true;
	assert_int_equal(cc_feed_check(feed, p, DIGEST_A, &keys, &tries, &err), -1);
	memory_is_short = false;
	expect_error(&err, CC_E_NOMEM, "", "out of memory");
	expect_ok(cc_feed_check(feed, p, DIGEST_A, &keys, &tries, &err), &err);
}

static void without_memory_an_envelope_is_not_said_to_be_unsigned(void **state)
{
	cc_auto_free char *env = NULL, *payload = NULL;
	struct cc_error err = {0};
	size_t len;

	(void)state;
	expect_ok(cc_dsse_sign(CC_DSSE_INTOTO, "{}", 2, release, &env, &err), &err);
	memory_is_short = true;
	assert_int_equal(
		cc_dsse_verify(env, strlen(env), CC_DSSE_INTOTO, release, &payload, &len, &err),
		-1);
	memory_is_short = false;
	expect_error(&err, CC_E_NOMEM, "", "out of memory");
}

static void *no_memory(size_t n)
{
	(void)n;
	return NULL;
}

static void without_memory_a_document_is_not_said_to_be_wrong(void **state)
{
	cc_auto_image_proof struct cc_image_proof *p = proof_of(DIGEST_A, true);
	const struct cc_feed_keys keys = {{release}};
	auto_feed *feed = feed_of_two();
	struct cc_error err = {0};
	int rc;

	(void)state;
	add_signature(p, release, payload_numbered(p, 0));
	json_set_alloc_funcs(no_memory, free);
	rc = cc_feed_check(feed, p, DIGEST_A, &keys, NULL, &err);
	json_set_alloc_funcs(malloc, free);
	assert_int_equal(rc, -1);
	expect_error(&err, CC_E_NOMEM, "", "out of memory");
}

static void a_failure_among_facts_is_what_is_said(void **state)
{
	static struct cc_facts facts;
	struct cc_error err = {0};

	(void)state;
	cc_facts_init(&facts, CC_FACTS_MAX);
	assert_int_equal(cc_facts_add(&facts, "serial", "serial: too low"), 0);
	cc_fail(&err, CC_E_NOMEM, "out of memory");
	assert_int_equal(cc_facts_add_error(&facts, &err), -1);
	err = (struct cc_error){0};
	assert_int_equal(cc_facts_first(&facts, &err), -1);
	expect_error(&err, CC_E_NOMEM, "", "out of memory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signature_is_verified_once_for_all_identities_of_a_request),
		cmocka_unit_test(what_was_verified_before_still_lets_in),
		cmocka_unit_test(equal_keys_and_equal_signatures_are_tried_once),
		cmocka_unit_test(the_work_of_one_request_is_bounded_and_the_refusal_says_so),
		cmocka_unit_test(without_memory_a_signature_is_not_said_to_be_wrong),
		cmocka_unit_test(without_memory_an_envelope_is_not_said_to_be_unsigned),
		cmocka_unit_test(without_memory_a_document_is_not_said_to_be_wrong),
		cmocka_unit_test(a_failure_among_facts_is_what_is_said),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
