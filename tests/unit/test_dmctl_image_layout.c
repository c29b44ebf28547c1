// SPDX-License-Identifier: Apache-2.0
/* A directory with signed images, as cosign saves one, becomes what an agent brings to keyd. */
#include "layout_made.h"

#include "client/image_proofs.h"
#include "feed.h"

/* ---- what is found ---- */

static void an_image_and_its_signature_are_found(void **state)
{
	cc_auto_free char *manifest = manifest_of(DIGEST_A);
	char of_manifest[CC_DIGEST_LEN], of_signature[CC_DIGEST_LEN];

	(void)state;
	make_layout();
	put_blob(manifest, of_manifest);
	put_signature(payload_of(REPOSITORY, manifest, "null"), release, of_signature);
	put_top("manifest", of_signature, "manifest", of_manifest, NULL);
	look();
	assert_int_equal(n_found, 1);
	assert_int_equal(found->n, 1);
	assert_null(found->index);
	lets_in(DIGEST_A);
}

/* The layout has one of two platforms, as a copy of one has. */
static void an_image_of_a_signed_index_is_found(void **state)
{
	cc_auto_free char *manifest = manifest_of(DIGEST_A), *index = index_of(manifest, "linux");
	char of_manifest[CC_DIGEST_LEN], of_index[CC_DIGEST_LEN], of_signature[CC_DIGEST_LEN];

	(void)state;
	make_layout();
	put_blob(manifest, of_manifest);
	put_blob(index, of_index);
	put_signature(payload_of(REPOSITORY, index, "null"), release, of_signature);
	put_top("manifest", of_manifest, "index", of_index, "manifest", of_signature, NULL);
	look();
	assert_int_equal(n_found, 1);
	assert_string_equal(found->index, index);
	lets_in(DIGEST_A);
}

static json_t *signature_numbered(const char *manifest, size_t i)
{
	cc_auto_free char *payload = NULL, *value = NULL;
	char optional[32];

	snprintf(optional, sizeof(optional), "{\"n\":\"%zu\"}", i);
	payload = payload_of(REPOSITORY, manifest, optional);
	value = signature_by(release, payload);
	return layer_of(payload, value);
}

static void the_newest_signatures_are_taken_and_the_others_are_counted(void **state)
{
	cc_auto_free char *manifest = manifest_of(DIGEST_A);
	char of_manifest[CC_DIGEST_LEN], of_signatures[CC_DIGEST_LEN];
	json_t *layers = json_array();

	(void)state;
	make_layout();
	put_blob(manifest, of_manifest);
	for (size_t i = 0; i < CC_IMAGE_SIGNATURES_MAX + 3; i++)
		json_array_append_new(layers, signature_numbered(manifest, i));
	put_layers(layers, of_signatures);
	put_top("manifest", of_manifest, "manifest", of_signatures, NULL);
	look();
	assert_int_equal(found->n, CC_IMAGE_SIGNATURES_MAX);
	assert_non_null(strstr(found->v[0].payload, "{\"n\":\"10\"}"));
	assert_non_null(strstr(found->v[7].payload, "{\"n\":\"3\"}"));
	assert_int_equal(left_out, 3);
	lets_in(DIGEST_A);
}

static void what_is_no_signature_is_passed_over_and_counted(void **state)
{
	static const char *const junk[] = {"junk", "{}", "[]", "{\"critical\":{\"image\":3}}"};
	cc_auto_free char *manifest = manifest_of(DIGEST_A);
	char of_manifest[CC_DIGEST_LEN], of_signatures[CC_DIGEST_LEN];
	json_t *layers = json_array();

	(void)state;
	make_layout();
	put_blob(manifest, of_manifest);
	json_array_append_new(layers, signature_numbered(manifest, 0));
	for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++)
		json_array_append_new(layers, layer_of(junk[i], "AA=="));
	put_layers(layers, of_signatures);
	put_top("manifest", of_manifest, "manifest", of_signatures, NULL);
	look();
	assert_int_equal(n_found, 1);
	assert_int_equal(found->n, 1);
	assert_int_equal(passed_over, 4);
	lets_in(DIGEST_A);
}

static void of_two_indexes_that_name_an_image_the_signed_one_is_taken(void **state)
{
	cc_auto_free char *manifest = manifest_of(DIGEST_A), *index = index_of(manifest, "linux");
	cc_auto_free char *other = NULL;
	char of_manifest[CC_DIGEST_LEN], of_index[CC_DIGEST_LEN], of_other[CC_DIGEST_LEN];
	char of_signature[CC_DIGEST_LEN];

	(void)state;
	make_layout();
	assert_true(asprintf(&other, "%s\n", index) > 0);
	put_blob(manifest, of_manifest);
	put_blob(index, of_index);
	put_blob(other, of_other);
	put_signature(payload_of(REPOSITORY, index, "null"), release, of_signature);
	put_top("index", of_other, "index", of_index, "manifest", of_signature, NULL);
	look();
	assert_string_equal(found->index, index);
	lets_in(DIGEST_A);
}

static void an_image_that_is_not_signed_is_passed_over(void **state)
{
	cc_auto_free char *manifest = manifest_of(DIGEST_A), *other = manifest_of(DIGEST_B);
	char of_manifest[CC_DIGEST_LEN], of_other[CC_DIGEST_LEN], of_signature[CC_DIGEST_LEN];

	(void)state;
	make_layout();
	put_blob(manifest, of_manifest);
	put_blob(other, of_other);
	put_signature(payload_of(REPOSITORY, other, "null"), release, of_signature);
	put_top("manifest", of_manifest, "manifest", of_other, "manifest", of_signature, NULL);
	look();
	assert_int_equal(n_found, 1);
	lets_in(DIGEST_B);
	put_top("manifest", of_manifest, "manifest", of_signature, NULL);
	look_fails("none of its 1 images is signed by one of its 1 signatures");
}

static void a_blob_that_is_not_what_its_digest_says_is_refused(void **state)
{
	cc_auto_free char *manifest = manifest_of(DIGEST_A);
	char of_manifest[CC_DIGEST_LEN], path[160];

	(void)state;
	make_layout();
	put_blob(manifest, of_manifest);
	put_top("manifest", of_manifest, NULL);
	snprintf(path, sizeof(path), "/blobs/sha256/%s", of_manifest + strlen("sha256:"));
	make_file(top, path, "{}");
	look_fails("its digest is");
	unlink(at(path));
	look_fails("cannot open");
	put_top("manifest", "sha256:../../../etc/passwd", NULL);
	look_fails("not a sha256 digest");
}

static void what_is_no_layout_is_refused(void **state)
{
	(void)state;
	make_layout();
	look_fails("index.json");
	make_file(top, "/index.json", "{");
	look_fails("index.json");
	make_file(top, "/index.json", "{\"manifests\":3}");
	look_fails("none of its 0 images");
}

/* ---- what an agent keeps ---- */

static void offer(const struct cc_image_proof *p, size_t lost_then)
{
	struct cc_error err = {0};
	size_t lost;

	expect_ok(image_proofs_put(at("/proofs"), DIGEST_A, p, &lost, &err), &err);
	assert_int_equal(lost, lost_then);
}

/* @repository: of the identity; NULL: it is not known */
static struct cc_image_proof *kept_for(const char *repository)
{
	cc_auto_json json_t *image = json_pack("{s:[s], s:s}", "signedBy", "release", "repository",
					       repository ? repository : REPOSITORY);
	struct cc_image_proof *got = NULL;
	struct cc_error err = {0};
	struct cc_feed *feed = cc_feed_from_json(image, &err);

	assert_non_null(feed);
	expect_ok(image_proofs_get(at("/proofs"), DIGEST_A, repository ? feed : NULL, &got, &err),
		  &err);
	cc_feed_free(feed);
	return got;
}

static void what_was_offered_of_an_image_is_kept(void **state)
{
	cc_auto_image_proof struct cc_image_proof *p = proof_of(DIGEST_A, true), *got = NULL;
	struct cc_image_proof *none = NULL;
	struct cc_error err = {0};

	(void)state;
	make_layout();
	assert_null(kept_for(REPOSITORY));
	add_signature(p, release, payload_of(REPOSITORY, p->index, "null"));
	offer(p, 0);
	offer(p, 0);
	got = kept_for(NULL);
	assert_non_null(got);
	assert_string_equal(got->index, p->index);
	assert_int_equal(got->n, 1);
	assert_string_equal(got->v[0].payload, p->v[0].payload);
	expect_ok(image_proofs_get(at("/proofs"), DIGEST_B, NULL, &none, &err), &err);
	assert_null(none);
}

#define STAGING "registry.example:5000/staging/db"

/* @tail: makes it another manifest of the same image; "" for the same */
static struct cc_image_proof *signed_for(const char *repository, const char *tail)
{
	struct cc_image_proof *p = proof_of(DIGEST_A, false);
	char *manifest;

	assert_true(asprintf(&manifest, "%s%s", p->manifest, tail) > 0);
	free(p->manifest);
	p->manifest = manifest;
	add_signature(p, release, payload_of(repository, p->manifest, "null"));
	return p;
}

static void an_offer_keeps_the_signature_for_another_repository(void **state)
{
	cc_auto_image_proof struct cc_image_proof *prod = signed_for(REPOSITORY, ""), *got = NULL;
	cc_auto_image_proof struct cc_image_proof *staging = signed_for(STAGING, "");

	(void)state;
	make_layout();
	offer(prod, 0);
	offer(staging, 0);
	got = kept_for(REPOSITORY);
	assert_int_equal(got->n, 2);
	assert_string_equal(got->v[0].payload, staging->v[0].payload);
	assert_string_equal(got->v[1].payload, prod->v[0].payload);
}

static void of_two_manifests_of_an_image_the_identitys_is_brought(void **state)
{
	cc_auto_image_proof struct cc_image_proof *prod = signed_for(REPOSITORY, "");
	cc_auto_image_proof struct cc_image_proof *staging = signed_for(STAGING, "\n");
	cc_auto_image_proof struct cc_image_proof *for_prod = NULL, *for_staging = NULL;

	(void)state;
	make_layout();
	offer(prod, 0);
	offer(staging, 0);
	for_prod = kept_for(REPOSITORY);
	for_staging = kept_for(STAGING);
	assert_string_equal(for_prod->manifest, prod->manifest);
	assert_string_equal(for_staging->manifest, staging->manifest);
}

static void a_signature_for_which_there_is_no_room_is_counted(void **state)
{
	cc_auto_image_proof struct cc_image_proof *prod = signed_for(REPOSITORY, ""), *got = NULL;
	cc_auto_image_proof struct cc_image_proof *many = signed_for(STAGING, "");

	(void)state;
	while (many->n < CC_IMAGE_SIGNATURES_MAX)
		add_signature(many, release, payload_of(STAGING, many->manifest, "null"));
	make_layout();
	offer(prod, 0);
	offer(many, 1);
	got = kept_for(STAGING);
	assert_int_equal(got->n, CC_IMAGE_SIGNATURES_MAX);
}

/* A renewal is tried again then: it is not the container's fault. */
static void what_cannot_be_read_is_no_refusal(void **state)
{
	struct cc_image_proof *got = NULL;
	struct cc_error err = {0};
	char path[160];

	(void)state;
	make_layout();
	make_dir(top, "/proofs");
	snprintf(path, sizeof(path), "/proofs/%s-%s.json", DIGEST_A + strlen("sha256:"),
		 DIGEST_B + strlen("sha256:"));
	make_file(top, path, "{\"manifest\":");
	assert_int_equal(image_proofs_get(at("/proofs"), DIGEST_A, NULL, &got, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "offer the image again");
	assert_null(got);
	assert_int_equal(image_proofs_get(at("/proofs"), "sha256:../x", NULL, &got, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "not a sha256 digest");
}

/* ---- how much work it is ---- */

/* Bytes that this process has read, of all files (proc_pid_io(5)). */
static size_t bytes_read(void)
{
	cc_auto_fclose FILE *f = fopen("/proc/self/io", "re");
	size_t n;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "rchar: %zu", &n), 1);
	return n;
}

/* An index of @n entries, each of the same manifest. */
static void put_index_of_many(const char *manifest, size_t n, char digest[static CC_DIGEST_LEN])
{
	cc_auto_json json_t *index = json_pack("{s:i, s:[]}", "schemaVersion", 2, "manifests");
	cc_auto_free char *text = NULL;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(json_object_get(index, "manifests"),
				      json_pack("{s:s, s:s, s:i}", "mediaType", OCI_MANIFEST,
						"digest", manifest, "size", 1));
	text = json_dumps(index, JSON_COMPACT);
	assert_non_null(text);
	put_blob(text, digest);
}

static void a_manifest_that_is_named_again_and_again_is_read_once(void **state)
{
	cc_auto_free char *text = NULL;
	char of_manifest[CC_DIGEST_LEN], of_index[CC_DIGEST_LEN];
	size_t before;

	(void)state;
	make_layout();
	assert_true(asprintf(&text, "{\"schemaVersion\":2,\"x\":\"%0100000d\"}", 0) > 0);
	put_blob(text, of_manifest); /* of no image, and of no signature */
	put_index_of_many(of_manifest, 2000, of_index);
	put_top("index", of_index, NULL);
	before = bytes_read();
	look_fails("none of its 0 images is signed");
	assert_true(bytes_read() - before < 2 * 1000 * 1000);
}

static void of_layers_without_end_no_more_are_read(void **state)
{
	cc_auto_free char *manifest = manifest_of(DIGEST_A), *text = NULL;
	char of_manifest[CC_DIGEST_LEN], of_layers[CC_DIGEST_LEN];
	json_t *layers = json_array();
	size_t before;

	(void)state;
	make_layout();
	put_blob(manifest, of_manifest);
	assert_true(asprintf(&text, "%020000d", 0) > 0);
	for (size_t i = 0; i < 5000; i++)
		json_array_append_new(layers, i ? json_incref(json_array_get(layers, 0))
						: layer_of(text, "x"));
	put_layers(layers, of_layers);
	put_top("manifest", of_layers, "manifest", of_manifest, NULL);
	before = bytes_read();
	look_fails("5000 more were passed over");
	assert_true(bytes_read() - before < 30 * 1000 * 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_image_and_its_signature_are_found),
		cmocka_unit_test(an_image_of_a_signed_index_is_found),
		cmocka_unit_test(the_newest_signatures_are_taken_and_the_others_are_counted),
		cmocka_unit_test(what_is_no_signature_is_passed_over_and_counted),
		cmocka_unit_test(of_two_indexes_that_name_an_image_the_signed_one_is_taken),
		cmocka_unit_test(an_image_that_is_not_signed_is_passed_over),
		cmocka_unit_test(a_blob_that_is_not_what_its_digest_says_is_refused),
		cmocka_unit_test(what_is_no_layout_is_refused),
		cmocka_unit_test(what_was_offered_of_an_image_is_kept),
		cmocka_unit_test(an_offer_keeps_the_signature_for_another_repository),
		cmocka_unit_test(of_two_manifests_of_an_image_the_identitys_is_brought),
		cmocka_unit_test(a_signature_for_which_there_is_no_room_is_counted),
		cmocka_unit_test(what_cannot_be_read_is_no_refusal),
		cmocka_unit_test(a_manifest_that_is_named_again_and_again_is_read_once),
		cmocka_unit_test(of_layers_without_end_no_more_are_read),
	};

	return cmocka_run_group_tests(tests, layout_setup, layout_teardown);
}
