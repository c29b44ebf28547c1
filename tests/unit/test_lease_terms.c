// SPDX-License-Identifier: Apache-2.0
/* The terms on which a key is lent: what is written is read, and nothing else. */
#include "lib_test.h"

#include "lease_terms.h"

static int take(const char *text, struct cc_lease_terms *t)
{
	cc_auto_json json_t *obj = json_of(text);
	struct cc_error err = {0};

	return cc_lease_terms_read(obj, "volume", t, &err);
}

static void terms_survive_the_round_trip(void **state)
{
	struct cc_lease_terms a = {12345, true, CC_LAPSE_CONTINUE, CC_REVOKE_FREEZE, 77, true},
			      b = CC_LEASE_TERMS_DEFAULT;
	cc_auto_json json_t *obj = cc_lease_terms_to_json(&a);
	struct cc_error err = {0};

	(void)state;
	expect_ok(cc_lease_terms_read(obj, "volume", &b, &err), &err);
	assert_true(cc_lease_terms_eq(&a, &b));
	b.queue_ms++;
	assert_false(cc_lease_terms_eq(&a, &b));
	b.queue_ms--;
	b.discard = false;
	assert_false(cc_lease_terms_eq(&a, &b));
}

static void what_is_not_said_stays(void **state)
{
	struct cc_lease_terms t = CC_LEASE_TERMS_DEFAULT, want = CC_LEASE_TERMS_DEFAULT;

	(void)state;
	assert_int_equal(take("{}", &t), 0);
	assert_true(cc_lease_terms_eq(&t, &want));
	assert_int_equal(take("{'onLock':'error'}", &t), 0);
	want.queue_ms = 0;
	assert_true(cc_lease_terms_eq(&t, &want));
}

static void one_that_is_wrong_changes_nothing(void **state)
{
	static const char *const bad[] = {
		"{'leaseMs':1999}",
		"{'leaseMs':2678400001}",
		"{'leaseMs':-1}",
		"{'leaseMs':2.5}",
		"{'onLapse':'Freeze'}",
		"{'onLapse':1}",
		"{'onRevoke':'continue'}",
		"{'sharedRead':'yes'}",
		"{'discard':1}",
		"{'onLock':'queue'}",
		"{'onLock':'queue:0'}",
		"{'onLock':'queue:600001'}",
		"{'onLock':'queue:0x10'}",
		"{'onLock':'queue:-1'}",
		"{'onLock':'error '}",
		"{'onLock':'queue:1000000'}",
		"{'onRevoke':'freeze','leaseMs':1}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct cc_lease_terms t = CC_LEASE_TERMS_DEFAULT, was = CC_LEASE_TERMS_DEFAULT;

		if (take(bad[i], &t) == 0)
			fail_msg("%s is taken", bad[i]);
		assert_true(cc_lease_terms_eq(&t, &was));
	}
}

static void on_lock_has_a_word(void **state)
{
	static const uint64_t values[] = {0, 1, 300000, CC_QUEUE_MS_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char text[CC_ON_LOCK_LEN];
		uint64_t back = 42;

		cc_on_lock_format(values[i], text);
		assert_int_equal(cc_on_lock_parse(text, &back), 0);
		assert_int_equal(back, values[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(terms_survive_the_round_trip),
		cmocka_unit_test(what_is_not_said_stays),
		cmocka_unit_test(one_that_is_wrong_changes_nothing),
		cmocka_unit_test(on_lock_has_a_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
