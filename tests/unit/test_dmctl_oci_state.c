// SPDX-License-Identifier: Apache-2.0
/* The state that a runtime hands to a hook. */
#include "lib_test.h"

#include "dmctl/container/oci.h"

#define DOCKER_ID "723f24339aa68e252590956c06a89265066bf42b3cc4011cb7ae1270d9b68498"
#define PODMAN_ID "73f4f619725b0f5fe4a5938121f19e95a4b2e82659cedfddd4f4ed0aabf3e9ce"

static int state_of(const char *text, struct oci_state *s, struct cc_error *err)
{
	cc_auto_json json_t *obj = json_of(text);

	return oci_state_parse(obj, s, err);
}

static void the_state_of_runc_and_crun_is_understood(void **state)
{
	struct oci_state s = {0};
	struct cc_error err;

	(void)state;
	expect_ok(state_of("{'ociVersion':'1.2.0','id':'" DOCKER_ID
			   "','status':'creating','pid':667,"
			   "'bundle':'/run/b'}",
			   &s, &err),
		  &err);
	assert_string_equal(s.id, DOCKER_ID);
	assert_int_equal(s.pid, 667);
	oci_state_clear(&s);
	expect_ok(state_of("{'ociVersion':'1.0','id':'" PODMAN_ID
			   "','pid':844,'root':'/m','bundle':'/b',"
			   "'status':'created','annotations':{}}",
			   &s, &err),
		  &err);
	assert_string_equal(s.bundle, "/b");
	oci_state_clear(&s);
}

static void a_state_without_a_process_or_container_is_refused(void **state)
{
	static const struct {
		const char *text, *part;
	} cases[] = {
		{"[]", "not a JSON object"},
		{"{'id':'x','pid':1,'bundle':'/b'}", "container id"},
		{"{'id':'" DOCKER_ID "','pid':0,'bundle':'/b'}", "pid"},
		{"{'id':'" DOCKER_ID "','pid':-1,'bundle':'/b'}", "pid"},
		{"{'id':'" DOCKER_ID "','pid':2147483648,'bundle':'/b'}", "pid"},
		{"{'id':'" DOCKER_ID "','bundle':'/b'}", "pid"},
		{"{'id':'" DOCKER_ID "','pid':1,'bundle':'b'}", "bundle"},
		{"{'id':'" DOCKER_ID "','pid':1}", "bundle"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct oci_state s = {0};
		struct cc_error err;

		assert_int_equal(state_of(cases[i].text, &s, &err), -1);
		expect_error(&err, CC_E_INVALID, "", cases[i].part);
		oci_state_clear(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_state_of_runc_and_crun_is_understood),
		cmocka_unit_test(a_state_without_a_process_or_container_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
