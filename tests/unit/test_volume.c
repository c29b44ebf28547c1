// SPDX-License-Identifier: Apache-2.0
/* keyd's record of a volume, as JSON and back. */
#include "lib_test.h"

#include "volume.h"

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
	struct cc_volume v;

	(void)state;
	expect_ok(cc_volume_from_json(&v, obj, &err), &err);
	assert_string_equal(v.name, "pgdata");
	assert_int_equal(v.key_bytes, 64);
	assert_int_equal(v.sector_size, 4096);
	assert_int_equal(v.offset, 65536);
	assert_int_equal(v.sectors, 458752);
	assert_int_equal(v.created, 1795391907);
	assert_true(v.ready);
}

static void what_is_written_is_read_back(void **state)
{
	cc_auto_json json_t *obj = good(), *out = NULL, *again = NULL;
	struct cc_error err = {0};
	struct cc_volume v;

	(void)state;
	json_object_set_new(obj, "leaseMs", json_integer(2000));
	json_object_set_new(obj, "onLock", json_string("error"));
	json_object_set_new(obj, "mountOptions", json_string("noexec"));
	expect_ok(cc_volume_from_json(&v, obj, &err), &err);
	out = cc_volume_to_json(&v);
	assert_string_equal(json_string_value(json_object_get(out, "mountOptions")), "noexec");
	assert_int_equal(json_integer_value(json_object_get(out, "leaseMs")), 2000);
	expect_ok(cc_volume_from_json(&v, out, &err), &err);
	again = cc_volume_to_json(&v);
	assert_true(json_equal(out, again));
	/* everything but what is not the record's, and the terms that were not said */
	json_object_del(obj, "identity");
	json_object_del(obj, "lease");
	json_object_update_missing(obj, out);
	assert_true(json_equal(out, obj));
}

static void a_wish_has_only_what_is_the_askers_to_say(void **state)
{
	static const char *const keyds[] = {"generation", "state", "realm", "created", "identity"};
	cc_auto_json json_t *obj = good(), *wish = NULL, *again = NULL;
	struct cc_error err = {0};
	struct cc_volume v, back;

	(void)state;
	expect_ok(cc_volume_from_json(&v, obj, &err), &err);
	wish = cc_volume_wish_to_json(&v);
	expect_ok(cc_volume_wish_from_json(&back, wish, &err), &err);
	again = cc_volume_wish_to_json(&back);
	assert_true(json_equal(wish, again));
	assert_string_equal(back.realm, "");
	for (size_t i = 0; i < sizeof(keyds) / sizeof(keyds[0]); i++) {
		json_object_set(wish, keyds[i], json_object_get(obj, keyds[i]));
		assert_int_equal(cc_volume_wish_from_json(&back, wish, &err), -1);
		expect_error(&err, CC_E_INVALID, "", keyds[i]);
		json_object_del(wish, keyds[i]);
	}
}

static void a_wish_is_complete_once_keyd_has_said_its_part(void **state)
{
	cc_auto_json json_t *obj = good(), *wish = NULL;
	struct cc_error err = {0};
	struct cc_volume v;

	(void)state;
	expect_ok(cc_volume_from_json(&v, obj, &err), &err);
	wish = cc_volume_wish_to_json(&v);
	expect_ok(cc_volume_wish_from_json(&v, wish, &err), &err);
	assert_int_equal(cc_volume_check(&v, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "generation");
	v.generation = 1;
	assert_int_equal(cc_volume_check(&v, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "realm");
	strcpy(v.realm, "test");
	expect_ok(cc_volume_check(&v, &err), &err);
}

static void a_volume_that_is_being_created_is_not_ready(void **state)
{
	cc_auto_json json_t *obj = good();
	struct cc_error err = {0};
	struct cc_volume v;

	(void)state;
	json_object_set_new(obj, "state", json_string("creating"));
	expect_ok(cc_volume_from_json(&v, obj, &err), &err);
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
		{"created", "'yesterday'", "created"},
		{"created", "0", "created"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cc_auto_json json_t *obj = good();
		struct cc_error err = {0};
		struct cc_volume v;

		json_object_set_new(obj, bad[i].key, json_of(bad[i].value));
		if (cc_volume_from_json(&v, obj, &err) == 0)
			fail_msg("%s %s was taken", bad[i].key, bad[i].value);
		expect_error(&err, CC_E_INVALID, "", bad[i].part);
	}
}

static void every_field_is_needed(void **state)
{
	static const char *const keys[] = {"name",	 "uuid",   "cipher",  "keyBytes",
					   "sectorSize", "offset", "sectors", "fs",
					   "generation", "state",  "realm",   "created"};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		cc_auto_json json_t *obj = good();
		struct cc_error err = {0};
		struct cc_volume v;

		json_object_del(obj, keys[i]);
		assert_int_equal(cc_volume_from_json(&v, obj, &err), -1);
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
		struct cc_volume v;

		assert_int_equal(cc_volume_from_json(&v, obj, &err), -1);
		assert_int_equal(err.code, CC_E_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_api_object_is_understood),
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(a_wish_has_only_what_is_the_askers_to_say),
		cmocka_unit_test(a_wish_is_complete_once_keyd_has_said_its_part),
		cmocka_unit_test(a_volume_that_is_being_created_is_not_ready),
		cmocka_unit_test(hostile_values_are_refused_by_name),
		cmocka_unit_test(every_field_is_needed),
		cmocka_unit_test(what_is_no_object_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
