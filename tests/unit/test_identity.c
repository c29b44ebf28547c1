// SPDX-License-Identifier: Apache-2.0
#include "lib_test.h"

#include "dsse.h"
#include "demand.h"
#include "identity.h"
#include "keep_identity.h"
#include "pkey.h"
#include "strv.h"

/* A statement with every member there is. */
static json_t *full(void)
{
	return json_of(
		"{'_type':'https://in-toto.io/Statement/v0.1',"
		"'predicateType':'urn:container-crypt:identity:v1',"
		"'subject':[{'name':'registry/app','digest':{'sha256':"
		"'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'}}],"
		"'predicate':{'volume':'pgdata','mountPoint':'/data','serial':3,"
		"'notBefore':'2026-01-01T00:00:00Z','notAfter':'2027-01-01T00:00:00Z',"
		"'readOnly':true,"
		"'image':{'configDigest':'" DIGEST_B "','rootfsDigest':'" DIGEST_C "'},"
		"'process':{'args':['/app','-v'],'cwd':'/srv',"
		"'user':{'uid':1000,'gid':1001,'additionalGids':[10,20]},"
		"'env':[{'name':'MODE','value':'fast'},{'name':'DEBUG'}],"
		"'capabilities':['CAP_CHOWN'],'noNewPrivileges':true},"
		"'readonlyRootfs':true,'seccomp':'" DIGEST_A "','apparmor':'docker-default',"
		"'mounts':[{'destination':'/cfg','source':'/etc/cfg','type':'bind','options':['ro']}],"
		"'devices':['/dev/fuse','/dev/disk b 8:16','c 188:*','b 8:16'],'hooks':['/usr/bin/other-hook'],'settings':['linux.sysctl a.b=1'],'demands':['no-core','network:app_net.1'],'upper':'clean',"
		"'sharedNamespaces':['net'],'privileged':true}}");
}

static json_t *minimal(void)
{
	return json_of("{'_type':'https://in-toto.io/Statement/v1',"
		       "'predicateType':'urn:container-crypt:identity:v1',"
		       "'subject':[{'name':'app','digest':{'sha256':"
		       "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'}}],"
		       "'predicate':{'volume':'pgdata','mountPoint':'/data','serial':1,"
		       "'image':{'configDigest':'" DIGEST_B "'}}}");
}

static struct cc_identity *parse(const json_t *doc, struct cc_error *err)
{
	cc_auto_free char *text = json_dumps(doc, JSON_COMPACT);
	struct cc_identity *id = cc_identity_parse(text, strlen(text), err);

	if (id)
		keep_identity(json_object_get(doc, "predicate"));
	return id;
}

/* Walks "a.b.0.c" and sets what is there; a NULL @value deletes. */
static void set(json_t *doc, const char *path, json_t *value)
{
	cc_auto_free char *copy = strdup(path);
	char *save = NULL, *key = strtok_r(copy, ".", &save), *next;

	for (; (next = strtok_r(NULL, ".", &save)); key = next)
		doc = json_is_array(doc) ? json_array_get(doc, (size_t)atoi(key))
					 : json_object_get(doc, key);
	if (json_is_array(doc))
		assert_int_equal(json_array_set_new(doc, (size_t)atoi(key), value), 0);
	else if (value)
		assert_int_equal(json_object_set_new(doc, key, value), 0);
	else
		assert_int_equal(json_object_del(doc, key), 0);
}

/*
 * @full with the member at @path replaced by @value (single-quoted JSON, NULL deletes) is refused.
 */
static void expect_bad(const char *path, const char *value, const char *part)
{
	cc_auto_json json_t *doc = full();
	struct cc_error err = {0};
	struct cc_identity *id;

	set(doc, path, value ? json_of(value) : NULL);
	id = parse(doc, &err);
	if (id)
		fail_msg("%s = %s is accepted", path, value ? value : "absent");
	expect_error(&err, CC_E_INVALID, "identity", part);
}

static void every_member_is_read(void **state)
{
	cc_auto_json json_t *doc = full();
	struct cc_error err = {0};
	cc_auto_identity struct cc_identity *id = parse(doc, &err);

	(void)state;
	assert_non_null(id);
	assert_int_equal(id->subjects.n, 1);
	assert_string_equal(id->subjects.v[0], DIGEST_A);
	assert_string_equal(id->volume, "pgdata");
	assert_string_equal(id->mount_point, "/data");
	assert_int_equal(id->serial, 3);
	assert_true(id->has_not_before && id->has_not_after);
	assert_int_equal(id->not_before, 1767225600);
	assert_int_equal(id->not_after, 1798761600);
	assert_true(id->read_only);
	assert_int_equal(id->config_digests.n, 1);
	assert_string_equal(id->config_digests.v[0], DIGEST_B);
	assert_string_equal(id->rootfs_digest, DIGEST_C);
	assert_true(id->has_args);
	assert_int_equal(id->args.n, 2);
	assert_string_equal(id->args.v[1], "-v");
	assert_string_equal(id->cwd, "/srv");
	assert_true(id->has_user);
	assert_int_equal(id->user.uid, 1000);
	assert_int_equal(id->user.gid, 1001);
	assert_int_equal(id->user.n_groups, 2);
	assert_int_equal(id->user.groups[1], 20);
	assert_int_equal(id->n_env, 2);
	assert_string_equal(id->env[0].name, "MODE");
	assert_string_equal(id->env[0].value, "fast");
	assert_null(id->env[1].value);
	assert_true(id->has_capabilities);
	assert_string_equal(id->capabilities.v[0], "CAP_CHOWN");
	assert_true(id->no_new_privileges);
	assert_true(id->readonly_rootfs);
	assert_string_equal(id->seccomp, DIGEST_A);
	assert_string_equal(id->apparmor, "docker-default");
	assert_int_equal(id->n_mounts, 1);
	assert_string_equal(id->mounts[0].destination, "/cfg");
	assert_string_equal(id->mounts[0].source, "/etc/cfg");
	assert_string_equal(id->mounts[0].type, "bind");
	assert_string_equal(id->mounts[0].options.v[0], "ro");
	assert_string_equal(id->devices.v[0], "/dev/fuse");
	assert_string_equal(id->hooks.v[0], "/usr/bin/other-hook");
	assert_string_equal(id->settings.v[0], "linux.sysctl a.b=1");
	assert_string_equal(id->demands.v[1], "network:app_net.1");
	assert_int_equal(id->upper, CC_UPPER_RULE_CLEAN);
	assert_string_equal(id->shared_namespaces.v[0], "net");
	assert_true(id->privileged);
}

static void a_demand_that_nobody_knows_is_refused(void **state)
{
	static const char *const words[] = {"['no-cores']",
					    "['no-core ']",
					    "['']",
					    "['network:']",
					    "['network:a b']",
					    "['network']",
					    "['network:a/b']",
					    "['runtime:']",
					    "['runtime']",
					    "['selinux-type:']",
					    "['selinux-type:a/b']",
					    "['selinux-level:']",
					    "['selinux-level:s0 ']",
					    "[1]",
					    "'no-core'"};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		expect_bad("predicate.demands", words[i], "demands");
}

static void what_the_writable_layer_may_hold_is_one_of_three_words(void **state)
{
	static const char *const words[] = {"'dirty'", "''", "'Same'", "'same '",
					    "true",    "1",  "[]"};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		expect_bad("predicate.upper", words[i], "upper");
}

static void a_runtime_is_demanded_by_name_or_path(void **state)
{
	static const char *const words[] = {"runtime:crun",
					    "runtime:io.containerd.runc.v2",
					    "runtime:/usr/local/bin/crun",
					    "selinux-type:container_t",
					    "selinux-level:s0:c12,c345",
					    "network:none"};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_true(cc_demand_is_known(words[i]));
}

static void absent_members_demand_the_safe_value(void **state)
{
	cc_auto_json json_t *doc = minimal();
	struct cc_error err = {0};
	cc_auto_identity struct cc_identity *id = parse(doc, &err);

	(void)state;
	assert_non_null(id);
	assert_false(id->has_not_before || id->has_not_after || id->has_args || id->has_user ||
		     id->has_capabilities || id->read_only || id->privileged);
	assert_null(id->rootfs_digest);
	assert_null(id->cwd);
	assert_null(id->seccomp);
	assert_int_equal(id->upper, CC_UPPER_RULE_ABSENT);
	assert_int_equal(id->n_env + id->n_mounts + id->devices.n + id->hooks.n + id->settings.n +
				 id->demands.n + id->shared_namespaces.n,
			 0);
}

static void an_empty_capability_list_is_not_an_absent_one(void **state)
{
	cc_auto_json json_t *doc = full();
	struct cc_error err = {0};
	cc_auto_identity struct cc_identity *id = NULL;

	(void)state;
	set(doc, "predicate.process.capabilities", json_array());
	id = parse(doc, &err);
	assert_non_null(id);
	assert_true(id->has_capabilities);
	assert_int_equal(id->capabilities.n, 0);
}

static void what_cosign_attests_parses(void **state)
{
	size_t pem_len, env_len, len;
	cc_auto_free char *pem = read_fixture(COSIGN "cosign.pub", &pem_len);
	cc_auto_free char *env = read_fixture(COSIGN "attestation.json", &env_len);
	cc_auto_free char *digest = read_fixture(COSIGN "manifest.digest", &len);
	cc_auto_free char *payload = NULL;
	struct cc_error err = {0};
	cc_auto_pkey EVP_PKEY *key = cc_pubkey_parse(pem, pem_len, &err);
	cc_auto_identity struct cc_identity *id = NULL;

	(void)state;
	expect_ok(cc_dsse_verify(env, env_len, CC_DSSE_INTOTO, key, &payload, &len, &err), &err);
	id = cc_identity_parse(payload, len, &err);
	assert_non_null(id);
	digest[strcspn(digest, "\n")] = '\0';
	assert_string_equal(id->subjects.v[0], digest);
	assert_string_equal(id->volume, "pgdata");
	assert_int_equal(id->serial, 3);
	assert_string_equal(id->args.v[1], "-v");
	assert_string_equal(id->env[0].value, "a<b"); /* cosign writes it as \u003c */
}

static void unknown_members_are_refused_everywhere(void **state)
{
	static const char *const paths[] = {"x",
					    "subject.0.x",
					    "subject.0.digest.sha512",
					    "predicate.x",
					    "predicate.image.x",
					    "predicate.process.x",
					    "predicate.process.user.x",
					    "predicate.process.env.0.x",
					    "predicate.mounts.0.x"};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		expect_bad(paths[i], "1", "unknown member");
}

static void required_members_are_required(void **state)
{
	static const char *const paths[] = {"_type",
					    "predicateType",
					    "subject",
					    "predicate",
					    "subject.0.name",
					    "subject.0.digest",
					    "subject.0.digest.sha256",
					    "predicate.volume",
					    "predicate.mountPoint",
					    "predicate.serial",
					    "predicate.image",
					    "predicate.image.configDigest",
					    "predicate.process.user.uid",
					    "predicate.process.user.gid",
					    "predicate.process.env.0.name",
					    "predicate.mounts.0.destination",
					    "predicate.mounts.0.type"};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		expect_bad(paths[i], NULL, "is missing");
}

static void another_statement_or_predicate_is_refused(void **state)
{
	(void)state;
	expect_bad("_type", "'https://in-toto.io/Statement/v2'", "_type");
	expect_bad("predicateType", "'urn:container-crypt:identity:v2'", "predicateType");
	expect_bad("predicateType", "'https://slsa.dev/provenance/v1'", "predicateType");
	expect_bad("subject", "[]", "at least one");
	expect_bad("subject.0.digest.sha256", "'abc'", "sha256");
	expect_bad("predicate", "[]", "an object");
}

static void the_mount_point_is_normal_and_not_the_kernels(void **state)
{
	static const char *const bad[] = {"'/'",       "''",	  "'data'",	"'/data/'",
					  "'//data'",  "'/a//b'", "'/a/./b'",	"'/a/../b'",
					  "'/..'",     "'/.'",	  "'/proc'",	"'/proc/1'",
					  "'/sys/fs'", "'/dev'",  "'/dev/shm'", "'/a\\nb'"};
	cc_auto_json json_t *doc = full();
	struct cc_error err = {0};
	char longer[5000];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cc_auto_free char *text = strdup(bad[i]);

		expect_bad("predicate.mountPoint", text, "mountPoint");
	}
	memset(longer, 'a', sizeof(longer) - 1);
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	set(doc, "predicate.mountPoint", json_string(longer));
	assert_null(parse(doc, &err));

	static const char *const good[] = {"/data", "/a/b",    "/...",	  "/.a",
					   "/a..",  "/device", "/process"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		cc_auto_identity struct cc_identity *id = NULL;

		set(doc, "predicate.mountPoint", json_string(good[i]));
		id = parse(doc, &err);
		assert_non_null(id);
	}
}

static void serials_are_integers_a_double_can_hold(void **state)
{
	cc_auto_json json_t *doc = full();
	struct cc_error err = {0};
	cc_auto_identity struct cc_identity *id = NULL;

	(void)state;
	expect_bad("predicate.serial", "0", "serial");
	expect_bad("predicate.serial", "-1", "negative");
	expect_bad("predicate.serial", "1.0", "an integer");
	expect_bad("predicate.serial", "'1'", "an integer");
	expect_bad("predicate.serial", "9007199254740992", "serial");
	set(doc, "predicate.serial", json_integer(9007199254740991));
	id = parse(doc, &err);
	assert_non_null(id);
	assert_true(id->serial == 9007199254740991);
}

static void a_floor_is_from_1_to_the_serial(void **state)
{
	cc_auto_json json_t *doc = full();
	struct cc_error err = {0};
	cc_auto_identity struct cc_identity *none = parse(doc, &err), *own = NULL;

	(void)state;
	assert_false(none->has_floor);
	assert_int_equal(none->floor, 0);
	expect_bad("predicate.floor", "0", "floor");
	expect_bad("predicate.floor", "4", "floor"); /* the serial is 3 */
	expect_bad("predicate.floor", "-1", "negative");
	expect_bad("predicate.floor", "'1'", "an integer");
	expect_bad("predicate.floor", "null", "an integer");
	set(doc, "predicate.floor", json_integer(3));
	own = parse(doc, &err);
	assert_non_null(own);
	assert_true(own->has_floor && own->floor == 3);
}

static void an_image_may_have_a_configuration_for_each_platform(void **state)
{
	cc_auto_json json_t *doc = full();
	cc_auto_json json_t *many = json_array();
	struct cc_error err = {0};
	cc_auto_identity struct cc_identity *id = NULL;

	(void)state;
	set(doc, "predicate.image.configDigest", json_pack("[s, s]", DIGEST_B, DIGEST_C));
	id = parse(doc, &err);
	assert_non_null(id);
	assert_int_equal(id->config_digests.n, 2);
	assert_string_equal(id->config_digests.v[0], DIGEST_B);
	assert_string_equal(id->config_digests.v[1], DIGEST_C);
	expect_bad("predicate.image.configDigest", "[]", "configDigest");
	expect_bad("predicate.image.configDigest", "['" DIGEST_B "','abc']", "configDigest");
	expect_bad("predicate.image.configDigest", "['" DIGEST_B "',1]", "strings only");
	expect_bad("predicate.image.configDigest", "{}", "a string");
	for (int i = 0; i <= CC_CONFIGS_MAX; i++)
		json_array_append_new(many, json_string(DIGEST_B));
	set(doc, "predicate.image.configDigest", json_incref(many));
	assert_null(parse(doc, &err));
	assert_non_null(strstr(err.text, "16"));
}

static void an_image_may_be_named_by_who_signs_it(void **state)
{
	cc_auto_json json_t *doc = full();
	struct cc_error err = {0};
	cc_auto_identity struct cc_identity *id = NULL;

	(void)state;
	set(doc, "predicate.image",
	    json_of("{'signedBy':['release','" DIGEST_A "'],'repository':'r.example/shop/db',"
		    "'floor':{'annotation':'version','minimum':'1.4.2'}}"));
	id = parse(doc, &err);
	if (!id)
		fail_msg("%s", err.text);
	assert_non_null(id->feed);
	assert_int_equal(id->config_digests.n, 0);
	assert_string_equal(id->feed->minimum, "1.4.2");
	expect_bad("predicate.image", "{'signedBy':['release']}", "repository");
	expect_bad("predicate.image",
		   "{'signedBy':['release'],'repository':'r.example/a','configDigest':'" DIGEST_A
		   "'}",
		   "configDigest");
	expect_bad("predicate.image", "{}", "configDigest");
}

static void values_of_the_wrong_form_are_refused(void **state)
{
	(void)state;
	expect_bad("predicate.volume", "'../etc'", "volume");
	expect_bad("predicate.volume", "''", "volume");
	expect_bad("predicate.notBefore", "'2026-01-01'", "notBefore");
	expect_bad("predicate.notAfter", "'2025-01-01T00:00:00Z'", "later than notBefore");
	expect_bad("predicate.readOnly", "1", "true or false");
	expect_bad("predicate.image.configDigest", "'abc'", "configDigest");
	expect_bad("predicate.image.rootfsDigest", "'sha256:'", "rootfsDigest");
	expect_bad("predicate.process.args", "[]", "at least the program");
	expect_bad("predicate.process.args", "'/app'", "an array");
	expect_bad("predicate.process.args", "['/app',1]", "strings only");
	expect_bad("predicate.process.cwd", "'srv'", "absolute");
	expect_bad("predicate.process.user", "0", "an object");
	expect_bad("predicate.process.user.uid", "4294967295", "out of range");
	expect_bad("predicate.process.user.gid", "-1", "negative");
	expect_bad("predicate.process.user.additionalGids", "[4294967296]", "out of range");
	expect_bad("predicate.process.user.additionalGids", "['root']", "group ids");
	expect_bad("predicate.process.env.0.name", "''", "env rule name");
	expect_bad("predicate.process.env.0.name", "'A=B'", "env rule name");
	expect_bad("predicate.process.env", "['A=B']", "an object");
	expect_bad("predicate.process.capabilities", "['ALL']", "CAP_CHOWN");
	expect_bad("predicate.process.capabilities", "['CAP_']", "CAP_CHOWN");
	expect_bad("predicate.process.capabilities", "['cap_chown']", "CAP_CHOWN");
	expect_bad("predicate.seccomp", "'any'", "seccomp");
	expect_bad("predicate.mounts.0.destination", "'/a/../b'", "destination");
	expect_bad("predicate.mounts.0.source", NULL, "source");
	expect_bad("predicate.devices", "['fuse']", "devices");
	expect_bad("predicate.devices", "['c 188']", "devices");
	expect_bad("predicate.devices", "['c 188:']", "devices");
	expect_bad("predicate.devices", "['c *:*']", "devices");
	expect_bad("predicate.devices", "['a 1:2']", "devices");
	expect_bad("predicate.devices", "['c 188:1*']", "devices");
	expect_bad("predicate.devices", "['']", "devices");
	expect_bad("predicate.hooks", "['hook']", "hooks");
	expect_bad("predicate.settings", "'linux.sysctl'", "an array");
	expect_bad("predicate.sharedNamespaces", "['user']", "sharedNamespaces");
	expect_bad("predicate.privileged", "'yes'", "true or false");
}

static void a_seccomp_of_unconfined_must_be_said(void **state)
{
	cc_auto_json json_t *doc = full();
	struct cc_error err = {0};
	cc_auto_identity struct cc_identity *id = NULL;

	(void)state;
	set(doc, "predicate.seccomp", json_string("unconfined"));
	id = parse(doc, &err);
	assert_non_null(id);
	assert_string_equal(id->seccomp, "unconfined");
}

static void text_that_is_no_statement_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "{", "[]", "null", "{}", "{\"_type\":1}", "{\"_type\":\"x\",\"_type\":\"y\"}"};
	struct cc_error err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(cc_identity_parse(bad[i], strlen(bad[i]), &err));
		expect_error(&err, CC_E_INVALID, "identity", "");
	}
}

static void every_truncation_is_refused(void **state)
{
	cc_auto_json json_t *doc = full();
	cc_auto_free char *text = json_dumps(doc, JSON_COMPACT);
	struct cc_error err = {0};

	(void)state;
	for (size_t n = 0; n < strlen(text); n++) {
		cc_auto_free char *cut = strndup(text, n); /* ends where its memory ends */

		assert_null(cc_identity_parse(cut, n, &err));
	}
}

static void a_made_statement_is_what_cosign_would_write(void **state)
{
	cc_auto_json json_t *doc = full();
	struct cc_strv subjects = {0};
	struct cc_error err = {0};
	cc_auto_free char *text = NULL;
	cc_auto_json json_t *back = NULL;

	(void)state;
	expect_ok(cc_strv_push(&subjects, DIGEST_A, &err), &err);
	text = cc_identity_statement(json_object_get(doc, "predicate"), &subjects, "registry/app",
				     &err);
	cc_strv_clear(&subjects);
	assert_non_null(text);
	back = json_loads(text, 0, NULL);
	assert_true(json_equal(doc, back));
}

static void no_statement_is_made_that_would_be_refused(void **state)
{
	cc_auto_json json_t *doc = full();
	struct cc_strv none = {0}, bad = {0}, good = {0};
	struct cc_error err = {0};

	(void)state;
	expect_ok(cc_strv_push(&bad, "sha256:abc", &err), &err);
	expect_ok(cc_strv_push(&good, DIGEST_A, &err), &err);
	assert_null(cc_identity_statement(json_object_get(doc, "predicate"), &none, "app", &err));
	expect_error(&err, CC_E_INVALID, "identity", "at least one");
	assert_null(cc_identity_statement(json_object_get(doc, "predicate"), &bad, "app", &err));
	assert_int_equal(err.code, CC_E_INVALID);
	set(doc, "predicate.extra", json_true());
	assert_null(cc_identity_statement(json_object_get(doc, "predicate"), &good, "app", &err));
	expect_error(&err, CC_E_INVALID, "identity", "unknown member \"extra\"");
	cc_strv_clear(&bad);
	cc_strv_clear(&good);
}

static void paths_are_compared_by_component(void **state)
{
	(void)state;
	assert_true(cc_path_is_within("/data", "/data"));
	assert_true(cc_path_is_within("/data/sub", "/data"));
	assert_false(cc_path_is_within("/database", "/data"));
	assert_false(cc_path_is_within("/dat", "/data"));
	assert_false(cc_path_is_within("/", "/data"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_member_is_read),
		cmocka_unit_test(a_demand_that_nobody_knows_is_refused),
		cmocka_unit_test(what_the_writable_layer_may_hold_is_one_of_three_words),
		cmocka_unit_test(a_runtime_is_demanded_by_name_or_path),
		cmocka_unit_test(absent_members_demand_the_safe_value),
		cmocka_unit_test(an_empty_capability_list_is_not_an_absent_one),
		cmocka_unit_test(what_cosign_attests_parses),
		cmocka_unit_test(unknown_members_are_refused_everywhere),
		cmocka_unit_test(required_members_are_required),
		cmocka_unit_test(another_statement_or_predicate_is_refused),
		cmocka_unit_test(the_mount_point_is_normal_and_not_the_kernels),
		cmocka_unit_test(serials_are_integers_a_double_can_hold),
		cmocka_unit_test(a_floor_is_from_1_to_the_serial),
		cmocka_unit_test(an_image_may_have_a_configuration_for_each_platform),
		cmocka_unit_test(an_image_may_be_named_by_who_signs_it),
		cmocka_unit_test(values_of_the_wrong_form_are_refused),
		cmocka_unit_test(a_seccomp_of_unconfined_must_be_said),
		cmocka_unit_test(text_that_is_no_statement_is_refused),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(a_made_statement_is_what_cosign_would_write),
		cmocka_unit_test(no_statement_is_made_that_would_be_refused),
		cmocka_unit_test(paths_are_compared_by_component),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
