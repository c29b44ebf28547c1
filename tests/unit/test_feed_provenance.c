// SPDX-License-Identifier: Apache-2.0
/* An image that is let in only as one that was built by this builder from that repository. */
#include "feed_checked.h"

#include "image_statement.h"
#include "provenance.h"

#define BUILDER "https://ci.example/builders/release@v1"
#define SOURCE "git+https://git.example/shop/db"
#define BUILT "'builtBy':{'builder':'" BUILDER "','source':'" SOURCE "'}"

static const char built[] = "{" BY_TWO "," BUILT "}";

#define BY(id) "\"runDetails\":{\"builder\":{\"id\":\"" id "\"}}"
#define FROM(members) "\"buildDefinition\":{\"externalParameters\":{" members "}}"
#define WORKFLOW(uri) "\"workflow\":{\"ref\":\"refs/heads/main\",\"repository\":\"" uri "\"}"
#define GOOD "{" BY(BUILDER) "," FROM(WORKFLOW("https://git.example/shop/db")) "}"

/* Signed as cosign 2 does; @predicate: of provenance by @key, NULL: there is none. */
static struct cc_image_proof *proof_with(EVP_PKEY *key, bool index, const char *type,
					 const char *predicate)
{
	struct cc_image_proof *p = proof_of(DIGEST_A, index);
	const char *document = index ? p->index : p->manifest;

	add_signature(p, release, payload_of(REPOSITORY, document, "null"));
	if (predicate)
		add_statement(p, key, statement_of(document, "", type, predicate));
	return p;
}

/* ---- the rule ---- */

static void a_rule_with_builder_and_source_is_read(void **state)
{
	auto_feed *feed = feed_of(built);

	(void)state;
	assert_string_equal(feed->builder, BUILDER);
	assert_string_equal(feed->source, SOURCE);
}

static void a_rule_that_is_malformed_is_refused(void **state)
{
	static const struct {
		const char *built_by, *says;
	} bad[] = {
		{"3", "builtBy"},
		{"{}", "builder"},
		{"{'builder':'https://b'}", "source"},
		{"{'source':'" SOURCE "'}", "builder"},
		{"{'builder':'','source':'" SOURCE "'}", "builtBy builder"},
		{"{'builder':'a b','source':'" SOURCE "'}", "builtBy builder"},
		{"{'builder':'https://b','source':'https://git.example/x'}", "builtBy source"},
		{"{'builder':'https://b','source':'git+git.example/x'}", "builtBy source"},
		{"{'builder':'https://b','source':'" SOURCE "@main'}", "builtBy source"},
		{"{'builder':'https://b','source':'" SOURCE "#main'}", "builtBy source"},
		{"{'builder':'https://b','source':'" SOURCE "','ref':'x'}", "ref"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char image[512];
		cc_auto_json json_t *obj = NULL;
		struct cc_error err = {0};

		snprintf(image, sizeof(image), "{" BY_TWO ",'builtBy':%s}", bad[i].built_by);
		obj = json_of(image);
		if (cc_feed_from_json(obj, &err))
			fail_msg("taken: %s", image);
		expect_error(&err, CC_E_INVALID, "", bad[i].says);
	}
}

/* ---- let in ---- */

static void an_image_with_provenance_of_builder_and_source_is_let_in(void **state)
{
	static const struct {
		const char *type, *predicate;
	} rows[] = {
		{CC_STATEMENT_SLSA_V1, GOOD},
		{CC_STATEMENT_SLSA_V1, "{" BY(BUILDER) "," FROM(WORKFLOW(SOURCE)) "}"},
		{CC_STATEMENT_SLSA_V1,
		 "{" BY(BUILDER) "," FROM("\"source\":\"" SOURCE
					  "@0123456789012345678901234567890123456789\"") "}"},
		{CC_STATEMENT_SLSA_V1, "{" BY(BUILDER) "," FROM("\"source\":\"" SOURCE "\"") "}"},
		{CC_STATEMENT_SLSA_V1,
		 "{" BY(BUILDER) "," FROM("\"source\":{\"uri\":\"" SOURCE "@refs/heads/x\"}") "}"},
		{CC_STATEMENT_SLSA_V1,
		 "{" BY(BUILDER) "," FROM(
			 "\"configSource\":{\"uri\":\"https://git.example/shop/db#main:dir\"}") "}"},
		{CC_STATEMENT_SLSA_V02,
		 "{\"builder\":{\"id\":\"" BUILDER
		 "\"},\"invocation\":{\"configSource\":{\"uri\":\"" SOURCE "@refs/heads/main\"}}}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cc_auto_image_proof struct cc_image_proof *p =
			proof_with(release, false, rows[i].type, rows[i].predicate);

		let_in(built, p);
	}
}

static void provenance_may_be_of_the_index_and_of_another_named_signer(void **state)
{
	cc_auto_image_proof struct cc_image_proof *p =
		proof_with(backup, true, CC_STATEMENT_SLSA_V1, GOOD);

	(void)state;
	let_in(built, p);
}

static void one_good_provenance_among_several_is_enough(void **state)
{
	cc_auto_image_proof struct cc_image_proof *p = proof_with(
		release, false, CC_STATEMENT_SLSA_V1, "{" BY("https://evil.example") "}");

	(void)state;
	add_statement(p, stranger, statement_of(p->manifest, "", CC_STATEMENT_SLSA_V1, GOOD));
	refused(built, p, "imageBuilder", "https://evil.example");
	add_statement(p, backup, statement_of(p->manifest, "", CC_STATEMENT_SLSA_V1, GOOD));
	let_in(built, p);
}

/* ---- refused ---- */

static void an_image_without_provenance_of_a_named_signer_is_refused(void **state)
{
	cc_auto_image_proof struct cc_image_proof *none = proof_with(NULL, false, NULL, NULL);
	cc_auto_image_proof struct cc_image_proof *strange =
		proof_with(stranger, false, CC_STATEMENT_SLSA_V1, GOOD);
	cc_auto_image_proof struct cc_image_proof *other =
		proof_with(release, false, "https://spdx.dev/Document", GOOD);

	(void)state;
	refused(built, none, "imageProvenance", "built by " BUILDER " from " SOURCE);
	refused(built, strange, "imageProvenance", "no provenance of it was brought");
	refused(built, other, "imageProvenance", "no provenance of it was brought");
}

static void provenance_alone_is_no_signature(void **state)
{
	cc_auto_image_proof struct cc_image_proof *p = proof_of(DIGEST_A, false);

	(void)state;
	add_statement(p, release, statement_of(p->manifest, "", CC_STATEMENT_SLSA_V1, GOOD));
	refused(built, p, "imageSigner", "no signature of the image");
}

static void provenance_of_another_image_is_refused(void **state)
{
	cc_auto_image_proof struct cc_image_proof *p = proof_with(NULL, false, NULL, NULL);

	(void)state;
	add_statement(p, release, statement_of("another", "", CC_STATEMENT_SLSA_V1, GOOD));
	refused(built, p, "imageProvenance", "for another image");
}

static void another_builder_or_source_is_refused_by_its_name(void **state)
{
	static const struct {
		const char *predicate, *fact, *says;
	} rows[] = {
		{"{" BY("https://ci.example/builders/release@v2") "}", "imageBuilder",
		 "release@v2"},
		{"{" BY("https://CI.example/builders/release@v1") "}", "imageBuilder",
		 "CI.example"},
		{"{\"builder\":{\"id\":\"" BUILDER "\"}}", "imageBuilder", "no builder"},
		{"{}", "imageBuilder", "no builder"},
		{"{" BY(BUILDER) "}", "imageSource", "no source, or several"},
		{"{" BY(BUILDER) "," FROM(WORKFLOW("https://git.example/shop/web")) "}",
		 "imageSource", "the provenance says https://git.example/shop/web"},
		{"{" BY(BUILDER) "," FROM(WORKFLOW("https://git.example/shop/db.git")) "}",
		 "imageSource", "db.git"},
		{"{" BY(BUILDER) "," FROM(WORKFLOW("https://git.example/shop/db2")) "}",
		 "imageSource", "db2"},
		{"{" BY(BUILDER) "," FROM(WORKFLOW("https://git.example/shop/d")) "}",
		 "imageSource", "shop/d"},
		{"{" BY(BUILDER) "," FROM(WORKFLOW("https://git.example/shop/db?x")) "}",
		 "imageSource", "db?x"},
		{"{" BY(BUILDER) "," FROM(
			 WORKFLOW("https://git.example/shop/db@evil.example/x")) "}",
		 "imageSource", "db@evil.example/x"},
		{"{" BY(BUILDER) "," FROM(WORKFLOW(SOURCE "@refs/heads/main")) "}", "imageSource",
		 "db@refs/heads/main"},
		{"{" BY(BUILDER) "," FROM("\"source\":\"" SOURCE "@evil@refs/heads/main\"") "}",
		 "imageSource", "db@evil@refs"},
		{"{" BY(BUILDER) "," FROM("\"source\":\"" SOURCE "@evil\"") "}", "imageSource",
		 "db@evil"},
		{"{" BY(BUILDER) "," FROM(WORKFLOW("https://git.example@evil.example/shop/db")) "}",
		 "imageSource", "evil.example"},
		{"{" BY(BUILDER) "," FROM(WORKFLOW("http://git.example/shop/db")) "}",
		 "imageSource", "http://"},
		{"{" BY(BUILDER) "," FROM(
			 WORKFLOW("https://git.example/shop/db") ",\"source\":\""
								 "https://evil.example/x\"") "}",
		 "imageSource", "or several"},
		{"{" BY(BUILDER) ",\"buildDefinition\":{\"resolvedDependencies\":[{\"uri\":\"" SOURCE
				 "\"}],\"externalParameters\":{" WORKFLOW(
					 "https://evil.example/x") "}}}",
		 "imageSource", "evil.example/x"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cc_auto_image_proof struct cc_image_proof *p =
			proof_with(release, false, CC_STATEMENT_SLSA_V1, rows[i].predicate);

		refused(built, p, rows[i].fact, rows[i].says);
	}
}

static void a_signed_provenance_that_is_malformed_is_refused(void **state)
{
	cc_auto_image_proof struct cc_image_proof *p =
		proof_with(release, false, CC_STATEMENT_SLSA_V1, "3");

	(void)state;
	refused(built, p, "imageProvenance", "predicate must be an object");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_with_builder_and_source_is_read),
		cmocka_unit_test(a_rule_that_is_malformed_is_refused),
		cmocka_unit_test(an_image_with_provenance_of_builder_and_source_is_let_in),
		cmocka_unit_test(provenance_may_be_of_the_index_and_of_another_named_signer),
		cmocka_unit_test(one_good_provenance_among_several_is_enough),
		cmocka_unit_test(an_image_without_provenance_of_a_named_signer_is_refused),
		cmocka_unit_test(provenance_alone_is_no_signature),
		cmocka_unit_test(provenance_of_another_image_is_refused),
		cmocka_unit_test(another_builder_or_source_is_refused_by_its_name),
		cmocka_unit_test(a_signed_provenance_that_is_malformed_is_refused),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
