// SPDX-License-Identifier: Apache-2.0
/* What cosign 3 keeps beside an image is found in a directory, and becomes what an agent brings. */
#include "bundle_made.h"

#include "client/bundle.h"
#include "client/image_proofs.h"
#include "image_statement.h"

#define NOON "2026-11-28T12:00:00Z"
#define ONE "2026-11-28T13:00:00Z"
#define NAMED(name) ",\"annotations\":{\"docker-reference\":\"" name "\"}"
#define VERSION(v) \
	",\"annotations\":{\"docker-reference\":\"" REPOSITORY "\",\"version\":\"" v "\"}"

/* ---- the bundle ---- */

static json_t *good_bundle(void)
{
	cc_auto_free char *statement = statement_of("document", "", SIGN_V1, "{}");

	return bundle_of(envelope_of(statement, release));
}

/* Return: as bundle_open(); @text: the statement, malloced. */
static int open_bundle(const json_t *bundle, char **text, struct cc_error *err)
{
	cc_auto_free char *dumped = json_dumps(bundle, JSON_COMPACT | JSON_ENCODE_ANY);
	struct cc_image_signature sig = {0};
	int rc = bundle_open(dumped, strlen(dumped), &sig, err);

	assert_true(rc || sig.statement);
	*text = sig.payload;
	free(sig.signature);
	return rc;
}

static void the_statement_is_taken_out_of_bundle_or_envelope(void **state)
{
	cc_auto_free char *statement = statement_of("document", "", SIGN_V1, "{}");
	cc_auto_json json_t *bundle = good_bundle();
	cc_auto_free char *of_bundle = NULL, *of_envelope = NULL;
	struct cc_error err = {0};

	(void)state;
	expect_ok(open_bundle(bundle, &of_bundle, &err), &err);
	assert_string_equal(of_bundle, statement);
	expect_ok(open_bundle(json_object_get(bundle, "dsseEnvelope"), &of_envelope, &err), &err);
	assert_string_equal(of_envelope, statement);
}

/* @path: members with dots between; @value: JSON, NULL removes it */
static void change_bundle(json_t *obj, const char *path, const char *value)
{
	cc_auto_free char *copy = strdup(path);
	char *rest = copy, *name;

	while ((name = strsep(&rest, ".")) && rest)
		obj = *name == '0' ? json_array_get(obj, 0) : json_object_get(obj, name);
	if (value)
		json_object_set_new(obj, name, json_of(value));
	else
		json_object_del(obj, name);
}

static void what_is_no_bundle_with_one_signed_statement_is_refused(void **state)
{
	static const struct {
		const char *path, *value, *says;
	} rows[] = {
		{"mediaType", NULL, "neither a Sigstore bundle"},
		{"mediaType", "'text/plain'", "neither a Sigstore bundle"},
		{"dsseEnvelope", NULL, "dsseEnvelope"},
		{"dsseEnvelope", "[]", "dsseEnvelope"},
		{"messageSignature", "{'signature':'AA=='}", "no statement about an image"},
		{"dsseEnvelope.payloadType", NULL, "payloadType"},
		{"dsseEnvelope.payloadType", "'text/plain'", "not an in-toto statement"},
		{"dsseEnvelope.payload", NULL, "payload"},
		{"dsseEnvelope.payload", "'%'", "payload"},
		{"dsseEnvelope.payload", "'AAAA'", "not a text"},
		{"dsseEnvelope.signatures", NULL, "signatures"},
		{"dsseEnvelope.signatures", "[]", "one signature"},
		{"dsseEnvelope.signatures", "[{'sig':'AA=='},{'sig':'AA=='}]", "one signature"},
		{"dsseEnvelope.signatures", "['AA==']", "one signature"},
		{"dsseEnvelope.signatures.0.sig", NULL, "sig"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cc_auto_json json_t *bundle = good_bundle();
		cc_auto_free char *text = NULL;
		struct cc_error err = {0};

		change_bundle(bundle, rows[i].path, rows[i].value);
		assert_int_equal(open_bundle(bundle, &text, &err), -1);
		expect_error(&err, CC_E_INVALID, "", rows[i].says);
	}
}

/* ---- in a layout ---- */

static char of_manifest[CC_DIGEST_LEN];

/* The layout with an image; its manifest, malloced. */
static char *layout_with_image(void)
{
	char *manifest = manifest_of(DIGEST_A);

	make_layout();
	put_blob(manifest, of_manifest);
	return manifest;
}

static void an_image_and_what_refers_to_it_are_found(void **state)
{
	cc_auto_free char *manifest = layout_with_image();
	char referrer[CC_DIGEST_LEN];

	(void)state;
	put_bundle(of_manifest, statement_of(manifest, NAMED(REPOSITORY), SIGN_V1, "{}"), NOON,
		   referrer);
	put_top("manifest", referrer, "manifest", of_manifest, NULL);
	look();
	assert_int_equal(n_found, 1);
	assert_int_equal(found->n, 1);
	assert_true(found->v[0].statement);
	assert_int_equal(passed_over, 0);
	lets_in(DIGEST_A);
}

/* Measured of cosign 3.1: index.json has the image alone. */
static void what_cosign_3_saves_is_found(void **state)
{
	cc_auto_free char *manifest = layout_with_image();
	char referrer[CC_DIGEST_LEN], junk[CC_DIGEST_LEN];

	(void)state;
	put_bundle(of_manifest, statement_of(manifest, NAMED(REPOSITORY), SIGN_V1, "{}"), NOON,
		   referrer);
	put_blob("{\"subject\":{},", junk);
	put_top("manifest", of_manifest, NULL);
	look();
	assert_int_equal(found->n, 1);
	lets_in(DIGEST_A);
	put_top("manifest", of_manifest, "manifest", referrer, NULL);
	look();
	assert_int_equal(found->n, 1);
}

static EVP_PKEY *key_of_fixture(void)
{
	struct cc_error err = {0};
	size_t len;
	cc_auto_free char *pem = read_fixture("tests/fixtures/cosign3/cosign.pub", &len);

	return cc_pubkey_parse(pem, len, &err);
}

/* A signature and provenance that cosign 3.1 made, as `cosign save` left them. */
static void what_a_real_cosign_3_made_lets_the_image_in(void **state)
{
	EVP_PKEY *ours = release;
	struct cc_error err = {0};

	(void)state;
	n_found = 0;
	expect_ok(image_layout_each("tests/fixtures/cosign3", find, NULL, &passed_over, &err),
		  &err);
	assert_int_equal(found->n, 2);
	release = key_of_fixture();
	assert_non_null(release);
	lets_in_by(json_of("{'signedBy':['release'],'repository':'127.0.0.1:5071/shop/db',"
			   "'floor':{'annotation':'version','minimum':'1.4'},'builtBy':{"
			   "'builder':'https://ci.example/b','source':"
			   "'git+https://git.example/shop/db'}}"),
		   found_config);
	EVP_PKEY_free(release);
	release = ours;
}

/* Where a registry has no list of what refers to an image, it is an index under a tag. */
static void what_the_index_under_the_fallback_tag_names_is_found(void **state)
{
	cc_auto_free char *manifest = layout_with_image(), *index = NULL;
	char referrer[CC_DIGEST_LEN], of_index[CC_DIGEST_LEN];

	(void)state;
	put_bundle(of_manifest, statement_of(manifest, NAMED(REPOSITORY), SIGN_V1, "{}"), NOON,
		   referrer);
	assert_true(asprintf(&index,
			     "{\"schemaVersion\":2,\"mediaType\":\"" OCI_INDEX
			     "\",\"manifests\":[{\"mediaType\":\"" OCI_MANIFEST
			     "\",\"artifactType\":\"" BUNDLE_V03
			     "\",\"digest\":\"%s\",\"size\":1}]}",
			     referrer) > 0);
	put_blob(index, of_index);
	put_top("manifest", of_manifest, "index", of_index, NULL);
	look();
	assert_null(found->index);
	lets_in(DIGEST_A);
}

static void a_bundle_of_the_index_lets_its_platform_in(void **state)
{
	cc_auto_free char *manifest = layout_with_image(), *index = index_of(manifest, "linux");
	char of_index[CC_DIGEST_LEN], referrer[CC_DIGEST_LEN];

	(void)state;
	put_blob(index, of_index);
	put_bundle(of_index, statement_of(index, "", SIGN_V1, "{}"), NOON, referrer);
	put_top("index", of_index, "manifest", referrer, NULL);
	look();
	assert_string_equal(found->index, index);
	lets_in_by(json_pack("{s:[s], s:s}", "signedBy", "release", "repository", "*"), DIGEST_A);
}

static void the_newest_by_the_time_of_its_manifest_comes_first(void **state)
{
	cc_auto_free char *manifest = layout_with_image();
	char old[CC_DIGEST_LEN], new[CC_DIGEST_LEN], simple[CC_DIGEST_LEN];

	(void)state;
	put_bundle(of_manifest, statement_of(manifest, VERSION("1"), SIGN_V1, "{}"), NOON, old);
	put_bundle(of_manifest, statement_of(manifest, VERSION("2"), SIGN_V1, "{}"), ONE, new);
	put_signature(payload_of(REPOSITORY, manifest, "null"), release, simple);
	put_top("manifest", simple, "manifest", old, "manifest", new, "manifest", of_manifest,
		NULL);
	look();
	assert_int_equal(found->n, 3);
	assert_non_null(strstr(found->v[0].payload, "\"version\":\"2\""));
	assert_non_null(strstr(found->v[1].payload, "\"version\":\"1\""));
	assert_false(found->v[2].statement);
}

static void provenance_is_brought_with_the_newest_signature(void **state)
{
	cc_auto_free char *manifest = layout_with_image();
	char digests[CC_IMAGE_SIGNATURES_MAX + 1][CC_DIGEST_LEN];

	(void)state;
	for (size_t i = 0; i < CC_IMAGE_SIGNATURES_MAX; i++) {
		char subject[128], created[40];

		snprintf(subject, sizeof(subject), ",\"annotations\":{\"version\":\"%zu\"}", i);
		snprintf(created, sizeof(created), "2026-11-2%zuT12:00:00Z", i);
		put_bundle(of_manifest, statement_of(manifest, subject, SIGN_V1, "{}"), created,
			   digests[i]);
	}
	put_bundle(of_manifest, statement_of(manifest, "", CC_STATEMENT_SLSA_V1, "{}"),
		   "2026-11-01T12:00:00Z", digests[CC_IMAGE_SIGNATURES_MAX]);
	put_top("manifest", of_manifest, "manifest", digests[0], "manifest", digests[1], "manifest",
		digests[2], "manifest", digests[3], "manifest", digests[4], "manifest", digests[5],
		"manifest", digests[6], "manifest", digests[7], "manifest", digests[8], NULL);
	look();
	assert_int_equal(found->n, CC_IMAGE_SIGNATURES_MAX);
	assert_non_null(strstr(found->v[0].payload, "\"version\":\"7\""));
	assert_non_null(strstr(found->v[1].payload, CC_STATEMENT_SLSA_V1));
	assert_int_equal(left_out, 1);
}

static void an_attestation_of_another_kind_is_not_brought_nor_counted(void **state)
{
	cc_auto_free char *manifest = layout_with_image();
	char sbom[CC_DIGEST_LEN], bad[CC_DIGEST_LEN], good[CC_DIGEST_LEN];

	(void)state;
	put_bundle(of_manifest, statement_of(manifest, "", "https://spdx.dev/Document", "{}"), NOON,
		   sbom);
	put_referrer_of(of_manifest, BUNDLE_V03, "{\"mediaType\":\"" BUNDLE_V03 "\"}", NOON, bad);
	put_bundle(of_manifest, statement_of(manifest, NAMED(REPOSITORY), SIGN_V1, "{}"), NOON,
		   good);
	put_top("manifest", sbom, "manifest", bad, "manifest", good, "manifest", of_manifest, NULL);
	look();
	assert_int_equal(found->n, 1);
	assert_int_equal(passed_over, 1);
	assert_int_equal(left_out, 0);
	lets_in(DIGEST_A);
}

/* cosign 2 keeps attestations as envelopes, under the tag sha256-DIGEST.att. */
static void an_envelope_without_a_bundle_is_taken(void **state)
{
	cc_auto_free char *manifest = layout_with_image(), *text = NULL, *statement = NULL;
	cc_auto_json json_t *envelope = NULL;
	char referrer[CC_DIGEST_LEN];

	(void)state;
	statement = statement_of(manifest, NAMED(REPOSITORY), SIGN_V1, "{}");
	envelope = envelope_of(statement, release);
	text = json_dumps(envelope, JSON_COMPACT);
	put_referrer_of(of_manifest, ENVELOPE, text, NOON, referrer);
	put_top("manifest", referrer, "manifest", of_manifest, NULL);
	look();
	lets_in(DIGEST_A);
}

/* ---- what an agent keeps ---- */

static void of_two_manifests_that_of_the_statements_repository_is_brought(void **state)
{
	cc_auto_image_proof struct cc_image_proof *ours = proof_of(DIGEST_A, false), *got = NULL;
	cc_auto_image_proof struct cc_image_proof *other = proof_of(DIGEST_A, true);
	cc_auto_json json_t *image =
		json_pack("{s:[s], s:s}", "signedBy", "release", "repository", REPOSITORY);
	struct cc_error err = {0};
	struct cc_feed *feed = cc_feed_from_json(image, &err);
	size_t lost;

	(void)state;
	make_layout();
	add_statement(ours, release,
		      statement_of(ours->manifest, NAMED(REPOSITORY), SIGN_V1, "{}"));
	add_statement(other, release, statement_of(other->index, "", SIGN_V1, "{}"));
	expect_ok(image_proofs_put(at("/proofs"), DIGEST_A, ours, &lost, &err), &err);
	expect_ok(image_proofs_put(at("/proofs"), DIGEST_A, other, &lost, &err), &err);
	expect_ok(image_proofs_get(at("/proofs"), DIGEST_A, feed, &got, &err), &err);
	cc_feed_free(feed);
	assert_string_equal(got->v[0].payload, ours->v[0].payload);
	assert_true(got->v[0].statement);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_statement_is_taken_out_of_bundle_or_envelope),
		cmocka_unit_test(what_is_no_bundle_with_one_signed_statement_is_refused),
		cmocka_unit_test(an_image_and_what_refers_to_it_are_found),
		cmocka_unit_test(what_cosign_3_saves_is_found),
		cmocka_unit_test(what_a_real_cosign_3_made_lets_the_image_in),
		cmocka_unit_test(what_the_index_under_the_fallback_tag_names_is_found),
		cmocka_unit_test(a_bundle_of_the_index_lets_its_platform_in),
		cmocka_unit_test(the_newest_by_the_time_of_its_manifest_comes_first),
		cmocka_unit_test(provenance_is_brought_with_the_newest_signature),
		cmocka_unit_test(an_attestation_of_another_kind_is_not_brought_nor_counted),
		cmocka_unit_test(an_envelope_without_a_bundle_is_taken),
		cmocka_unit_test(of_two_manifests_that_of_the_statements_repository_is_brought),
	};

	return cmocka_run_group_tests(tests, layout_setup, layout_teardown);
}
