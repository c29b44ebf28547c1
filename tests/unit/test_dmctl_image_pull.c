// SPDX-License-Identifier: Apache-2.0
/* What a registry has of an image and beside it is fetched, and found as in a directory. */
#include "pull_made.h"

#include "host/stop_signals.h"

static void an_image_and_the_signature_under_its_tag_are_fetched(void **state)
{
	const char *manifest = serve_image();

	(void)state;
	serve_tagged_signature(manifest);
	pulls(":v1");
	assert_int_equal(n_found, 1);
	assert_string_equal(found->manifest, manifest);
	lets_in(DIGEST_A);
}

static void what_the_list_of_referrers_has_is_fetched(void **state)
{
	const char *manifest = serve_image();

	(void)state;
	serve("referrers/", digest(manifest), serve_bundle(manifest));
	pulls(":v1");
	assert_true(found->v[0].statement);
	lets_in(DIGEST_A);
}

static void the_index_under_a_tag_stands_in_for_the_list(void **state)
{
	const char *manifest = serve_image();

	(void)state;
	serve("manifests/sha256-", hex(manifest), serve_bundle(manifest));
	pulls(":v1");
	lets_in(DIGEST_A);
}

/* Measured of cosign 3.1 with a registry that has no list. */
static void the_list_that_cosign_makes_itself_is_read(void **state)
{
	const char *manifest = serve_image();

	(void)state;
	listed_as = "application/vnd.oci.empty.v1+json";
	serve("manifests/sha256-", hex(manifest), serve_bundle(manifest));
	listed_as = BUNDLE_V03;
	pulls(":v1");
	lets_in(DIGEST_A);
}

static void an_index_its_platforms_and_their_signatures_are_fetched(void **state)
{
	const char *manifest = serve_image();
	const char *index = text(index_of(manifest, "linux"));

	(void)state;
	serve("manifests/", "multi", index);
	serve_tagged_signature(index);
	serve("referrers/", digest(manifest), serve_bundle(manifest));
	pulls(":multi");
	assert_int_equal(found->n, 2);
	assert_string_equal(found->index, index);
	lets_in(DIGEST_A);
}

static void an_image_is_asked_for_by_its_digest(void **state)
{
	const char *manifest = serve_image();
	char reference[CC_DIGEST_LEN + 1];

	(void)state;
	snprintf(reference, sizeof(reference), "@%s", digest(manifest));
	serve_tagged_signature(manifest);
	pulls(reference);
	lets_in(DIGEST_A);
}

/* An SBOM of megabytes, as they are. */
static void a_large_attestation_beside_an_image_is_not_fetched(void **state)
{
	const char *manifest = serve_image(), *sbom, *list;
	cc_auto_json json_t *large = NULL;

	(void)state;
	serve_tagged_signature(manifest);
	large = json_loads(manifest_with(BUNDLE_V03, "no blob", NULL), 0, NULL);
	json_object_set_new(json_array_get(json_object_get(large, "layers"), 0), "size",
			    json_integer(5000000));
	sbom = text(json_dumps(large, JSON_COMPACT));
	serve_manifest(sbom);
	list = dumped(json_pack("{s:[{s:s, s:s}]}", "manifests", "mediaType", OCI_MANIFEST,
				"digest", digest(sbom)));
	serve("referrers/", digest(manifest), list);
	pulls(":v1");
	assert_int_equal(found->n, 1);
	lets_in(DIGEST_A);
}

static void a_signal_ends_the_pull(void **state)
{
	struct cc_error err;

	(void)state;
	serve("manifests/", "v1", NULL);
	registry_start();
	stop_signals_block();
	raise(SIGTERM);
	assert_int_equal(pull(":v1", &err), -1);
	assert_int_not_equal(err.code, CC_E_UNREACHABLE);
	stop_signals_unblock();
}

static void what_was_pulled_is_removed(void **state)
{
	const char *manifest = serve_image();

	(void)state;
	serve_tagged_signature(manifest);
	pulls(":v1");
	image_pull_remove(top);
	assert_int_equal(access(top, F_OK), -1);
}

/* ---- what is refused ---- */

static void what_is_not_what_its_digest_says_is_refused(void **state)
{
	const char *manifest = serve_image();

	(void)state;
	serve("manifests/", DIGEST_C, manifest);
	fails("@" DIGEST_C, CC_E_INVALID, "has the digest");
}

static void a_blob_that_was_swapped_is_refused(void **state)
{
	const char *manifest = serve_image();

	(void)state;
	serve_tagged_signature(manifest);
	for (size_t i = 0; i < served.n; i++)
		if (strstr(served.pages[i].path, "/blobs/"))
			served.pages[i].body = "{}";
	fails(":v1", CC_E_INVALID, "has the digest");
}

static void an_image_that_is_not_there_or_not_signed_is_refused(void **state)
{
	(void)state;
	serve_image();
	fails(":v2", CC_E_NOTFOUND, "no manifest v2 of shop/db");
	registry_stop();
	registry_new();
	serve_image();
	fails(":v1", CC_E_INVALID, "neither a signature nor an attestation");
}

/* Exit status 8 says that of the image. */
static void a_signature_that_is_not_there_is_no_image_that_is_not_there(void **state)
{
	const char *manifest = serve_image();

	(void)state;
	serve_tagged_signature(manifest);
	for (size_t i = 0; i < served.n; i++)
		if (strstr(served.pages[i].path, "/blobs/"))
			strcpy(served.pages[i].path, "/gone");
	fails(":v1", CC_E_INVALID, "has no blob");
}

static void what_is_too_long_is_refused(void **state)
{
	char *much = malloc(5 * 1024 * 1024 + 1);

	(void)state;
	assert_non_null(much);
	memset(much, ' ', 5 * 1024 * 1024);
	much[5 * 1024 * 1024] = '\0';
	serve("manifests/", "v1", text(much));
	fails(":v1", CC_E_INVALID, "too long");
}

static void a_registry_that_does_not_answer_is_given_up(void **state)
{
	(void)state;
	serve("manifests/", "v1", NULL);
	how.seconds = 1;
	fails(":v1", CC_E_UNREACHABLE, "in time");
}

static void a_registry_that_fails_or_is_not_there_is_an_error(void **state)
{
	struct cc_error err;

	(void)state;
	serve("manifests/", "v1", "{}")->status = 500;
	fails(":v1", CC_E_UNREACHABLE, "HTTP 500");
	registry_stop();
	assert_int_equal(pull(":v1", &err), -1);
	expect_error(&err, CC_E_UNREACHABLE, "", "127.0.0.1");
	registry_new();
}

static void without_being_told_another_host_is_asked_by_https(void **state)
{
	struct cc_error err;

	(void)state;
	serve_image();
	how.ca = "tests/unit/nosuch.pem";
	assert_int_equal(pull(":v1", &err), -1);
	expect_error(&err, CC_E_NOTFOUND, "", "nosuch.pem");
	how.ca = "tests/fixtures/cosign/cosign.pub"; /* whatever it trusts, it is https */
	fails(":v1", CC_E_UNREACHABLE, "https://127.0.0.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(an_image_and_the_signature_under_its_tag_are_fetched),
		SERVED(what_the_list_of_referrers_has_is_fetched),
		SERVED(the_index_under_a_tag_stands_in_for_the_list),
		SERVED(the_list_that_cosign_makes_itself_is_read),
		SERVED(an_index_its_platforms_and_their_signatures_are_fetched),
		SERVED(an_image_is_asked_for_by_its_digest),
		SERVED(a_large_attestation_beside_an_image_is_not_fetched),
		SERVED(a_signal_ends_the_pull),
		SERVED(what_was_pulled_is_removed),
		SERVED(what_is_not_what_its_digest_says_is_refused),
		SERVED(a_blob_that_was_swapped_is_refused),
		SERVED(an_image_that_is_not_there_or_not_signed_is_refused),
		SERVED(a_signature_that_is_not_there_is_no_image_that_is_not_there),
		SERVED(what_is_too_long_is_refused),
		SERVED(a_registry_that_does_not_answer_is_given_up),
		SERVED(a_registry_that_fails_or_is_not_there_is_an_error),
		SERVED(without_being_told_another_host_is_asked_by_https),
	};

	return cmocka_run_group_tests(tests, pull_setup, pull_teardown);
}
