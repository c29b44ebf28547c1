// SPDX-License-Identifier: Apache-2.0
/* What engines send to the volume plugin. */
#include "lib_test.h"

#include <sys/mount.h>

#include "dmctl/plugin/plugin_request.h"

static int parse(const char *path, const char *single_quoted, struct plugin_request *r,
		 struct cc_error *err)
{
	cc_auto_free char *text = strdup(single_quoted);

	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	return plugin_request_parse(path, text, strlen(text), r, err);
}

static void every_call_of_the_protocol_is_understood(void **state)
{
	static const struct {
		const char *path, *body;
		enum plugin_call call;
	} cases[] = {
		{"/Plugin.Activate", "", PLUGIN_ACTIVATE},
		{"/Plugin.Activate", "{}", PLUGIN_ACTIVATE},
		{"/VolumeDriver.Capabilities", "", PLUGIN_CAPABILITIES},
		{"/VolumeDriver.Create", "{'Name':'pgdata','Opts':{}}", PLUGIN_CREATE},
		{"/VolumeDriver.Create", "{'Name':'pgdata','Opts':null}", PLUGIN_CREATE},
		{"/VolumeDriver.Create", "{'Name':'pgdata'}", PLUGIN_CREATE},
		{"/VolumeDriver.Remove", "{'Name':'pgdata'}", PLUGIN_REMOVE},
		{"/VolumeDriver.Path", "{'Name':'pgdata'}", PLUGIN_PATH},
		{"/VolumeDriver.Get", "{'Name':'pgdata'}", PLUGIN_GET},
		{"/VolumeDriver.Mount", "{'Name':'pgdata','ID':'x'}", PLUGIN_MOUNT},
		{"/VolumeDriver.Unmount", "{'Name':'pgdata','ID':'x'}", PLUGIN_UNMOUNT},
		{"/VolumeDriver.List", "", PLUGIN_LIST},
		{"/VolumeDriver.List", "{}", PLUGIN_LIST},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		plugin_auto_request struct plugin_request r = {0};
		struct cc_error err;

		expect_ok(parse(cases[i].path, cases[i].body, &r, &err), &err);
		assert_int_equal(r.call, cases[i].call);
		assert_true(!r.name[0] || strcmp(r.name, "pgdata") == 0);
	}
}

static void create_takes_its_options(void **state)
{
	plugin_auto_request struct plugin_request r = {0};
	struct cc_error err;

	(void)state;
	expect_ok(
		parse("/VolumeDriver.Create",
		      "{'Name':'Shop_db','Opts':{'device':'/dev/disk/by-id/x','identity':'/i',"
		      "'name':'db','fs':'xfs','label':'L','owner':'999:999','mode':'0750','o':'noatime,ro'}}",
		      &r, &err),
		&err);
	assert_string_equal(r.name, "Shop_db");
	assert_string_equal(r.device, "/dev/disk/by-id/x");
	assert_string_equal(r.identity, "/i");
	assert_string_equal(r.volume, "db");
	assert_string_equal(r.fs, "xfs");
	assert_string_equal(r.label, "L");
	assert_string_equal(r.o, "noatime,ro");
	assert_int_equal(r.options.set, MOUNT_ATTR_NOATIME | MOUNT_ATTR_RDONLY);
}

static void other_requests_are_refused(void **state)
{
	static const struct {
		const char *path, *body, *part;
		enum cc_code code;
	} cases[] = {
		{"/VolumeDriver.Format", "{}", "no /VolumeDriver.Format", CC_E_INVALID},
		{"/VolumeDriver.Get", "", "", CC_E_INVALID},
		{"/VolumeDriver.Get", "[]", "not a JSON object", CC_E_INVALID},
		{"/VolumeDriver.Get", "{}", "Name", CC_E_INVALID},
		{"/VolumeDriver.Get", "{'Name':7}", "Name", CC_E_INVALID},
		{"/VolumeDriver.Get", "{'Name':''}", "name of a volume", CC_E_INVALID},
		{"/VolumeDriver.Get", "{'Name':'../x'}", "name of a volume", CC_E_INVALID},
		{"/VolumeDriver.Get", "{'Name':'a/b'}", "name of a volume", CC_E_INVALID},
		{"/VolumeDriver.Get", "{'Name':'a','Name':'b'}", "twice", CC_E_INVALID},
		{"/VolumeDriver.Create", "{'Name':'a','Opts':[]}", "Opts", CC_E_INVALID},
		{"/VolumeDriver.Create", "{'Name':'a','Opts':{'size':'1G'}}", "no option \"size\"",
		 CC_E_USAGE},
		{"/VolumeDriver.Create", "{'Name':'a','Opts':{'device':1}}", "device",
		 CC_E_INVALID},
		{"/VolumeDriver.Create", "{'Name':'a','Opts':{'name':'../b'}}", "name of a volume",
		 CC_E_USAGE},
		{"/VolumeDriver.Create", "{'Name':'a','Opts':{'o':'ro,data=journal'}}",
		 "no mount option \"data=journal\"", CC_E_USAGE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		plugin_auto_request struct plugin_request r = {0};
		struct cc_error err;

		assert_int_equal(parse(cases[i].path, cases[i].body, &r, &err), -1);
		expect_error(&err, cases[i].code, "", cases[i].part);
	}
}

static void a_name_is_fit_to_be_a_file(void **state)
{
	char name[PLUGIN_NAME_MAX + 2];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[PLUGIN_NAME_MAX] = '\0';
	assert_true(plugin_is_name(name));
	name[PLUGIN_NAME_MAX] = 'a';
	name[PLUGIN_NAME_MAX + 1] = '\0';
	assert_false(plugin_is_name(name));
	assert_true(plugin_is_name("A") && plugin_is_name("a_b.c-d"));
	assert_false(plugin_is_name("") || plugin_is_name(".") || plugin_is_name("-a") ||
		     plugin_is_name("a b") || plugin_is_name("a\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_call_of_the_protocol_is_understood),
		cmocka_unit_test(create_takes_its_options),
		cmocka_unit_test(other_requests_are_refused),
		cmocka_unit_test(a_name_is_fit_to_be_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
