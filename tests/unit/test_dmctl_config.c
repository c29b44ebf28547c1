// SPDX-License-Identifier: Apache-2.0
/* config.json: what engines write, and what somebody might slip in. */
#include "lib_test.h"

#include "decide_env.h"
#include "decide_mounts.h"
#include "dmctl/container/oci.h"
#include "paths.h"
#include "strv.h"

#define ENGINE_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define DOCKER_ID "723f24339aa68e252590956c06a89265066bf42b3cc4011cb7ae1270d9b68498"
#define PODMAN_ID "73f4f619725b0f5fe4a5938121f19e95a4b2e82659cedfddd4f4ed0aabf3e9ce"

static char docker_dir[] = "/var/lib/docker/containers/" DOCKER_ID;
static char podman_dir[] = "/var/lib/containers/storage/overlay-containers/" PODMAN_ID "/userdata";
static char podman_run[] = "/run/containers/storage/overlay-containers/" PODMAN_ID "/userdata";
static char *docker_dirs[] = {docker_dir};
static char *podman_dirs[] = {podman_dir, podman_run};
static const struct cc_strv docker_own = {1, docker_dirs};
static const struct cc_strv podman_own = {2, podman_dirs};

/* A host that has but two devices. */
static bool is_host_device(const char *path, const char *type, json_int_t major, json_int_t minor)
{
	return (!strcmp(path, "/dev/fuse") && !strcmp(type, "c") && major == 10 && minor == 229) ||
	       (!strcmp(path, "/dev/null") && !strcmp(type, "c") && major == 1 && minor == 3);
}

static const struct oci_context docker = {.engine = &engine_docker,
					  .id = DOCKER_ID,
					  .bundle = "/run/bundle",
					  .own_dirs = &docker_own,
					  .own_seccomp = true,
					  .is_host_device = is_host_device};
static const struct oci_context podman = {.engine = &engine_podman,
					  .id = PODMAN_ID,
					  .bundle = "/run/bundle",
					  .own_dirs = &podman_own,
					  .own_seccomp = true,
					  .is_host_device = is_host_device};

struct parsed {
	struct cc_measurement *m;
	struct oci_facts f;
	int rc;
	struct cc_error err;
};

static void parsed_clear(struct parsed *p)
{
	cc_measurement_free(p->m);
	oci_facts_clear(&p->f);
}
#define auto_parsed cc_cleanup(parsed_clear) struct parsed

static struct parsed parse_text(const struct oci_context *ctx, const char *text)
{
	struct parsed p = {.m = cc_measurement_new()};

	p.rc = oci_config_parse(text, strlen(text), ctx, p.m, &p.f, &p.err);
	return p;
}

/* The engine's own config.json with the members of @changes put over it, one level deep merged. */
static struct parsed parse_with(const struct oci_context *ctx, const char *changes)
{
	const char *file = ctx->engine == &engine_docker ? "tests/fixtures/oci/docker.json"
							 : "tests/fixtures/oci/podman.json";
	cc_auto_json json_t *doc = json_load_file(file, 0, NULL);
	cc_auto_json json_t *over = json_of(changes);
	cc_auto_free char *text = NULL;

	assert_non_null(doc);
	json_object_update_recursive(doc, over);
	text = json_dumps(doc, JSON_COMPACT);
	return parse_text(ctx, text);
}

static size_t foreign_mounts(const struct cc_measurement *m)
{
	size_t i, n = 0;

	for (i = 0; i < m->n_mounts; i++)
		n += !m->mounts[i].engine;
	return n;
}

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

static void what_nobody_writes_by_default_is_a_setting(void **state)
{
	static const struct {
		const char *changes, *setting;
	} cases[] = {
		{"{'linux':{'sysctl':{'net.core.somaxconn':'9'}}}",
		 "linux.sysctl net.core.somaxconn=9"},
		{"{'annotations':{'run.oci.seccomp_bpf_data':'BgAAAAAA/38='}}",
		 "annotations run.oci.seccomp_bpf_data=BgAAAAAA/38="},
		{"{'annotations':{'run.oci.keep_original_groups':'1'}}",
		 "annotations run.oci.keep_original_groups=1"},
		{"{'annotations':{'module.wasm.image/variant':'compat'}}",
		 "annotations module.wasm.image/variant=compat"},
		{"{'annotations':{'org.systemd.property.DeviceAllow':'x'}}",
		 "annotations org.systemd.property.DeviceAllow=x"},
		{"{'linux':{'readonlyPaths':['/proc/bus','/proc/fs','/proc/irq','/proc/sys']}}",
		 "linux.readonlyPaths lacks /proc/sysrq-trigger"},
		{"{'linux':{'maskedPaths':['/proc/acpi','/proc/keys','/proc/timer_list',"
		 "'/proc/sched_debug','/proc/scsi','/sys/firmware']}}",
		 "linux.maskedPaths lacks /proc/kcore"},
		{"{'linux':{'rootfsPropagation':'shared'}}", "linux.rootfsPropagation=shared"},
		{"{'linux':{'personality':{'domain':'LINUX32'}}}",
		 "linux.personality={\"domain\":\"LINUX32\"}"},
		{"{'linux':{'timeOffsets':{'monotonic':{'secs':9}}}}",
		 "linux.timeOffsets={\"monotonic\":{\"secs\":9}}"},
		{"{'linux':{'netDevices':{'eth0':{}}}}", "linux.netDevices={\"eth0\":{}}"},
		{"{'linux':{'namespaces':[{'type':'user','path':'/proc/9/ns/user'}]}}",
		 "linux.namespaces user joined"},
		{"{'linux':{'namespaces':[{'type':'time'}]}}", "linux.namespaces time"},
		{"{'process':{'scheduler':{'policy':'SCHED_FIFO'}}}",
		 "process.scheduler={\"policy\":\"SCHED_FIFO\"}"},
		{"{'process':{'rlimits':[{'type':'RLIMIT_CORE','hard':9,'soft':9}]}}",
		 "process.rlimits RLIMIT_CORE=9"},
		{"{'process':{'rlimits':[{'type':'RLIMIT_FSIZE','hard':9,'soft':0}]}}",
		 "process.rlimits RLIMIT_FSIZE=0"},
		{"{'process':{'rlimits':[{'type':'RLIMIT_CORE'}]}}", "process.rlimits RLIMIT_CORE"},
		{"{'process':{'user':{'umask':0}}}", "process.user.umask=0"},
		{"{'process':{'selinuxLabel':'system_u:system_r:spc_t:s0'}}",
		 "process.selinuxLabel type=spc_t"},
		{"{'process':{'selinuxLabel':'x'}}", "process.selinuxLabel type=x"},
		{"{'process':{'selinuxLabel':'system_u:system_r:container_t:s0'}}",
		 "process.selinuxLabel level=s0"},
		{"{'process':{'selinuxLabel':'system_u:system_r:container_t:s0-s0:c0.c1023'}}",
		 "process.selinuxLabel level=s0-s0:c0.c1023"},
		{"{'process':{'selinuxLabel':'system_u:system_r:container_t:s0:c0.c1023'}}",
		 "process.selinuxLabel level=s0:c0.c1023"},
		{"{'process':{'selinuxLabel':'system_u:system_r:container_t:s0:'}}",
		 "process.selinuxLabel level=s0:"},
		{"{'process':{'selinuxLabel':'system_u:system_r:container_t'}}",
		 "process.selinuxLabel level="},
		{"{'mounts':[{'destination':'/x','type':'bind','source':'/y','uidMappings':[]}]}",
		 "mounts /x uidMappings=[]"},
		{"{'vm':{}}", "vm={}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_parsed p = parse_with(&podman, cases[i].changes);

		expect_ok(p.rc, &p.err);
		if (p.m->settings.n != 1)
			fail_msg("%s: %zu settings", cases[i].changes, p.m->settings.n);
		assert_string_equal(p.m->settings.v[0], cases[i].setting);
	}
}

/* The paths that engines write, and one more. */
#define MASKED(path)                                                                           \
	"{'linux':{'maskedPaths':['/proc/acpi','/proc/kcore','/proc/keys','/proc/timer_list'," \
	"'/proc/sched_debug','/proc/scsi','/sys/firmware','" path "']}}"
#define READ_ONLY(path)                                                              \
	"{'linux':{'readonlyPaths':['/proc/bus','/proc/fs','/proc/irq','/proc/sys'," \
	"'/proc/sysrq-trigger','" path "']}}"

static void files_that_are_hidden_or_read_only_are_settings(void **state)
{
	static const struct {
		const char *changes, *setting; /* NULL: none */
	} cases[] = {
		{MASKED("/etc/passwd"), "linux.maskedPaths has /etc/passwd"},
		{MASKED("/data/secret"), "linux.maskedPaths has /data/secret"},
		{MASKED("/"), "linux.maskedPaths has /"},
		{MASKED("etc/passwd"), "linux.maskedPaths has etc/passwd"},
		{MASKED("/proc/../etc/passwd"), "linux.maskedPaths has /proc/../etc/passwd"},
		{MASKED("/proc/self/root/data"), "linux.maskedPaths has /proc/self/root/data"},
		{MASKED("/proc/thread-self/cwd/x"),
		 "linux.maskedPaths has /proc/thread-self/cwd/x"},
		{MASKED("/proc/1/root/data"), "linux.maskedPaths has /proc/1/root/data"},
		{MASKED("/process"), "linux.maskedPaths has /process"},
		{MASKED("/proc/interrupts"), NULL},
		{MASKED("/proc/selfish"), NULL},
		{MASKED("/sys/devices/virtual/powercap"), NULL},
		{READ_ONLY("/data"), "linux.readonlyPaths has /data"},
		{READ_ONLY("/proc/asound"), NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_parsed p = parse_with(&podman, cases[i].changes);

		expect_ok(p.rc, &p.err);
		assert_int_equal(p.m->settings.n, cases[i].setting ? 1 : 0);
		if (cases[i].setting)
			assert_string_equal(p.m->settings.v[0], cases[i].setting);
	}
}

static void what_is_harmless_is_no_setting(void **state)
{
	static const char *const cases[] = {
		"{'annotations':{'container-crypt/volume':'x','io.podman.annotations.autoremove':'TRUE'}}",
		"{'process':{'terminal':true,'consoleSize':{'height':1,'width':1},'oomScoreAdj':1}}",
		"{'process':{'selinuxLabel':'system_u:system_r:container_t:s0:c1,c2'}}",
		"{'process':{'selinuxLabel':''},'domainname':'x'}",
		"{'process':{'rlimits':[{'type':'RLIMIT_CORE','hard':0,'soft':0},"
		"{'type':'RLIMIT_NOFILE','hard':9,'soft':9},{'type':'RLIMIT_FSIZE','hard':1e19,'soft':1e19}]}}",
		"{'linux':{'rootfsPropagation':'rslave','mountLabel':'','resources':{'unified':{}}}}",
		"{'linux':{'namespaces':[{'type':'user'}],"
		"'uidMappings':[{'containerID':0,'hostID':1,'size':1}],'gidMappings':[]}}",
		"{'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[]}}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_parsed p = parse_with(&docker, cases[i]);

		expect_ok(p.rc, &p.err);
		if (p.m->settings.n)
			fail_msg("%s: %s", cases[i], p.m->settings.v[0]);
	}
}

static void the_label_of_the_containers_files_is_taken_as_it_is(void **state)
{
	static const char *const labels[] = {
		"system_u:object_r:container_file_t:s0:c12,c345",
		"system_u:object_r:container_file_t:s0-s0:c0.c1023",
		"system_u:object_r:svirt_sandbox_file_t",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		char changes[160];

		snprintf(changes, sizeof(changes), "{'linux':{'mountLabel':'%s'}}", labels[i]);
		{
			auto_parsed p = parse_with(&docker, changes);

			expect_ok(p.rc, &p.err);
			assert_string_equal(p.f.mount_label, labels[i]);
		}
	}
}

static void what_is_no_label_is_refused_and_never_becomes_a_mount_option(void **state)
{
	static const char *const values[] = {
		"'x'",		 "'a:b'",	   "'a:b:'",	   "'a::c:s0'",	   "':b:c'",
		"'a:b:c:'",	 "'a,b:c:d:s0'",   "'a:b,c:d:s0'", "'a:b:c,d'",	   "'a:b:c:s0 ro'",
		"'a:b:c:s0\\n'", "'a:b:c\\u00e4'", "'a:b:c:s0/x'", "'a:b:c:s0=1'", "7",
		"['a:b:c']",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char changes[160];

		snprintf(changes, sizeof(changes), "{'linux':{'mountLabel':%s}}", values[i]);
		{
			auto_parsed p = parse_with(&docker, changes);

			if (!p.rc)
				fail_msg("%s was taken", values[i]);
			expect_error(&p.err, CC_E_INVALID, "", "mountLabel");
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_label_of_the_containers_files_is_taken_as_it_is),
		cmocka_unit_test(what_is_no_label_is_refused_and_never_becomes_a_mount_option),
		cmocka_unit_test(what_docker_writes_is_the_engines_own),
		cmocka_unit_test(what_podman_writes_is_the_engines_own),
		cmocka_unit_test(mounts_and_variables_of_an_ordinary_start_are_allowed),
		cmocka_unit_test(a_file_of_another_container_is_not_the_engines_own),
		cmocka_unit_test(a_bind_mount_over_an_engines_place_is_foreign),
		cmocka_unit_test(sources_of_the_engine_are_named_by_what_they_are),
		cmocka_unit_test(a_mount_is_what_the_runtime_makes_of_it),
		cmocka_unit_test(scratch_over_a_read_only_root_is_podmans_own),
		cmocka_unit_test(only_our_own_hook_at_create_runtime_is_ours),
		cmocka_unit_test(dockers_network_hook_counts_once_and_only_for_this_container),
		cmocka_unit_test(a_device_is_seen_as_node_and_as_rule),
		cmocka_unit_test(a_node_with_a_harmless_name_is_judged_by_its_number),
		cmocka_unit_test(a_default_device_under_another_name_is_seen),
		cmocka_unit_test(another_device_under_a_signed_name_is_called_by_its_numbers),
		cmocka_unit_test(a_rule_for_all_devices_is_privileged),
		cmocka_unit_test(capabilities_are_the_union_of_all_sets),
		cmocka_unit_test(namespaces_that_are_missing_are_the_hosts),
		cmocka_unit_test(what_nobody_writes_by_default_is_a_setting),
		cmocka_unit_test(files_that_are_hidden_or_read_only_are_settings),
		cmocka_unit_test(what_is_harmless_is_no_setting),
		cmocka_unit_test(terminal_and_core_limit_are_read),
		cmocka_unit_test(unlimited_limits_are_read_and_no_setting_but_that_of_core_files),
		cmocka_unit_test(what_is_malformed_is_an_error_that_names_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
