/* SPDX-License-Identifier: Apache-2.0 */
/* keyd_front.h - a front over real sockets, with a custodian the test plays. */
#ifndef TEST_KEYD_FRONT_H
#define TEST_KEYD_FRONT_H

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

static inline int setup_plane(void **state, enum plane_bit plane)
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

static inline int setup(void **state)
{
	return setup_plane(state, PLANE_ADMIN);
}

static inline int setup_agents(void **state)
{
	return setup_plane(state, PLANE_AGENTS);
}

static inline int teardown(void **state)
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

static inline struct message any_from_front(struct fixture *f)
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
static inline struct message from_front(struct fixture *f)
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
static inline void wait_closed(struct fixture *f, uint64_t n)
{
	while (f->closed < n) {
		assert_int_equal(any_from_front(f).type, MESSAGE_CLOSED);
		f->closed++;
	}
}

static inline struct fixture *ready(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(from_front(f).type, MESSAGE_READY);
	return f;
}

static inline void send_len(struct fixture *f, size_t len)
{
	assert_int_equal(message_send(f->link, buf, len, -1, 0), 0);
}

static inline void answer(struct fixture *f, const char *text, size_t len, bool last)
{
	struct answer_part part = {200, TEXT_JSON, last, text, len};

	send_len(f, message_put_part(buf, &part));
}

/* Somebody connects: process @pid of user @uid. */
static inline int peer_of(struct fixture *f, uint32_t uid, uint32_t pid)
{
	struct connection c = {++f->last, {uid, uid, pid}};
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair),
			 0);
	assert_int_equal(message_send(f->link, buf, message_put_connect(buf, &c), pair[1], 0), 0);
	close(pair[1]);
	return pair[0];
}

static inline int peer(struct fixture *f)
{
	return peer_of(f, 0, (uint32_t)getpid());
}

static inline void say(int fd, const char *text)
{
	size_t len = strlen(text);

	assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Reads until @fd ends or @text is in what came; what came, malloced. */
static inline char *hear(int fd, const char *text)
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

static inline int ended(struct fixture *f)
{
	int status;

	assert_int_equal(waitpid(f->front, &status, 0), f->front);
	f->front = -1;
	close(f->link);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Somebody who has said @request before the front gets his connection. */
static inline int peer_saying(struct fixture *f, const char *request)
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

static inline bool silent(int fd)
{
	struct pollfd p = {fd, POLLIN, 0};

	return poll(&p, 1, 200) == 0;
}

/* Asks @request, which the custodian answers with 200. */
static inline void do_request(struct fixture *f, const char *request)
{
	cc_auto_close int fd = peer(f);
	cc_auto_free char *got = NULL;

	say(fd, request);
	assert_int_equal(from_front(f).type, MESSAGE_REQUEST);
	answer(f, "{}", 2, true);
	got = hear(fd, "{}");
	assert_non_null(strstr(got, "200 OK"));
}

#define front_test(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

#endif
