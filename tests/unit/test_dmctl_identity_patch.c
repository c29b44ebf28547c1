// SPDX-License-Identifier: Apache-2.0
/*
 * What a refusal proposes lets the container in: over mixes of all that can differ, and over each
 * by itself.
 */
#include "decide_test.h"

#include "dmctl/client/identity_patch.h"

#define MIXES 400
#define MOUNT(dest, type, source, options)                                                      \
	"{'destination':'" dest "','type':'" type "','source':'" source "','options':[" options \
	"],'engine':false}"

/* Ways to differ that a predicate can allow: fact, edit, and its own patch, or NULL. */
static const struct way {
	const char *fact, *edits, *patch;
} ways[] = {
	{"volume", "i volume='other'", "{'volume':'pgdata'}"},
	{"validity", "i notAfter='2020-01-01T00:00:00Z'", "{'notAfter':null}"},
	{"validity", "i notBefore='2099-01-01T00:00:00Z'", "{'notBefore':null}"},
	{"serial", "i serial=1", "{'serial':3}"},
	{"image", "m image.id='" DIGEST_C "'", "{'image':{'configDigest':'" DIGEST_C "'}}"},
	{"image", "i image.configDigest=['" DIGEST_A "','" DIGEST_B "'];m image.id='" DIGEST_C "'",
	 "{'image':{'configDigest':['" DIGEST_A "','" DIGEST_B "','" DIGEST_C "']}}"},
	{"args", "m config.args=['/bin/sh','-c','x']", "{'process':{'args':['/bin/sh','-c','x']}}"},
	{"args", "i process={'args':['/other']}", "{'process':{'args':null}}"},
	{"cwd", "m config.cwd='/tmp'", "{'process':{'cwd':'/tmp'}}"},
	{"user", "m config.user={'uid':0,'gid':5,'additionalGids':[1,2]}", NULL},
	{"env", "m config.env=['PATH=/app/bin','MODE=fast','A=hunter2']",
	 "{'process':{'env':[{'name':'A'}]}}"},
	{"env", "m config.env=['PATH=/app/bin','A=','B']", NULL},
	{"env", "m config.env=['MODE=fast']", "{'process':{'env':[{'name':'PATH'}]}}"},
	{"env",
	 "i process={'env':[{'name':'A','value':'1'},{'name':'B'}]};"
	 "m config.env=['PATH=/app/bin','MODE=fast','A=hunter2','A=3']",
	 "{'process':{'env':[{'name':'B'},{'name':'A'}]}}"},
	{"env", "m config.env=['PATH=/app/bin','MODE=fast','HOME=x','TERM=a b','LD_PRELOAD=/x']",
	 NULL},
	{"capabilities", "m config.capabilities=['CAP_BPF']",
	 "{'process':{'capabilities':['CAP_BPF']}}"},
	{"capabilities",
	 "i process={'capabilities':['CAP_KILL']};m config.capabilities=['CAP_KILL','CAP_BPF']",
	 "{'process':{'capabilities':['CAP_KILL','CAP_BPF']}}"},
	{"capabilities", "i process={'capabilities':[]}", NULL},
	{"noNewPrivileges", "i process={'noNewPrivileges':true}",
	 "{'process':{'noNewPrivileges':null}}"},
	{"readonlyRootfs", "i readonlyRootfs=true", "{'readonlyRootfs':null}"},
	{"seccomp", "m config.seccomp='unconfined'", "{'seccomp':'unconfined'}"},
	{"seccomp", "i seccomp='" DIGEST_A "'", NULL},
	{"seccomp", "m config.settings=['linux.seccomp.flags X']", NULL},
	{"apparmor", "m config.apparmor='mine'", "{'apparmor':'mine'}"},
	{"apparmor", "i apparmor='mine'", "{'apparmor':null}"},
	{"privileged", "m config.privileged=true", "{'privileged':true}"},
	{"devices", "i devices=['/dev/a'];m config.devices=['/dev/fuse','c 188:*']",
	 "{'devices':['/dev/a','/dev/fuse','c 188:*']}"},
	{"mounts", "m config.mounts=[" MOUNT("/a", "bind", "/x", "'rbind','rshared','rw'") "]",
	 NULL},
	{"mounts",
	 "i mounts=[{'destination':'/a','source':'/x','type':'bind','options':['ro']}];"
	 "m config.mounts=[" MOUNT("/a", "bind", "/x", "'rw'") "," MOUNT(
		 "/tmp", "tmpfs", "tmpfs", "'size=1m','dev','suid'") "]",
	 NULL},
	{"mounts", "m config.mounts=[" MOUNT("/cache", "bind", "engine:volume", "'rbind'") "]",
	 NULL},
	{"namespaces", "m config.namespaces.net='host';m config.namespaces.pid='joined'",
	 "{'sharedNamespaces':['net','pid']}"},
	{"hooks", "m config.hooks=['/usr/bin/x','/usr/bin/y']", NULL},
	{"settings", "m config.settings=['linux.sysctl a=1','linux.sysctl b=2']", NULL},
	{"demands", "i demands=['no-core','no-tty'];m config.holds=['no-tty']",
	 "{'demands':['no-tty']}"},
	{"rootfs", "i image.rootfsDigest='" DIGEST_B "'", "{'image':{'rootfsDigest':null}}"},
	{"rootfs", "i image.rootfsDigest='" DIGEST_B "';m rootfs.digest='" DIGEST_C "'",
	 "{'image':{'rootfsDigest':'" DIGEST_C "'}}"},
	{"rootfs",
	 "m rootfs={'upper':'dirty','dirty':'/x','firstStart':false,'sinceEnd':'changed'}",
	 "{'upper':'any'}"},
};

#define N_WAYS (sizeof(ways) / sizeof(ways[0]))

/* A predicate, and the container that is held against it. */
struct differing {
	json_t *statement, *predicate, *measurement;
	struct cc_measurement *m;
};

static void differing_clear(struct differing *d)
{
	json_decref(d->statement);
	json_decref(d->measurement);
	cc_measurement_free(d->m);
}
#define auto_differing cc_cleanup(differing_clear) struct differing

static struct differing differ(void)
{
	struct differing d = {.statement = json_of(identity_json),
			      .measurement = json_of(measurement_json)};

	d.predicate = json_object_get(d.statement, "predicate");
	return d;
}

static void edit_by(struct differing *d, const char *edits)
{
	cc_auto_free char *copy = strdup(edits);
	char *save = NULL;

	for (char *e = strtok_r(copy, ";", &save); e; e = strtok_r(NULL, ";", &save))
		edit(e, d->statement, d->measurement);
}

static void measured(struct differing *d)
{
	struct cc_error err = {0};

	d->m = cc_measurement_from_json(d->measurement, &err);
	if (!d->m)
		fail_msg("%s", err.text);
}

static int decide_under(const json_t *predicate, const struct differing *d, struct cc_error *err)
{
	cc_auto_identity struct cc_identity *id = identity_of_predicate(predicate, err);
	struct cc_policy pol = policy();

	if (!id)
		fail_msg("no predicate: %s", err->text);
	return cc_decide(id, d->m, &pol, err);
}

/* Refused as it is, let in with the patch. */
static void expect_repaired(const struct differing *d, bool values, struct identity_repair *r)
{
	cc_auto_json json_t *patched = NULL, *twice = NULL;
	struct cc_policy pol = policy();
	struct cc_error err = {0};

	assert_int_equal(decide_under(d->predicate, d, &err), -1);
	expect_ok(identity_repair_find(d->predicate, d->m, &pol, values, r, &err), &err);
	patched = identity_patch_apply(d->predicate, r->patch);
	assert_non_null(patched);
	if (decide_under(patched, d, &err)) {
		cc_auto_free char *text = json_dumps(r->patch, 0);

		fail_msg("%s\npatch: %s", err.text, text);
	}
	assert_int_equal(r->left.found, 0);
	assert_true(r->facts.found > 0);
	twice = identity_patch_apply(patched, r->patch);
	assert_true(json_equal(patched, twice));
}

static void each_way_to_differ_is_repaired_by_its_own_patch(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_WAYS; i++) {
		cc_auto_json json_t *want = ways[i].patch ? json_of(ways[i].patch) : NULL;
		identity_auto_repair struct identity_repair r = {0};
		auto_differing d = differ();
		const json_t *patch;

		edit_by(&d, ways[i].edits);
		measured(&d);
		expect_repaired(&d, false, &r);
		assert_string_equal(r.facts.v[0].fact, ways[i].fact);
		assert_int_equal(json_object_size(r.patches), 1);
		patch = json_object_get(r.patches, ways[i].fact);
		if (want && !json_equal(patch, want)) {
			cc_auto_free char *text = json_dumps(patch, 0);

			fail_msg("%s: %s", ways[i].edits, text);
		}
	}
}

/* A small generator with a seed of its own: the mixes are the same each time. */
static unsigned int next_random(unsigned int *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 16;
}

/* Up to @n ways at once, one of a fact; of two that edit the same member the second counts. */
static void mix(struct differing *d, unsigned int n, unsigned int *seed)
{
	const char *taken[N_WAYS];
	size_t k = 0;

	for (unsigned int i = 0; i < n; i++) {
		const struct way *w = &ways[next_random(seed) % N_WAYS];
		bool clash = false;

		for (size_t t = 0; t < k; t++)
			clash |= strcmp(w->fact, taken[t]) == 0;
		if (clash)
			continue;
		taken[k++] = w->fact;
		edit_by(d, w->edits);
	}
}

static void mixes_of_what_differs_are_repaired_in_one_round(void **state)
{
	unsigned int seed = 15, most = 0;

	(void)state;
	for (unsigned int i = 0; i < MIXES; i++) {
		identity_auto_repair struct identity_repair r = {0};
		auto_differing d = differ();

		mix(&d, 1 + i % 16, &seed);
		measured(&d);
		expect_repaired(&d, i % 2, &r);
		if (json_object_size(r.patches) > most)
			most = (unsigned int)json_object_size(r.patches);
	}
	print_message("# %u mixes, at most %u facts in one\n", MIXES, most);
	assert_true(most >= 6);
}

/* More than fit into the list of facts: what comes behind them has to be repaired, too. */
static void facts_behind_those_that_are_listed_are_repaired(void **state)
{
	identity_auto_repair struct identity_repair r = {0};
	auto_differing d = differ();
	json_t *env = json_array();

	(void)state;
	for (int i = 0; i < 500; i++)
		json_array_append_new(env, json_sprintf("V%d=hunter2", i));
	json_object_set_new(json_object_get(d.measurement, "config"), "env", env);
	edit_by(&d, "m config.privileged=true;m config.hooks=['/x']");
	measured(&d);
	expect_repaired(&d, false, &r);
	assert_int_equal(r.facts.found, 504); /* and the image's two that are missing */
	assert_non_null(json_object_get(r.patches, "privileged"));
	assert_non_null(json_object_get(r.patches, "hooks"));
}

static void a_patch_has_values_of_variables_only_when_asked(void **state)
{
	static const char edits[] = "m config.env=['PATH=/app/bin','MODE=hunter2','A=hunter2']";

	(void)state;
	for (int values = 0; values < 2; values++) {
		identity_auto_repair struct identity_repair r = {0};
		cc_auto_json json_t *said = json_object();
		cc_auto_free char *text = NULL;
		auto_differing d = differ();
		struct cc_error err = {0};

		edit_by(&d, edits);
		measured(&d);
		expect_repaired(&d, values, &r);
		expect_ok(identity_repair_json(&r, said, &err), &err);
		text = json_dumps(said, 0);
		assert_int_equal(strstr(text, "hunter2") != NULL, values);
	}
}

static void a_patch_raises_the_serial(void **state)
{
	identity_auto_repair struct identity_repair r = {0};
	auto_differing d = differ();

	(void)state;
	edit_by(&d, "m config.cwd='/tmp'");
	measured(&d);
	expect_repaired(&d, false, &r);
	assert_int_equal(json_integer_value(json_object_get(r.patch, "serial")), 4);
}

static void what_no_predicate_allows_is_said_to_be_left(void **state)
{
	static const struct {
		const char *edits, *left;
		bool others;
	} rows[] = {
		{"m state='running'", "state", false},
		{"m rootfs={'upper':'dirty','dirty':'/x','firstStart':true}", "rootfs", false},
		{"m state='running';m config.cwd='/tmp'", "state", true},
		{"m config.args=[]", "args", false},
		{"m config.env=['PATH=/app/bin','MODE=fast','=x']", "env", true},
		{"m config.hooks=['relative']", "hooks", false},
		{"m config.capabilities=['cap_lower']", "capabilities", true},
		{"m config.mounts=[{'destination':'relative','type':'bind','source':'/x',"
		 "'options':[],'engine':false}]",
		 "mounts", true},
		{"m config.mounts=[" MOUNT("/srv/data", "bind", "engine:volume", "'rbind'") "]",
		 "mounts", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		identity_auto_repair struct identity_repair r = {0};
		auto_differing d = differ();
		struct cc_policy pol = policy();
		struct cc_error err = {0};

		edit_by(&d, rows[i].edits);
		measured(&d);
		expect_ok(identity_repair_find(d.predicate, d.m, &pol, false, &r, &err), &err);
		if (r.left.n != 1 || strcmp(r.left.v[0].fact, rows[i].left) != 0 ||
		    (json_object_size(r.patch) > 0) != rows[i].others)
			fail_msg("%s: %zu left, %s", rows[i].edits, r.left.n, r.left.v[0].fact);
	}
}

/* keyd takes nothing below the highest serial that the volume has seen, whichever is patched. */
static void a_patch_of_an_older_identity_has_a_serial_that_keyd_takes(void **state)
{
	identity_auto_repair struct identity_repair r = {0};
	auto_differing d = differ();
	struct cc_policy pol = policy();
	struct cc_error err = {0};

	(void)state;
	edit_by(&d, "m config.cwd='/tmp'");
	measured(&d);
	expect_ok(identity_repair_find(d.predicate, d.m, &pol, false, &r, &err), &err);
	assert_int_equal(json_integer_value(json_object_get(r.patch, "serial")), 4);
	expect_ok(identity_repair_above(&r, 3, &err), &err);
	assert_int_equal(json_integer_value(json_object_get(r.patch, "serial")), 4);
	expect_ok(identity_repair_above(&r, 9, &err), &err);
	assert_int_equal(json_integer_value(json_object_get(r.patch, "serial")), 10);
}

static void nothing_differs_nothing_is_proposed(void **state)
{
	identity_auto_repair struct identity_repair r = {0};
	auto_differing d = differ();
	struct cc_policy pol = policy();
	struct cc_error err = {0};

	(void)state;
	measured(&d);
	expect_ok(identity_repair_find(d.predicate, d.m, &pol, false, &r, &err), &err);
	expect_ok(identity_repair_above(&r, 9, &err), &err);
	assert_int_equal(r.facts.found, 0);
	assert_int_equal(json_object_size(r.patch), 0);
}

static void what_is_no_predicate_is_invalid(void **state)
{
	identity_auto_repair struct identity_repair r = {0};
	auto_differing d = differ();
	cc_auto_json json_t *bad = json_of("{'volume':'x'}");
	struct cc_policy pol = policy();
	struct cc_error err = {0};

	(void)state;
	measured(&d);
	assert_int_equal(identity_repair_find(bad, d.m, &pol, false, &r, &err), -1);
	assert_int_equal(err.code, CC_E_INVALID);
}

/* The examples of RFC 7396, appendix A, whose target and patch are objects. */
static void a_merge_patch_is_applied_as_the_rfc_says(void **state)
{
	static const char *const rows[][3] = {
		{"{'a':'b'}", "{'a':'c'}", "{'a':'c'}"},
		{"{'a':'b'}", "{'b':'c'}", "{'a':'b','b':'c'}"},
		{"{'a':'b'}", "{'a':null}", "{}"},
		{"{'a':'b','b':'c'}", "{'a':null}", "{'b':'c'}"},
		{"{'a':['b']}", "{'a':'c'}", "{'a':'c'}"},
		{"{'a':'c'}", "{'a':['b']}", "{'a':['b']}"},
		{"{'a':{'b':'c'}}", "{'a':{'b':'d','c':null}}", "{'a':{'b':'d'}}"},
		{"{'a':[{'b':'c'}]}", "{'a':[1]}", "{'a':[1]}"},
		{"{'e':null}", "{'a':1}", "{'e':null,'a':1}"},
		{"{}", "{'a':{'bb':{'ccc':null}}}", "{'a':{'bb':{}}}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cc_auto_json json_t *target = json_of(rows[i][0]), *patch = json_of(rows[i][1]);
		cc_auto_json json_t *want = json_of(rows[i][2]);
		cc_auto_json json_t *got = identity_patch_apply(target, patch);

		if (!json_equal(got, want))
			fail_msg("%s with %s", rows[i][0], rows[i][1]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_way_to_differ_is_repaired_by_its_own_patch),
		cmocka_unit_test(mixes_of_what_differs_are_repaired_in_one_round),
		cmocka_unit_test(facts_behind_those_that_are_listed_are_repaired),
		cmocka_unit_test(a_patch_has_values_of_variables_only_when_asked),
		cmocka_unit_test(a_patch_raises_the_serial),
		cmocka_unit_test(what_no_predicate_allows_is_said_to_be_left),
		cmocka_unit_test(a_patch_of_an_older_identity_has_a_serial_that_keyd_takes),
		cmocka_unit_test(nothing_differs_nothing_is_proposed),
		cmocka_unit_test(what_is_no_predicate_is_invalid),
		cmocka_unit_test(a_merge_patch_is_applied_as_the_rfc_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
