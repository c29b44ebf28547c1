// SPDX-License-Identifier: Apache-2.0
#include "lib_test.h"

#include "measurement.h"

static json_t *full(void)
{
	return json_of(
		"{'engine':'podman','state':'running','container':{'id':'c0ffee','name':'app'},"
		"'process':{'pid':4711,'startTime':123456,'cgroupId':987},"
		"'image':{'id':'" DIGEST_A "','manifests':['" DIGEST_B "'],'ref':'app:v1',"
		"'args':['/app'],'env':['PATH=/bin'],'cwd':'/',"
		"'user':{'uid':0,'gid':0,'additionalGids':[]}},"
		"'config':{'args':['/app','-v'],'env':['PATH=/bin','A=b'],'cwd':'/srv',"
		"'user':{'uid':1,'gid':2,'additionalGids':[3]},'capabilities':['CAP_CHOWN'],"
		"'noNewPrivileges':true,'readonlyRootfs':true,'seccomp':'" DIGEST_C "',"
		"'apparmor':'docker-default','mounts':[{'destination':'/proc','type':'proc',"
		"'source':'proc','options':['nosuid'],'engine':true}],'devices':['/dev/fuse'],"
		"'hooks':['/hook'],'settings':['linux.sysctl a.b=1'],'holds':['no-tty'],'namespaces':{'cgroup':'private','ipc':'host','mnt':'private',"
		"'net':'joined','pid':'private','uts':'private'},'privileged':true},"
		"'rootfs':{'upper':'dirty','dirty':'/etc/passwd','firstStart':true,'sinceEnd':'changed','digest':'" DIGEST_B
		"'}}");
}

static void expect_bad(const char *object, const char *key, const char *value, const char *part)
{
	cc_auto_json json_t *doc = full();
	struct cc_error err = {0};
	struct cc_measurement *m;
	json_t *o = *object ? json_object_get(doc, object) : doc;

	if (value)
		json_object_set_new(o, key, json_of(value));
	else
		json_object_del(o, key);
	m = cc_measurement_from_json(doc, &err);
	if (m)
		fail_msg("%s.%s = %s is accepted", object, key, value ? value : "absent");
	expect_error(&err, CC_E_INVALID, "measurement", part);
}

static void a_measurement_survives_the_way_through_json(void **state)
{
	cc_auto_json json_t *doc = full(), *back = NULL;
	struct cc_error err = {0};
	cc_auto_measurement struct cc_measurement *m = cc_measurement_from_json(doc, &err);

	(void)state;
	assert_non_null(m);
	back = cc_measurement_to_json(m);
	assert_true(json_equal(doc, back));
}

static void every_member_is_read(void **state)
{
	cc_auto_json json_t *doc = full();
	struct cc_error err = {0};
	cc_auto_measurement struct cc_measurement *m = cc_measurement_from_json(doc, &err);

	(void)state;
	assert_non_null(m);
	assert_string_equal(m->engine, "podman");
	assert_true(m->running);
	assert_string_equal(m->container_id, "c0ffee");
	assert_string_equal(m->container_name, "app");
	assert_int_equal(m->pid, 4711);
	assert_int_equal(m->start_time, 123456);
	assert_int_equal(m->cgroup_id, 987);
	assert_string_equal(m->image_id, DIGEST_A);
	assert_string_equal(m->manifests.v[0], DIGEST_B);
	assert_string_equal(m->image_ref, "app:v1");
	assert_string_equal(m->image_env.v[0], "PATH=/bin");
	assert_string_equal(m->image_cwd, "/");
	assert_string_equal(m->args.v[1], "-v");
	assert_string_equal(m->cwd, "/srv");
	assert_int_equal(m->user.groups[0], 3);
	assert_true(m->no_new_privileges && m->readonly_rootfs && m->privileged);
	assert_string_equal(m->seccomp, DIGEST_C);
	assert_string_equal(m->apparmor, "docker-default");
	assert_int_equal(m->n_mounts, 1);
	assert_true(m->mounts[0].engine);
	assert_string_equal(m->mounts[0].options.v[0], "nosuid");
	assert_string_equal(m->devices.v[0], "/dev/fuse");
	assert_string_equal(m->hooks.v[0], "/hook");
	assert_string_equal(m->settings.v[0], "linux.sysctl a.b=1");
	assert_string_equal(m->holds.v[0], "no-tty");
	for (size_t i = 0; i < CC_NS_COUNT; i++) {
		enum cc_ns_state want = !strcmp(cc_ns_names[i], "ipc")	 ? CC_NS_HOST
					: !strcmp(cc_ns_names[i], "net") ? CC_NS_JOINED
									 : CC_NS_PRIVATE;

		assert_int_equal(m->ns[i], want);
	}
	assert_int_equal(m->upper, CC_UPPER_DIRTY);
	assert_string_equal(m->upper_dirty, "/etc/passwd");
	assert_true(m->first_start);
	assert_string_equal(m->rootfs_digest, DIGEST_B);
}

static void optional_members_may_be_absent(void **state)
{
	cc_auto_json json_t *doc = full(), *back = NULL;
	struct cc_error err = {0};
	cc_auto_measurement struct cc_measurement *m = NULL;

	(void)state;
	json_object_del(json_object_get(doc, "container"), "name");
	json_object_del(json_object_get(doc, "image"), "ref");
	json_object_del(json_object_get(doc, "config"), "apparmor");
	json_object_del(json_object_get(doc, "config"), "holds");
	json_object_del(json_object_get(doc, "rootfs"), "dirty");
	json_object_del(json_object_get(doc, "rootfs"), "digest");
	json_object_del(json_object_get(doc, "rootfs"), "sinceEnd");
	json_array_clear(json_object_get(json_object_get(doc, "config"), "mounts"));
	m = cc_measurement_from_json(doc, &err);
	assert_non_null(m);
	assert_null(m->apparmor);
	assert_null(m->rootfs_digest);
	back = cc_measurement_to_json(m);
	assert_true(json_equal(doc, back));
}

static void all_other_members_are_required_and_no_more_are_taken(void **state)
{
	static const char *const objects[] = {"",      "container", "process",
					      "image", "config",    "rootfs"};
	static const char *const optional[] = {"name",	"ref",	  "apparmor", "holds",
					       "dirty", "digest", "sinceEnd", NULL};

	(void)state;
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
		cc_auto_json json_t *doc = full();
		json_t *o = *objects[i] ? json_object_get(doc, objects[i]) : doc, *value;
		const char *key;

		expect_bad(objects[i], "extra", "1", "unknown member");
		json_object_foreach(o, key, value) {
			bool is_optional = false;

			for (size_t k = 0; optional[k]; k++)
				is_optional |= !strcmp(optional[k], key);
			if (!is_optional)
				expect_bad(objects[i], key, NULL, "is missing");
			expect_bad(objects[i], key, "17.5", "");
		}
	}
}

static void values_of_the_wrong_form_are_refused(void **state)
{
	(void)state;
	expect_bad("", "engine", "'lxc'", "engine");
	expect_bad("", "state", "'paused'", "state");
	expect_bad("container", "id", "''", "container id");
	expect_bad("container", "id", "'../x'", "container id");
	expect_bad("process", "pid", "0", "out of range");
	expect_bad("process", "pid", "2147483648", "out of range");
	expect_bad("process", "startTime", "-1", "negative");
	expect_bad("image", "id", "'app:v1'", "digest");
	expect_bad("image", "manifests", "['app:v1']", "manifests");
	expect_bad("image", "user", "{'uid':0}", "is missing");
	expect_bad("config", "seccomp", "'none'", "seccomp");
	expect_bad("config", "mounts", "[1]", "an object");
	expect_bad("config", "mounts", "[{'destination':'/x','options':[]}]", "is missing");
	expect_bad("config", "mounts", "[{'destination':'/x','options':[],'engine':true,'y':1}]",
		   "unknown member");
	expect_bad("config", "namespaces", "{}", "is missing");
	expect_bad("config", "namespaces",
		   "{'cgroup':'private','ipc':'private','mnt':'private','net':'private',"
		   "'pid':'private','uts':'shared'}",
		   "uts");
	expect_bad("config", "namespaces",
		   "{'cgroup':'private','ipc':'private','mnt':'private','net':'private',"
		   "'pid':'private','uts':'private','user':'private'}",
		   "unknown");
	expect_bad("rootfs", "upper", "'unknown'", "upper");
	expect_bad("rootfs", "digest", "'abc'", "digest");
}

static void a_file_name_that_is_not_utf8_can_still_be_reported(void **state)
{
	cc_auto_json json_t *doc = full(), *out = NULL;
	struct cc_error err = {0};
	cc_auto_measurement struct cc_measurement *m = cc_measurement_from_json(doc, &err);

	(void)state;
	free(m->upper_dirty);
	m->upper_dirty = strdup("/etc/\xff\n");
	out = cc_measurement_to_json(m);
	assert_non_null(out);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(out, "rootfs"), "dirty")),
		"/etc/??");
}

static void what_is_no_object_is_refused(void **state)
{
	cc_auto_json json_t *list = json_array();
	struct cc_error err = {0};

	(void)state;
	assert_null(cc_measurement_from_json(list, &err));
	expect_error(&err, CC_E_INVALID, "measurement", "an object");
	assert_null(cc_measurement_from_json(NULL, &err));
	cc_measurement_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_measurement_survives_the_way_through_json),
		cmocka_unit_test(every_member_is_read),
		cmocka_unit_test(optional_members_may_be_absent),
		cmocka_unit_test(all_other_members_are_required_and_no_more_are_taken),
		cmocka_unit_test(values_of_the_wrong_form_are_refused),
		cmocka_unit_test(a_file_name_that_is_not_utf8_can_still_be_reported),
		cmocka_unit_test(what_is_no_object_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
