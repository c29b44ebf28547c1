// SPDX-License-Identifier: Apache-2.0
/*
 * The leases of a host in requests to keyd: whatever one container's measurement is like, the
 * others are renewed. The test is keyd.
 */
#include "measurement_test.h"

#include <stdlib.h>

#include "cleanup.h"
#include "dmctl/client/renew_split.h"

/**
 * struct world - leases 0 to n - 1, and a keyd.
 * @bad: index of a lease that makes keyd fail, or of none
 * @code: with which
 * @limit: bytes of a request's measurements above which it is CC_E_INVALID; 0: none
 * @requests, @largest: how many came, and of how many leases the largest was
 */
struct world {
	struct cc_renewal *r;
	size_t n;
	size_t bad;
	enum cc_code code;
	size_t limit;
	size_t requests, largest;
	json_t *renewals;
};

#define NONE SIZE_MAX

static size_t index_of(const char *lease)
{
	return strtoul(lease, NULL, 10);
}

/* @bytes: about how long each measurement is */
static void make(struct world *w, size_t n, size_t bytes)
{
	cc_auto_json json_t *m = json_of(MEASUREMENT);
	cc_auto_free char *filler = malloc(bytes + 1);
	struct cc_error err;

	assert_non_null(filler);
	memset(filler, 'x', bytes);
	filler[bytes] = '\0';
	*w = (struct world){.n = n, .bad = NONE, .renewals = json_array()};
	w->r = calloc(n, sizeof(*w->r));
	for (size_t i = 0; i < n; i++) {
		w->r[i].measurement = cc_measurement_from_json(m, &err);
		snprintf(w->r[i].lease, sizeof(w->r[i].lease), "%036zu", i);
		expect_ok(cc_strv_push(&w->r[i].measurement->env, filler, &err), &err);
	}
}

static void lengthen(struct world *w, size_t i, size_t bytes)
{
	cc_auto_free char *filler = malloc(bytes + 1);
	struct cc_error err;

	memset(filler, 'y', bytes);
	filler[bytes] = '\0';
	expect_ok(cc_strv_push(&w->r[i].measurement->env, filler, &err), &err);
}

static void unmake(struct world *w)
{
	for (size_t i = 0; i < w->n; i++)
		cc_measurement_free(w->r[i].measurement);
	free(w->r);
	json_decref(w->renewals);
}

static int keyd(void *arg, const struct cc_renewal *r, size_t n, json_t *renewals,
		struct cc_error *err)
{
	struct world *w = arg;
	size_t bytes = 0;

	w->requests++;
	assert_true(n > 0 && n <= CC_RENEWALS_MAX);
	if (n > w->largest)
		w->largest = n;
	for (size_t i = 0; i < n; i++) {
		bytes += r[i].refusal ? strlen(r[i].refusal->text)
				      : strlen(r[i].measurement->env.v[0]);
		if (index_of(r[i].lease) == w->bad)
			return cc_fail(err, w->code, "no");
	}
	if (w->limit && bytes > w->limit)
		return cc_fail(err, CC_E_INVALID, "too long");
	for (size_t i = 0; i < n; i++)
		assert_int_equal(
			json_array_append_new(renewals, json_pack("{s:s, s:b}", "lease", r[i].lease,
								  "renewed", 1)),
			0);
	return 0;
}

static int ask(struct world *w, struct cc_error *err)
{
	return renew_split(w->r, w->n, &(struct renew_ask){.once = keyd, .arg = w}, w->renewals,
			   err);
}

/* Each lease has one answer, and all but @but are renewed. */
static void expect_all_renewed_but(struct world *w, size_t but)
{
	bool *seen = calloc(w->n, sizeof(*seen));
	json_t *one;
	size_t i;

	json_array_foreach(w->renewals, i, one) {
		size_t k = index_of(json_string_value(json_object_get(one, "lease")));

		assert_true(k < w->n && !seen[k]);
		seen[k] = true;
		assert_int_equal(json_is_true(json_object_get(one, "renewed")), k != but);
	}
	assert_int_equal(i, w->n);
	free(seen);
}

static void many_leases_go_in_requests_of_what_keyd_takes(void **state)
{
	struct cc_error err;
	struct world w;

	(void)state;
	make(&w, 150, 10);
	expect_ok(ask(&w, &err), &err);
	expect_all_renewed_but(&w, NONE);
	assert_true(w.largest > 150 / 5);
	assert_true(w.requests <= 5);
	unmake(&w);
}

static void what_the_agent_refuses_itself_is_told_without_a_measurement(void **state)
{
	struct cc_refusal refusal = {.container = "c0ffee", .fact = "user", .text = "user: no"};
	struct cc_error err;
	struct world w;

	(void)state;
	make(&w, 3, 10);
	cc_measurement_free(w.r[1].measurement);
	w.r[1].measurement = NULL;
	w.r[1].refusal = &refusal;
	expect_ok(ask(&w, &err), &err);
	expect_all_renewed_but(&w, NONE);
	assert_int_equal(w.requests, 1);
	unmake(&w);
}

static void long_measurements_are_spread_over_requests_before_one_is_refused(void **state)
{
	struct cc_error err;
	struct world w;

	(void)state;
	make(&w, 40, 8000);
	expect_ok(ask(&w, &err), &err);
	expect_all_renewed_but(&w, NONE);
	assert_int_equal(w.requests, 10); /* four fit; no request was made in vain */
	unmake(&w);
}

static void a_measurement_that_fits_no_request_costs_nobody_else_his_lease(void **state)
{
	static const size_t places[] = {0, 7, 20};
	struct cc_error err, why;
	struct world w;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		make(&w, 21, 100);
		lengthen(&w, places[i], 100000);
		expect_ok(ask(&w, &err), &err);
		expect_all_renewed_but(&w, places[i]);
		assert_true(w.requests <= 2);
		unmake(&w);
	}
	make(&w, 1, 100000);
	expect_ok(ask(&w, &err), &err);
	assert_int_equal(w.requests, 0);
	assert_true(cc_error_from_json(&why, json_array_get(w.renewals, 0)));
	expect_error(&why, CC_E_INVALID, "", "too long");
	unmake(&w);
}

static void a_measurement_that_cannot_be_written_costs_nobody_else_his_lease(void **state)
{
	struct cc_error err;
	struct world w;

	(void)state;
	make(&w, 21, 100);
	w.r[7].measurement->env.v[0][3] = '\xff';
	expect_ok(ask(&w, &err), &err);
	expect_all_renewed_but(&w, 7);
	unmake(&w);
}

static void one_that_keyd_fails_at_costs_nobody_else_his_lease(void **state)
{
	static const enum cc_code codes[] = {CC_E_INTERNAL, CC_E_INVALID, CC_E_NOTFOUND};
	struct cc_error err;
	struct world w;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		make(&w, 100, 10);
		w.bad = 33 * i;
		w.code = codes[i];
		expect_ok(ask(&w, &err), &err);
		expect_all_renewed_but(&w, w.bad);
		assert_true(w.requests <= 3 + 2 * 6);
		unmake(&w);
	}
}

static void a_request_that_is_too_long_all_the_same_is_halved(void **state)
{
	struct cc_error err;
	struct world w;

	(void)state;
	make(&w, 16, 100);
	w.limit = 450;
	expect_ok(ask(&w, &err), &err);
	expect_all_renewed_but(&w, NONE);
	unmake(&w);
}

static void a_keyd_that_does_not_answer_or_is_busy_is_not_asked_again(void **state)
{
	static const enum cc_code codes[] = {CC_E_UNREACHABLE, CC_E_BUSY, CC_E_REFUSED};
	struct cc_error err;
	struct world w;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		make(&w, 100, 10);
		w.bad = 64; /* in the second request */
		w.code = codes[i];
		assert_int_equal(ask(&w, &err), -1);
		assert_int_equal(err.code, codes[i]);
		assert_int_equal(json_array_size(w.renewals), w.largest);
		assert_int_equal(w.requests, 2);
		assert_true(w.largest <= 64);
		unmake(&w);
	}
}

static int broken(void *arg, const struct cc_renewal *r, size_t n, json_t *renewals,
		  struct cc_error *err)
{
	struct world *w = arg;

	(void)r;
	(void)n;
	(void)renewals;
	w->requests++;
	return cc_fail(err, CC_E_INTERNAL, "the disk is full");
}

static void a_keyd_that_fails_whatever_it_is_asked_is_not_flooded(void **state)
{
	struct cc_error err;
	struct world w;

	(void)state;
	make(&w, 500, 10);
	assert_int_equal(renew_split(w.r, w.n, &(struct renew_ask){.once = broken, .arg = &w},
				     w.renewals, &err),
			 -1);
	assert_true(w.requests <= RENEW_FAILURES_MAX + 1);
	unmake(&w);
}

static void no_lease_is_no_request(void **state)
{
	struct cc_error err;
	struct world w;

	(void)state;
	make(&w, 0, 0);
	expect_ok(ask(&w, &err), &err);
	assert_int_equal(w.requests, 0);
	unmake(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_leases_go_in_requests_of_what_keyd_takes),
		cmocka_unit_test(what_the_agent_refuses_itself_is_told_without_a_measurement),
		cmocka_unit_test(long_measurements_are_spread_over_requests_before_one_is_refused),
		cmocka_unit_test(a_measurement_that_fits_no_request_costs_nobody_else_his_lease),
		cmocka_unit_test(a_measurement_that_cannot_be_written_costs_nobody_else_his_lease),
		cmocka_unit_test(one_that_keyd_fails_at_costs_nobody_else_his_lease),
		cmocka_unit_test(a_request_that_is_too_long_all_the_same_is_halved),
		cmocka_unit_test(a_keyd_that_does_not_answer_or_is_busy_is_not_asked_again),
		cmocka_unit_test(a_keyd_that_fails_whatever_it_is_asked_is_not_flooded),
		cmocka_unit_test(no_lease_is_no_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
