// SPDX-License-Identifier: Apache-2.0
/* config.json: mounts and devices, the engine's own and others. */
#include "config_parsed.h"

static void a_file_of_another_container_is_not_the_engines_own(void **state)
{
	auto_parsed p = parse_with(
		&docker, "{'mounts':[{'destination':'/etc/hosts','type':'bind','source':"
			 "'/var/lib/docker/containers/" PODMAN_ID "/hosts','options':['rbind']}]}");

	(void)state;
	assert_int_equal(p.rc, 0);
	assert_int_equal(foreign_mounts(p.m), 1);
}

static void a_bind_mount_over_an_engines_place_is_foreign(void **state)
{
	static const char *const mounts[] = {
		"{'destination':'/etc/hosts','type':'bind','source':'/evil','options':['rbind']}",
		"{'destination':'/proc','type':'proc','source':'/evil','options':['bind']}",
		"{'destination':'/dev/shm','source':'/evil'}",
		"{'destination':'/etc/hosts','type':'bind','source':'/var/lib/docker/containers/" DOCKER_ID
		"/../../../../evil','options':[]}",
		"{'destination':'/scratch','type':'tmpfs','source':'tmpfs'}",
		"{'destination':'/run','type':'tmpfs','source':'tmpfs'}",
		"{'destination':'/proc/../data','type':'proc','source':'proc'}",
		"{'destination':'/sys','type':'sysfs','source':'sysfs','options':['nosuid']}",
		"{'destination':'/sys','type':'sysfs','source':'sysfs','options':['ro','rw']}",
		"{'destination':'/sys/fs/cgroup','type':'cgroup','source':'cgroup'}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		cc_auto_free char *text = NULL;

		assert_true(asprintf(&text, "{'mounts':[%s]}", mounts[i]) > 0);
		auto_parsed p = parse_with(&docker, text);

		assert_int_equal(p.rc, 0);
		assert_int_equal(foreign_mounts(p.m), 1);
	}
}

/* What differs in each container, and so could never be signed by its path. */
static void sources_of_the_engine_are_named_by_what_they_are(void **state)
{
#define HEX64 "1e12aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	static const struct {
		const struct oci_context *ctx;
		const char *source, *named;
	} cases[] = {
		{&docker, "/var/lib/docker/volumes/" HEX64 "/_data", "engine:volume"},
		{&podman, "/var/lib/containers/storage/volumes/" HEX64 "/_data", "engine:volume"},
		{&podman,
		 "/var/lib/containers/storage/overlay-containers/" PODMAN_ID
		 "/userdata/secrets/dbpass",
		 "engine:container/secrets/dbpass"},
		{&podman,
		 "/run/containers/storage/overlay-containers/" PODMAN_ID "/userdata/run/secrets",
		 "engine:container/run/secrets"},
		{&docker, "/var/lib/docker/volumes/named/_data", NULL},
		{&docker, "/var/lib/docker/volumes/" HEX64 "/_data/..", NULL},
		{&docker, "/var/lib/docker/volumes/" HEX64, NULL},
		{&docker, "/var/lib/docker/volumes/" HEX64 "0/_data", NULL},
		{&docker, "/var/lib/docker2/volumes/" HEX64 "/_data", NULL},
		{&docker, "/var/lib/docker/containers/" PODMAN_ID "/secrets/x", NULL},
		{&docker, "/var/lib/docker/containers/" DOCKER_ID "/../x", NULL},
		{&docker, "/srv/conf", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cc_auto_free char *text = NULL;

		assert_true(asprintf(&text,
				     "{'mounts':[{'destination':'/x','type':'bind','source':'%s',"
				     "'options':['rbind']}]}",
				     cases[i].source) > 0);
		auto_parsed p = parse_with(cases[i].ctx, text);

		expect_ok(p.rc, &p.err);
		assert_int_equal(foreign_mounts(p.m), 1);
		assert_string_equal(p.m->mounts[0].source, cases[i].named ?: cases[i].source);
	}
}

static void a_mount_is_what_the_runtime_makes_of_it(void **state)
{
	auto_parsed p = parse_with(
		&docker, "{'mounts':[{'destination':'/a//b/./c/','type':'tmpfs','source':'tmpfs',"
			 "'options':['noexec','ro','nosuid','exec','rw','ro']},"
			 "{'destination':'//','type':'tmpfs','source':'x'},"
			 "{'destination':'/a/../b','type':'tmpfs','source':'x'}]}");

	(void)state;
	expect_ok(p.rc, &p.err);
	assert_string_equal(p.m->mounts[0].destination, "/a/b/c");
	assert_int_equal(p.m->mounts[0].options.n, 3);
	assert_string_equal(p.m->mounts[0].options.v[0], "nosuid");
	assert_string_equal(p.m->mounts[0].options.v[1], "exec");
	assert_string_equal(p.m->mounts[0].options.v[2], "ro");
	assert_string_equal(p.m->mounts[1].destination, "/");
	assert_string_equal(p.m->mounts[2].destination, "/a/../b");
}

static void scratch_over_a_read_only_root_is_podmans_own(void **state)
{
	const char *mounts =
		"{'root':{'readonly':%s},'mounts':[{'destination':'/tmp','type':'tmpfs',"
		"'source':'tmpfs','options':['tmpcopyup']}]}";
	char text[256];

	(void)state;
	snprintf(text, sizeof(text), mounts, "true");
	auto_parsed own = parse_with(&podman, text);
	assert_int_equal(foreign_mounts(own.m), 0);
	snprintf(text, sizeof(text), mounts, "false");
	auto_parsed asked = parse_with(&podman, text);
	assert_int_equal(foreign_mounts(asked.m), 1);
}

static void a_device_is_seen_as_node_and_as_rule(void **state)
{
	auto_parsed node =
		parse_with(&docker, "{'linux':{'devices':[{'path':'/dev/fuse','type':'c',"
				    "'major':10,'minor':229}],'resources':{'devices':["
				    "{'allow':true,'type':'c','major':10,'minor':229,"
				    "'access':'rwm'}]}}}");
	auto_parsed rule = parse_with(&docker, "{'linux':{'resources':{'devices':[{'allow':true,"
					       "'type':'b','major':8,'minor':0,'access':'r'}]}}}");
	auto_parsed all_minors =
		parse_with(&docker, "{'linux':{'resources':{'devices':[{'allow':true,"
				    "'type':'b','major':8,'access':'w'}]}}}");

	(void)state;
	assert_int_equal(node.m->devices.n, 1);
	assert_string_equal(node.m->devices.v[0], "/dev/fuse");
	assert_string_equal(rule.m->devices.v[0], "b 8:0");
	assert_string_equal(all_minors.m->devices.v[0], "b 8:*");
	assert_false(node.m->privileged || rule.m->privileged || all_minors.m->privileged);
}

static void a_node_with_a_harmless_name_is_judged_by_its_number(void **state)
{
	auto_parsed p = parse_with(&docker, "{'linux':{'devices':[{'path':'/dev/null','type':'b',"
					    "'major':8,'minor':0}]}}");

	(void)state;
	assert_int_equal(p.m->devices.n, 1);
}

static void a_default_device_under_another_name_is_seen(void **state)
{
	static const struct {
		const char *node, *name; /* NULL: one of the defaults */
	} cases[] = {
		{"'path':'/dev/urandom','type':'c','major':1,'minor':9", NULL},
		{"'path':'/dev/null','type':'c','major':1,'minor':3", NULL},
		{"'path':'/dev/urandom','type':'c','major':1,'minor':5", "/dev/urandom c 1:5"},
		{"'path':'/app/seed','type':'c','major':1,'minor':5", "/app/seed c 1:5"},
		{"'path':'/app/log','type':'c','major':136,'minor':3", "/app/log c 136:3"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[160];

		snprintf(text, sizeof(text), "{'linux':{'devices':[{%s}]}}", cases[i].node);
		auto_parsed p = parse_with(&docker, text);
		assert_int_equal(p.rc, 0);
		assert_int_equal(p.m->devices.n, cases[i].name ? 1 : 0);
		if (cases[i].name)
			assert_string_equal(p.m->devices.v[0], cases[i].name);
	}
}

static void another_device_under_a_signed_name_is_called_by_its_numbers(void **state)
{
	auto_parsed p =
		parse_with(&docker, "{'linux':{'devices':[{'path':'/dev/fuse','type':'b',"
				    "'major':8,'minor':0},{'path':'/dev/fuse','type':'c',"
				    "'major':10,'minor':237},{'path':'/run/f','type':'p'}]}}");

	(void)state;
	assert_int_equal(p.m->devices.n, 3);
	assert_string_equal(p.m->devices.v[0], "/dev/fuse b 8:0");
	assert_string_equal(p.m->devices.v[1], "/dev/fuse c 10:237");
	assert_string_equal(p.m->devices.v[2], "/run/f p -1:-1");
}

static void a_rule_for_all_devices_is_privileged(void **state)
{
	static const char *const rules[] = {
		"{'allow':true,'access':'rwm'}",
		"{'allow':true,'type':'a','access':'r'}",
		"{'allow':true,'type':'b','access':'w'}",
		"{'allow':true}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		char text[256];

		snprintf(text, sizeof(text), "{'linux':{'resources':{'devices':[%s]}}}", rules[i]);
		auto_parsed p = parse_with(&docker, text);
		assert_true(p.m->privileged);
	}
	auto_parsed mknod = parse_with(&docker, "{'linux':{'resources':{'devices':[{'allow':true,"
						"'type':'b','access':'m'}]}}}");
	assert_false(mknod.m->privileged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_of_another_container_is_not_the_engines_own),
		cmocka_unit_test(a_bind_mount_over_an_engines_place_is_foreign),
		cmocka_unit_test(sources_of_the_engine_are_named_by_what_they_are),
		cmocka_unit_test(a_mount_is_what_the_runtime_makes_of_it),
		cmocka_unit_test(scratch_over_a_read_only_root_is_podmans_own),
		cmocka_unit_test(a_device_is_seen_as_node_and_as_rule),
		cmocka_unit_test(a_node_with_a_harmless_name_is_judged_by_its_number),
		cmocka_unit_test(a_default_device_under_another_name_is_seen),
		cmocka_unit_test(another_device_under_a_signed_name_is_called_by_its_numbers),
		cmocka_unit_test(a_rule_for_all_devices_is_privileged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
