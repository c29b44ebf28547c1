// SPDX-License-Identifier: Apache-2.0
/* An image's own configuration. */
#include "lib_test.h"

#include "dmctl/image_config.h"

static int parse(const char *single_quoted, struct image_config *c, struct cc_error *err)
{
	cc_auto_json json_t *doc = json_of(single_quoted);
	cc_auto_free char *text = json_dumps(doc, JSON_COMPACT);

	return image_config_parse(text, strlen(text), c, err);
}

static void entrypoint_and_command_make_the_arguments(void **state)
{
	cc_cleanup(image_config_clear) struct image_config c = {0};
	struct cc_error err;

	(void)state;
	expect_ok(
		parse("{'config':{'Entrypoint':['/app','-x'],'Cmd':['y'],'Env':['A=b'],'User':'pg',"
		      "'WorkingDir':'/srv'},'rootfs':{}}",
		      &c, &err),
		&err);
	assert_int_equal(c.args.n, 3);
	assert_string_equal(c.args.v[2], "y");
	assert_string_equal(c.env.v[0], "A=b");
	assert_string_equal(c.cwd, "/srv");
	assert_string_equal(c.user, "pg");
}

static void what_the_image_does_not_say_is_the_root_users_root(void **state)
{
	cc_cleanup(image_config_clear) struct image_config c = {0};
	struct cc_error err;

	(void)state;
	expect_ok(parse("{'config':{'Entrypoint':null,'Cmd':null,'Env':null,'WorkingDir':''}}", &c,
			&err),
		  &err);
	assert_int_equal(c.args.n + c.env.n, 0);
	assert_string_equal(c.cwd, "/");
	assert_string_equal(c.user, "");
}

static void malformed_ones_are_refused(void **state)
{
	static const char *const texts[] = {
		"[]",
		"{}",
		"{'config':[]}",
		"{'config':{'Cmd':'sh'}}",
		"{'config':{'Env':[1]}}",
		"{'config':{'User':0}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cc_cleanup(image_config_clear) struct image_config c = {0};
		struct cc_error err;

		assert_int_equal(parse(texts[i], &c, &err), -1);
		assert_int_equal(err.code, CC_E_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entrypoint_and_command_make_the_arguments),
		cmocka_unit_test(what_the_image_does_not_say_is_the_root_users_root),
		cmocka_unit_test(malformed_ones_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
