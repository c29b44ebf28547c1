// SPDX-License-Identifier: Apache-2.0
/* The command that repairs a volume by hand: what is run, and what the audit log has of it. */
#include "lib_test.h"

#include "dmctl/bind/maintain_command.h"

#define NODE "/dev/mapper/container-crypt-pgdata"

static void assert_words(char *const *words, const char *const *want)
{
	struct cc_strv out = {0};
	struct cc_error err = {0};
	size_t n = 0;

	expect_ok(maintain_words(words, NODE, &out, &err), &err);
	for (; want[n]; n++) {
		assert_true(n < out.n);
		assert_string_equal(out.v[n], want[n]);
	}
	assert_int_equal(out.n, n);
	cc_strv_clear(&out);
}

static void the_device_is_the_last_word_of_a_command(void **state)
{
	(void)state;
	assert_words((char *[]){"e2fsck", "-f", NULL},
		     (const char *[]){"e2fsck", "-f", NODE, NULL});
}

static void the_device_goes_where_the_command_has_braces(void **state)
{
	(void)state;
	assert_words(
		(char *[]){"sh", "-c", "xfs_repair {} && mount {} /mnt", NULL},
		(const char *[]){"sh", "-c", "xfs_repair " NODE " && mount " NODE " /mnt", NULL});
	assert_words((char *[]){"dd", "if={}", "of=/root/copy", NULL},
		     (const char *[]){"dd", "if=" NODE, "of=/root/copy", NULL});
}

static void assert_text(char *const *words, const char *want)
{
	char text[CC_COMMAND_MAX + 1];
	struct cc_error err = {0};

	expect_ok(maintain_text(words, text, &err), &err);
	assert_string_equal(text, want);
}

static void the_audit_log_tells_one_word_from_two(void **state)
{
	(void)state;
	assert_text((char *[]){"e2fsck", "-f", "{}", NULL}, "e2fsck -f '{}'");
	assert_text((char *[]){"sh", "-c", "echo 'a b'", "", NULL},
		    "sh -c 'echo '\\''a b'\\''' ''");
}

static void a_command_that_the_audit_log_does_not_hold_whole_is_refused(void **state)
{
	char word[CC_COMMAND_MAX + 2], text[CC_COMMAND_MAX + 1];
	struct cc_error err = {0};

	(void)state;
	memset(word, 'a', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	assert_int_equal(maintain_text((char *[]){word, NULL}, text, &err), -1);
	assert_int_equal(err.code, CC_E_USAGE);
	word[CC_COMMAND_MAX] = '\0';
	assert_text((char *[]){word, NULL}, word);
}

static void a_command_of_several_lines_is_refused(void **state)
{
	char text[CC_COMMAND_MAX + 1];
	struct cc_error err = {0};

	(void)state;
	assert_int_equal(maintain_text((char *[]){"sh", "-c", "a\nb", NULL}, text, &err), -1);
	assert_int_equal(err.code, CC_E_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_device_is_the_last_word_of_a_command),
		cmocka_unit_test(the_device_goes_where_the_command_has_braces),
		cmocka_unit_test(the_audit_log_tells_one_word_from_two),
		cmocka_unit_test(a_command_that_the_audit_log_does_not_hold_whole_is_refused),
		cmocka_unit_test(a_command_of_several_lines_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
