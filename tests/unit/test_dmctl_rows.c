// SPDX-License-Identifier: Apache-2.0
/* Which rows a list shows, and how. */
#include "lib_test.h"

#include <stdlib.h>

#include "cleanup.h"
#include "dmctl/cli/rows.h"

#define ROWS                                                                                \
	"[{'volume':'a','container':'c0ffee01','shared':false,'lease':{'state':'active'}}," \
	"{'volume':'b','container':'c0ffee02','shared':true,'lease':{'state':'frozen'}},"   \
	"{'volume':'c','container':'beef','shared':false,'lease':null}]"

static const struct row_key keys[] = {
	{"volume", "volume", false},
	{"id", "container", true},
	{"state", "lease.state", false},
	{"shared", "shared", false},
	{0},
};

/* @filters: with commas. The volumes that are left. */
static void expect_left(const char *filters, const char *want)
{
	cc_auto_json json_t *rows = json_of(ROWS);
	cc_auto_free char *text = strdup(filters);
	struct row_filter f = {0};
	struct cc_error err;
	char got[32] = "";
	json_t *row;
	char *at;
	size_t i;

	for (at = strtok(text, ","); at; at = strtok(NULL, ","))
		expect_ok(row_filter_add(&f, keys, at, &err), &err);
	row_filter_apply(&f, rows);
	json_array_foreach(rows, i, row)
		strcat(got, json_string_value(json_object_get(row, "volume")));
	assert_string_equal(got, want);
}

static void rows_are_chosen_by_all_keys_and_any_value_of_each(void **state)
{
	(void)state;
	expect_left("", "abc");
	expect_left("volume=b", "b");
	expect_left("volume=a,volume=c", "ac");
	expect_left("volume=a,volume=c,state=active", "a");
	expect_left("id=c0ffee", "ab");
	expect_left("id=c0ffee02", "b");
	expect_left("id=", "");
	expect_left("shared=yes", "b");
	expect_left("state=-", "c");
	expect_left("volume=nothing", "");
}

static void a_filter_that_is_none_names_those_there_are(void **state)
{
	static const char *const bad[] = {"volume", "vol=x", "=x", "", "volumes=x"};
	struct row_filter f = {0};
	struct cc_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(row_filter_add(&f, keys, bad[i], &err), -1);
		expect_error(&err, CC_E_USAGE, "", "volume, id, state, shared");
	}
	for (int i = 0; i < ROW_FILTERS_MAX; i++)
		expect_ok(row_filter_add(&f, keys, "id=a", &err), &err);
	assert_int_equal(row_filter_add(&f, keys, "id=a", &err), -1);
}

static int format(const char *template, char **text, struct cc_error *err)
{
	cc_auto_json json_t *rows = json_of(ROWS);
	size_t len;
	FILE *f = open_memstream(text, &len);
	int rc = row_format(f, rows, template, err);

	fclose(f);
	return rc;
}

static void expect_format(const char *template, const char *want)
{
	cc_auto_free char *text = NULL;
	struct cc_error err;

	expect_ok(format(template, &text, &err), &err);
	assert_string_equal(text, want);
}

static void templates_are_those_of_podman_and_docker(void **state)
{
	(void)state;
	expect_format("{{.volume}}", "a\nb\nc\n");
	expect_format("{{.Volume}}\\t{{ .Lease.State }}", "a\tactive\nb\tfrozen\nc\t-\n");
	expect_format("{{.shared}}:{{.nothing}}", "no:-\nyes:-\nno:-\n");
	expect_format("{{json .lease}}", "{\"state\":\"active\"}\n{\"state\":\"frozen\"}\nnull\n");
	expect_format("x {y} {{", "x {y} {{\nx {y} {{\nx {y} {{\n");
}

static void json_as_a_template_is_the_whole_list(void **state)
{
	cc_auto_json json_t *want = json_of(ROWS), *got = NULL;
	cc_auto_free char *text = NULL;
	struct cc_error err;

	(void)state;
	expect_ok(format("json", &text, &err), &err);
	got = json_loads(text, 0, NULL);
	assert_true(json_equal(got, want));
}

static void a_template_that_is_none_is_named(void **state)
{
	static const char *const bad[] = {"{{volume}}", "{{}}", "{{.}}", "{{json volume}}",
					  "{{range .x}}"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cc_auto_free char *text = NULL;
		struct cc_error err;

		assert_int_equal(format(bad[i], &text, &err), -1);
		expect_error(&err, CC_E_USAGE, "", bad[i]);
	}
}

static void what_a_container_is_called_steers_no_terminal(void **state)
{
	cc_auto_json json_t *rows = json_of("[{'name':'x\\u001b[2J\\n'}]");
	cc_auto_free char *text = NULL;
	struct cc_error err;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	expect_ok(row_format(f, rows, "{{.name}}", &err), &err);
	fclose(f);
	assert_string_equal(text, "x?[2J?\n");
}

static void a_time_is_a_moment_or_how_long_ago(void **state)
{
	static const struct {
		const char *text;
		int64_t t;
	} good[] = {{"1970-01-02T00:00:00Z", 86400}, {"90s", 1000000 - 90},
		    {"10m", 1000000 - 600},	     {"2h", 1000000 - 7200},
		    {"7d", 1000000 - 604800},	     {"1234", 1234}};
	static const char *const bad[] = {"", "x", "-1h", "10y", "10mm", "1e9s", "m"};
	int64_t t;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(row_moment(good[i].text, 1000000, &t), 0);
		assert_int_equal(t, good[i].t);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(row_moment(bad[i], 1000000, &t), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_chosen_by_all_keys_and_any_value_of_each),
		cmocka_unit_test(a_filter_that_is_none_names_those_there_are),
		cmocka_unit_test(templates_are_those_of_podman_and_docker),
		cmocka_unit_test(json_as_a_template_is_the_whole_list),
		cmocka_unit_test(a_template_that_is_none_is_named),
		cmocka_unit_test(what_a_container_is_called_steers_no_terminal),
		cmocka_unit_test(a_time_is_a_moment_or_how_long_ago),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
