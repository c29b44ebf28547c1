// SPDX-License-Identifier: Apache-2.0
/* An image that is run with a volume: what its label says, and whether a container has the hook. */
#include "lib_test.h"

#include "dmctl/agent/agent_message.h"
#include "dmctl/bind/require.h"
#include "paths.h"

static char *text_of(const char *single_quoted)
{
	cc_auto_json json_t *doc = json_of(single_quoted);

	return json_dumps(doc, 0);
}

static void expect_label(const char *image, const char *name)
{
	cc_auto_free char *text = text_of(image), *got = NULL;
	struct cc_error err;

	expect_ok(require_label(text, strlen(text), &got, &err), &err);
	if (name)
		assert_string_equal(got, name);
	else
		assert_null(got);
}

static void an_image_names_its_volume_by_a_label(void **state)
{
	(void)state;
	expect_label("{'config':{'Labels':{'" REQUIRE_LABEL "':'pgdata'}}}", "pgdata");
	expect_label("{'config':{'Labels':{'" REQUIRE_LABEL "':'any','x':'y'}}}", "any");
	expect_label("{'config':{'Labels':{'x':'y'}}}", NULL);
	expect_label("{'config':{'Labels':null}}", NULL);
	expect_label("{'config':{}}", NULL);
	expect_label("{}", NULL);
}

static void a_label_that_names_no_volume_is_refused(void **state)
{
	static const char *const images[] = {
		"{'config':{'Labels':{'" REQUIRE_LABEL "':''}}}",
		"{'config':{'Labels':{'" REQUIRE_LABEL "':'../x'}}}",
		"{'config':{'Labels':{'" REQUIRE_LABEL "':7}}}",
		"{'config':{'Labels':{'" REQUIRE_LABEL "':null}}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
		cc_auto_free char *text = text_of(images[i]), *got = NULL;
		struct cc_error err;

		assert_int_equal(require_label(text, strlen(text), &got, &err), -1);
		expect_error(&err, CC_E_INVALID, "", REQUIRE_LABEL);
		assert_null(got);
	}
}

static int check(const char *config, const char *name, struct cc_error *err)
{
	cc_auto_free char *text = text_of(config);

	return require_check(text, strlen(text), name, err);
}

#define HOOK(path, args) \
	"{'hooks':{'createRuntime':[{'path':'/other'},{'path':'" path "','args':" args "}]}}"
#define OURS "['container-crypt-hook','--volume','pgdata']"

static void a_container_with_the_hook_of_that_volume_starts(void **state)
{
	struct cc_error err;

	(void)state;
	expect_ok(check(HOOK(CC_HOOK_PATH, OURS), "pgdata", &err), &err);
	expect_ok(check(HOOK(CC_HOOK_PATH, OURS), "any", &err), &err);
}

static void a_container_without_it_does_not(void **state)
{
	static const char *const configs[] = {
		"{}",
		"{'hooks':{}}",
		"{'hooks':{'createRuntime':[]}}",
		"{'hooks':{'poststop':[{'path':'" CC_HOOK_PATH "','args':" OURS "}]}}",
		HOOK("/tmp/container-crypt-hook", OURS),
		HOOK(CC_HOOK_PATH, "['container-crypt-hook','--volume','other']"),
		HOOK(CC_HOOK_PATH, "['container-crypt-hook','--require']"),
		HOOK(CC_HOOK_PATH, "[]"),
	};
	struct cc_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
		assert_int_equal(check(configs[i], "pgdata", &err), -1);
		expect_error(&err, CC_E_REFUSED, "volume",
			     "--device container-crypt/volume=pgdata");
	}
	assert_int_equal(check("{}", "any", &err), -1);
	expect_error(&err, CC_E_REFUSED, "volume", "--device container-crypt/volume=NAME");
}

/* The steps of podman build, runc by hand: they have no image that says anything. */
static void a_container_of_no_engine_starts(void **state)
{
	struct agent_message m = {0};
	struct cc_error err;
	const char *text = "{\"op\":\"require\",\"state\":{\"id\":\"buildah-buildah1234\","
			   "\"pid\":7,\"bundle\":\"/b\"}}";

	(void)state;
	expect_ok(agent_message_parse(text, strlen(text), false, &m, &err), &err);
	assert_string_equal(m.state.id, "");
	expect_ok(require_volume(&m.state, &err), &err);
	agent_message_clear(&m);
	text = "{\"op\":\"require\",\"state\":{\"pid\":7,\"bundle\":\"/b\"}}";
	assert_int_equal(agent_message_parse(text, strlen(text), false, &m, &err), -1);
	agent_message_clear(&m);
	text = "{\"op\":\"hook\",\"volume\":\"pgdata\",\"state\":{\"id\":\"buildah-1\","
	       "\"pid\":7,\"bundle\":\"/b\"}}";
	assert_int_equal(agent_message_parse(text, strlen(text), false, &m, &err), -1);
	agent_message_clear(&m);
}

static void what_is_no_json_starts_nothing(void **state)
{
	cc_auto_free char *name = NULL;
	struct cc_error err;

	(void)state;
	assert_int_equal(require_check("{", 1, "pgdata", &err), -1);
	expect_error(&err, CC_E_INVALID, "", "config.json");
	assert_int_equal(require_label("x", 1, &name, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "configuration");
	/* what engines write for "unlimited" does not matter here */
	expect_ok(require_label("{\"a\":18446744073709551615}", 26, &name, &err), &err);
}

/* podman run --rootfs; a pod's first container is Podman's own, and of later versions so, too. */
static void a_container_without_an_image_does_not_start_unless_it_is_the_engines_own(void **state)
{
	char name[] = "bare";
	struct engine_container c = {.name = name, .imageless = true};
	struct cc_error err;

	(void)state;
	assert_int_equal(require_imageless(&c, &err), -1);
	expect_error(&err, CC_E_REFUSED, "volume", "bare was made from a root file system");
	c.infra = true;
	expect_ok(require_imageless(&c, &err), &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_container_without_an_image_does_not_start_unless_it_is_the_engines_own),
		cmocka_unit_test(an_image_names_its_volume_by_a_label),
		cmocka_unit_test(a_label_that_names_no_volume_is_refused),
		cmocka_unit_test(a_container_with_the_hook_of_that_volume_starts),
		cmocka_unit_test(a_container_without_it_does_not),
		cmocka_unit_test(a_container_of_no_engine_starts),
		cmocka_unit_test(what_is_no_json_starts_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
