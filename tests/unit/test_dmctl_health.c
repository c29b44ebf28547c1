// SPDX-License-Identifier: Apache-2.0
/* Health checks: the image's own, and what somebody put in their place. */
#include "lib_test.h"

#include "dmctl/measure.h"

#define IMAGE "{'config':{'Healthcheck':{'Test':['CMD','/ok'],'Interval':5}}}"

static char *setting_of(const char *container, const char *image)
{
	cc_auto_measurement struct cc_measurement *m = cc_measurement_new();
	cc_auto_json json_t *c = json_of(container), *i = json_of(image);
	struct cc_error err;

	expect_ok(measure_health(c, i, m, &err), &err);
	return m->settings.n ? strdup(m->settings.v[0]) : NULL;
}

static void the_images_own_or_none_is_no_setting(void **state)
{
	static const char *const containers[] = {
		"{'Config':{'Healthcheck':{'Test':['CMD','/ok'],'Interval':9}}}",
		"{'Config':{'Healthcheck':{'Test':['NONE']}}}",
		"{'Config':{'Healthcheck':{'Test':[]}}}",
		"{'Config':{'Healthcheck':{'Interval':9}}}",
		"{'Config':{}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(containers) / sizeof(containers[0]); i++)
		assert_null(setting_of(containers[i], IMAGE));
}

static void any_other_is_a_setting(void **state)
{
	static const char container[] =
		"{'Config':{'Healthcheck':{'Test':['CMD-SHELL','cat /data/*']}}}";
	static const char setting[] = "healthcheck=[\"CMD-SHELL\",\"cat /data/*\"]";
	cc_auto_free char *over = setting_of(container, IMAGE);
	cc_auto_free char *new = setting_of(container, "{'config':{}}");

	(void)state;
	assert_string_equal(over, setting);
	assert_string_equal(new, setting);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_images_own_or_none_is_no_setting),
		cmocka_unit_test(any_other_is_a_setting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
