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

/* Somebody connects: process @pid of user @uid. */
static int peer_of(struct fixture *f, uint32_t uid, uint32_t pid)
{
	struct connection c = {++f->last, {uid, uid, pid}};
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair),
			 0);
	assert_int_equal(message_send(f->link, buf, message_put_connect(buf, &c), pair[1], 0), 0);
	close(pair[1]);
	return pair[0];
}

static int peer(struct fixture *f)
{
	return peer_of(f, 0, (uint32_t)getpid());
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

/* ---- many at once ---- */

/* Asks and is answered over @fd. */
static void assert_served(struct fixture *f, int fd)
{
	cc_auto_free char *got = NULL;

	say(fd, GET);
	assert_int_equal(from_front(f).request.op, OP_HEALTHZ);
	answer(f, "yes", 3, true);
	got = hear(fd, "yes");
	assert_non_null(strstr(got, "yes"));
}

/* The peer of @fd was hung up on, without an answer. */
static bool closed_on(int fd)
{
	struct pollfd p = {fd, POLLIN, 0};
	char c;

	return poll(&p, 1, 0) == 1 && read(fd, &c, 1) <= 0;
}

static void close_all(const int *fds, int n)
{
	for (int i = 0; i < n; i++)
		close(fds[i]);
}

static void who_is_idle_makes_room_the_longest_first(void **state)
{
	struct fixture *f = ready(state);
	int fds[FRONT_CONNECTIONS + 2];

	for (int i = 0; i < FRONT_CONNECTIONS + 2; i++) {
		fds[i] = peer(f);
		assert_served(f, fds[i]);
	}
	wait_closed(f, 2);
	assert_true(closed_on(fds[0]) && closed_on(fds[1]));
	for (int i = 2; i < FRONT_CONNECTIONS + 2; i++)
		assert_false(closed_on(fds[i]));
	close_all(fds, FRONT_CONNECTIONS + 2);
}

/* A request that is begun and not ended does not hold a place for ever. */
static void who_dawdles_makes_room_too(void **state)
{
	struct fixture *f = ready(state);
	cc_auto_close int other = peer_of(f, 7, 1);
	int fds[FRONT_CONNECTIONS - 1];

	for (int i = 0; i < FRONT_CONNECTIONS - 1; i++) {
		fds[i] = peer(f);
		say(fds[i], "GET /healthz");
	}
	assert_served(f, other); /* by now all that was said has been read */
	assert_served(f, other);
	{
		cc_auto_close int fd = peer(f);

		assert_served(f, fd);
	}
	wait_closed(f, 1);
	assert_true(closed_on(fds[0]));
	assert_false(closed_on(fds[FRONT_CONNECTIONS - 2]));
	close_all(fds, FRONT_CONNECTIONS - 1);
}

static void who_waits_for_the_custodian_is_not_closed(void **state)
{
	struct fixture *f = ready(state);
	int fds[FRONT_CONNECTIONS + 3];

	for (int i = 0; i < FRONT_CONNECTIONS + 3; i++)
		fds[i] = peer_saying(f, GET);
	assert_int_equal(from_front(f).request.conn, 1);
	for (int i = 0; i < FRONT_CONNECTIONS + 3; i++) {
		cc_auto_free char *got = NULL;

		answer(f, "yes", 3, true);
		got = hear(fds[i], "yes");
		assert_non_null(strstr(got, "yes"));
		if (i < FRONT_CONNECTIONS + 2)
			assert_int_equal(from_front(f).request.conn, i + 2);
	}
	close_all(fds, FRONT_CONNECTIONS + 3);
}

static void one_user_makes_room_for_another_and_not_the_other_way_round(void **state)
{
	struct fixture *f = ready(state);
	cc_auto_close int mine = peer_of(f, 7, 1);
	int fds[3 * FRONT_CONNECTIONS];

	assert_served(f, mine); /* idle for longer than all others */
	for (int i = 0; i < 3 * FRONT_CONNECTIONS; i++)
		fds[i] = peer_of(f, 8, 1000 + (uint32_t)i);
	wait_closed(f, 2 * FRONT_CONNECTIONS + 1);
	assert_served(f, mine);
	close_all(fds, 3 * FRONT_CONNECTIONS);
}

static void one_process_makes_room_for_another(void **state)
{
	struct fixture *f = ready(state);
	cc_auto_close int mine = peer_of(f, 0, 1);
	int fds[3 * FRONT_CONNECTIONS];

	assert_served(f, mine);
	for (int i = 0; i < 3 * FRONT_CONNECTIONS; i++)
		fds[i] = peer_of(f, 0, 2);
	wait_closed(f, 2 * FRONT_CONNECTIONS + 1);
	assert_served(f, mine);
	close_all(fds, 3 * FRONT_CONNECTIONS);
}

/* Each is a process of its own. */
static int waiting_for_a_change(struct fixture *f, uint32_t uid)
{
	int fd = peer_of(f, uid, 1000 + (uint32_t)f->last);

	say(fd, "GET /v1/changes HTTP/1.1\r\nHost: x\r\n\r\n");
	return fd;
}

static void who_waits_for_a_change_takes_nobodys_place(void **state)
{
	struct fixture *f = ready(state);
	cc_auto_close int first = peer(f);
	int fds[FRONT_HELD + 1];
	cc_auto_free char *got = NULL;

	assert_served(f, first);
	for (int i = 0; i < FRONT_HELD; i++) {
		fds[i] = waiting_for_a_change(f, i < FRONT_HELD - 50 ? 2000 : 2001);
		if (i % 32 == 0)
			assert_served(f, first); /* what was said has been read */
	}
	assert_served(f, first);
	assert_true(silent(fds[0]) && silent(fds[FRONT_HELD - 1]));
	/* One too many: the first of the user who has most is told to ask again. */
	fds[FRONT_HELD] = waiting_for_a_change(f, 2001);
	got = hear(fds[0], "}");
	assert_non_null(strstr(got, "{\"changed\":false}"));
	assert_served(f, first);
	assert_true(silent(fds[1]));
	close_all(fds, FRONT_HELD + 1);
}

#define front_test(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

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
		front_test(who_is_idle_makes_room_the_longest_first),
		front_test(who_dawdles_makes_room_too),
		front_test(who_waits_for_the_custodian_is_not_closed),
		front_test(one_user_makes_room_for_another_and_not_the_other_way_round),
		front_test(one_process_makes_room_for_another),
		front_test(who_waits_for_a_change_takes_nobodys_place),
		front_test(who_waits_for_a_change_hears_of_it_from_the_custodian),
		front_test(who_waits_may_hang_up),
		front_test(stop_ends_it_well),
		front_test(a_lost_custodian_ends_it_with_an_error),
		front_test(messages_out_of_turn_end_it_with_an_error),
		front_test(malformed_messages_end_it_with_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
