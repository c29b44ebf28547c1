// SPDX-License-Identifier: Apache-2.0
/* The document of dmctl apply: each mistake is refused with its path, before keyd is asked. */
#include "lib_test.h"

#include <ftw.h>
#include <unistd.h>

#include "dmctl/state/document.h"
#include "jwk.h"
#include "secret.h"

#define VERSION "'apiVersion':'container-crypt/v1'"
#define PEM_FILE "'pemFile':'" COSIGN "cosign.pub'"

/* Where a path is relative, it is to the top of the tree. */
static int parse(const char *single_quoted, struct state *s, struct cc_error *err)
{
	cc_auto_json json_t *doc = json_of(single_quoted);

	return state_document_parse(doc, NULL, s, err);
}

static void each_mistake_is_refused_with_its_path(void **state)
{
	static const struct {
		const char *doc, *part;
	} bad[] = {
		{"[]", "document: member \"apiVersion\" is missing"},
		{"{'signers':[]}", "document: member \"apiVersion\" is missing"},
		{"{'apiVersion':'container-crypt/v2','new':1}",
		 "apiVersion is \"container-crypt/v2\", this dmctl takes container-crypt/v1"},
		{"{" VERSION ",'tenants':[]}", "document: unknown member \"tenants\""},
		{"{" VERSION ",'signers':{}}", "document: member \"signers\" must be"},
		{"{" VERSION ",'signers':[1]}", "signers[0] must be an object"},
		{"{" VERSION ",'signers':[{'name':'ci'," PEM_FILE ",'scope':'*'}]}",
		 "signers[0]: unknown member \"scope\""},
		{"{" VERSION ",'signers':[{" PEM_FILE "}]}",
		 "signers[0]: member \"name\" is missing"},
		{"{" VERSION ",'signers':[{'name':'CI'," PEM_FILE "}]}",
		 "signers[0]: name must be [a-z0-9]"},
		{"{" VERSION ",'signers':[{'name':'ci'}]}",
		 "signers[0]: has neither pem nor pemFile"},
		{"{" VERSION ",'signers':[{'name':'ci','pem':'x'," PEM_FILE "}]}",
		 "signers[0]: has both pem and pemFile"},
		{"{" VERSION ",'signers':[{'name':'ci','pem':'x'}]}", "signers[0]: "},
		{"{" VERSION ",'signers':[{'name':'ci','pemFile':'-'}]}",
		 "signers[0]: pemFile cannot be standard input"},
		{"{" VERSION ",'signers':[{'name':'ci'," PEM_FILE ",'volumes':'[a]'}]}",
		 "signers[0]: volumes: \"[a]\" is not a pattern"},
		{"{" VERSION ",'signers':[{'name':'ci'," PEM_FILE "},{'name':'ci'," PEM_FILE "}]}",
		 "signers[1]: signer ci is there already, with this name"},
		{"{" VERSION ",'signers':[{'name':'ci'," PEM_FILE "},{'name':'qa'," PEM_FILE "}]}",
		 "signers[1]: signer ci is there already, with this key"},
		{"{" VERSION ",'agents':[{'name':'host1','jwk':{'kty':'EC'}}]}", "agents[0]: "},
		{"{" VERSION ",'agents':[{'name':'host1','jwk':{'kty':'EC','d':'x'}}]}",
		 "agents[0]: jwk is a private key"},
		{"{" VERSION ",'volumes':[{'name':'a'},{'name':'pgdata','leaseMs':1}]}",
		 "volumes[1]: leaseMs must be from 2000"},
		{"{" VERSION ",'volumes':[{'name':'pgdata','onLock':'queue'}]}",
		 "volumes[0]: onLock must be error or queue:MS"},
		{"{" VERSION ",'volumes':[{'name':'pgdata','mountOptions':'suid'}]}",
		 "volumes[0]: "},
		{"{" VERSION ",'volumes':[{'name':'pgdata','uuid':'x'}]}",
		 "volumes[0]: unknown member \"uuid\""},
		{"{" VERSION ",'volumes':[{'name':'pgdata','fs':'btrfs'}]}",
		 "volumes[0]: fs must be ext4, xfs or none"},
		{"{" VERSION ",'volumes':[{'name':'pgdata','keyBytes':48}]}",
		 "volumes[0]: keyBytes must be 32 or 64"},
		{"{" VERSION ",'volumes':[{'name':'pgdata','sectorSize':1024}]}",
		 "volumes[0]: sectorSize must be 512 or 4096"},
		{"{" VERSION ",'volumes':[{'name':'pgdata','cipher':'aes-cbc'}]}",
		 "volumes[0]: cipher must be aes-xts-plain64"},
		{"{" VERSION ",'volumes':[{'name':'pgdata','lun':'sda'}]}",
		 "volumes[0]: lun must be an absolute path"},
		{"{" VERSION ",'volumes':[{'name':'pgdata','owner':'postgres'}]}", "volumes[0]: "},
		{"{" VERSION ",'volumes':[{'name':'pgdata','mode':'999'}]}", "volumes[0]: "},
		{"{" VERSION ",'volumes':[{'name':'pgdata'},{'name':'pgdata'}]}",
		 "volumes[1]: volume pgdata is there already"},
		{"{" VERSION ",'identities':[{'volume':'pgdata'}]}",
		 "identities[0]: has neither envelope nor envelopeFile"},
		{"{" VERSION ",'identities':[{'volume':'pgdata','envelope':'{}'}]}",
		 "identities[0]: "},
		{"{" VERSION ",'identities':[{'volume':'web','envelopeFile':'" COSIGN
		 "attestation.json'}]}",
		 "identities[0]: it has no identity of volume web"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cc_cleanup(state_clear) struct state s = {0};
		struct cc_error err = {0};

		if (!parse(bad[i].doc, &s, &err))
			fail_msg("%s is taken", bad[i].doc);
		if (!strstr(err.text, bad[i].part))
			fail_msg("%s: \"%s\" does not say \"%s\"", bad[i].doc, err.text,
				 bad[i].part);
	}
}

static void a_section_that_is_absent_is_not_given(void **state)
{
	cc_cleanup(state_clear) struct state s = {0};
	struct cc_error err = {0};

	(void)state;
	expect_ok(parse("{" VERSION ",'volumes':[]}", &s, &err), &err);
	assert_true(s.given[STATE_VOLUME]);
	assert_false(s.given[STATE_SIGNER] || s.given[STATE_AGENT] || s.given[STATE_IDENTITY]);
}

static void terms_are_those_that_were_said_in_one_way_of_writing(void **state)
{
	cc_auto_json json_t *want =
		json_of("{'mountOptions':'noexec,noatime','onLapse':'continue'}");
	cc_cleanup(state_clear) struct state s = {0};
	struct cc_error err = {0};

	(void)state;
	expect_ok(parse("{" VERSION ",'volumes':[{'name':'pgdata','onLapse':'continue',"
			"'mountOptions':'noatime,noexec','owner':'7:8','mode':'0750'}]}",
			&s, &err),
		  &err);
	assert_true(json_equal(s.volumes[0].terms, want));
	assert_int_equal(json_object_size(s.volumes[0].made), 0);
	assert_int_equal(s.volumes[0].root.uid, 7);
	assert_int_equal(s.volumes[0].root.mode, 0750);
}

static int remove_path(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
	(void)sb;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* A copy of a file, under the name that the document says. */
static void copy_to(const char *dir, const char *name, const char *from)
{
	cc_auto_free char *text = NULL;
	struct cc_error err = {0};
	char path[160];
	size_t len;

	text = read_fixture(from, &len);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	expect_ok(cc_replace_file(path, text, len, 0600, &err), &err);
}

static void files_are_looked_for_beside_the_document_and_only_public_keys_are_taken(void **state)
{
	char dir[] = "/tmp/test-document-XXXXXX", path[160];
	cc_cleanup(state_clear) struct state s = {0};
	cc_auto_json json_t *jwk = NULL, *doc = NULL;
	struct cc_error err = {0};

	(void)state;
	assert_non_null(mkdtemp(dir));
	expect_ok(cc_secret_heap_init(&err), &err);
	jwk = cc_jwk_new("host1", false, &err);
	snprintf(path, sizeof(path), "%s/host1.jwk", dir);
	assert_int_equal(json_dump_file(jwk, path, 0), 0);
	copy_to(dir, "cosign.pub", COSIGN "cosign.pub");
	copy_to(dir, "id.dsse", COSIGN "attestation.json");
	doc = json_of("{" VERSION ",'signers':[{'name':'ci','pemFile':'cosign.pub'}],"
		      "'agents':[{'name':'host1','jwkFile':'host1.jwk'}],"
		      "'identities':[{'volume':'pgdata','envelopeFile':'id.dsse'}]}");
	snprintf(path, sizeof(path), "%s/state.json", dir);
	assert_int_equal(json_dump_file(doc, path, 0), 0);
	expect_ok(state_document_read(path, &s, &err), &err);
	assert_memory_equal(s.peers[STATE_SIGNER][0].key_id, "sha256:", 7);
	assert_null(json_object_get(s.peers[STATE_AGENT][0].key, "d"));
	assert_non_null(json_object_get(s.peers[STATE_AGENT][0].key, "x"));
	assert_string_equal(s.identities[0].volume, "pgdata");
	assert_true(s.identities[0].serial >= 1);
	nftw(dir, remove_path, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake_is_refused_with_its_path),
		cmocka_unit_test(a_section_that_is_absent_is_not_given),
		cmocka_unit_test(terms_are_those_that_were_said_in_one_way_of_writing),
		cmocka_unit_test(
			files_are_looked_for_beside_the_document_and_only_public_keys_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
