// SPDX-License-Identifier: Apache-2.0
/* config.json: what engines write, and what somebody might slip in. */
#include "config_parsed.h"

static void what_docker_writes_is_the_engines_own(void **state)
{
	auto_parsed p =
		parse_with(&docker, "{'hooks':{'createRuntime':[{'path':'" CC_HOOK_PATH "'}]}}");

	(void)state;
	assert_int_equal(p.rc, 0);
	assert_int_equal(p.m->n_mounts, 10);
	assert_int_equal(foreign_mounts(p.m), 0);
	assert_int_equal(p.m->devices.n, 0);
	assert_int_equal(p.m->hooks.n, 0);
	assert_int_equal(p.m->settings.n, 0);
	assert_int_equal(p.f.hook_pid, 305);
	assert_false(p.m->privileged);
	assert_int_equal(p.m->capabilities.n, 14);
	assert_string_equal(p.m->cwd, "/");
	assert_int_equal(p.m->args.n, 2);
	assert_memory_equal(p.m->seccomp, "sha256:", 7);
	for (size_t i = 0; i < CC_NS_COUNT; i++)
		assert_int_equal(p.m->ns[i], CC_NS_PRIVATE);
}

static void what_podman_writes_is_the_engines_own(void **state)
{
	auto_parsed p =
		parse_with(&podman, "{'hooks':{'createRuntime':[{'path':'" CC_HOOK_PATH "'}]}}");

	(void)state;
	assert_int_equal(p.rc, 0);
	assert_int_equal(foreign_mounts(p.m), 0);
	assert_int_equal(p.m->hooks.n, 0);
	assert_int_equal(p.m->settings.n, 0);
	assert_int_equal(p.f.hook_pid, 0);
	assert_int_equal(p.m->devices.n, 0);
}

/* What an engine writes by itself needs no word in an identity. */
static void mounts_and_variables_of_an_ordinary_start_are_allowed(void **state)
{
	static char volume[] = "v", point[] = "/data", path[] = ENGINE_PATH;
	static char *image_env[] = {path};
	const struct cc_identity id = {.volume = volume, .mount_point = point};
	const struct oci_context *const engines[] = {&docker, &podman};
	struct cc_error err = {0};
	struct cc_facts facts;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		auto_parsed p = parse_with(engines[i], "{}");

		expect_ok(p.rc, &p.err);
		cc_facts_init(&facts, CC_FACTS_MAX);
		cc_decide_mounts(&id, p.m, &facts);
		cc_decide_env(&id, p.m, &facts);
		p.m->image_env = (struct cc_strv){1, image_env};
		cc_decide_env(&id, p.m, &facts);
		expect_ok(cc_facts_first(&facts, &err), &err);
		p.m->image_env = (struct cc_strv){0};
	}
}

static void only_our_own_hook_at_create_runtime_is_ours(void **state)
{
	auto_parsed p =
		parse_with(&docker, "{'hooks':{'createContainer':[{'path':'" CC_HOOK_PATH "'}],"
				    "'createRuntime':[{'path':'/evil'}],"
				    "'poststop':[{'path':'/after'}]}}");

	(void)state;
	assert_int_equal(p.rc, 0);
	assert_int_equal(p.m->hooks.n, 3);
	assert_true(cc_strv_has(&p.m->hooks, CC_HOOK_PATH));
	assert_true(cc_strv_has(&p.m->hooks, "/evil"));
}

static void dockers_network_hook_counts_once_and_only_for_this_container(void **state)
{
	auto_parsed other = parse_with(
		&docker, "{'hooks':{'createRuntime':[],'prestart':[{'path':'/proc/1/exe','args':"
			 "['libnetwork-setkey','-exec-root=/run/docker','" PODMAN_ID "','x']}]}}");
	auto_parsed env = parse_with(
		&docker,
		"{'hooks':{'createRuntime':[],'prestart':[{'path':'/proc/1/exe','env':['A=b'],"
		"'args':['libnetwork-setkey','x','" DOCKER_ID "','x']}]}}");
	auto_parsed path = parse_with(
		&docker, "{'hooks':{'createRuntime':[],'prestart':[{'path':'/proc/1/exe/x','args':"
			 "['libnetwork-setkey','x','" DOCKER_ID "','x']}]}}");

	(void)state;
	assert_int_equal(other.m->hooks.n, 1);
	assert_int_equal(env.m->hooks.n, 1);
	assert_int_equal(path.m->hooks.n, 1);
	assert_int_equal(other.f.hook_pid + env.f.hook_pid + path.f.hook_pid, 0);
}

static void capabilities_are_the_union_of_all_sets(void **state)
{
	auto_parsed p = parse_with(&docker, "{'process':{'capabilities':{'bounding':['CAP_A'],"
					    "'effective':[],'permitted':[],'inheritable':['CAP_B'],"
					    "'ambient':['CAP_C','CAP_A']}}}");

	(void)state;
	assert_int_equal(p.m->capabilities.n, 3);
}

static void namespaces_that_are_missing_are_the_hosts(void **state)
{
	auto_parsed p = parse_with(
		&docker,
		"{'linux':{'namespaces':[{'type':'mount'},{'type':'pid',"
		"'path':'/proc/7/ns/pid'},{'type':'user'}],"
		"'uidMappings':[{'containerID':0,'hostID':100000,'size':9},{'containerID':9,'hostID':500,'size':1}]}}");

	uint32_t host;

	(void)state;
	assert_int_equal(p.rc, 0);
	for (size_t i = 0; i < CC_NS_COUNT; i++) {
		if (!strcmp(cc_ns_names[i], "mnt"))
			assert_int_equal(p.m->ns[i], CC_NS_PRIVATE);
		else if (!strcmp(cc_ns_names[i], "pid"))
			assert_int_equal(p.m->ns[i], CC_NS_JOINED);
		else
			assert_int_equal(p.m->ns[i], CC_NS_HOST);
	}
	assert_true(p.f.user_ns);
	assert_true(oci_host_id(&p.f.uids, 8, &host));
	assert_int_equal(host, 100008);
	assert_true(oci_host_id(&p.f.uids, 9, &host));
	assert_int_equal(host, 500);
	assert_false(oci_host_id(&p.f.uids, 10, &host));
	assert_true(oci_host_id(&p.f.gids, 10, &host));
	assert_int_equal(host, 10);
}

static void terminal_and_core_limit_are_read(void **state)
{
	auto_parsed none = parse_with(&docker, "{}");
	auto_parsed zero = parse_with(&docker, "{'process':{'terminal':true,'rlimits':["
					       "{'type':'RLIMIT_CORE','hard':0,'soft':0}]}}");
	auto_parsed some = parse_with(
		&docker, "{'process':{'rlimits':[{'type':'RLIMIT_CORE','hard':1e19,'soft':0}]}}");

	(void)state;
	assert_false(none.f.terminal);
	assert_int_equal(none.f.core_limit, -1);
	assert_true(zero.f.terminal);
	assert_int_equal(zero.f.core_limit, 0);
	assert_true(some.f.core_limit > 0);
}

/* As Docker writes --ulimit memlock=-1:-1 and core=-1. */
static void unlimited_limits_are_read_and_no_setting_but_that_of_core_files(void **state)
{
	static const char wanted[] = "\"process\":{";
	static const char limits[] =
		"\"rlimits\":[{\"type\":\"RLIMIT_MEMLOCK\",\"hard\":18446744073709551615,"
		"\"soft\":18446744073709551615},{\"type\":\"RLIMIT_FSIZE\","
		"\"hard\":18446744073709551615,\"soft\":18446744073709551615}%s],";
	static const char core[] = ",{\"type\":\"RLIMIT_CORE\",\"hard\":18446744073709551615,"
				   "\"soft\":18446744073709551615}";
	cc_auto_json json_t *doc = json_load_file("tests/fixtures/oci/docker.json", 0, NULL);

	(void)state;
	json_object_del(json_object_get(doc, "process"), "rlimits");
	for (int with_core = 0; with_core < 2; with_core++) {
		cc_auto_free char *text = json_dumps(doc, JSON_COMPACT), *list = NULL, *all = NULL;
		char *at = strstr(text, wanted);

		assert_non_null(at);
		at += strlen(wanted);
		assert_true(asprintf(&list, limits, with_core ? core : "") > 0);
		assert_true(asprintf(&all, "%.*s%s%s", (int)(at - text), text, list, at) > 0);
		{
			auto_parsed p = parse_text(&docker, all);

			expect_ok(p.rc, &p.err);
			assert_int_equal(p.m->settings.n, with_core);
			assert_true(with_core ? p.f.core_limit == INT64_MAX : p.f.core_limit == -1);
			if (with_core)
				assert_string_equal(p.m->settings.v[0],
						    "process.rlimits RLIMIT_CORE=unlimited");
		}
	}
}

static void what_is_malformed_is_an_error_that_names_it(void **state)
{
	static const struct {
		const char *changes, *part;
	} cases[] = {
		{"{'process':{'args':'x'}}", "args"},
		{"{'process':{'user':{'uid':4294967296}}}", "uid"},
		{"{'process':{'user':{'additionalGids':['x']}}}", "additionalGids"},
		{"{'process':{'capabilities':{'bounding':'all'}}}", "capabilities"},
		{"{'process':{'capabilities':null}}", "capabilities"},
		{"{'root':{'path':1}}", "path"},
		{"{'mounts':[1]}", "mounts"},
		{"{'mounts':[{'type':'x'}]}", "destination"},
		{"{'mounts':[{'destination':'/x','type':'bind','source':'engine:volume'}]}",
		 "is not a source"},
		{"{'hooks':{'prestart':{}}}", "prestart"},
		{"{'hooks':{'prestart':[{}]}}", "path"},
		{"{'linux':{'namespaces':[{'type':'pid'},{'type':'pid'}]}}", "twice"},
		{"{'linux':{'namespaces':['pid']}}", "namespaces"},
		{"{'linux':{'devices':[{}]}}", "path"},
		{"{'linux':{'resources':{'devices':[{}]}}}", "allow"},
		{"{'linux':{'seccomp':[]}}", "seccomp"},
		{"{'linux':{'uidMappings':[{'containerID':5,'hostID':5}]}}", "uidMappings"},
		{"{'linux':{'gidMappings':[{'containerID':4294967295,'hostID':5,'size':1}]}}",
		 "gidMappings"},
		{"{'linux':[]}", "linux"},
		{"{'linux':{'sysctl':[]}}", "sysctl"},
		{"{'linux':{'maskedPaths':'/'}}", "maskedPaths"},
		{"{'annotations':[]}", "annotations"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_parsed p = parse_with(&docker, cases[i].changes);

		assert_int_equal(p.rc, -1);
		expect_error(&p.err, CC_E_INVALID, "", cases[i].part);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_docker_writes_is_the_engines_own),
		cmocka_unit_test(what_podman_writes_is_the_engines_own),
		cmocka_unit_test(mounts_and_variables_of_an_ordinary_start_are_allowed),
		cmocka_unit_test(only_our_own_hook_at_create_runtime_is_ours),
		cmocka_unit_test(dockers_network_hook_counts_once_and_only_for_this_container),
		cmocka_unit_test(capabilities_are_the_union_of_all_sets),
		cmocka_unit_test(namespaces_that_are_missing_are_the_hosts),
		cmocka_unit_test(terminal_and_core_limit_are_read),
		cmocka_unit_test(unlimited_limits_are_read_and_no_setting_but_that_of_core_files),
		cmocka_unit_test(what_is_malformed_is_an_error_that_names_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
