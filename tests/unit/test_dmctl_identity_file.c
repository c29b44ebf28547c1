// SPDX-License-Identifier: Apache-2.0
/*
 * Files that hold identities: ours, cosign's lines, a bundle; and predicates pinned to
 * measurements.
 */
#include "lib_test.h"

#include "b64.h"
#include "identity.h"
#include "dmctl/client/identity_file.h"
#include "dmctl/cli/identity_draft.h"
#include "dsse.h"

/* An envelope as JSON text, its signature nonsense: nothing here verifies. */
static char *envelope(const char *payload)
{
	cc_auto_free char *b64 = cc_b64_encode(payload, strlen(payload));
	cc_auto_json json_t *env =
		json_pack("{s:s, s:s, s:[{s:s, s:s}]}", "payloadType", CC_DSSE_INTOTO, "payload",
			  b64, "signatures", "keyid", "", "sig", "AAAA");

	return json_dumps(env, JSON_COMPACT);
}

/* The statement of an identity of @volume. */
static char *statement(const char *volume, int serial)
{
	cc_auto_json json_t *st = json_pack(
		"{s:s, s:s, s:[{s:s, s:{s:s}}], s:{s:s, s:s, s:i, s:{s:s}}}", "_type",
		CC_STATEMENT_V01, "predicateType", CC_IDENTITY_TYPE, "subject", "name", "app",
		"digest", "sha256", DIGEST_A + 7, "predicate", "volume", volume, "mountPoint",
		"/data", "serial", serial, "image", "configDigest", DIGEST_B);

	return json_dumps(st, JSON_COMPACT);
}

static char *identity(const char *volume, int serial)
{
	cc_auto_free char *st = statement(volume, serial);

	return envelope(st);
}

#define auto_envelopes cc_cleanup(identity_file_clear) struct identity_file

static void read_text(const char *text, struct identity_file *e)
{
	struct cc_error err = {0};

	expect_ok(identity_file_parse(text, strlen(text), "file", e, &err), &err);
}

static void one_envelope_is_read_whatever_its_layout(void **state)
{
	cc_auto_free char *compact = identity("pgdata", 7);
	cc_auto_json json_t *doc = json_loads(compact, 0, NULL);
	cc_auto_free char *indented = json_dumps(doc, JSON_INDENT(4));
	const char *texts[] = {compact, indented};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		auto_envelopes e = {0};

		read_text(texts[i], &e);
		assert_int_equal(e.n, 1);
		assert_string_equal(e.v[0].id->volume, "pgdata");
		assert_string_equal(e.v[0].text, compact);
	}
}

static void a_sigstore_bundle_is_opened(void **state)
{
	cc_auto_free char *env = identity("pgdata", 7);
	cc_auto_free char *bundle = NULL;
	auto_envelopes e = {0};

	(void)state;
	assert_true(asprintf(&bundle, "{\"mediaType\":\"x\",\"dsseEnvelope\":%s}\n", env) > 0);
	read_text(bundle, &e);
	assert_int_equal(e.n, 1);
	assert_string_equal(e.v[0].text, env);
}

static void other_attestations_are_passed_over(void **state)
{
	cc_auto_free char *sbom =
		envelope("{\"_type\":\"x\",\"predicateType\":\"https://spdx.dev/Document\"}");
	cc_auto_free char *mine = identity("pgdata", 7);
	cc_auto_free char *lines = NULL;
	auto_envelopes e = {0};

	(void)state;
	assert_true(asprintf(&lines, "%s\n\n%s\n%s\n", sbom, mine, sbom) > 0);
	read_text(lines, &e);
	assert_int_equal(e.n, 1);
	assert_string_equal(e.v[0].id->volume, "pgdata");
}

static void expect_unreadable(const char *text, const char *part)
{
	auto_envelopes e = {0};
	struct cc_error err = {0};

	assert_int_equal(identity_file_parse(text, strlen(text), "file", &e, &err), -1);
	assert_int_equal(err.code, CC_E_INVALID);
	if (!strstr(err.text, part))
		fail_msg("\"%s\" does not say \"%s\"", err.text, part);
	assert_int_equal(e.n, 0);
}

static void a_file_without_an_identity_is_refused(void **state)
{
	cc_auto_free char *sbom =
		envelope("{\"_type\":\"x\",\"predicateType\":\"https://spdx.dev/Document\"}");
	cc_auto_free char *broken = envelope("{\"predicateType\":\"" CC_IDENTITY_TYPE "\"}");
	cc_auto_free char *nonsense = envelope("not JSON");

	(void)state;
	expect_unreadable("", "");
	expect_unreadable("\n\n", "no container-crypt identity");
	expect_unreadable("[]", "");
	expect_unreadable("{}", "payloadType");
	expect_unreadable("{\"payloadType\":\"text/plain\",\"payload\":\"AAAA\"}", "payloadType");
	expect_unreadable("{\"payloadType\":\"" CC_DSSE_INTOTO "\",\"payload\":\"!\"}", "envelope");
	expect_unreadable(sbom, "no container-crypt identity");
	expect_unreadable(broken, "_type");
	expect_unreadable(nonsense, "");
}

static void the_highest_serial_of_one_volume_is_meant(void **state)
{
	cc_auto_free char *a1 = identity("a", 1), *a3 = identity("a", 3), *a2 = identity("a", 2);
	cc_auto_free char *lines = NULL;
	auto_envelopes e = {0};
	struct cc_error err = {0};
	const struct identity_envelope *v;

	(void)state;
	assert_true(asprintf(&lines, "%s\n%s\n%s", a1, a3, a2) > 0);
	read_text(lines, &e);
	v = identity_file_pick(&e, NULL, &err);
	assert_non_null(v);
	assert_int_equal(v->id->serial, 3);
}

static void of_several_volumes_one_must_be_named(void **state)
{
	cc_auto_free char *a = identity("a", 1), *b = identity("b", 2);
	cc_auto_free char *lines = NULL;
	auto_envelopes e = {0};
	struct cc_error err = {0};
	const struct identity_envelope *v;

	(void)state;
	assert_true(asprintf(&lines, "%s\n%s\n", a, b) > 0);
	read_text(lines, &e);
	assert_null(identity_file_pick(&e, NULL, &err));
	expect_error(&err, CC_E_USAGE, "", "--volume");
	v = identity_file_pick(&e, "a", &err);
	assert_non_null(v);
	assert_string_equal(v->id->volume, "a");
	assert_null(identity_file_pick(&e, "c", &err));
	expect_error(&err, CC_E_NOTFOUND, "", "volume c");
}

static void the_payload_comes_back_as_it_was_signed(void **state)
{
	cc_auto_free char *st = statement("pgdata", 7);
	cc_auto_free char *env = envelope(st);
	cc_auto_free char *payload = NULL;
	auto_envelopes e = {0};
	struct cc_error err = {0};
	size_t len;

	(void)state;
	read_text(env, &e);
	payload = identity_envelope_payload(&e.v[0], &len, &err);
	assert_non_null(payload);
	assert_int_equal(len, strlen(st));
	assert_string_equal(payload, st);
}

/* ---- predicates ---------------------------------------------------------------------------- */

/* A container with a little of everything that an identity has to name. */
static const char busy[] =
	"{'engine':'docker','state':'running','container':{'id':'c0ffee','name':'app'},"
	"'process':{'pid':42,'startTime':1000,'cgroupId':77},"
	"'image':{'id':'" DIGEST_B "','manifests':['" DIGEST_A "'],'ref':'app:v1',"
	" 'args':['/app'],'env':['PATH=/bin','LANG=C','HOME=/app','GONE=1'],'cwd':'/',"
	" 'user':{'uid':0,'gid':0,'additionalGids':[]}},"
	"'config':{'args':['/app','--serve'],"
	" 'env':['PATH=/bin','LANG=de_DE','HOME=/root','HOSTNAME=c0ffee','TERM=xterm','EMPTY=','MODE=a=b'],"
	" 'cwd':'/srv','user':{'uid':1000,'gid':1000,'additionalGids':[5]},"
	" 'capabilities':['CAP_CHOWN','CAP_SYS_PTRACE'],'noNewPrivileges':true,"
	" 'readonlyRootfs':true,'seccomp':'" DIGEST_C "','apparmor':'docker-default',"
	" 'mounts':[{'destination':'/proc','type':'proc','source':'proc','options':[],'engine':true},"
	"  {'destination':'/etc/hosts','type':'bind','source':'/var/lib/x/hosts',"
	"   'options':['rbind'],'engine':true},"
	"  {'destination':'/conf','type':'bind','source':'/srv/conf','options':['rbind','ro'],"
	"   'engine':false}],"
	" 'devices':['/dev/fuse'],'hooks':['/usr/bin/other-hook'],"
	" 'settings':['linux.sysctl net.core.somaxconn=1024'],"
	" 'namespaces':{'cgroup':'private','ipc':'private','mnt':'private','net':'host',"
	"  'pid':'private','uts':'joined'},'privileged':false},"
	"'rootfs':{'upper':'clean','firstStart':true}}";

static struct cc_measurement *measurement(const char *text)
{
	cc_auto_json json_t *obj = json_of(text);
	struct cc_error err = {0};
	struct cc_measurement *m = cc_measurement_from_json(obj, &err);

	if (!m)
		fail_msg("%s", err.text);
	return m;
}

static void a_pinned_predicate_allows_what_was_measured(void **state)
{
	cc_auto_measurement struct cc_measurement *m = measurement(busy);
	cc_auto_json json_t *p = identity_draft_from_measurement(m, "pgdata", "/data", 3);
	struct cc_error err = {0};

	(void)state;
	assert_non_null(p);
	expect_ok(identity_draft_check(p, m, &err), &err);
}

static void it_names_only_what_is_not_the_image_s_or_the_engine_s(void **state)
{
	cc_auto_measurement struct cc_measurement *m = measurement(busy);
	cc_auto_json json_t *p = identity_draft_from_measurement(m, "pgdata", "/data", 3);
	cc_auto_json json_t *want = json_of(
		"{'volume':'pgdata','mountPoint':'/data','serial':3,"
		"'image':{'configDigest':'" DIGEST_B "'},"
		"'process':{'args':['/app','--serve'],'cwd':'/srv',"
		" 'user':{'uid':1000,'gid':1000,'additionalGids':[5]},"
		" 'env':[{'name':'LANG','value':'de_DE'},{'name':'HOME','value':'/root'},{'name':'TERM','value':'xterm'},{'name':'EMPTY','value':''},"
		"        {'name':'MODE','value':'a=b'},{'name':'GONE'}],"
		" 'capabilities':['CAP_CHOWN','CAP_SYS_PTRACE'],'noNewPrivileges':true},"
		"'readonlyRootfs':true,"
		"'mounts':[{'destination':'/conf','source':'/srv/conf','type':'bind',"
		"           'options':['rbind','ro']}],"
		"'devices':['/dev/fuse'],'hooks':['/usr/bin/other-hook'],"
		"'settings':['linux.sysctl net.core.somaxconn=1024'],"
		"'sharedNamespaces':['net','uts']}");

	(void)state;
	if (!json_equal(p, want)) {
		cc_auto_free char *got = json_dumps(p, JSON_INDENT(1));

		fail_msg("got %s", got);
	}
}

static json_t *smallest(const struct cc_measurement *m, bool values, struct cc_facts *left)
{
	struct cc_error err = {0};
	json_t *p = identity_draft_smallest(m, "pgdata", "/data", 3, values, left, &err);

	if (!p)
		fail_msg("%s", err.text);
	return p;
}

static void the_smallest_predicate_names_only_what_has_to_be_named(void **state)
{
	cc_auto_measurement struct cc_measurement *m = measurement(busy);
	struct cc_facts left;
	cc_auto_json json_t *p = smallest(m, false, &left), *with = smallest(m, true, &left);
	const json_t *process = json_object_get(p, "process");
	struct cc_error err = {0};

	(void)state;
	assert_int_equal(left.found, 0);
	expect_ok(identity_draft_check(p, m, &err), &err);
	expect_ok(identity_draft_check(with, m, &err), &err);
	assert_int_equal(json_integer_value(json_object_get(p, "serial")), 3);
	/* the container has these, and would be let in without */
	assert_null(json_object_get(p, "readonlyRootfs"));
	assert_null(json_object_get(process, "noNewPrivileges"));
	assert_null(strstr(json_string_value(json_object_get(p, "seccomp")) ?: "", "sha256"));
	assert_int_equal(json_array_size(json_object_get(p, "devices")), 1);
	assert_null(json_object_get(json_array_get(json_object_get(process, "env"), 0), "value"));
	assert_non_null(json_object_get(
		json_array_get(json_object_get(json_object_get(with, "process"), "env"), 0),
		"value"));
}

/* As its image says: nothing is needed but the image. */
static void of_a_plain_container_the_smallest_predicate_is_its_image(void **state)
{
	cc_auto_json json_t *busy_json = json_of(busy), *want = NULL;
	json_t *config = json_object_get(busy_json, "config");
	const json_t *image = json_object_get(busy_json, "image");
	cc_auto_measurement struct cc_measurement *m = NULL;
	cc_auto_json json_t *p = NULL;
	struct cc_facts left;
	struct cc_error err = {0};

	(void)state;
	json_object_set(config, "args", json_object_get(image, "args"));
	json_object_set(config, "env", json_object_get(image, "env"));
	json_object_set(config, "user", json_object_get(image, "user"));
	json_object_set_new(config, "cwd", json_string("/"));
	json_object_set((json_t *)(uintptr_t)image, "cwd", json_object_get(config, "cwd"));
	json_object_set_new(config, "capabilities", json_array());
	json_array_remove(json_object_get(config, "mounts"), 2);
	json_object_set_new(config, "devices", json_array());
	json_object_set_new(config, "hooks", json_array());
	json_object_set_new(config, "settings", json_array());
	json_object_set_new(json_object_get(config, "namespaces"), "net", json_string("private"));
	json_object_set_new(json_object_get(config, "namespaces"), "uts", json_string("private"));
	m = cc_measurement_from_json(busy_json, &err);
	assert_non_null(m);
	p = smallest(m, true, &left);
	want = json_of(
		"{'volume':'pgdata','mountPoint':'/data','serial':3,'image':{'configDigest':'" DIGEST_B
		"'}}");
	if (!json_equal(p, want)) {
		cc_auto_free char *got = json_dumps(p, JSON_INDENT(1));

		fail_msg("got %s", got);
	}
}

static void a_filter_and_a_home_of_its_own_are_pinned_by_value(void **state)
{
	static const char with[] = "'settings':['linux.seccomp.syscalls errnoRet=0',"
				   "'process.env HOME is not the user\\u0027s',";
	const char *at = strstr(busy, "'settings':[");
	cc_auto_json json_t *want = json_of("['linux.sysctl net.core.somaxconn=1024']");
	cc_auto_free char *text = NULL;
	struct cc_error err = {0};

	(void)state;
	assert_true(asprintf(&text, "%.*s%s%s", (int)(at - busy), busy, with,
			     at + strlen("'settings':[")) > 0);
	cc_auto_measurement struct cc_measurement *m = measurement(text);
	cc_auto_json json_t *p = identity_draft_from_measurement(m, "pgdata", "/data", 3);

	assert_true(json_equal(json_object_get(p, "settings"), want));
	assert_string_equal(json_string_value(json_object_get(p, "seccomp")), DIGEST_C);
	expect_ok(identity_draft_check(p, m, &err), &err);
	free(m->seccomp);
	m->seccomp = strdup(DIGEST_A);
	assert_int_equal(identity_draft_check(p, m, &err), -1);
	expect_error(&err, CC_E_REFUSED, "seccomp", DIGEST_C);
}

static void it_says_what_it_does_not_pin(void **state)
{
	cc_auto_measurement struct cc_measurement *m = measurement(busy);
	char left[DRAFT_LEFT_LEN];
	struct cc_error err = {0};

	(void)state;
	assert_non_null(strstr(identity_draft_left(m, left), "the engine's own seccomp filter"));
	assert_non_null(strstr(left, "its own AppArmor profile"));
	free(m->seccomp);
	m->seccomp = strdup("unconfined");
	free(m->apparmor);
	m->apparmor = strdup("mine");
	cc_strv_clear(&m->env);
	for (size_t i = 0; i < m->n_mounts; i++)
		m->mounts[i].engine = false;
	assert_string_equal(identity_draft_left(m, left), "");
	m->mounts[0].engine = true;
	assert_string_equal(identity_draft_left(m, left), "its own mounts");
	m->mounts[0].engine = false;
	expect_ok(cc_strv_push(&m->env, "HOSTNAME=c0ffee", &err), &err);
	assert_string_equal(identity_draft_left(m, left), "HOSTNAME");
}

/* Each change makes the container another one than the predicate was made for. */
static void any_change_of_the_container_is_refused_then(void **state)
{
	static const struct {
		const char *from, *to, *fact;
	} changes[] = {
		{DIGEST_B, DIGEST_C, "image"},
		{"'--serve'", "'--steal'", "args"},
		{"'cwd':'/srv'", "'cwd':'/tmp'", "cwd"},
		{"'uid':1000", "'uid':0", "user"},
		{"LANG=de_DE", "LANG=en_US", "env"},
		{"MODE=a=b", "MODE=a=c", "env"},
		{"'TERM=xterm'", "'LD_PRELOAD=/x'", "env"},
		{"'TERM=xterm'", "'TERM=vt100'", "env"},
		{"'HOME=/root'", "'HOME=/evil'", "env"},
		{"'settings':[", "'settings':['linux.seccomp.syscalls errnoRet=0',", "seccomp"},
		{"'seccomp':'" DIGEST_C "'", "'seccomp':'unconfined'", "seccomp"},
		{"CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "capabilities"},
		{"'noNewPrivileges':true", "'noNewPrivileges':false", "noNewPrivileges"},
		{"'readonlyRootfs':true", "'readonlyRootfs':false", "readonlyRootfs"},
		{"'source':'/srv/conf'", "'source':'/'", "mounts"},
		{"'rbind','ro'", "'rbind','rw'", "mounts"},
		{"/dev/fuse", "/dev/kmsg", "devices"},
		{"'pid':'private'", "'pid':'host'", "namespaces"},
		{"/usr/bin/other-hook", "/tmp/hook", "hooks"},
		{"docker-default", "unconfined", "apparmor"},
		{"somaxconn=1024", "somaxconn=4096", "settings"},
		{"'privileged':false", "'privileged':true", "privileged"},
	};
	cc_auto_measurement struct cc_measurement *m = measurement(busy);
	cc_auto_json json_t *p = identity_draft_from_measurement(m, "pgdata", "/data", 3);

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		const char *at = strstr(busy, changes[i].from);
		cc_auto_free char *text = NULL;
		struct cc_error err = {0};

		assert_non_null(at);
		assert_true(asprintf(&text, "%.*s%s%s", (int)(at - busy), busy, changes[i].to,
				     at + strlen(changes[i].from)) > 0);
		cc_auto_measurement struct cc_measurement *other = measurement(text);

		if (identity_draft_check(p, other, &err) == 0)
			fail_msg("%s instead of %s was allowed", changes[i].to, changes[i].from);
		assert_string_equal(err.fact, changes[i].fact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_envelope_is_read_whatever_its_layout),
		cmocka_unit_test(a_sigstore_bundle_is_opened),
		cmocka_unit_test(other_attestations_are_passed_over),
		cmocka_unit_test(a_file_without_an_identity_is_refused),
		cmocka_unit_test(the_highest_serial_of_one_volume_is_meant),
		cmocka_unit_test(of_several_volumes_one_must_be_named),
		cmocka_unit_test(the_payload_comes_back_as_it_was_signed),
		cmocka_unit_test(a_pinned_predicate_allows_what_was_measured),
		cmocka_unit_test(it_names_only_what_is_not_the_image_s_or_the_engine_s),
		cmocka_unit_test(the_smallest_predicate_names_only_what_has_to_be_named),
		cmocka_unit_test(of_a_plain_container_the_smallest_predicate_is_its_image),
		cmocka_unit_test(a_filter_and_a_home_of_its_own_are_pinned_by_value),
		cmocka_unit_test(it_says_what_it_does_not_pin),
		cmocka_unit_test(any_change_of_the_container_is_refused_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
