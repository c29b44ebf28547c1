// SPDX-License-Identifier: Apache-2.0
/* In what two identities differ: each fact once, lists as sets, no value of a variable. */
#include "lib_test.h"

#include "dmctl/client/identity_diff.h"

/* Two predicates, and the lines that tell them apart, one after the other. */
static const struct {
	const char *what, *a, *b, *lines;
} rows[] = {
	{"nothing", "{'volume':'v'}", "{'volume':'v'}", ""},
	{"a member", "{'volume':'v'}", "{'volume':'w'}",
	 "volume volume: A has \"v\", B has \"w\"\n"},
	{"one that is absent", "{'readonlyRootfs':true}", "{}",
	 "readonlyRootfs readonlyRootfs: A has true, B has absent\n"},
	{"one in an object", "{'image':{'configDigest':'x'}}", "{'image':{'configDigest':'y'}}",
	 "image.configDigest image: A has \"x\", B has \"y\"\n"},
	{"an object that is absent", "{'process':{'cwd':'/'}}", "{}",
	 "process.cwd cwd: A has \"/\", B has absent\n"},
	{"arguments, whose order counts", "{'process':{'args':['a','b']}}",
	 "{'process':{'args':['b','a']}}",
	 "process.args args: A has [\"a\",\"b\"], B has [\"b\",\"a\"]\n"},
	{"a set in another order", "{'devices':['/dev/a','/dev/b']}",
	 "{'devices':['/dev/b','/dev/a']}", ""},
	{"a set and its part", "{'devices':['/dev/a','/dev/b']}", "{'devices':['/dev/b']}",
	 "devices devices: only A has \"/dev/a\"\n"},
	{"sets of which one is absent", "{}", "{'hooks':['/x','/y']}",
	 "hooks hooks: only B has \"/x\"\nhooks hooks: only B has \"/y\"\n"},
	{"an empty list and none", "{'hooks':[]}", "{}", ""},
	{"a ceiling of capabilities and the engines' default", "{'process':{'capabilities':[]}}",
	 "{}", "process.capabilities capabilities: A has [], B has absent\n"},
	{"namespaces", "{'sharedNamespaces':['net']}", "{'sharedNamespaces':['pid']}",
	 "sharedNamespaces namespaces: only A has \"net\"\n"
	 "sharedNamespaces namespaces: only B has \"pid\"\n"},
	{"mounts", "{'mounts':[{'destination':'/a','type':'tmpfs'}]}", "{}",
	 "mounts mounts: only A has {\"destination\":\"/a\",\"type\":\"tmpfs\"}\n"},
	{"variables, by name", "{'process':{'env':[{'name':'A','value':'hunter2'}]}}",
	 "{'process':{'env':[{'name':'A','value':'hunter3'},{'name':'B'}]}}",
	 "process.env env: only A has a rule for \"A\" with a value\n"
	 "process.env env: only B has a rule for \"A\" with a value\n"
	 "process.env env: only B has a rule for \"B\"\n"},
	{"a floor", "{'serial':2}", "{'serial':3,'floor':2}",
	 "serial serial: A has 2, B has 3\nfloor serial: A has absent, B has 2\n"},
	{"several, in the order of the decision",
	 "{'upper':'any','serial':1,'notAfter':'2030-01-01T00:00:00Z','mountPoint':'/a'}",
	 "{'upper':'same','serial':2,'mountPoint':'/b'}",
	 "mountPoint mountPoint: A has \"/a\", B has \"/b\"\n"
	 "notAfter validity: A has \"2030-01-01T00:00:00Z\", B has absent\n"
	 "serial serial: A has 1, B has 2\n"
	 "upper rootfs: A has \"any\", B has \"same\"\n"},
};

static const char *text_in(const json_t *obj, const char *key)
{
	return json_string_value(json_object_get(obj, key)) ?: "";
}

static void each_difference_is_a_line(void **state)
{
	static char lines[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cc_auto_json json_t *a = json_of(rows[i].a), *b = json_of(rows[i].b);
		struct cc_error err = {0};
		cc_auto_json json_t *got = identity_diff(a, b, &err);
		const json_t *one;
		size_t k, n = 0;

		assert_non_null(got);
		lines[0] = '\0';
		json_array_foreach(got, k, one) {
			const char *fact = text_in(one, "fact"), *text = text_in(one, "text");

			assert_int_equal(strncmp(text, fact, strlen(fact)), 0);
			n += (size_t)snprintf(lines + n, sizeof(lines) - n, "%s %s\n",
					      text_in(one, "member"), text);
		}
		if (strcmp(lines, rows[i].lines) != 0)
			fail_msg("%s:\n%s", rows[i].what, lines);
		assert_null(strstr(lines, "hunter"));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_difference_is_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
