// SPDX-License-Identifier: Apache-2.0
/* An image that is let in by who signed it, and each way in which one is not. */
#include "feed_checked.h"

#include "image_doc.h"

/* ---- the rule ---- */

static void a_feed_is_read(void **state)
{
	auto_feed *feed = feed_of("{" BY_TWO FLOOR("v1.4.2") "}");

	(void)state;
	assert_int_equal(feed->signed_by.n, 2);
	assert_string_equal(feed->signed_by.v[1], "backup");
	assert_string_equal(feed->repository, REPOSITORY);
	assert_string_equal(feed->annotation, "version");
	assert_string_equal(feed->minimum, "v1.4.2");
}

static void a_feed_that_is_malformed_is_refused(void **state)
{
	static const struct {
		const char *image, *says;
	} bad[] = {
		{"{'signedBy':[],'repository':'r.example/a'}", "1 to 8 signers"},
		{"{'signedBy':['a','b','c','d','e','f','g','h','i'],'repository':'r.example/a'}",
		 "1 to 8 signers"},
		{"{'signedBy':'release','repository':'r.example/a'}", "signedBy"},
		{"{'signedBy':['Release'],'repository':'r.example/a'}", "signers' names"},
		{"{'signedBy':['release']}", "repository"},
		{"{'repository':'r.example/a'}", "signedBy"},
		{"{'floor':{'annotation':'a','minimum':'1'}}", "signedBy"},
		{"{'signedBy':['a'],'repository':'db'}", "without a tag"},
		{"{'signedBy':['a'],'repository':'r.example/a:1'}", "without a tag"},
		{"{'signedBy':['a'],'repository':'r.example/a/'}", "without a tag"},
		{"{'signedBy':['a'],'repository':'r.example//a'}", "without a tag"},
		{"{'signedBy':['a'],'repository':'r.example/A'}", "without a tag"},
		{"{'signedBy':['a'],'repository':''}", "without a tag"},
		{"{'signedBy':['a'],'repository':'*/a'}", "or \"*\""},
		{"{'signedBy':['a'],'repository':'docker.io/library/a'}", "index.docker.io"},
		{"{" BY_TWO ",'configDigest':'" DIGEST_A "'}", "configDigest"},
		{"{" BY_TWO ",'rootfsDigest':'" DIGEST_A "'}", "rootfsDigest"},
		{"{" BY_TWO ",'floor':{'annotation':'version'}}", "minimum"},
		{"{" BY_TWO ",'floor':{'minimum':'1'}}", "annotation"},
		{"{" BY_TWO ",'floor':{'annotation':'a b','minimum':'1'}}", "annotation"},
		{"{" BY_TWO ",'floor':{'annotation':'a','minimum':'newest'}}", "like 1.4.2"},
		{"{" BY_TWO ",'floor':{'annotation':'a','minimum':'1','x':1}}", "x"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cc_auto_json json_t *obj = json_of(bad[i].image);
		struct cc_error err = {0};

		assert_true(cc_feed_is(obj));
		if (cc_feed_from_json(obj, &err))
			fail_msg("taken: %s", bad[i].image);
		expect_error(&err, CC_E_INVALID, "", bad[i].says);
	}
}

/* ---- the check ---- */

static const char plain[] = "{" BY_TWO "}";
static const char with_floor[] = "{" BY_TWO FLOOR("1.4.2") "}";

/* Signed by @key as of @repository: the manifest, or the index. */
static struct cc_image_proof *signed_by(EVP_PKEY *key, const char *repository, bool index,
					const char *optional)
{
	struct cc_image_proof *p = proof_of(DIGEST_A, index);

	add_signature(p, key, payload_of(repository, index ? p->index : p->manifest, optional));
	return p;
}

static void an_image_whose_manifest_a_named_signer_signed_is_let_in(void **state)
{
	cc_auto_image_proof struct cc_image_proof *p =
		signed_by(release, REPOSITORY, false, "null");
	cc_auto_image_proof struct cc_image_proof *by_other =
		signed_by(backup, REPOSITORY, false, "{\"a\":\"b\"}");

	(void)state;
	let_in(plain, p);
	let_in(plain, by_other);
}

static void an_image_that_a_signed_index_names_is_let_in(void **state)
{
	cc_auto_image_proof struct cc_image_proof *p = signed_by(release, REPOSITORY, true, "null");

	(void)state;
	let_in(plain, p);
}

static void a_reference_with_a_tag_is_of_its_repository(void **state)
{
	cc_auto_image_proof struct cc_image_proof *tag =
		signed_by(release, REPOSITORY ":v1", false, "null");
	cc_auto_image_proof struct cc_image_proof *digest =
		signed_by(release, REPOSITORY "@" DIGEST_B, false, "null");

	(void)state;
	let_in(plain, tag);
	let_in(plain, digest);
}

static void an_image_without_a_signature_is_refused(void **state)
{
	cc_auto_image_proof struct cc_image_proof *none = proof_of(DIGEST_A, true);

	(void)state;
	refused(plain, NULL, "imageProof", "dmctl identity offer");
	refused(plain, none, "imageProof", REPOSITORY);
}

static void a_signature_of_a_signer_that_is_not_named_is_refused(void **state)
{
	cc_auto_image_proof struct cc_image_proof *p =
		signed_by(stranger, REPOSITORY, false, "null");

	(void)state;
	refused(plain, p, "imageSigner", "that the identity names");
}

static void a_signer_that_is_no_longer_enrolled_counts_for_nothing(void **state)
{
	const struct cc_feed_keys backup_only = {{NULL, backup}}, none = {{NULL}};
	cc_auto_image_proof struct cc_image_proof *p =
		signed_by(release, REPOSITORY, false, "null");
	auto_feed *feed = feed_of(plain);
	struct cc_error err = {0};

	(void)state;
	assert_int_equal(cc_feed_check(feed, p, DIGEST_A, &backup_only, NULL, &err), -1);
	expect_error(&err, CC_E_REFUSED, "imageSigner", "that is enrolled");
	assert_int_equal(cc_feed_check(feed, p, DIGEST_A, &none, NULL, &err), -1);
	expect_error(&err, CC_E_REFUSED, "imageSigner", "release and others");
	assert_int_equal(cc_feed_check(feed, p, DIGEST_A, NULL, NULL, &err), -1);
	expect_error(&err, CC_E_REFUSED, "imageSigner", "is enrolled");
}

static void a_signature_of_another_repository_is_refused(void **state)
{
	static const char *const others[] = {
		"registry.example:5000/shop/web",
		"registry.example:5000/shop/db2",
		"registry.example:5000/shop",
		"evil.example/shop/db",
		REPOSITORY ":5000/x",
		"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		cc_auto_image_proof struct cc_image_proof *p =
			signed_by(release, others[i], false, "null");

		refused(plain, p, "imageRepository", REPOSITORY);
	}
}

/* The tag points to another manifest now; what is signed is the one of before. */
static void a_manifest_that_was_swapped_under_a_tag_is_refused(void **state)
{
	cc_auto_image_proof struct cc_image_proof *p =
		signed_by(release, REPOSITORY, false, "null");
	cc_auto_image_proof struct cc_image_proof *byte =
		signed_by(release, REPOSITORY, false, "null");

	(void)state;
	free(p->manifest);
	p->manifest = manifest_of(DIGEST_B);
	refused(plain, p, "imageManifest", "the signature is for");
	byte->manifest[1] = ' ';
	refused(plain, byte, "imageManifest", "the signature is for");
}

static void the_signed_manifest_of_another_image_is_refused(void **state)
{
	cc_auto_image_proof struct cc_image_proof *p =
		signed_by(release, REPOSITORY, false, "null");
	struct cc_error err;

	(void)state;
	assert_int_equal(check(plain, p, DIGEST_B, &err), -1);
	expect_error(&err, CC_E_REFUSED, "imageManifest", "container has " DIGEST_B);
	assert_int_equal(check(plain, p, NULL, &err), -1);
	expect_error(&err, CC_E_REFUSED, "imageManifest", "container has none");
}

static void a_signed_index_without_the_platform_is_refused(void **state)
{
	cc_auto_image_proof struct cc_image_proof *p = proof_of(DIGEST_A, false);
	cc_auto_free char *other = manifest_of(DIGEST_B);

	(void)state;
	p->index = index_of(other, "linux");
	add_signature(p, release, payload_of(REPOSITORY, p->index, "null"));
	refused(plain, p, "imageManifest", "names no platform");
}

/* A builder's provenance stands in the index as well. */
static void what_is_no_platform_of_a_signed_index_is_refused(void **state)
{
	cc_auto_image_proof struct cc_image_proof *p = proof_of(DIGEST_A, false);

	(void)state;
	p->index = index_of(p->manifest, "unknown");
	add_signature(p, release, payload_of(REPOSITORY, p->index, "null"));
	refused(plain, p, "imageManifest", "names no platform");
}

static void an_index_that_was_swapped_is_refused(void **state)
{
	cc_auto_image_proof struct cc_image_proof *p = signed_by(release, REPOSITORY, true, "null");

	(void)state;
	free(p->index);
	p->index = index_of(p->manifest, "linux");
	p->index[strlen(p->index) - 1] = ' ';
	refused(plain, p, "imageManifest", "and the index");
}

static void signed_documents_that_are_no_images_are_refused(void **state)
{
	static const char *const manifests[] = {
		"not JSON",
		"[]",
		"{}",
		"{\"schemaVersion\":1}",
		"{\"schemaVersion\":2,\"mediaType\":\"" OCI_INDEX "\",\"manifests\":[]}",
		"{\"schemaVersion\":2,\"layers\":[],\"config\":{\"mediaType\":\"" OCI_CONFIG
		"\",\"digest\":\"" DIGEST_A "\"},\"manifests\":[]}",
		"{\"schemaVersion\":2,\"layers\":[],\"config\":{\"mediaType\":\"text/x\",\"digest\":\"" DIGEST_A
		"\"}}",
		"{\"schemaVersion\":2,\"layers\":[],\"config\":{\"mediaType\":\"" OCI_CONFIG
		"\",\"digest\":\"sha512:x\"}}",
		"{\"schemaVersion\":2,\"layers\":[],\"config\":\"" DIGEST_A "\"}",
		"{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" OCI_CONFIG
		"\",\"digest\":\"" DIGEST_A "\"}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(manifests) / sizeof(manifests[0]); i++) {
		cc_auto_image_proof struct cc_image_proof *p = proof_of(DIGEST_A, false);

		free(p->manifest);
		p->manifest = strdup(manifests[i]);
		add_signature(p, release, payload_of(REPOSITORY, p->manifest, "null"));
		refused(plain, p, "imageManifest", "imageManifest: image manifest");
	}
}

static void a_signature_of_an_index_that_is_none_is_refused(void **state)
{
	static const char *const documents[] = {
		"{\"schemaVersion\":2,\"manifests\":{}}",
		"{\"schemaVersion\":2,\"manifests\":[],\"layers\":[]}",
		"{\"schemaVersion\":2,\"manifests\":[],\"config\":{}}",
		"{\"schemaVersion\":2,\"manifests\":[],\"manifests\":[]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
		cc_auto_image_proof struct cc_image_proof *p = proof_of(DIGEST_A, false);

		p->index = strdup(documents[i]);
		add_signature(p, release, payload_of(REPOSITORY, p->index, "null"));
		refused(plain, p, "imageManifest", "imageManifest: image index");
	}
}

/* A document that nobody signed is not even looked at. */
static void nothing_is_parsed_before_its_digest_was_signed(void **state)
{
	cc_auto_image_proof struct cc_image_proof *p =
		signed_by(release, REPOSITORY, false, "null");
	cc_auto_image_proof struct cc_image_proof *unsigned_manifest = proof_of(DIGEST_A, false);

	(void)state;
	p->index = strdup("{broken");
	let_in(plain, p);
	free(unsigned_manifest->manifest);
	unsigned_manifest->manifest = strdup("{broken");
	add_signature(unsigned_manifest, release, payload_of(REPOSITORY, "another", "null"));
	refused(plain, unsigned_manifest, "imageManifest", "the signature is for");
}

static void a_signed_payload_of_another_kind_is_refused(void **state)
{
	cc_auto_image_proof struct cc_image_proof *p = proof_of(DIGEST_A, false);

	(void)state;
	add_signature(p, release, strdup("{\"critical\":{}}"));
	refused(plain, p, "imageSigner", "simple signing payload");
}

/* ---- the floor ---- */

static void a_version_from_the_minimum_up_is_let_in(void **state)
{
	static const char *const versions[] = {"1.4.2", "v1.4.2",     "1.4.10",
					       "1.5",	"2.0.0-rc.1", "1.4.2+build.7"};

	(void)state;
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		char optional[64];
		cc_auto_image_proof struct cc_image_proof *p = NULL;

		snprintf(optional, sizeof(optional), "{\"version\":\"%s\",\"x\":1}", versions[i]);
		p = signed_by(release, REPOSITORY, true, optional);
		let_in(with_floor, p);
	}
}

static void a_stale_wrong_or_missing_version_is_refused(void **state)
{
	static const struct {
		const char *optional, *says;
	} rows[] = {
		{"{\"version\":\"1.4.1\"}", "the image was signed as 1.4.1"},
		{"{\"version\":\"1.4.2-rc.1\"}", "the image was signed as 1.4.2-rc.1"},
		{"{\"version\":\"0.99.99\"}", "version 1.4.2 or newer"},
		{"{\"version\":\"latest\"}", "\"latest\", which is not a valid version"},
		{"{\"version\":\"\"}", "which is not a valid version"},
		{"{\"version\":2}", "something else than text"},
		{"{\"Version\":\"9.9.9\"}", "no annotation version; sign"},
		{"{}", "cosign sign -a version=VERSION"},
		{"null", "no annotation version"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cc_auto_image_proof struct cc_image_proof *p =
			signed_by(release, REPOSITORY, false, rows[i].optional);

		refused(with_floor, p, "imageFloor", rows[i].says);
	}
}

/* ---- several signatures ---- */

static void one_good_signature_among_several_is_enough(void **state)
{
	cc_auto_image_proof struct cc_image_proof *p =
		signed_by(stranger, REPOSITORY, true, "null");

	(void)state;
	add_signature(p, release, payload_of("evil.example/x", p->index, "null"));
	add_signature(p, release, payload_of(REPOSITORY, p->index, "{\"version\":\"1.0\"}"));
	refused(with_floor, p, "imageFloor", "signed as 1.0");
	add_signature(p, stranger, payload_of(REPOSITORY, p->index, "{\"version\":\"2.0\"}"));
	refused(with_floor, p, "imageFloor", "signed as 1.0");
	add_signature(p, backup, payload_of(REPOSITORY, p->index, "{\"version\":\"2.0\"}"));
	let_in(with_floor, p);
}

/* The parts of different signatures do not add up. */
static void what_one_signature_lacks_another_does_not_make_up_for(void **state)
{
	cc_auto_image_proof struct cc_image_proof *p =
		signed_by(release, "evil.example/x", false, "{\"version\":\"9.0\"}");

	(void)state;
	add_signature(p, release, payload_of(REPOSITORY, p->manifest, "{\"version\":\"1.0\"}"));
	refused(with_floor, p, "imageFloor", "signed as 1.0");
}

/* ---- as evidence has it ---- */

static void what_was_brought_comes_out_of_json_as_it_went_in(void **state)
{
	cc_auto_image_proof struct cc_image_proof *p = signed_by(release, REPOSITORY, true, "null");
	cc_auto_json json_t *obj = cc_image_proof_to_json(p);
	cc_auto_free char *text = json_dumps(obj, JSON_COMPACT);
	cc_auto_json json_t *again = json_loads(text, 0, NULL);
	cc_auto_image_proof struct cc_image_proof *back = NULL;
	struct cc_error err = {0};

	(void)state;
	back = cc_image_proof_from_json(again, &err);
	if (!back)
		fail_msg("%s", err.text);
	assert_string_equal(back->manifest, p->manifest);
	assert_string_equal(back->index, p->index);
	assert_int_equal(back->n, 1);
	let_in(plain, back);
}

static void what_was_brought_is_bounded(void **state)
{
	cc_auto_json json_t *obj = json_of("{'manifest':'','signatures':[]}");
	cc_auto_free char *big = malloc(CC_IMAGE_PROOF_MAX + 2);
	json_t *list = json_object_get(obj, "signatures");
	struct cc_error err = {0};

	(void)state;
	memset(big, ' ', CC_IMAGE_PROOF_MAX + 1);
	big[CC_IMAGE_PROOF_MAX + 1] = '\0';
	json_object_set_new(obj, "manifest", json_string(big));
	assert_null(cc_image_proof_from_json(obj, &err));
	expect_error(&err, CC_E_INVALID, "", "longer than 20480 bytes");
	json_object_set_new(obj, "manifest", json_string("x"));
	for (int i = 0; i <= CC_IMAGE_SIGNATURES_MAX; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s}", "payload", "p", "signature", "s"));
	assert_null(cc_image_proof_from_json(obj, &err));
	expect_error(&err, CC_E_INVALID, "", "9 signatures");
}

static void a_malformed_proof_is_refused(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{'manifest':'x'}",
		"{'manifest':1,'signatures':[]}",
		"{'manifest':'x','signatures':{}}",
		"{'manifest':'x','signatures':['y']}",
		"{'manifest':'x','signatures':[{'payload':'y'}]}",
		"{'manifest':'x','signatures':[{'payload':'y','signature':'z','key':'k'}]}",
		"{'manifest':'x','index':null,'signatures':[]}",
		"{'manifest':'x','signatures':[],'x':1}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cc_auto_json json_t *obj = json_of(bad[i]);
		struct cc_error err = {0};

		if (cc_image_proof_from_json(obj, &err))
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(err.code, CC_E_INVALID);
	}
}

static void a_document_is_at_most_what_registries_take(void **state)
{
	size_t len = CC_IMAGE_DOC_MAX + 1;
	cc_auto_free char *big = malloc(len);
	char config[CC_DIGEST_LEN];
	struct cc_error err = {0};

	(void)state;
	memset(big, ' ', len);
	assert_int_equal(cc_image_manifest_config(big, len, config, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "image manifest");
	assert_int_equal(cc_image_index_names(big, len, DIGEST_A, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "image index");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_feed_is_read),
		cmocka_unit_test(a_feed_that_is_malformed_is_refused),
		cmocka_unit_test(an_image_whose_manifest_a_named_signer_signed_is_let_in),
		cmocka_unit_test(an_image_that_a_signed_index_names_is_let_in),
		cmocka_unit_test(a_reference_with_a_tag_is_of_its_repository),
		cmocka_unit_test(an_image_without_a_signature_is_refused),
		cmocka_unit_test(a_signature_of_a_signer_that_is_not_named_is_refused),
		cmocka_unit_test(a_signer_that_is_no_longer_enrolled_counts_for_nothing),
		cmocka_unit_test(a_signature_of_another_repository_is_refused),
		cmocka_unit_test(a_manifest_that_was_swapped_under_a_tag_is_refused),
		cmocka_unit_test(the_signed_manifest_of_another_image_is_refused),
		cmocka_unit_test(a_signed_index_without_the_platform_is_refused),
		cmocka_unit_test(what_is_no_platform_of_a_signed_index_is_refused),
		cmocka_unit_test(an_index_that_was_swapped_is_refused),
		cmocka_unit_test(signed_documents_that_are_no_images_are_refused),
		cmocka_unit_test(a_signature_of_an_index_that_is_none_is_refused),
		cmocka_unit_test(nothing_is_parsed_before_its_digest_was_signed),
		cmocka_unit_test(a_signed_payload_of_another_kind_is_refused),
		cmocka_unit_test(a_version_from_the_minimum_up_is_let_in),
		cmocka_unit_test(a_stale_wrong_or_missing_version_is_refused),
		cmocka_unit_test(one_good_signature_among_several_is_enough),
		cmocka_unit_test(what_one_signature_lacks_another_does_not_make_up_for),
		cmocka_unit_test(what_was_brought_comes_out_of_json_as_it_went_in),
		cmocka_unit_test(what_was_brought_is_bounded),
		cmocka_unit_test(a_malformed_proof_is_refused),
		cmocka_unit_test(a_document_is_at_most_what_registries_take),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
