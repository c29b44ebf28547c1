// SPDX-License-Identifier: Apache-2.0
/* A front over real sockets, with a custodian the test plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "keyd/front/conn.h"
#include "keyd/front/front.h"
#include "keyd/front/rate_limit.h"
#include "keyd/message.h"

#define GET "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
#define WAIT_MS 20000
#define FLOOD 50 /* connections at once */

/* The front's process, our end of its link, and connections made and heard to be closed. */
struct fixture {
	pid_t front;
	int link;
	uint64_t last, closed;
};

static unsigned char buf[MESSAGE_MAX];

static int setup_plane(void **state, enum plane_bit plane)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct cc_error err;
	int pair[2];

	*state = f;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	f->front = fork();
	if (f->front == 0) {
		struct front *front;
		int rc;

		close(pair[0]);
		signal(SIGPIPE, SIG_IGN);
		front = front_new(plane, pair[1], &err);
		rc = front ? front_run(front, &err) : -1;
		front_free(front);
		_exit(rc ? 1 : 0);
	}
	close(pair[1]);
	f->link = pair[0];
	return 0;
}

static int setup(void **state)
{
	return setup_plane(state, PLANE_ADMIN);
}

static int setup_agents(void **state)
{
	return setup_plane(state, PLANE_AGENTS);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->front > 0) {
		close(f->link);
		kill(f->front, SIGKILL);
		waitpid(f->front, NULL, 0);
	}
	free(f);
	return 0;
}

static struct message any_from_front(struct fixture *f)
{
	struct pollfd p = {f->link, POLLIN, 0};
	struct message m = {0};
	struct cc_error err;
	ssize_t n;

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	n = message_recv(f->link, buf, NULL);
	assert_true(n > 0);
	assert_int_equal(message_get(buf, (size_t)n, &m, &err), 0);
	return m;
}

/* The next message of the front but for those that say that a connection was closed. */
static struct message from_front(struct fixture *f)
{
	for (;;) {
		struct message m = any_from_front(f);

		if (m.type != MESSAGE_CLOSED)
			return m;
		assert_in_range(m.connection.id, 1, f->last);
		f->closed++;
	}
}

/* Waits until the front has closed @n connections. */
static void wait_closed(struct fixture *f, uint64_t n)
{
	while (f->closed < n) {
		assert_int_equal(any_from_front(f).type, MESSAGE_CLOSED);
		f->closed++;
	}
}

static struct fixture *ready(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(from_front(f).type, MESSAGE_READY);
	return f;
}

static void send_len(struct fixture *f, size_t len)
{
	assert_int_equal(message_send(f->link, buf, len, -1, 0), 0);
}

static void answer(struct fixture *f, const char *text, size_t len, bool last)
{
	struct answer_part part = {200, TEXT_JSON, last, text, len};

	send_len(f, message_put_part(buf, &part));
}

/* Somebody connects. */
static int peer(struct fixture *f)
{
	struct connection c = {++f->last, {0, 0, (uint32_t)getpid()}};
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair),
			 0);
	assert_int_equal(message_send(f->link, buf, message_put_connect(buf, &c), pair[1], 0), 0);
	close(pair[1]);
	return pair[0];
}

static void say(int fd, const char *text)
{
	size_t len = strlen(text);

	assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Reads until @fd ends or @text is in what came; what came, malloced. */
static char *hear(int fd, const char *text)
{
	size_t len = 0, size = 1 << 20;
	char *all = calloc(1, size);

	while (len < size - 1 && !(text && strstr(all, text))) {
		struct pollfd p = {fd, POLLIN, 0};
		ssize_t n = poll(&p, 1, WAIT_MS) == 1 ? read(fd, all + len, size - 1 - len) : -1;

		if (n <= 0)
			break;
		len += (size_t)n;
	}
	return all;
}

static int ended(struct fixture *f)
{
	int status;

	assert_int_equal(waitpid(f->front, &status, 0), f->front);
	f->front = -1;
	close(f->link);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- what it promises ---- */

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

static void one_request_at_a_time_in_the_order_they_came(void **state)
{
	struct fixture *f = ready(state);
	cc_auto_close int first = peer(f), second = peer(f);
	cc_auto_free char *a = NULL, *b = NULL;
	struct pollfd p = {f->link, POLLIN, 0};

	say(first, GET);
	assert_int_equal(from_front(f).request.op, OP_HEALTHZ);
	say(second, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(poll(&p, 1, 200), 0);
	answer(f, "one", 3, true);
	assert_int_equal(from_front(f).request.op, OP_METRICS);
	answer(f, "two", 3, true);
	a = hear(first, "one");
	b = hear(second, "two");
	assert_non_null(strstr(a, "one"));
	assert_non_null(strstr(b, "two"));
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
	answer(f, "first", 5, true);
	assert_int_equal(from_front(f).request.op, OP_METRICS);
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

/* Somebody who has said @request before the front gets his connection. */
static int peer_saying(struct fixture *f, const char *request)
{
	struct connection c = {++f->last, {0, 0, (uint32_t)getpid()}};
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair),
			 0);
	say(pair[0], request);
	assert_int_equal(message_send(f->link, buf, message_put_connect(buf, &c), pair[1], 0), 0);
	close(pair[1]);
	return pair[0];
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

static bool silent(int fd)
{
	struct pollfd p = {fd, POLLIN, 0};

	return poll(&p, 1, 200) == 0;
}

/* Asks @request, which the custodian answers with 200. */
static void do_request(struct fixture *f, const char *request)
{
	cc_auto_close int fd = peer(f);
	cc_auto_free char *got = NULL;

	say(fd, request);
	assert_int_equal(from_front(f).type, MESSAGE_REQUEST);
	answer(f, "{}", 2, true);
	got = hear(fd, "{}");
	assert_non_null(strstr(got, "200 OK"));
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

#define front_test(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		front_test(a_request_goes_to_the_custodian_and_its_answer_back),
		front_test(a_long_answer_comes_in_parts),
		front_test(one_request_at_a_time_in_the_order_they_came),
		front_test(a_peer_that_hung_up_does_not_get_anothers_answer),
		front_test(the_custodian_hears_of_each_connection_that_ended),
		cmocka_unit_test_setup_teardown(agents_are_not_served_what_is_an_administrators,
						setup_agents, teardown),
		front_test(a_flood_is_turned_away),
		front_test(slow_requests_end),
		front_test(who_waits_for_a_change_hears_of_it_from_the_custodian),
		front_test(who_waits_may_hang_up),
		front_test(stop_ends_it_well),
		front_test(a_lost_custodian_ends_it_with_an_error),
		front_test(messages_out_of_turn_end_it_with_an_error),
		front_test(malformed_messages_end_it_with_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
