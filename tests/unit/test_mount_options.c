// SPDX-License-Identifier: Apache-2.0
/*
 * Mount options of a volume: what may be asked for, and that nothing is given back that was taken
 * away.
 */
#include "lib_test.h"

#include <sys/mount.h>

#include "mount_options.h"
#include "strv.h"

static struct cc_mount_options parsed(const char *text)
{
	struct cc_mount_options o = {0};
	struct cc_error err;

	expect_ok(cc_mount_options_parse(text, &o, &err), &err);
	return o;
}

static void every_option_means_its_attribute(void **state)
{
	static const struct {
		const char *text, *shown;
		unsigned int set;
	} cases[] = {
		{"", "", 0},
		{"defaults,nosuid,nodev", "", 0},
		{"ro", "ro", MOUNT_ATTR_RDONLY},
		{"rw", "rw", 0},
		{"noexec", "noexec", MOUNT_ATTR_NOEXEC},
		{"exec", "exec", 0},
		{"nosymfollow", "nosymfollow", MOUNT_ATTR_NOSYMFOLLOW},
		{"noatime", "noatime", MOUNT_ATTR_NOATIME},
		{"relatime", "relatime", MOUNT_ATTR_RELATIME},
		{"atime", "relatime", MOUNT_ATTR_RELATIME},
		{"strictatime", "strictatime", MOUNT_ATTR_STRICTATIME},
		{"nodiratime", "nodiratime", MOUNT_ATTR_NODIRATIME},
		{"diratime", "diratime", 0},
		{"nodiratime,noatime,noexec,ro", "ro,noexec,noatime,nodiratime",
		 MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOATIME |
			 MOUNT_ATTR_NODIRATIME},
		{"ro,rw", "rw", 0},
		{"rw,ro", "ro", MOUNT_ATTR_RDONLY},
		{"noatime,strictatime", "strictatime", MOUNT_ATTR_STRICTATIME},
	};
	char text[CC_MOUNT_OPTIONS_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cc_mount_options o = parsed(cases[i].text);

		assert_int_equal(o.set, cases[i].set);
		cc_mount_options_text(&o, text);
		assert_string_equal(text, cases[i].shown);
		assert_true(cc_mount_options_eq(&o, &(struct cc_mount_options){o.named, o.set}));
	}
}

static void all_others_are_refused(void **state)
{
	static const char *const others[] = {
		"data=journal", "uid=0",
		"gid=0",	"context=x",
		"discard",	"sync",
		"dirsync",	"lazytime",
		"remount",	"bind",
		"rbind",	"shared",
		"user",		"loop",
		"rro",		"idmap",
		"ro=recursive", "RO",
		" ro",		"size=1G",
		"ro,",		",ro",
		"ro,,rw",	",",
		"nobarrier",	"errors=continue",
	};
	struct cc_mount_options o;
	struct cc_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		o = (struct cc_mount_options){0};
		assert_int_equal(cc_mount_options_parse(others[i], &o, &err), -1);
		expect_error(&err, CC_E_USAGE, "", "there is no mount option");
	}
	for (size_t i = 0; i < 2; i++) {
		o = (struct cc_mount_options){0};
		assert_int_equal(cc_mount_options_parse(i ? "suid" : "ro,dev", &o, &err), -1);
		expect_error(&err, CC_E_USAGE, "", "always mounted nosuid and nodev");
	}
}

static int asked(char **options, size_t n, struct cc_mount_options *o, struct cc_error *err)
{
	const struct cc_strv list = {.n = n, .v = options};

	*o = (struct cc_mount_options){0};
	return cc_mount_options_asked(&list, o, err);
}

static void a_container_may_ask_for_the_same(void **state)
{
	char *docker[] = {"rbind", "rprivate", "rro"};
	char *podman[] = {"rbind", "nodev", "nosuid", "rprivate", "noexec", "rnoatime", "ro"};
	struct cc_mount_options o;
	struct cc_error err;

	(void)state;
	expect_ok(asked(docker, 3, &o, &err), &err);
	assert_int_equal(o.set, MOUNT_ATTR_RDONLY);
	expect_ok(asked(podman, 7, &o, &err), &err);
	assert_int_equal(o.set, MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOATIME | MOUNT_ATTR_RDONLY);
}

static void what_it_does_not_get_is_refused(void **state)
{
	static const char *const options[] = {
		"suid", "rsuid", "dev", "rdev", "idmap", "idmap=uids=0-1-10", "ridmap"};
	struct cc_mount_options o;
	struct cc_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		char *list[] = {"rbind", (char *)options[i]};

		assert_int_equal(asked(list, 2, &o, &err), -1);
		expect_error(&err, CC_E_USAGE, "", options[i]);
	}
}

static void nothing_is_given_back(void **state)
{
	static const struct {
		const char *created, *asked, *is;
	} cases[] = {
		{"ro,noexec,nosymfollow", "rw,exec", "ro,noexec,nosymfollow"},
		{"ro", "noexec", "ro,noexec"},
		{"rw", "ro", "ro"},
		{"", "ro,noatime", "ro,noatime"},
		{"noatime,nodiratime", "", "noatime,nodiratime"},
		{"noatime,nodiratime", "relatime", "relatime,nodiratime"},
		{"noatime,nodiratime", "strictatime,diratime", "strictatime,diratime"},
	};
	char text[CC_MOUNT_OPTIONS_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cc_mount_options o = parsed(cases[i].created), more = parsed(cases[i].asked);

		cc_mount_options_add(&o, &more);
		cc_mount_options_text(&o, text);
		assert_string_equal(text, cases[i].is);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_option_means_its_attribute),
		cmocka_unit_test(all_others_are_refused),
		cmocka_unit_test(a_container_may_ask_for_the_same),
		cmocka_unit_test(what_it_does_not_get_is_refused),
		cmocka_unit_test(nothing_is_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
