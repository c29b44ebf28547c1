// SPDX-License-Identifier: Apache-2.0
/* YAML is JSON by another spelling, or it is refused. */
#include "lib_test.h"

#include <stdlib.h>

#include "dmctl/state/document.h"
#include "dmctl/state/yaml.h"

static void is_value(const char *text, const char *single_quoted)
{
	cc_auto_json json_t *want = json_of(single_quoted), *got = NULL;
	struct cc_error err = {0};

	got = yaml_parse(text, strlen(text), "f.yaml", &err);
	if (!got)
		fail_msg("%s: %s", text, err.text);
	if (!json_equal(got, want)) {
		cc_auto_free char *shown = json_dumps(got, JSON_ENCODE_ANY);

		fail_msg("%s: got %s", text, shown);
	}
}

static void is_refused(const char *text, size_t len, const char *says)
{
	struct cc_error err = {0};
	json_t *got = yaml_parse(text, len, "f.yaml", &err);

	if (got)
		fail_msg("taken: %s", text);
	expect_error(&err, CC_E_INVALID, "", says);
	assert_int_equal(strncmp(err.text, "f.yaml:", strlen("f.yaml:")), 0);
}

static void mappings_sequences_and_scalars_are_what_json_has(void **state)
{
	(void)state;
	is_value("a: 1\nb: [x, 'y', \"z\"]\n# a comment\nc:\n- d: true\n  e: null\n- ~\n",
		 "{'a':1,'b':['x','y','z'],'c':[{'d':true,'e':null},null]}");
	is_value("pem: |\n  one\n  two\n", "{'pem':'one\\ntwo\\n'}");
	is_value("fold: >-\n  one\n  two\n", "{'fold':'one two'}");
	is_value("---\n- -5\n- +5\n- 1.5\n- 2e3\n- False\n", "[-5,5,1.5,2000.0,false]");
	is_value("volumes: '*'\nx: 2026-11-28T12:00:00Z\ny: 1.4.2\n",
		 "{'volumes':'*','x':'2026-11-28T12:00:00Z','y':'1.4.2'}");
	is_value("{\"a\": [1, {\"b\": \"\\u00e4\"}]}", "{'a':[1,{'b':'\xc3\xa4'}]}");
	is_value("a:\nb: ''\n", "{'a':null,'b':''}");
}

static void what_quotes_make_text_is_text(void **state)
{
	(void)state;
	is_value("['yes', \"no\", '0755', '1:30', 'true', '12', '', '~']",
		 "['yes','no','0755','1:30','true','12','','~']");
	is_value("- yes it is\n- none\n- 10m\n- 0.5x\n- 00:1b:2c\n- a_b\n",
		 "['yes it is','none','10m','0.5x','00:1b:2c','a_b']");
}

static void what_versions_of_yaml_read_differently_is_refused(void **state)
{
	static const char *const bad[] = {"yes", "No",	  "ON",	  "off",      "y",
					  "N",	 "0755",  "-012", "0x1f",     "0o17",
					  "0b1", "1_000", "1:30", "190:20:30"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[64];

		snprintf(text, sizeof(text), "a: %s\n", bad[i]);
		is_refused(text, strlen(text), "in quotes");
	}
}

static void what_means_more_than_it_says_is_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{"a: &x 1\nb: *x\n", "f.yaml:1:4: anchors, aliases and tags"},
		{"a: &x [1]\n", "anchors"},
		{"a: &x {b: 1}\n", "anchors"},
		{"a: *x\n", "f.yaml:1:4: anchors"},
		{"a: !!str 1\n", "tags"},
		{"a: !!binary aGk=\n", "tags"},
		{"a: !x {}\n", "tags"},
		{"? &k a\n: 1\n", "a key must be a text"},
		{"? [a]\n: 1\n", "a key must be a text"},
		{"<<: {a: 1}\n", "merge keys"},
		{"a: 1\na: 2\n", "f.yaml:2:1: \"a\" is there twice"},
		{"x:\n  a: 1\n  \"a\": 1\n", "f.yaml:3:3: \"a\" is there twice"},
		{"a: 1\n---\nb: 2\n", "more than one document"},
		{"", "there is no document"},
		{"# nothing\n", "there is no document"},
		{"a: [1\n", "f.yaml:2:1: "},
		{"a: 'x\n", "f.yaml:"},
		{"a: b: c\n", "f.yaml:1:5: "},
		{"\ta: 1\n", "f.yaml:1:1: "},
		{"a: \"\\0\"\n", "a NUL character"},
		{"\"a\\0b\": 1\n", "a NUL character"},
		{"a: \xff\n", "f.yaml:"},
		{"a: 99999999999999999999\n", "too large"},
		{"a: 1e999\n", "too large"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_refused(bad[i].text, strlen(bad[i].text), bad[i].says);
}

static void levels_values_and_bytes_are_bounded(void **state)
{
	cc_auto_free char *deep = calloc(1, 2 * YAML_DEPTH_MAX + 3);
	cc_auto_free char *many = calloc(3, YAML_NODES_MAX + 2);
	cc_auto_free char *long_text = calloc(1, YAML_MAX + 2);
	struct cc_error err = {0};
	json_t *fits;

	(void)state;
	memset(deep, '[', YAML_DEPTH_MAX);
	memset(deep + YAML_DEPTH_MAX, ']', YAML_DEPTH_MAX);
	fits = yaml_parse(deep, strlen(deep), "f.yaml", &err);
	assert_non_null(fits);
	json_decref(fits);
	memset(deep, '[', YAML_DEPTH_MAX + 1);
	memset(deep + YAML_DEPTH_MAX + 1, ']', YAML_DEPTH_MAX + 1);
	is_refused(deep, strlen(deep), "more than 32 levels");

	many[0] = '[';
	for (size_t i = 0; i < YAML_NODES_MAX; i++)
		memcpy(many + 1 + 2 * i, "1,", 2);
	many[1 + 2 * YAML_NODES_MAX] = ']';
	is_refused(many, strlen(many), "more than 200000 values");

	memset(long_text, '#', YAML_MAX + 1);
	assert_null(yaml_parse(long_text, YAML_MAX + 1, "f.yaml", &err));
	expect_error(&err, CC_E_INVALID, "", "longer than");
}

/* ---- with anchors, as others write it ---- */

static void is_linked(const char *text, const char *single_quoted)
{
	cc_auto_json json_t *want = json_of(single_quoted), *got = NULL;
	struct cc_error err = {0};

	got = yaml_parse_linked(text, strlen(text), "f.yaml", &err);
	if (!got)
		fail_msg("%s: %s", text, err.text);
	if (!json_equal(got, want)) {
		cc_auto_free char *shown = json_dumps(got, JSON_ENCODE_ANY);

		fail_msg("%s: got %s", text, shown);
	}
}

static void what_has_a_name_is_there_again_where_it_is_named(void **state)
{
	(void)state;
	is_linked("a: &x [1, &y two]\nb: *x\nc: *y\n", "{'a':[1,'two'],'b':[1,'two'],'c':'two'}");
	is_linked("a: &x 1\nb: &x 2\nc: *x\n", "{'a':1,'b':2,'c':2}");
	is_linked("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\nc:\n  q: 4\n  <<: *x\n",
		  "{'a':{'p':1,'q':2},'b':{'p':1,'q':3},'c':{'p':1,'q':4}}");
	is_linked("b: {<<: [{p: 1}, {p: 2, q: 3}]}\n", "{'b':{'p':1,'q':3}}");
	is_linked("a: &x {<<: {p: 1}, q: 2}\nb: {<<: *x}\n",
		  "{'a':{'p':1,'q':2},'b':{'p':1,'q':2}}");
}

static void what_versions_read_differently_is_text_or_a_real(void **state)
{
	(void)state;
	is_linked("[yes, No, ON, off, y, 8080:80, 1:30:20]",
		  "['yes','No','ON','off','y','8080:80','1:30:20']");
	is_linked("[0755, 0x1f, 0b1, 1_000, 2026-11-29]", "[0.0,0.0,0.0,0.0,0.0]");
	is_linked("[12, true, null, 1.5, '0755']", "[12,true,null,1.5,'0755']");
}

/* ---- as a document of dmctl apply ---- */

static void read_as(const char *name, const char *text, int want)
{
	char dir[] = "/tmp/test-yaml.XXXXXX", path[64];
	cc_cleanup(state_clear) struct state s = {0};
	struct cc_error err = {0};
	FILE *f;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	if (state_document_read(path, &s, &err) != want)
		fail_msg("%s: %s", name, err.text);
	unlink(path);
	rmdir(dir);
	if (want == 0)
		assert_int_equal(s.n_volumes, 1);
}

static void a_document_may_be_yaml_by_its_name(void **state)
{
	static const char text[] = "apiVersion: container-crypt/v1\n"
				   "volumes:\n"
				   "  - name: pgdata   # the shop's\n"
				   "    leaseMs: 600000\n";

	(void)state;
	read_as("state.yaml", text, 0);
	read_as("state.yml", text, 0);
	read_as("state.json", text, -1);
}

static void the_example_is_read(void **state)
{
	size_t n;
	cc_auto_free char *text = read_fixture("packaging/examples/state.yaml", &n);
	struct cc_error err = {0};
	cc_auto_json json_t *doc = yaml_parse(text, n, "state.yaml", &err);

	(void)state;
	if (!doc)
		fail_msg("%s", err.text);
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(json_object_get(doc, "volumes"), 0), "mode")),
			    "0700");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mappings_sequences_and_scalars_are_what_json_has),
		cmocka_unit_test(what_quotes_make_text_is_text),
		cmocka_unit_test(what_versions_of_yaml_read_differently_is_refused),
		cmocka_unit_test(what_means_more_than_it_says_is_refused),
		cmocka_unit_test(levels_values_and_bytes_are_bounded),
		cmocka_unit_test(what_has_a_name_is_there_again_where_it_is_named),
		cmocka_unit_test(what_versions_read_differently_is_text_or_a_real),
		cmocka_unit_test(a_document_may_be_yaml_by_its_name),
		cmocka_unit_test(the_example_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
