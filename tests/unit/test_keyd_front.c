// SPDX-License-Identifier: Apache-2.0
/* The front over a real socket, with a custodian the test plays. */
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
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "keyd/front/front.h"
#include "keyd/front/rate_limit.h"
#include "keyd/front/listen.h"
#include "keyd/message.h"

#define GET "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
#define WAIT_MS 20000

/* The front's process, and our end of its link. */
struct fixture {
	char dir[64], path[96];
	pid_t front;
	int link;
};

static unsigned char buf[MESSAGE_MAX];

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct cc_error err;
	int pair[2], listener;

	strcpy(f->dir, "/tmp/test-front-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/sock", f->dir);
	*state = f;
	f->front = -1;
	if (geteuid() != 0)
		return 0; /* the tests skip: the front serves root only */
	listener = listen_unix(f->path, &err);
	assert_true(listener >= 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	f->front = fork();
	if (f->front == 0) {
		struct front *front;
		int rc;

		close(pair[0]);
		signal(SIGPIPE, SIG_IGN);
		front = front_new(listener, pair[1], &err);
		rc = front ? front_run(front, &err) : -1;
		front_free(front);
		_exit(rc ? 1 : 0);
	}
	close(pair[1]);
	close(listener);
	f->link = pair[0];
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->front > 0) {
		close(f->link);
		kill(f->front, SIGKILL);
		waitpid(f->front, NULL, 0);
	}
	unlink(f->path);
	rmdir(f->dir);
	free(f);
	return 0;
}

/* The next message of the front. */
static struct message from_front(struct fixture *f)
{
	struct pollfd p = {f->link, POLLIN, 0};
	struct message m = {0};
	struct cc_error err;
	ssize_t n;

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	n = message_recv(f->link, buf);
	assert_true(n > 0);
	assert_int_equal(message_get(buf, (size_t)n, &m, &err), 0);
	return m;
}

static struct fixture *ready(void **state)
{
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(from_front(f).type, MESSAGE_READY);
	return f;
}

static void answer(struct fixture *f, const char *text, size_t len, bool last)
{
	struct answer_part part = {200, TEXT_JSON, last, text, len};

	assert_int_equal(message_send(f->link, buf, message_put_part(buf, &part)), 0);
}

static int peer(struct fixture *f)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, f->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	size_t len = strlen(text);

	assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Reads until @fd ends or @text is in what came; what came, malloced. */
static char *hear(int fd, const char *text)
{
	size_t len = 0, size = 1 << 22;
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
	assert_int_equal(m.request.peer, getpid());
	assert_string_equal(m.request.arg, "pgdata");
	assert_string_equal(m.request.channel, "unix");
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

static void connections_beyond_the_limit_wait(void **state)
{
	struct fixture *f = ready(state);
	cc_auto_free char *got = NULL;
	struct pollfd p = {f->link, POLLIN, 0};
	int fds[FRONT_CONNECTIONS], last;

	for (int i = 0; i < FRONT_CONNECTIONS; i++)
		fds[i] = peer(f);
	last = peer(f);
	say(last, GET);
	assert_int_equal(poll(&p, 1, 300), 0);
	close(fds[0]);
	assert_int_equal(from_front(f).request.op, OP_HEALTHZ);
	answer(f, "yes", 3, true);
	got = hear(last, "yes");
	assert_non_null(strstr(got, "yes"));
	for (int i = 1; i < FRONT_CONNECTIONS; i++)
		close(fds[i]);
	close(last);
}

static void a_flood_is_turned_away(void **state)
{
	struct fixture *f = ready(state);
	cc_auto_close int fd = peer(f);
	int served = 0;

	/* Far faster than RATE_LIMIT_PER_SECOND, even where this is slow. */
	for (;;) {
		cc_auto_free char *got = NULL;
		struct pollfd p[] = {{f->link, POLLIN, 0}, {fd, POLLIN, 0}};

		say(fd, GET);
		assert_true(poll(p, 2, WAIT_MS) > 0);
		if (!p[0].revents) {
			got = hear(fd, NULL);
			assert_non_null(strstr(got, "HTTP/1.1 429 "));
			assert_non_null(strstr(got, "\"fact\":\"rate\""));
			break;
		}
		from_front(f);
		answer(f, "yes", 3, true);
		got = hear(fd, "yes");
		assert_true(++served < 20 * RATE_LIMIT_BURST);
	}
	assert_true(served >= RATE_LIMIT_BURST);
}

static void slow_requests_end(void **state)
{
	struct fixture *f = ready(state);
	cc_auto_close int fd = peer(f);
	cc_auto_free char *got = NULL;

	/* A byte now and then does not keep it open. */
	say(fd, "GET /healthz");
	for (int i = 0; i < 2 * FRONT_READ_S; i++) {
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

	assert_int_equal(message_send(f->link, buf, message_put_plain(buf, MESSAGE_STOP)), 0);
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

	assert_int_equal(message_send(f->link, (const unsigned char *)"nonsense", 8), 0);
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

static void who_waits_for_a_change_hears_of_what_takes_a_lease_away(void **state)
{
	struct fixture *f = ready(state);
	cc_auto_close int a = peer(f), b = peer(f);
	cc_auto_free char *got_a = NULL, *got_b = NULL;

	say(a, "GET /v1/changes HTTP/1.1\r\nHost: x\r\n\r\n");
	say(b, "GET /v1/changes HTTP/1.1\r\nHost: x\r\n\r\n");
	do_request(f, "GET /v1/leases HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(silent(a) && silent(b));
	do_request(f, "DELETE /v1/identities/pgdata HTTP/1.1\r\nHost: x\r\n\r\n");
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
	do_request(f, "DELETE /v1/agents/host1 HTTP/1.1\r\nHost: x\r\n\r\n");
	do_request(f, GET);
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
		front_test(connections_beyond_the_limit_wait),
		front_test(a_flood_is_turned_away),
		front_test(slow_requests_end),
		front_test(who_waits_for_a_change_hears_of_what_takes_a_lease_away),
		front_test(who_waits_may_hang_up),
		front_test(stop_ends_it_well),
		front_test(a_lost_custodian_ends_it_with_an_error),
		front_test(messages_out_of_turn_end_it_with_an_error),
		front_test(malformed_messages_end_it_with_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
