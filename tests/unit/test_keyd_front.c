// SPDX-License-Identifier: Apache-2.0
/* What a front passes on, answers and refuses, and how it ends. */
#include "keyd_front.h"

static void a_request_goes_to_the_custodian_and_its_answer_back(void **state)
{
	struct fixture *f = ready(state);
	cc_auto_close int fd = peer(f);
	cc_auto_free char *got = NULL;
	struct message m;

	say(fd, "POST /v1/volumes/pgdata/ready HTTP/1.1\r\nHost: x\r\n"
		"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{");
	say(fd, "}");
	m = from_front(f);
	assert_int_equal(m.type, MESSAGE_REQUEST);
	assert_int_equal(m.request.op, OP_VOLUME_READY);
	assert_int_equal(m.request.conn, 1);
	assert_string_equal(m.request.arg, "pgdata");
	assert_int_equal(m.request.body_len, 2);
	assert_memory_equal(m.request.body, "{}", 2);
	answer(f, "{\"a\":1}", 7, true);
	got = hear(fd, "{\"a\":1}");
	assert_non_null(strstr(got, "HTTP/1.1 200 OK\r\n"));
	assert_non_null(strstr(got, "\r\nContent-Length: 7\r\n"));
	assert_non_null(strstr(got, "\r\nCache-Control: no-store\r\n"));
}

static void a_long_answer_comes_in_parts(void **state)
{
	struct fixture *f = ready(state);
	cc_auto_close int fd = peer(f);
	cc_auto_free char *got = NULL, *text = malloc(MESSAGE_PART_MAX);

	memset(text, 'x', MESSAGE_PART_MAX);
	say(fd, "GET /v1/audit HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	from_front(f);
	for (int i = 0; i < 20; i++)
		answer(f, text, MESSAGE_PART_MAX, false);
	answer(f, "", 0, true);
	got = hear(fd, NULL);
	assert_non_null(strstr(got, "\r\nContent-Length: 655360\r\n"));
	assert_int_equal(strlen(strstr(got, "\r\n\r\n") + 4), 655360);
}

static void requests_go_on_and_are_answered_in_the_order_they_came(void **state)
{
	struct fixture *f = ready(state);
	cc_auto_close int first = peer(f), second = peer(f);
	cc_auto_free char *a = NULL, *b = NULL;

	say(first, GET);
	assert_int_equal(from_front(f).request.op, OP_HEALTHZ);
	say(second, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(from_front(f).request.op, OP_METRICS);
	answer(f, "o", 1, false);
	answer(f, "ne", 2, true);
	answer(f, "two", 3, true);
	a = hear(first, "one");
	b = hear(second, "two");
	assert_non_null(strstr(a, "one"));
	assert_non_null(strstr(b, "two"));
}

/* However many wait, the custodian has to read no more than these before it can answer. */
static void the_custodian_has_a_bounded_number_of_requests(void **state)
{
	struct fixture *f = ready(state);
	struct pollfd p = {f->link, POLLIN, 0};
	int fds[FRONT_SENT + 1];

	for (size_t i = 0; i <= FRONT_SENT; i++) {
		fds[i] = peer(f);
		say(fds[i], GET);
	}
	for (size_t i = 0; i < FRONT_SENT; i++)
		from_front(f);
	assert_int_equal(poll(&p, 1, 200), 0);
	answer(f, "one", 3, true);
	assert_int_equal(from_front(f).request.op, OP_HEALTHZ);
	for (size_t i = 0; i < FRONT_SENT; i++)
		answer(f, "more", 4, true);
	for (size_t i = 0; i <= FRONT_SENT; i++) {
		cc_auto_free char *got = hear(fds[i], i ? "more" : "one");

		assert_non_null(strstr(got, i ? "more" : "one"));
		close(fds[i]);
	}
}

/* Bodies as large as they may be fill the link: the front waits for an answer, not for the link. */
static void a_full_link_does_not_stop_the_front_from_taking_answers(void **state)
{
	struct fixture *f = ready(state);
	cc_auto_free char *body = malloc(MESSAGE_BODY_MAX), *text = malloc(MESSAGE_PART_MAX);
	int fds[FRONT_SENT];

	memset(body, 'x', MESSAGE_BODY_MAX);
	memset(text, 'y', MESSAGE_PART_MAX);
	for (size_t i = 0; i < FRONT_SENT; i++) {
		char head[128];

		fds[i] = peer(f);
		snprintf(
			head, sizeof(head),
			"POST /v1/release HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
			"Content-Length: %d\r\n\r\n",
			MESSAGE_BODY_MAX);
		say(fds[i], head);
		assert_int_equal(send(fds[i], body, MESSAGE_BODY_MAX, MSG_NOSIGNAL),
				 MESSAGE_BODY_MAX);
	}
	for (size_t i = 0; i < FRONT_SENT; i++) {
		cc_auto_free char *got = NULL;

		from_front(f);
		for (int part = 0; part < 20; part++)
			answer(f, text, MESSAGE_PART_MAX, false);
		answer(f, "end", 3, true);
		got = hear(fds[i], "end");
		assert_non_null(strstr(got, "end"));
		close(fds[i]);
	}
}

static void a_peer_that_hung_up_does_not_get_anothers_answer(void **state)
{
	struct fixture *f = ready(state);
	int gone = peer(f);
	cc_auto_close int fd = -1;
	cc_auto_free char *got = NULL;

	say(gone, GET);
	from_front(f);
	close(gone);
	fd = peer(f);
	say(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(from_front(f).request.op, OP_METRICS);
	answer(f, "first", 5, true);
	answer(f, "second", 6, true);
	got = hear(fd, "second");
	assert_null(strstr(got, "first"));
	assert_non_null(strstr(got, "second"));
}

static void the_custodian_hears_of_each_connection_that_ended(void **state)
{
	struct fixture *f = ready(state);
	cc_auto_close int stays = peer(f);
	cc_auto_free char *got = NULL;

	for (int i = 0; i < 1000; i++)
		close(peer(f));
	wait_closed(f, 1000);
	say(stays, GET);
	assert_int_equal(from_front(f).request.conn, 1);
	answer(f, "yes", 3, true);
	got = hear(stays, "yes");
	assert_non_null(strstr(got, "yes"));
}

/* What an agent may not ask is refused without the custodian, which would refuse it, too. */
static void agents_are_not_served_what_is_an_administrators(void **state)
{
	static const char *const bad[] = {
		"GET /v1/audit HTTP/1.1\r\nHost: x\r\n\r\n",
		"DELETE /v1/agents/host1 HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST /v1/signers HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
		"Content-Length: 2\r\n\r\n{}",
	};
	struct fixture *f = ready(state);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cc_auto_close int fd = peer(f);
		cc_auto_free char *got = NULL;

		say(fd, bad[i]);
		got = hear(fd, NULL);
		assert_non_null(strstr(got, "HTTP/1.1 401 "));
		assert_non_null(strstr(got, "\"code\":\"permission\""));
		assert_non_null(strstr(got, "\"fact\":\"plane\""));
	}
	{
		cc_auto_close int fd = peer(f);

		say(fd, "GET /v1/volumes HTTP/1.1\r\nHost: x\r\n\r\n");
		assert_int_equal(from_front(f).request.op, OP_VOLUME_LIST);
	}
}

/* Many at once, so that it is far faster than RATE_LIMIT_PER_SECOND also where this is slow. */
static void a_flood_is_turned_away(void **state)
{
	struct fixture *f = ready(state);
	int fds[FLOOD], refused = 0;

	for (int sent = 0; !refused && sent < 20 * RATE_LIMIT_BURST; sent += FLOOD) {
		for (int i = 0; i < FLOOD; i++)
			fds[i] = peer_saying(f, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
		for (int i = 0; i < FLOOD; i++) {
			cc_auto_free char *got = hear(fds[i], NULL);

			refused += strstr(got, "HTTP/1.1 429 ") && strstr(got, "\"fact\":\"rate\"");
			close(fds[i]);
		}
		assert_true(!refused || sent + FLOOD > RATE_LIMIT_BURST);
	}
	assert_true(refused > 0);
}

static void slow_requests_end(void **state)
{
	struct fixture *f = ready(state);
	cc_auto_close int fd = peer(f);
	cc_auto_free char *got = NULL;

	/* A byte now and then does not keep it open. */
	say(fd, "GET /healthz");
	for (int i = 0; i < 2 * CONN_READ_S; i++) {
		struct pollfd p = {fd, POLLIN, 0};

		if (poll(&p, 1, 1000) == 1)
			break;
		say(fd, "x");
	}
	got = hear(fd, NULL);
	assert_non_null(strstr(got, "HTTP/1.1 408 "));
}

static void stop_ends_it_well(void **state)
{
	struct fixture *f = ready(state);

	send_len(f, message_put_plain(buf, MESSAGE_STOP));
	assert_int_equal(ended(f), 0);
}

static void a_lost_custodian_ends_it_with_an_error(void **state)
{
	struct fixture *f = ready(state);

	shutdown(f->link, SHUT_RDWR);
	assert_int_equal(ended(f), 1);
}

static void messages_out_of_turn_end_it_with_an_error(void **state)
{
	struct fixture *f = ready(state);

	answer(f, "unasked", 7, true);
	assert_int_equal(ended(f), 1);
}

static void malformed_messages_end_it_with_an_error(void **state)
{
	struct fixture *f = ready(state);

	memcpy(buf, "nonsense", 8);
	send_len(f, 8);
	assert_int_equal(ended(f), 1);
}

static void who_waits_for_a_change_hears_of_it_from_the_custodian(void **state)
{
	struct fixture *f = ready(state);
	cc_auto_close int a = peer(f), b = peer(f);
	cc_auto_free char *got_a = NULL, *got_b = NULL;

	say(a, "GET /v1/changes HTTP/1.1\r\nHost: x\r\n\r\n");
	say(b, "GET /v1/changes HTTP/1.1\r\nHost: x\r\n\r\n");
	do_request(f, "GET /v1/leases HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(silent(a) && silent(b));
	send_len(f, message_put_plain(buf, MESSAGE_CHANGED));
	got_a = hear(a, "}");
	got_b = hear(b, "}");
	assert_non_null(strstr(got_a, "{\"changed\":true}"));
	assert_non_null(strstr(got_b, "{\"changed\":true}"));
}

static void who_waits_may_hang_up(void **state)
{
	struct fixture *f = ready(state);

	for (int i = 0; i < 3; i++) {
		cc_auto_close int fd = peer(f);

		say(fd, "GET /v1/changes HTTP/1.1\r\nHost: x\r\n\r\n");
		assert_true(silent(fd));
	}
	send_len(f, message_put_plain(buf, MESSAGE_CHANGED));
	do_request(f, GET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		front_test(a_request_goes_to_the_custodian_and_its_answer_back),
		front_test(a_long_answer_comes_in_parts),
		front_test(requests_go_on_and_are_answered_in_the_order_they_came),
		front_test(the_custodian_has_a_bounded_number_of_requests),
		front_test(a_full_link_does_not_stop_the_front_from_taking_answers),
		front_test(a_peer_that_hung_up_does_not_get_anothers_answer),
		front_test(the_custodian_hears_of_each_connection_that_ended),
		cmocka_unit_test_setup_teardown(agents_are_not_served_what_is_an_administrators,
						setup_agents, teardown),
		front_test(a_flood_is_turned_away),
		front_test(slow_requests_end),
		front_test(stop_ends_it_well),
		front_test(a_lost_custodian_ends_it_with_an_error),
		front_test(messages_out_of_turn_end_it_with_an_error),
		front_test(malformed_messages_end_it_with_an_error),
		front_test(who_waits_for_a_change_hears_of_it_from_the_custodian),
		front_test(who_waits_may_hang_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
