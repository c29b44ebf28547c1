// SPDX-License-Identifier: Apache-2.0
/*
 * The decision names all that differs: in the order in which it compares, bounded, the first one
 * being what it has always been.
 */
#include "decide_test.h"

#include <stdlib.h>

#include "decide_env.h"

/* What differs, "fact fact …", and a part of the texts of all. */
static const struct all_row {
	const char *what, *edits, *facts, *text;
} rows[] = {
	{"nothing", "", "", ""},
	{"one fact is one line", "m config.cwd='/tmp'", "cwd", "container has \"/tmp\""},
	{"two facts, in the order of the comparison whatever the order of the container's",
	 "m config.privileged=true;m image.id='" DIGEST_C "'", "image privileged",
	 "container may use every device"},
	{"each variable of its own", "m config.env=['A=1','PATH=/app/bin','MODE=slow','B=2']",
	 "env env env", "container has \"MODE\" with another value"},
	{"a missing variable beside one too many", "m config.env=['PATH=/app/bin','A=1']",
	 "env env", "identity wants the image's own variable \"MODE\""},
	{"each mount of its own",
	 "m config.mounts=[{'destination':'/a','type':'bind','source':'/x','options':[],"
	 "'engine':false},{'destination':'/b','type':'tmpfs','source':'tmpfs','options':[],"
	 "'engine':false}]",
	 "mounts mounts", "tmpfs at \"/b\""},
	{"each capability, device, hook, setting and namespace",
	 "m config.capabilities=['CAP_BPF','CAP_KILL','CAP_SYS_ADMIN'];"
	 "m config.devices=['/dev/fuse','/dev/kvm'];m config.hooks=['/x','/y'];"
	 "m config.settings=['linux.sysctl a=1','linux.sysctl b=1'];"
	 "m config.namespaces.net='host';m config.namespaces.pid='joined'",
	 "capabilities capabilities devices devices namespaces namespaces hooks hooks settings "
	 "settings",
	 "container has \"CAP_SYS_ADMIN\""},
	{"each demand that does not hold", "i demands=['no-core','no-tty']", "demands demands",
	 "run it without -t"},
	{"the files' digest beside the writable layer",
	 "i image.rootfsDigest='" DIGEST_B "';m rootfs={'upper':'dirty','dirty':'/x',"
	 "'firstStart':true}",
	 "rootfs rootfs", "has no measured digest"},
	{"every fact that there is",
	 "i volume='other';i serial=2;i notAfter='2020-01-01T00:00:00Z';i readonlyRootfs=true;"
	 "i process={'noNewPrivileges':true};i seccomp='" DIGEST_A "';i apparmor='mine';"
	 "i demands=['no-core'];m image.id='" DIGEST_C "';m config.args=['/bin/sh'];"
	 "m config.cwd='/tmp';m config.user.uid=0;m config.env=['PATH=/app/bin','MODE=fast','A=1'];"
	 "m config.capabilities=['CAP_BPF'];m config.privileged=true;m config.devices=['/dev/fuse'];"
	 "m config.mounts=[{'destination':'/a','type':'bind','source':'/x','options':[],"
	 "'engine':false}];m config.namespaces.net='host';m config.hooks=['/x'];"
	 "m config.settings=['linux.sysctl a=1'];m rootfs={'upper':'dirty','dirty':'/x',"
	 "'firstStart':true};m state='running'",
	 "volume validity serial image args cwd user env capabilities noNewPrivileges "
	 "readonlyRootfs seccomp apparmor privileged devices mounts namespaces hooks settings "
	 "demands rootfs state",
	 "its program already runs"},
};

static void join(const struct cc_facts *f, char *names, char *texts, size_t size)
{
	names[0] = texts[0] = '\0';
	for (size_t i = 0; i < f->n; i++) {
		size_t n = strlen(names), t = strlen(texts);

		snprintf(names + n, size - n, "%s%s", i ? " " : "", f->v[i].fact);
		snprintf(texts + t, size - t, "%s\n", f->v[i].text);
	}
}

static void each_row_has_all_its_facts_and_the_first_is_that_of_the_decision(void **state)
{
	static char names[4096], texts[CC_FACTS_BYTES + CC_FACTS_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct all_row *r = &rows[i];
		struct parts p = make(r->edits);
		struct cc_policy pol = policy();
		struct cc_error first = {0}, err = {0};
		struct cc_facts all;
		int rc = cc_decide(p.id, p.m, &pol, &first);

		assert_int_equal(cc_decide_all(p.id, p.m, &pol, &all, &err), rc);
		join(&all, names, texts, sizeof(texts));
		if (strcmp(names, r->facts) != 0 || !strstr(texts, r->text))
			fail_msg("%s: %s, wanted %s\n%s", r->what, names, r->facts, texts);
		assert_int_equal(all.n, all.found);
		assert_string_equal(err.fact, first.fact);
		assert_string_equal(err.text, first.text);
		if (rc)
			assert_string_equal(all.v[0].text, first.text);
		free_parts(&p);
	}
}

static json_t *many(const char *format, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_sprintf(format, i));
	return list;
}

/* Decides on a container with @n settings made of @format. */
static void decide_on_many(const char *format, size_t n, struct cc_facts *all)
{
	cc_auto_json json_t *obj = json_of(measurement_json);
	struct parts p = make("");
	struct cc_policy pol = policy();
	struct cc_error err = {0};

	json_object_set_new(json_object_get(obj, "config"), "settings", many(format, n));
	cc_measurement_free(p.m);
	p.m = cc_measurement_from_json(obj, &err);
	assert_non_null(p.m);
	assert_int_equal(cc_decide_all(p.id, p.m, &pol, all, &err), -1);
	free_parts(&p);
}

static void more_than_fit_are_counted(void **state)
{
	struct cc_facts all;

	(void)state;
	decide_on_many("linux.sysctl x=%zu", 100, &all);
	assert_int_equal(all.n, CC_FACTS_MAX);
	assert_int_equal(all.found, 100);
}

static void long_texts_are_bounded_in_sum(void **state)
{
	static char format[1024];
	struct cc_facts all;
	size_t bytes = 0;

	(void)state;
	memset(format, 'y', 900);
	snprintf(format + 900, sizeof(format) - 900, "%%zu");
	decide_on_many(format, CC_FACTS_MAX, &all);
	for (size_t i = 0; i < all.n; i++)
		bytes += strlen(all.v[i].text);
	assert_true(bytes <= CC_FACTS_BYTES);
	assert_int_equal(bytes, all.bytes);
	assert_int_equal(all.found, CC_FACTS_MAX);
}

static void more_variables_than_can_be_compared_are_one_fact_beside_the_others(void **state)
{
	cc_auto_json json_t *obj = json_of(measurement_json);
	struct parts p = make("");
	struct cc_policy pol = policy();
	struct cc_error err = {0};
	struct cc_facts all;

	(void)state;
	json_object_set_new(json_object_get(obj, "config"), "env",
			    many("V%zu=secret", CC_ENV_MAX + 1));
	json_object_set_new(json_object_get(obj, "config"), "privileged", json_true());
	cc_measurement_free(p.m);
	p.m = cc_measurement_from_json(obj, &err);
	assert_non_null(p.m);
	assert_int_equal(cc_decide_all(p.id, p.m, &pol, &all, &err), -1);
	assert_int_equal(all.found, 2);
	assert_string_equal(all.v[0].fact, "env");
	assert_string_equal(all.v[1].fact, "privileged");
	free_parts(&p);
}

/* Also of what the image or the identity says of it: what is secret is no one's to print. */
static void no_text_has_the_value_of_a_variable(void **state)
{
	static char names[4096], texts[CC_FACTS_BYTES + CC_FACTS_MAX];
	struct parts p =
		make("m config.env=['PASSWORD=hunter2','MODE=hunter2','HOME=hunter2',"
		     "'TERM=hunter2 ','hunter=hunter2','LD_PRELOAD=hunter2','X=a=hunter2'];"
		     "i process={'env':[{'name':'PASSWORD','value':'hunter2-signed'}]};"
		     "m image.env=['MODE=hunter2-image','GONE=hunter2-image'];"
		     "m config.args=['/app','--password=hunter2']");
	struct cc_policy pol = policy();
	struct cc_error err = {0};
	struct cc_facts all;

	(void)state;
	assert_int_equal(cc_decide_all(p.id, p.m, &pol, &all, &err), -1);
	assert_true(all.n >= 8);
	join(&all, names, texts, sizeof(texts));
	assert_null(strstr(texts, "hunter2"));
	free_parts(&p);
}

static void facts_as_json_are_what_they_were_when_they_are_taken(void **state)
{
	struct parts p = make("m config.cwd='/tmp';m config.privileged=true");
	cc_auto_json json_t *said = json_object(), *taken = json_object();
	struct cc_policy pol = policy();
	struct cc_error err = {0};
	struct cc_facts all;

	(void)state;
	assert_int_equal(cc_decide_all(p.id, p.m, &pol, &all, &err), -1);
	expect_ok(cc_facts_to_json(&all, said, &err), &err);
	assert_int_equal(json_array_size(json_object_get(said, "facts")), 2);
	assert_int_equal(json_integer_value(json_object_get(said, "factCount")), 2);
	expect_ok(cc_facts_take(taken, said, &err), &err);
	assert_true(json_equal(said, taken));
	free_parts(&p);
}

static void facts_of_a_stranger_are_bounded_and_cleaned(void **state)
{
	static const char *const nothing[] = {"{}", "{'facts':1}", "{'facts':[]}", "{'facts':[{}]}",
					      "{'facts':[{'fact':1,'text':2}]}"};
	cc_auto_json json_t *list = json_array(), *from = NULL, *taken = json_object();
	struct cc_error err = {0};
	const json_t *facts;

	(void)state;
	for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
		cc_auto_json json_t *bad = json_of(nothing[i]);

		expect_ok(cc_facts_take(taken, bad, &err), &err);
		assert_int_equal(json_object_size(taken), 0);
	}
	for (size_t i = 0; i < 100; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s}", "fact", "cwd\x1b", "text", "a\nb\x1b[2J"));
	from = json_pack("{s:O, s:I}", "facts", list, "factCount", (json_int_t)1 << 60);
	expect_ok(cc_facts_take(taken, from, &err), &err);
	facts = json_object_get(taken, "facts");
	assert_int_equal(json_array_size(facts), CC_FACTS_MAX);
	assert_int_equal(json_integer_value(json_object_get(taken, "factCount")), CC_FACTS_MAX);
	assert_string_equal(json_string_value(json_object_get(json_array_get(facts, 0), "text")),
			    "a?b?[2J");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_has_all_its_facts_and_the_first_is_that_of_the_decision),
		cmocka_unit_test(more_than_fit_are_counted),
		cmocka_unit_test(long_texts_are_bounded_in_sum),
		cmocka_unit_test(
			more_variables_than_can_be_compared_are_one_fact_beside_the_others),
		cmocka_unit_test(no_text_has_the_value_of_a_variable),
		cmocka_unit_test(facts_as_json_are_what_they_were_when_they_are_taken),
		cmocka_unit_test(facts_of_a_stranger_are_bounded_and_cleaned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
