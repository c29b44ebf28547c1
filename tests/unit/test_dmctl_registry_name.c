// SPDX-License-Identifier: Apache-2.0
/* Names of images, what registries ask for, and what engines have for them. */
#include "lib_test.h"

#include "client/registry_name.h"

static void names_of_images_are_read_as_engines_read_them(void **state)
{
	static const struct {
		const char *image, *host, *repository, *reference;
		bool local;
	} rows[] = {
		{"postgres", "registry-1.docker.io", "library/postgres", "latest", false},
		{"postgres:17", "registry-1.docker.io", "library/postgres", "17", false},
		{"shop/db", "registry-1.docker.io", "shop/db", "latest", false},
		{"docker.io/shop/db:1", "registry-1.docker.io", "shop/db", "1", false},
		{"index.docker.io/library/db", "registry-1.docker.io", "library/db", "latest",
		 false},
		{"registry.example/db", "registry.example", "db", "latest", false},
		{"registry.example:5000/shop/db:v1", "registry.example:5000", "shop/db", "v1",
		 false},
		{"localhost/db", "localhost", "db", "latest", true},
		{"localhost:5000/shop/db", "localhost:5000", "shop/db", "latest", true},
		{"127.0.0.1:5000/db", "127.0.0.1:5000", "db", "latest", true},
		{"[::1]:5000/db", "[::1]:5000", "db", "latest", true},
		{"localhost.example/db", "localhost.example", "db", "latest", false},
		{"127.evil.example/db", "127.evil.example", "db", "latest", false},
		{"r.example/db@" DIGEST_A, "r.example", "db", DIGEST_A, false},
		{"r.example/db:1@" DIGEST_A, "r.example", "db", DIGEST_A, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_registry_name n = {0};
		struct cc_error err = {0};

		expect_ok(registry_name_parse(rows[i].image, &n, &err), &err);
		assert_string_equal(n.host, rows[i].host);
		assert_string_equal(n.repository, rows[i].repository);
		assert_string_equal(n.reference, rows[i].reference);
		assert_int_equal(n.local, rows[i].local);
		assert_int_equal(n.is_digest, strchr(rows[i].image, '@') != NULL);
	}
}

static void what_is_no_name_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"DB",
		"r.example/",
		"r.example//db",
		"r.example/DB",
		"r.example/db:",
		"r.example/db:a/b",
		"r.example/db@x",
		"r.example/../db",
		"r.example/db?x",
		"r.example/db:1 2",
		"r example.x/db",
		"r.example/-db",
		"user@r.example/db",
		"r.example/db#x",
		"r.example/db%2f",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		auto_registry_name n = {0};
		struct cc_error err = {0};

		if (!registry_name_parse(bad[i], &n, &err))
			fail_msg("taken: \"%s\"", bad[i]);
		expect_error(&err, CC_E_USAGE, "", "is not the name of an image");
	}
}

static void challenges_are_read(void **state)
{
	static const struct {
		const char *text, *realm, *service;
		bool bearer;
	} rows[] = {
		{"Bearer realm=\"https://auth.example/token\",service=\"registry\",scope=\"a:b:c\"",
		 "https://auth.example/token", "registry", true},
		{"bearer Realm=\"https://a.example\"", "https://a.example", NULL, true},
		{"Bearer  service=x , realm=https://a.example/t", "https://a.example/t", "x", true},
		{"Basic realm=\"x, y\"", "x, y", NULL, false},
		{"Basic", NULL, NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_registry_challenge c = {0};
		struct cc_error err = {0};

		expect_ok(registry_challenge_parse(rows[i].text, &c, &err), &err);
		assert_int_equal(c.bearer, rows[i].bearer);
		assert_true(rows[i].realm ? c.realm && !strcmp(c.realm, rows[i].realm) : !c.realm);
		assert_true(rows[i].service ? c.service && !strcmp(c.service, rows[i].service)
					    : !c.service);
	}
}

static void challenges_that_are_not_known_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"Digest realm=\"x\"",
		"Bearer",
		"Bearer service=\"x\"",
		"Bearer realm",
		"Bearer realm=\"x",
		"Bearer =x",
		"Bearer realm=\"a\",realm=\"b\"",
		"Bearer realm=\"a\\\"b\"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		auto_registry_challenge c = {0};
		struct cc_error err = {0};

		assert_int_equal(registry_challenge_parse(bad[i], &c, &err), -1);
		expect_error(&err, CC_E_INVALID, "", "authentication");
	}
}

static void the_longest_name_of_an_engines_config_counts(void **state)
{
	static const char config[] =
		"{'auths':{'r.example':{'auth':'aG9zdA=='},'r.example/shop':{'auth':'c2hvcA=='},"
		"'r.example/shop/web':{'auth':'d2Vi'},'helped.example':{},'line.example':{'auth':'aA==\\r\\nX: y'},"
		"'https://index.docker.io/v1/':{'auth':'aHVi'},'docker.io/team':{'auth':'dGVhbQ=='}},"
		"'credsStore':'x'}";
	static const struct {
		const char *image, *auth;
	} rows[] = {
		{"r.example/db", "aG9zdA=="},	{"r.example/shop/db", "c2hvcA=="},
		{"r.example/shop/web", "d2Vi"}, {"r.example/shopping/db", "aG9zdA=="},
		{"r.example:5000/db", NULL},	{"helped.example/db", NULL},
		{"line.example/db", NULL},	{"other.example/db", NULL},
		{"postgres", "aHVi"},		{"docker.io/team/db", "dGVhbQ=="},
	};
	cc_auto_json json_t *doc = json_of(config);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_registry_name n = {0};
		struct cc_error err = {0};
		cc_auto_free char *auth = NULL;

		expect_ok(registry_name_parse(rows[i].image, &n, &err), &err);
		auth = registry_credentials(doc, &n);
		if (!rows[i].auth)
			assert_null(auth);
		else
			assert_string_equal(auth, rows[i].auth);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_images_are_read_as_engines_read_them),
		cmocka_unit_test(what_is_no_name_is_refused),
		cmocka_unit_test(challenges_are_read),
		cmocka_unit_test(challenges_that_are_not_known_are_refused),
		cmocka_unit_test(the_longest_name_of_an_engines_config_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
