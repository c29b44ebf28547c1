// SPDX-License-Identifier: Apache-2.0
/* The options that say on what terms a key is lent. */
#include "lib_test.h"

#include "dmctl/cli/lease_terms_option.h"
#include "lease_terms.h"

static void times_have_units(void **state)
{
	static const struct {
		const char *text;
		json_int_t ms; /* 0: refused */
	} times[] = {
		{"90", 90000},
		{"90s", 90000},
		{"2s", 2000},
		{"1999ms", 0},
		{"2000ms", 2000},
		{"10m", 600000},
		{"1h", 3600000},
		{"31d", CC_LEASE_MS_MAX},
		{"32d", 0},
		{"2678400001ms", 0},
		{"1", 0},
		{"0", 0},
		{"", 0},
		{"-5s", 0},
		{"5 s", 0},
		{"5x", 0},
		{"1.5h", 0},
		{" 5s", 0},
		{"5sm", 0},
		{"18446744073709551616", 0},
		{"213503982335d", 0},
		{"9223372036854775807d", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		cc_auto_json json_t *terms = json_object();
		struct cc_error err;
		bool taken = false;
		int rc = lease_terms_option('L', times[i].text, terms, &taken, &err);

		print_message("# %s\n", times[i].text);
		assert_true(taken);
		assert_int_equal(rc, times[i].ms ? 0 : -1);
		assert_int_equal(json_integer_value(json_object_get(terms, "leaseMs")),
				 times[i].ms);
	}
}

static void words_are_those_of_the_api(void **state)
{
	static const struct {
		int option;
		const char *word;
		bool good;
	} words[] = {
		{'S', "yes", true},    {'S', "no", true},	{'S', "true", false},
		{'D', "yes", true},    {'D', "no", true},	{'D', "on", false},
		{'P', "freeze", true}, {'P', "continue", true}, {'P', "kill", false},
		{'R', "kill", true},   {'R', "freeze", true},	{'R', "", false},
		{'O', "error", true},  {'O', "queue:5", true},	{'O', "queue:5 x", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		cc_auto_json json_t *terms = json_object();
		struct cc_lease_terms t = CC_LEASE_TERMS_DEFAULT;
		struct cc_error err;
		bool taken = false;
		int rc = lease_terms_option(words[i].option, words[i].word, terms, &taken, &err);

		print_message("# %c %s\n", words[i].option, words[i].word);
		assert_true(taken);
		assert_int_equal(rc, words[i].good ? 0 : -1);
		assert_int_equal(json_object_size(terms), words[i].good);
		expect_ok(cc_lease_terms_read(terms, "volume", &t, &err), &err);
	}
}

static void other_options_are_left_to_others(void **state)
{
	cc_auto_json json_t *terms = json_object();
	struct cc_error err;
	bool taken = true;

	(void)state;
	assert_int_equal(lease_terms_option('f', "ext4", terms, &taken, &err), 0);
	assert_false(taken);
	assert_int_equal(json_object_size(terms), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_have_units),
		cmocka_unit_test(words_are_those_of_the_api),
		cmocka_unit_test(other_options_are_left_to_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
