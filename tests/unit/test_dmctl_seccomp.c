// SPDX-License-Identifier: Apache-2.0
/* The filter in config.json: the engine's own one, and what is not. */
#include "lib_test.h"

#include "digest.h"
#include "dmctl/container/oci.h"
#include "dmctl/container/start_mark.h"
#include "strv.h"

#define PROFILE "tests/fixtures/oci/podman-seccomp.json"
#define OTHER CC_SETTING_SECCOMP "profile=not the engine's own"
#define auto_measurement cc_auto_measurement struct cc_measurement *

/* An engine whose record says that somebody asked for a filter, and one where nobody did. */
static const struct oci_context asked, own = {.own_seccomp = true};

static struct cc_measurement *parse_config(const struct oci_context *ctx, const json_t *config)
{
	struct cc_measurement *m = cc_measurement_new();
	struct cc_error err = {0};

	assert_non_null(m);
	expect_ok(oci_seccomp_parse(config, ctx, m, &err), &err);
	return m;
}

static struct cc_measurement *parse(const struct oci_context *ctx, const char *filter)
{
	cc_auto_json json_t *config = json_pack("{s:{s:o}}", "linux", "seccomp", json_of(filter));

	return parse_config(ctx, config);
}

static json_t *load(const char *path)
{
	json_t *doc = json_load_file(path, 0, NULL);

	assert_non_null(doc);
	return doc;
}

static json_t *filter_of(const json_t *config)
{
	return json_object_get(json_object_get(config, "linux"), "seccomp");
}

static json_t *bounding_of(const json_t *config)
{
	const json_t *process = json_object_get(config, "process");

	return json_object_get(json_object_get(process, "capabilities"), "bounding");
}

static void a_filter_that_lets_everything_pass_is_none(void **state)
{
	auto_measurement m = parse(&asked, "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[]}");

	(void)state;
	assert_string_equal(m->seccomp, "unconfined");
	assert_int_equal(m->settings.n, 0);
}

static void the_digest_of_a_filter_does_not_depend_on_the_order_of_members(void **state)
{
	auto_measurement a = parse(&own, "{'defaultAction':'SCMP_ACT_KILL','architectures':[]}");
	auto_measurement b = parse(&own, "{'architectures':[],'defaultAction':'SCMP_ACT_KILL'}");

	(void)state;
	assert_true(cc_is_digest(a->seccomp));
	assert_string_equal(a->seccomp, b->seccomp);
}

/* Two of them may be one number once they are read, and one digest. */
static void a_number_that_cannot_be_told_from_others_is_refused(void **state)
{
	static const char *const values[] = {"18446744073709551615", "18446744073709551614", "1.5"};
	struct cc_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		auto_measurement m = cc_measurement_new();
		cc_auto_json json_t *config = NULL;
		char text[256];

		snprintf(text, sizeof(text),
			 "{\"linux\":{\"seccomp\":{\"syscalls\":[{\"args\":[{\"value\":%s}]}]}}}",
			 values[i]);
		config =
			cc_json_parse_engine(text, strlen(text), sizeof(text), "config.json", &err);
		assert_non_null(config);
		assert_int_equal(oci_seccomp_parse(config, &own, m, &err), -1);
		expect_error(&err, CC_E_INVALID, "", "linux.seccomp");
	}
}

static void a_container_without_a_filter_has_none(void **state)
{
	cc_auto_json json_t *config = json_of("{'linux':{}}");
	auto_measurement m = parse_config(&own, config);

	(void)state;
	assert_string_equal(m->seccomp, "unconfined");
}

/* A rule for setuid, capset and prctl that returned 0 gave uid 0 to a container of uid 1000. */
static void a_filter_that_answers_calls_itself_is_a_setting(void **state)
{
	static const struct {
		const char *filter, *setting;
	} cases[] = {
		{"{'defaultAction':'SCMP_ACT_ALLOW'," /* and a rule, or it is none */
		 "'syscalls':[{'names':['mount'],'action':'SCMP_ACT_ERRNO'}]}",
		 "linux.seccomp.defaultAction=SCMP_ACT_ALLOW"},
		{"{'defaultAction':'SCMP_ACT_LOG'}", "linux.seccomp.defaultAction=SCMP_ACT_LOG"},
		{"{'defaultAction':'SCMP_ACT_TRACE'}",
		 "linux.seccomp.defaultAction=SCMP_ACT_TRACE"},
		{"{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':0}",
		 "linux.seccomp.defaultErrnoRet=0"},
		{"{'defaultAction':'SCMP_ACT_ERRNO','listenerPath':'/run/l'}",
		 "linux.seccomp.listenerPath=/run/l"},
		{"{'defaultAction':'SCMP_ACT_ERRNO',"
		 "'syscalls':[{'names':['open'],'action':'SCMP_ACT_NOTIFY'}]}",
		 "linux.seccomp.syscalls action=SCMP_ACT_NOTIFY"},
		{"{'defaultAction':'SCMP_ACT_ERRNO',"
		 "'syscalls':[{'names':['open'],'action':'SCMP_ACT_TRACE'}]}",
		 "linux.seccomp.syscalls action=SCMP_ACT_TRACE"},
		{"{'defaultAction':'SCMP_ACT_ERRNO',"
		 "'syscalls':[{'names':['open'],'action':'SCMP_ACT_LOG'}]}",
		 "linux.seccomp.syscalls action=SCMP_ACT_LOG"},
		{"{'defaultAction':'SCMP_ACT_ERRNO','syscalls':["
		 "{'names':['setuid','capset','prctl'],'action':'SCMP_ACT_ERRNO','errnoRet':0}]}",
		 "linux.seccomp.syscalls errnoRet=0"},
		{"{'defaultAction':'SCMP_ACT_ERRNO','syscalls':["
		 "{'names':['setuid'],'action':'SCMP_ACT_ERRNO','errnoRet':65536}]}",
		 "linux.seccomp.syscalls errnoRet=65536"}, /* 16 bits of it are 0 */
		{"{'defaultAction':'SCMP_ACT_ERRNO','syscalls':["
		 "{'names':['setuid'],'action':'SCMP_ACT_ERRNO','errnoRet':'1'}]}",
		 "linux.seccomp.syscalls errnoRet=1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_measurement m = parse(&own, cases[i].filter);

		if (m->settings.n != 1)
			fail_msg("%s: %zu settings", cases[i].filter, m->settings.n);
		assert_string_equal(m->settings.v[0], cases[i].setting);
	}
}

static void a_filter_that_somebody_asked_for_is_a_setting(void **state)
{
	cc_auto_json json_t *config = load("tests/fixtures/oci/docker.json");
	auto_measurement theirs = parse_config(&asked, config);
	auto_measurement ours = parse_config(&own, config);

	(void)state;
	assert_int_equal(theirs->settings.n, 1);
	assert_string_equal(theirs->settings.v[0], OTHER);
	assert_int_equal(ours->settings.n, 0);
}

static void what_podman_makes_of_its_profile_is_its_own_filter(void **state)
{
	cc_auto_json json_t *config = load("tests/fixtures/oci/podman.json");
	cc_auto_json json_t *profile = load(PROFILE);

	(void)state;
	assert_true(
		oci_seccomp_is_rendered(filter_of(config), profile, bounding_of(config), "x86_64"));
	assert_false(oci_seccomp_is_rendered(filter_of(config), profile, bounding_of(config),
					     "aarch64"));
	assert_false(
		oci_seccomp_is_rendered(filter_of(config), profile, bounding_of(config), "none"));
	assert_false(oci_seccomp_is_rendered(filter_of(config), profile, NULL, "x86_64"));
}

/* The same filter under more rights is not what the engine would have made. */
static void the_filter_of_other_capabilities_is_not_the_engines_own(void **state)
{
	cc_auto_json json_t *config = load("tests/fixtures/oci/podman.json");
	cc_auto_json json_t *profile = load(PROFILE);
	json_t *caps = bounding_of(config);

	(void)state;
	json_array_append_new(caps, json_string("CAP_SYS_ADMIN"));
	assert_false(oci_seccomp_is_rendered(filter_of(config), profile, caps, "x86_64"));
}

static void each_change_of_the_filter_makes_it_another(void **state)
{
	static const char *const changes[] = {
		"{'defaultAction':'SCMP_ACT_KILL'}",
		"{'defaultErrnoRet':1}",
		"{'architectures':['SCMP_ARCH_X86_64']}",
		"{'flags':['SECCOMP_FILTER_FLAG_LOG']}",
		"{'listenerPath':'/run/l'}",
	};
	cc_auto_json json_t *profile = load(PROFILE);

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		cc_auto_json json_t *config = load("tests/fixtures/oci/podman.json");
		cc_auto_json json_t *over = json_of(changes[i]);

		json_object_update(filter_of(config), over);
		if (oci_seccomp_is_rendered(filter_of(config), profile, bounding_of(config),
					    "x86_64"))
			fail_msg("%s passed", changes[i]);
	}
}

static void each_change_of_a_rule_makes_the_filter_another(void **state)
{
	static const char *const changes[] = {
		"{'action':'SCMP_ACT_KILL'}",
		"{'errnoRet':2}",
		"{'names':['clone3']}",
		"{'args':[{'index':0,'value':1,'op':'SCMP_CMP_EQ'}]}",
		"{'comment':'x'}",
		"{'includes':{'caps':['CAP_SYS_ADMIN']}}",
	};
	cc_auto_json json_t *profile = load(PROFILE);

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		for (size_t k = 0; k < 24; k++) {
			cc_auto_json json_t *config = load("tests/fixtures/oci/podman.json");
			cc_auto_json json_t *over = json_of(changes[i]);
			json_t *rules = json_object_get(filter_of(config), "syscalls");

			assert_int_equal(json_array_size(rules), 24);
			json_object_update(json_array_get(rules, k), over);
			if (oci_seccomp_is_rendered(filter_of(config), profile, bounding_of(config),
						    "x86_64"))
				fail_msg("%s passed in rule %zu", changes[i], k);
		}
}

static void a_rule_more_or_less_makes_the_filter_another(void **state)
{
	cc_auto_json json_t *profile = load(PROFILE);
	cc_auto_json json_t *more = load("tests/fixtures/oci/podman.json");
	cc_auto_json json_t *less = load("tests/fixtures/oci/podman.json");

	(void)state;
	json_array_append_new(json_object_get(filter_of(more), "syscalls"),
			      json_of("{'names':['bpf'],'action':'SCMP_ACT_ALLOW'}"));
	json_array_remove(json_object_get(filter_of(less), "syscalls"), 23);
	assert_false(
		oci_seccomp_is_rendered(filter_of(more), profile, bounding_of(more), "x86_64"));
	assert_false(
		oci_seccomp_is_rendered(filter_of(less), profile, bounding_of(less), "x86_64"));
}

/* An upgrade of the engine brings another profile; what is bound with the old one goes on. */
static void a_container_that_was_bound_before_keeps_the_filter_of_then(void **state)
{
	cc_auto_json json_t *config = load("tests/fixtures/oci/podman.json");
	cc_auto_json json_t *profile = json_of("{'defaultAction':'SCMP_ACT_ERRNO'}");
	const struct oci_context first = {.seccomp_profile = profile};
	const struct oci_context later = {.seccomp_profile = profile, .bound_before = true};
	const struct oci_context unknown = {.bound_before = true};
	auto_measurement a = parse_config(&first, config);
	auto_measurement b = parse_config(&later, config);
	auto_measurement c = parse_config(&unknown, config);

	(void)state;
	assert_int_equal(a->settings.n, 1);
	assert_string_equal(a->settings.v[0], OTHER);
	assert_int_equal(b->settings.n, 0);
	assert_int_equal(c->settings.n, 1);
}

/* What the mark of its first start has of it; marks of before have nothing. */
static void a_second_start_with_another_filter_than_the_first_is_another(void **state)
{
	cc_auto_json json_t *config = load("tests/fixtures/oci/podman.json");
	cc_auto_json json_t *profile = json_of("{'defaultAction':'SCMP_ACT_ERRNO'}");
	cc_auto_json json_t *present = load(PROFILE);
	struct oci_context ctx = {.seccomp_profile = profile, .bound_before = true};
	auto_measurement before = parse_config(&ctx, config);
	auto_measurement same = NULL;
	auto_measurement other = NULL;
	auto_measurement foreign = NULL;
	auto_measurement renewed = NULL;

	(void)state;
	ctx.seccomp_before = before->seccomp;
	same = parse_config(&ctx, config);
	assert_int_equal(same->settings.n, 0);
	ctx.seccomp_before = DIGEST_A;
	other = parse_config(&ctx, config);
	assert_int_equal(other->settings.n, 1);
	assert_string_equal(other->settings.v[0], OCI_FILTER_NOT_FIRST);
	ctx.seccomp_before = START_MARK_FILTER_OTHER;
	foreign = parse_config(&ctx, config);
	assert_int_equal(foreign->settings.n, 1);
	/* what an identity has admitted at the first start it admits at the next */
	assert_string_equal(foreign->settings.v[0], OCI_FILTER_NOT_OWN);
	/* the engine's own of today is none of another time's */
	ctx.seccomp_profile = present;
	renewed = parse_config(&ctx, config);
	assert_int_equal(renewed->settings.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_filter_that_lets_everything_pass_is_none),
		cmocka_unit_test(the_digest_of_a_filter_does_not_depend_on_the_order_of_members),
		cmocka_unit_test(a_container_without_a_filter_has_none),
		cmocka_unit_test(a_filter_that_answers_calls_itself_is_a_setting),
		cmocka_unit_test(a_filter_that_somebody_asked_for_is_a_setting),
		cmocka_unit_test(what_podman_makes_of_its_profile_is_its_own_filter),
		cmocka_unit_test(the_filter_of_other_capabilities_is_not_the_engines_own),
		cmocka_unit_test(each_change_of_the_filter_makes_it_another),
		cmocka_unit_test(each_change_of_a_rule_makes_the_filter_another),
		cmocka_unit_test(a_rule_more_or_less_makes_the_filter_another),
		cmocka_unit_test(a_number_that_cannot_be_told_from_others_is_refused),
		cmocka_unit_test(a_container_that_was_bound_before_keeps_the_filter_of_then),
		cmocka_unit_test(a_second_start_with_another_filter_than_the_first_is_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
