// SPDX-License-Identifier: Apache-2.0
#include "lib_test.h"

#include "dmctl/client/volume_record.h"

static json_t *good(void)
{
	return json_of("{'name':'pgdata','uuid':'3e2c5a0e-7d1b-4c55-9b6f-0a1b2c3d4e5f',"
		       "'cipher':'aes-xts-plain64','keyBytes':64,'sectorSize':4096,'offset':65536,"
		       "'sectors':458752,'fs':'ext4','generation':1,'state':'ready','realm':'test',"
		       "'created':'2026-11-22T23:58:27Z','identity':null,'lease':null}");
}

static void the_api_object_is_understood(void **state)
{
	cc_auto_json json_t *obj = good();
	struct cc_error err = {0};
	struct volume_record v;

	(void)state;
	expect_ok(volume_record_from_json(&v, obj, &err), &err);
	assert_string_equal(v.name, "pgdata");
	assert_int_equal(v.key_bytes, 64);
	assert_int_equal(v.sector_size, 4096);
	assert_int_equal(v.offset, 65536);
	assert_int_equal(v.sectors, 458752);
	assert_true(v.ready);
}

static void a_volume_that_is_being_created_is_not_ready(void **state)
{
	cc_auto_json json_t *obj = good();
	struct cc_error err = {0};
	struct volume_record v;

	(void)state;
	json_object_set_new(obj, "state", json_string("creating"));
	expect_ok(volume_record_from_json(&v, obj, &err), &err);
	assert_false(v.ready);
}

static void hostile_values_are_refused_by_name(void **state)
{
	static const struct {
		const char *key;
		const char *value;
		const char *part;
	} bad[] = {
		{"name", "'../etc'", "name"},
		{"name", "'-x'", "name"},
		{"name", "''", "name"},
		{"name", "7", "name"},
		{"name", "'a123456789012345678901234567890123456789012345678901234567890123'",
		 "name"},
		{"uuid", "'3E2C5A0E-7D1B-4C55-9B6F-0A1B2C3D4E5F'", "uuid"},
		{"uuid", "'3e2c5a0e-7d1b-4c55-9b6f-0a1b2c3d4e5'", "uuid"},
		{"uuid", "'3e2c5a0e-7d1b-4c55-9b6f-0a1b2c3d4e5f '", "uuid"},
		{"cipher", "'aes-cbc-essiv:sha256'", "cipher"},
		{"cipher", "'aes-xts-plain64 0 /dev/sda 0'", "cipher"},
		{"leaseMs", "1999", "leaseMs"},
		{"leaseMs", "'600000'", "leaseMs"},
		{"onLapse", "'kill'", "onLapse"},
		{"onRevoke", "'continue'", "onRevoke"},
		{"onLock", "'queue:0'", "onLock"},
		{"onLock", "'queue:1 allow_discards'", "onLock"},
		{"sharedRead", "1", "sharedRead"},
		{"mountOptions", "'dev'", "mountOptions"},
		{"mountOptions", "'noexec discard'", "mountOptions"},
		{"mountOptions", "0", "mountOptions"},
		{"keyBytes", "48", "keyBytes"},
		{"keyBytes", "-64", "keyBytes"},
		{"keyBytes", "'64'", "keyBytes"},
		{"keyBytes", "4294967360", "keyBytes"},
		{"sectorSize", "1024", "sectorSize"},
		{"sectorSize", "0", "sectorSize"},
		{"sectorSize", "4294971392", "sectorSize"},
		{"offset", "0", "offset"},
		{"offset", "65535", "offset"},
		{"offset", "65537", "multiple"},
		{"offset", "9223372036854775807", "offset"},
		{"sectors", "0", "sectors"},
		{"sectors", "-8", "sectors"},
		{"sectors", "458753", "multiple"},
		{"sectors", "18014398509481976", "exceed"},
		{"sectors", "9223372036854775800", "sectors"},
		{"sectors", "1e3", "sectors"},
		{"fs", "'btrfs'", "fs"},
		{"fs", "'ext4 -F'", "fs"},
		{"fs", "'ext4ext4ext4ext4ext4'", "fs"},
		{"generation", "0", "generation"},
		{"generation", "4294967296", "generation"},
		{"state", "'deleted'", "state"},
		{"realm", "'a b'", "realm"},
		{"realm", "null", "realm"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cc_auto_json json_t *obj = good();
		struct cc_error err = {0};
		struct volume_record v;

		json_object_set_new(obj, bad[i].key, json_of(bad[i].value));
		if (volume_record_from_json(&v, obj, &err) == 0)
			fail_msg("%s %s was taken", bad[i].key, bad[i].value);
		expect_error(&err, CC_E_INVALID, "", bad[i].part);
	}
}

static void every_field_is_needed(void **state)
{
	static const char *const keys[] = {"name",	 "uuid",   "cipher",  "keyBytes",
					   "sectorSize", "offset", "sectors", "fs",
					   "generation", "state",  "realm"};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		cc_auto_json json_t *obj = good();
		struct cc_error err = {0};
		struct volume_record v;

		json_object_del(obj, keys[i]);
		assert_int_equal(volume_record_from_json(&v, obj, &err), -1);
		expect_error(&err, CC_E_INVALID, "", keys[i]);
	}
}

static void what_is_no_object_is_refused(void **state)
{
	static const char *const docs[] = {"[]", "null", "7", "'pgdata'"};

	(void)state;
	for (size_t i = 0; i < sizeof(docs) / sizeof(docs[0]); i++) {
		cc_auto_json json_t *obj = json_of(docs[i]);
		struct cc_error err = {0};
		struct volume_record v;

		assert_int_equal(volume_record_from_json(&v, obj, &err), -1);
		assert_int_equal(err.code, CC_E_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_api_object_is_understood),
		cmocka_unit_test(a_volume_that_is_being_created_is_not_ready),
		cmocka_unit_test(hostile_values_are_refused_by_name),
		cmocka_unit_test(every_field_is_needed),
		cmocka_unit_test(what_is_no_object_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
