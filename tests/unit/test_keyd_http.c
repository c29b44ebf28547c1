// SPDX-License-Identifier: Apache-2.0
/* What comes over the socket before the custodian sees it: heads, routes, rates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "keyd/front/http.h"
#include "keyd/front/rate_limit.h"
#include "keyd/front/route.h"

#define GOOD "POST /v1/release HTTP/1.1\r\nHost: keyd\r\n"

/* In memory of its own size, so that reading too far is noticed. */
static int parse_bytes(const char *text, size_t len, struct http_head *head)
{
	char *copy = malloc(len ? len : 1);
	int status;

	memcpy(copy, text, len);
	status = http_parse_head(copy, len, head);
	free(copy);
	return status;
}

static int parse(const char *text, struct http_head *head)
{
	return parse_bytes(text, strlen(text), head);
}

static void a_plain_request_is_understood(void **state)
{
	struct http_head h;

	(void)state;
	assert_int_equal(parse(GOOD "content-length:  12\t\r\nContent-Type: application/json; "
				    "charset=utf-8\r\nAccept: */*\r\nX-Other: caf\xc3\xa9\r\n\r\n",
			       &h),
			 0);
	assert_string_equal(h.method, "POST");
	assert_string_equal(h.target, "/v1/release");
	assert_int_equal(h.content_length, 12);
	assert_true(h.json);
	assert_true(h.keep_alive);
	assert_false(h.expect_continue);
}

static void connections_stay_open_only_when_both_want(void **state)
{
	struct http_head h;

	(void)state;
	assert_int_equal(parse(GOOD "Connection: Close\r\n\r\n", &h), 0);
	assert_false(h.keep_alive);
	assert_int_equal(parse("GET / HTTP/1.0\r\nHost: x\r\n\r\n", &h), 0);
	assert_false(h.keep_alive);
	assert_int_equal(parse(GOOD "Expect: 100-Continue\r\n\r\n", &h), 0);
	assert_true(h.expect_continue);
}

static void anything_ambiguous_is_refused(void **state)
{
	static const struct {
		const char *text;
		int status;
	} bad[] = {
		{"", 400},
		{"\r\n", 400},
		{"\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n\r\n", 400},      /* no Host */
		{GOOD, 400},			      /* no end */
		{GOOD "\r\nx", 400},		      /* something behind it */
		{"GET / HTTP/1.1\nHost: x\n\n", 400}, /* bare line feeds */
		{GOOD "A: b\nC: d\r\n\r\n", 400},     /* one of them */
		{GOOD "A: b\r\n c\r\n\r\n", 400},     /* folded */
		{GOOD "A : b\r\n\r\n", 400},	      /* space before the colon */
		{GOOD ": b\r\n\r\n", 400},
		{GOOD "novalue\r\n\r\n", 400},
		{GOOD "A: b\001\r\n\r\n", 400},
		{GOOD "Host: y\r\n\r\n", 400},
		{GOOD "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
		{GOOD "Content-Length: +1\r\n\r\n", 400},
		{GOOD "Content-Length: -1\r\n\r\n", 400},
		{GOOD "Content-Length: 1,1\r\n\r\n", 400},
		{GOOD "Content-Length: 0x1\r\n\r\n", 400},
		{GOOD "Content-Length: \r\n\r\n", 400},
		{GOOD "Content-Length: 99999999999999999999\r\n\r\n", 400},
		{GOOD "Content-Type: application/json\r\nContent-Type: text/plain\r\n\r\n", 400},
		{GOOD "Transfer-Encoding: chunked\r\n\r\n", 501},
		{"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"GET /\r\nHost: x\r\n\r\n", 400},
		{"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"G@T / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"GETGETGETGETGETGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"GET /\x80 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505},
		{"GET / HTTP/1.2\r\nHost: x\r\n\r\n", 505},
		{"GET / HTTP/1.1 \r\nHost: x\r\n\r\n", 400},
		{"GET / http/1.1\r\nHost: x\r\n\r\n", 400},
	};
	struct http_head h;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		print_message("# %zu\n", i);
		assert_int_equal(parse(bad[i].text, &h), bad[i].status);
	}
	assert_int_equal(parse_bytes("GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", 28, &h), 400);
}

static void long_targets_and_heads_are_refused(void **state)
{
	static char text[2 * HTTP_HEAD_MAX];
	struct http_head h;

	(void)state;
	snprintf(text, sizeof(text), "GET /%0*d HTTP/1.1\r\nHost: x\r\n\r\n", HTTP_TARGET_LEN, 0);
	assert_int_equal(parse(text, &h), 414);
	snprintf(text, sizeof(text), GOOD "A: %0*d\r\n\r\n", HTTP_HEAD_MAX, 0);
	assert_int_equal(parse(text, &h), 431);
}

static void only_json_is_json(void **state)
{
	struct http_head h;

	(void)state;
	assert_int_equal(parse(GOOD "Content-Type: application/jsonx\r\n\r\n", &h), 0);
	assert_false(h.json);
	assert_int_equal(parse(GOOD "Content-Type: text/json\r\n\r\n", &h), 0);
	assert_false(h.json);
	assert_int_equal(parse(GOOD "Content-Type: APPLICATION/JSON\r\n\r\n", &h), 0);
	assert_true(h.json);
}

/* ---- routes ---- */

#define ID "0a000000-0000-4000-8000-000000000001"

static void every_path_of_the_api_is_found(void **state)
{
	static const struct {
		const char *method, *target;
		enum op op;
		const char *arg;
	} good[] = {
		{"GET", "/healthz", OP_HEALTHZ, ""},
		{"GET", "/metrics", OP_METRICS, ""},
		{"POST", "/v1/challenge", OP_CHALLENGE, ""},
		{"POST", "/v1/release", OP_RELEASE, ""},
		{"POST", "/v1/renew", OP_RENEW, ""},
		{"GET", "/v1/changes", OP_CHANGES, ""},
		{"GET", "/v1/leases", OP_LEASE_LIST, ""},
		{"POST", "/v1/leases/" ID "/return", OP_LEASE_RETURN, ID},
		{"DELETE", "/v1/leases/" ID, OP_LEASE_REVOKE, ID},
		{"POST", "/v1/volumes", OP_VOLUME_CREATE, ""},
		{"GET", "/v1/volumes", OP_VOLUME_LIST, ""},
		{"GET", "/v1/volumes/pg.data-1_x", OP_VOLUME_GET, "pg.data-1_x"},
		{"POST", "/v1/volumes/pgdata/ready", OP_VOLUME_READY, "pgdata"},
		{"POST", "/v1/volumes/pgdata/set", OP_VOLUME_SET, "pgdata"},
		{"POST", "/v1/volumes/pgdata/grow", OP_VOLUME_GROW, "pgdata"},
		{"POST", "/v1/volumes/pgdata/rename", OP_VOLUME_RENAME, "pgdata"},
		{"POST", "/v1/volumes/pgdata/export", OP_VOLUME_EXPORT, "pgdata"},
		{"POST", "/v1/volumes/pgdata/maintain", OP_VOLUME_MAINTAIN, "pgdata"},
		{"DELETE", "/v1/volumes/pgdata", OP_VOLUME_DELETE, "pgdata"},
		{"POST", "/v1/signers", OP_SIGNER_ADD, ""},
		{"GET", "/v1/signers", OP_SIGNER_LIST, ""},
		{"POST", "/v1/signers/ci/set", OP_SIGNER_SET, "ci"},
		{"DELETE", "/v1/signers/ci", OP_SIGNER_DELETE, "ci"},
		{"POST", "/v1/identities", OP_IDENTITY_ADD, ""},
		{"GET", "/v1/identities", OP_IDENTITY_LIST, ""},
		{"GET", "/v1/identities/pgdata", OP_IDENTITY_GET, "pgdata"},
		{"GET", "/v1/identities/pgdata?after=12", OP_IDENTITY_GET, "pgdata"},
		{"POST", "/v1/identities/pgdata/drain", OP_IDENTITY_DRAIN, "pgdata"},
		{"POST", "/v1/identities/pgdata/revoke", OP_IDENTITY_REVOKE_ONE, "pgdata"},
		{"DELETE", "/v1/identities/pgdata", OP_IDENTITY_REVOKE, "pgdata"},
		{"POST", "/v1/agents", OP_AGENT_ADD, ""},
		{"GET", "/v1/agents", OP_AGENT_LIST, ""},
		{"POST", "/v1/agents/host1/set", OP_AGENT_SET, "host1"},
		{"POST", "/v1/agents/host1/certificate", OP_AGENT_CERTIFICATE, "host1"},
		{"POST", "/v1/agents/host1/invite", OP_AGENT_INVITE, "host1"},
		{"POST", "/v1/enrol", OP_ENROL, ""},
		{"DELETE", "/v1/agents/host1", OP_AGENT_DELETE, "host1"},
		{"GET", "/v1/audit", OP_AUDIT_LIST, ""},
		/* A volume may be called like a part of a path. */
		{"GET", "/v1/volumes/ready", OP_VOLUME_GET, "ready"},
	};
	bool found[OP_END] = {false};
	struct route r;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		print_message("# %s %s\n", good[i].method, good[i].target);
		assert_int_equal(route_find(good[i].method, good[i].target, &r), 0);
		assert_int_equal(r.op, good[i].op);
		assert_string_equal(r.arg, good[i].arg);
		found[r.op] = true;
	}
	for (enum op op = OP_NONE + 1; op < OP_END; op++)
		if (!found[op])
			fail_msg("%s %s was not asked for", operations[op].method,
				 operations[op].path);
}

static void other_paths_are_not(void **state)
{
	static const struct {
		const char *method, *target;
		int status;
	} bad[] = {
		{"GET", "/", 404},
		{"GET", "", 404},
		{"GET", "/v1", 404},
		{"GET", "/v2/volumes", 404},
		{"GET", "/v1/volumes/", 400},
		{"GET", "//v1/volumes", 404},
		{"GET", "/v1/volumes/a/b", 404},
		{"GET", "/v1/volumes/../audit", 404},
		{"GET", "/v1/volumes/..", 400},
		{"GET", "/v1/volumes/UPPER", 400},
		{"GET", "/v1/volumes/a%2fb", 400},
		{"GET",
		 "/v1/volumes/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		 400},
		{"DELETE", "/v1/leases/pgdata", 400},
		{"POST", "/healthz", 405},
		{"PUT", "/v1/volumes/pgdata", 405},
		{"HEAD", "/v1/volumes", 405},
		{"get", "/v1/volumes", 405},
		{"GET", "/v1/volumes?x=1", 400},
		{"GET", "/v1/audit?", 400},
		{"GET", "/v1/audit?after=", 400},
		{"GET", "/v1/audit?after=-1", 400},
		{"GET", "/v1/audit?after=1&x=2", 400},
		{"GET", "/v1/audit?after=1234567890123456789", 400},
		{"GET", "/v1/audit?after=pgdata", 400},
		{"GET", "/v1/volumes?after=UPPER", 400},
		{"GET", "/v1/volumes?after=a:1", 400},
		{"GET", "/v1/leases?after=a", 400},
		{"GET", "/v1/leases?after=:1", 400},
		{"GET", "/v1/leases?after=a:", 400},
		{"GET", "/v1/leases?after=a:1:1", 400},
		{"GET", "/v1/volumes/pgdata?after=", 400},
		{"GET", "/healthz?after=1", 400},
	};
	struct route r;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		print_message("# %s %s\n", bad[i].method, bad[i].target);
		assert_int_equal(route_find(bad[i].method, bad[i].target, &r), bad[i].status);
	}
	assert_int_equal(route_find("GET", "/v1/audit?after=123456789012345678", &r), 0);
	assert_string_equal(r.after, "123456789012345678");
}

static void pages_are_asked_for_by_what_they_come_after(void **state)
{
	static const struct {
		const char *target, *after;
		bool paged;
	} good[] = {
		{"/v1/volumes", "", false},
		{"/v1/volumes?after=", "", true},
		{"/v1/volumes?after=pg.data-1_x", "pg.data-1_x", true},
		{"/v1/signers?after=ci", "ci", true},
		{"/v1/agents?after=host1", "host1", true},
		{"/v1/leases?after=", "", true},
		{"/v1/leases?after=pg.data:18", "pg.data:18", true},
		{"/v1/audit?after=0", "0", true},
	};
	struct route r;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		print_message("# %s\n", good[i].target);
		assert_int_equal(route_find("GET", good[i].target, &r), 0);
		assert_int_equal(r.paged, good[i].paged);
		assert_string_equal(r.after, good[i].after);
	}
}

/* ---- rates ---- */

/* How many of @n requests are within the limits. */
static int allowed(struct rate_limit *l, uint32_t uid, uint32_t pid, int64_t now_ms, int n)
{
	const struct peer peer = {.uid = uid, .pid = pid};
	int yes = 0;

	for (int i = 0; i < n; i++)
		yes += rate_limit_allow(l, &peer, now_ms);
	return yes;
}

static void a_burst_is_followed_by_the_rate(void **state)
{
	struct rate_limit l = {0};

	(void)state;
	assert_int_equal(allowed(&l, 0, 7, 1000, 2 * RATE_LIMIT_BURST), RATE_LIMIT_BURST);
	assert_int_equal(allowed(&l, 0, 7, 2000, 2 * RATE_LIMIT_PER_SECOND), RATE_LIMIT_PER_SECOND);
	/* However long it was quiet, a burst is a burst. */
	assert_int_equal(allowed(&l, 0, 7, INT64_C(1) << 40, 2 * RATE_LIMIT_BURST),
			 RATE_LIMIT_BURST);
}

static void one_process_does_not_use_up_what_its_user_has(void **state)
{
	struct rate_limit l = {0};

	(void)state;
	allowed(&l, 0, 7, 1000, 100 * RATE_LIMIT_BURST);
	assert_int_equal(allowed(&l, 0, 8, 1000, RATE_LIMIT_BURST), RATE_LIMIT_BURST);
	assert_int_equal(allowed(&l, 0, 7, 1000, 1), 0);
}

static void more_processes_do_not_get_more_than_one_user_may(void **state)
{
	struct rate_limit l = {0};
	int yes = 0;

	(void)state;
	for (uint32_t pid = 1; pid < 5000; pid++)
		yes += allowed(&l, 1, pid, 1000, 2);
	assert_int_equal(yes, RATE_LIMIT_USER * RATE_LIMIT_BURST);
	yes = 0;
	for (uint32_t pid = 5000; pid < 10000; pid++)
		yes += allowed(&l, 1, pid, 2000, 2);
	assert_int_equal(yes, RATE_LIMIT_USER * RATE_LIMIT_PER_SECOND);
}

static void one_user_does_not_use_up_anothers_rate(void **state)
{
	struct rate_limit l = {0};

	(void)state;
	for (uint32_t pid = 1; pid < 5000; pid++)
		allowed(&l, 1, pid, 1000, 2);
	assert_int_equal(allowed(&l, 0, 9000, 1000, RATE_LIMIT_BURST), RATE_LIMIT_BURST);
	assert_int_equal(allowed(&l, 1, 9001, 1000, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_request_is_understood),
		cmocka_unit_test(connections_stay_open_only_when_both_want),
		cmocka_unit_test(anything_ambiguous_is_refused),
		cmocka_unit_test(long_targets_and_heads_are_refused),
		cmocka_unit_test(only_json_is_json),
		cmocka_unit_test(every_path_of_the_api_is_found),
		cmocka_unit_test(other_paths_are_not),
		cmocka_unit_test(pages_are_asked_for_by_what_they_come_after),
		cmocka_unit_test(a_burst_is_followed_by_the_rate),
		cmocka_unit_test(one_process_does_not_use_up_what_its_user_has),
		cmocka_unit_test(more_processes_do_not_get_more_than_one_user_may),
		cmocka_unit_test(one_user_does_not_use_up_anothers_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
