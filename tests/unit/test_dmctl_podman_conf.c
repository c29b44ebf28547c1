// SPDX-License-Identifier: Apache-2.0
/* Podman's configuration, as far as it says where images are. */
#include "lib_test.h"

#include "dmctl/engine/podman_conf.h"
#include "strv.h"

static void expect_stores(const char *text, size_t n, const char *const *wanted)
{
	cc_cleanup(cc_strv_clear) struct cc_strv stores = {0};
	struct cc_error err = {0};

	expect_ok(podman_conf_image_stores(text, &stores, &err), &err);
	if (stores.n != n)
		fail_msg("%s: %zu stores", text, stores.n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(stores.v[i], wanted[i]);
}

static void image_stores_beside_podmans_own_are_found(void **state)
{
	static const char *const one[] = {"/usr/lib/containers/storage"};
	static const char *const three[] = {"/images", "/a", "/b"};

	(void)state;
	expect_stores("[storage]\ndriver = \"overlay\"\ngraphroot = \"/x\"\n[storage.options]\n"
		      "additionalimagestores = [ \"/usr/lib/containers/storage\" ]\n",
		      1, one);
	expect_stores(
		"[storage]\n  imagestore = '/images'\n[storage.options]\n"
		"additionalimagestores = [\n  \"/a\", # \"/no\"\n# \"/no\",\n  '/b',\n  \"/a\"\n]\n"
		"pull_options = {enable = \"/no\"}\n",
		3, three);
}

static void what_names_no_store_adds_none(void **state)
{
	static const char *const texts[] = {
		"",
		"[storage]\n",
		"[storage]\nadditionalimagestores = [\"/a\"]\n",
		"[storage.options]\nimagestore = \"/a\"\nadditionalimagestores = []\n",
		"[storage.options]\n#additionalimagestores = [\"/a\"]\n",
		"[storage.options]\nadditionalimagestores = [\"relative\"]\n[storage.options.overlay]\n"
		"x = [\"/a\"]\n",
		"[storage.options]\nadditionalimagestores\n",
		"[storage.options]\nadditionalimagestores = [\n\"/never ends",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		expect_stores(texts[i], 0, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(image_stores_beside_podmans_own_are_found),
		cmocka_unit_test(what_names_no_store_adds_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
