// SPDX-License-Identifier: Apache-2.0
/* An image that is let in by what cosign 3 signs: an in-toto statement. */
#include "feed_checked.h"

#include "image_statement.h"

#define OF_ANY "'signedBy':['release','backup'],'repository':'*'"
#define ANNOTATED(text) ",\"annotations\":{" text "}"
#define OF_SHOP ANNOTATED("\"docker-reference\":\"" REPOSITORY "\"")

static const char any[] = "{" OF_ANY "}";
static const char any_with_floor[] = "{" OF_ANY FLOOR("1.4.2") "}";
static const char of_repository[] = "{" BY_TWO "}";

/* Signed by @key: the manifest, or the index. @subject: as of statement_of() */
static struct cc_image_proof *signed_by(EVP_PKEY *key, bool index, const char *subject)
{
	struct cc_image_proof *p = proof_of(DIGEST_A, index);

	add_statement(p, key, statement_of(index ? p->index : p->manifest, subject, SIGN_V1, "{}"));
	return p;
}

static void an_image_that_cosign_3_signed_is_let_in(void **state)
{
	cc_auto_image_proof struct cc_image_proof *p = signed_by(release, false, "");
	cc_auto_image_proof struct cc_image_proof *index = signed_by(backup, true, ANNOTATED(""));

	(void)state;
	let_in(any, p);
	let_in(any, index);
}

static void a_statement_is_of_the_repository_that_it_names(void **state)
{
	cc_auto_image_proof struct cc_image_proof *annotated = signed_by(release, false, OF_SHOP);
	cc_auto_image_proof struct cc_image_proof *named =
		signed_by(release, false, ",\"name\":\"" REPOSITORY "\"");
	cc_auto_image_proof struct cc_image_proof *other =
		signed_by(release, false, ANNOTATED("\"docker-reference\":\"evil.example/x\""));
	cc_auto_image_proof struct cc_image_proof *named_other =
		signed_by(release, false, ",\"name\":\"evil.example/x\"" OF_SHOP);

	(void)state;
	let_in(of_repository, annotated);
	let_in(of_repository, named);
	refused(of_repository, other, "imageRepository", "for one of evil.example/x");
	refused(of_repository, named_other, "imageRepository", "for one of evil.example/x");
}

static void a_statement_that_names_no_repository_is_refused_where_one_is_wanted(void **state)
{
	cc_auto_image_proof struct cc_image_proof *p = signed_by(release, false, "");
	cc_auto_image_proof struct cc_image_proof *number =
		signed_by(release, false, ",\"name\":7" ANNOTATED("\"docker-reference\":[]"));

	(void)state;
	refused(of_repository, p, "imageRepository", "cosign sign -a docker-reference=" REPOSITORY);
	refused(of_repository, number, "imageRepository", "names no repository");
}

static void the_floor_is_of_the_subjects_annotation(void **state)
{
	cc_auto_image_proof struct cc_image_proof *good =
		signed_by(release, true, ANNOTATED("\"version\":\"1.4.3\""));
	cc_auto_image_proof struct cc_image_proof *stale =
		signed_by(release, true, ANNOTATED("\"version\":\"1.4.1\""));
	cc_auto_image_proof struct cc_image_proof *none = signed_by(release, true, "");
	cc_auto_image_proof struct cc_image_proof *elsewhere = proof_of(DIGEST_A, false);

	(void)state;
	let_in(any_with_floor, good);
	refused(any_with_floor, stale, "imageFloor", "signed as 1.4.1");
	refused(any_with_floor, none, "imageFloor", "no annotation version");
	add_statement(elsewhere, release,
		      statement_of(elsewhere->manifest, "", SIGN_V1, "{\"version\":\"2.0\"}"));
	refused(any_with_floor, elsewhere, "imageFloor", "no annotation version");
}

static void a_statement_of_another_signer_or_image_is_refused(void **state)
{
	cc_auto_image_proof struct cc_image_proof *strange = signed_by(stranger, false, OF_SHOP);
	cc_auto_image_proof struct cc_image_proof *swapped = signed_by(release, false, OF_SHOP);

	(void)state;
	refused(any, strange, "imageSigner", "that the identity names");
	free(swapped->manifest);
	swapped->manifest = manifest_of(DIGEST_B);
	refused(any, swapped, "imageManifest", "the signature is for");
}

static void of_several_subjects_that_of_the_image_counts(void **state)
{
	cc_auto_image_proof struct cc_image_proof *p = proof_of(DIGEST_A, false);
	char digest[CC_DIGEST_LEN], *text;

	(void)state;
	cc_sha256_digest(p->manifest, strlen(p->manifest), digest);
	assert_true(asprintf(&text,
			     "{\"_type\":\"https://in-toto.io/Statement/v0.1\",\"subject\":["
			     "{\"name\":\"evil.example/x\",\"digest\":{\"sha256\":\"%064d\"}},"
			     "{\"name\":\"" REPOSITORY "\",\"digest\":{\"sha256\":\"%s\"}}],"
			     "\"predicateType\":\"" SIGN_V1 "\"}",
			     0, digest + strlen("sha256:")) > 0);
	add_statement(p, release, text);
	let_in(of_repository, p);
}

/* ---- what is no signature ---- */

static void a_statement_of_another_kind_is_no_signature(void **state)
{
	static const char *const kinds[] = {CC_STATEMENT_SLSA_V1, CC_STATEMENT_SLSA_V02,
					    "https://spdx.dev/Document",
					    "urn:container-crypt:identity:v1"};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		cc_auto_image_proof struct cc_image_proof *p = proof_of(DIGEST_A, false);

		add_statement(p, release, statement_of(p->manifest, OF_SHOP, kinds[i], "{}"));
		refused(of_repository, p, "imageSigner", "no signature of the image");
	}
}

/* The bytes that are signed say which of both they are. */
static void a_signature_of_one_kind_is_not_taken_for_the_other(void **state)
{
	cc_auto_image_proof struct cc_image_proof *statement = signed_by(release, false, OF_SHOP);
	cc_auto_image_proof struct cc_image_proof *payload = proof_of(DIGEST_A, false);

	(void)state;
	statement->v[0].statement = false;
	refused(of_repository, statement, "imageSigner", "no signature of the image");
	add_signature(payload, release, payload_of(REPOSITORY, payload->manifest, "null"));
	payload->v[0].statement = true;
	refused(of_repository, payload, "imageSigner", "no signature of the image");
}

static void a_signed_statement_that_is_malformed_is_refused(void **state)
{
	static const char *const bad[] = {
		"not JSON",
		"[]",
		"{}",
		"{\"_type\":\"https://in-toto.io/Statement/v2\",\"predicateType\":\"" SIGN_V1
		"\",\"subject\":[{}]}",
		"{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[{}]}",
		"{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicateType\":\"" SIGN_V1
		"\",\"subject\":[]}",
		"{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicateType\":\"" SIGN_V1
		"\",\"subject\":[3]}",
		"{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicateType\":\"" SIGN_V1
		"\",\"subject\":[{}],\"subject\":[{}]}",
		"{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicateType\":\"" SIGN_V1
		"\",\"subject\":[{}],\"predicate\":3}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cc_auto_image_proof struct cc_image_proof *p = proof_of(DIGEST_A, false);

		add_statement(p, release, strdup(bad[i]));
		refused(any, p, "imageSigner", "imageSigner: statement");
	}
}

static void a_subject_without_a_digest_is_of_no_image(void **state)
{
	static const char *const subjects[] = {
		"{}",
		"{\"digest\":3}",
		"{\"digest\":{\"sha256\":\"AA\"}}",
		"{\"digest\":{\"sha512\":\"00\"}}",
		"{\"digest\":{\"sha256\":7}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		cc_auto_image_proof struct cc_image_proof *p = proof_of(DIGEST_A, false);
		char *text;

		assert_true(asprintf(&text,
				     "{\"_type\":\"https://in-toto.io/Statement/v1\","
				     "\"predicateType\":\"" SIGN_V1 "\",\"subject\":[%s]}",
				     subjects[i]) > 0);
		add_statement(p, release, text);
		refused(any, p, "imageManifest", "the signature is for");
	}
}

/* ---- as evidence has it ---- */

static void a_statement_comes_out_of_json_as_it_went_in(void **state)
{
	cc_auto_image_proof struct cc_image_proof *p = signed_by(release, true, OF_SHOP);
	cc_auto_json json_t *obj = cc_image_proof_to_json(p), *both = NULL;
	cc_auto_image_proof struct cc_image_proof *back = NULL;
	struct cc_error err = {0};

	(void)state;
	back = cc_image_proof_from_json(obj, &err);
	if (!back)
		fail_msg("%s", err.text);
	assert_true(cc_image_signature_eq(&back->v[0], &p->v[0]));
	let_in(of_repository, back);
	both = json_deep_copy(obj);
	json_object_set_new(json_array_get(json_object_get(both, "signatures"), 0), "payload",
			    json_string("x"));
	assert_null(cc_image_proof_from_json(both, &err));
	expect_error(&err, CC_E_INVALID, "", "payload");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_image_that_cosign_3_signed_is_let_in),
		cmocka_unit_test(a_statement_is_of_the_repository_that_it_names),
		cmocka_unit_test(
			a_statement_that_names_no_repository_is_refused_where_one_is_wanted),
		cmocka_unit_test(the_floor_is_of_the_subjects_annotation),
		cmocka_unit_test(a_statement_of_another_signer_or_image_is_refused),
		cmocka_unit_test(of_several_subjects_that_of_the_image_counts),
		cmocka_unit_test(a_statement_of_another_kind_is_no_signature),
		cmocka_unit_test(a_signature_of_one_kind_is_not_taken_for_the_other),
		cmocka_unit_test(a_signed_statement_that_is_malformed_is_refused),
		cmocka_unit_test(a_subject_without_a_digest_is_of_no_image),
		cmocka_unit_test(a_statement_comes_out_of_json_as_it_went_in),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
