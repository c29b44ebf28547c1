// SPDX-License-Identifier: Apache-2.0
/* Messages between front and custodian: what is put in comes out, and nothing else is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keyd/message.h"

#define AFTER_AT 28 /* of the query's value in a REQUEST */
#define ARG_AT (AFTER_AT + OP_AFTER_LEN)

static unsigned char buf[MESSAGE_MAX];
static char body[MESSAGE_BODY_MAX];

static size_t put_request(size_t body_len)
{
	struct request rq = {
		.op = OP_RELEASE,
		.conn = 7,
		.paged = true,
		.after = "web:7",
		.arg = "pgdata",
		.plane = PLANE_ADMIN,
		.peer = 42,
		.channel = "unix",
		.body = body,
		.body_len = body_len,
	};

	memset(body, 'x', sizeof(body));
	return message_put_request(buf, &rq);
}

static void assert_bad(size_t len)
{
	/* In memory of its own, so that reading too far is noticed. */
	unsigned char *copy = malloc(len ? len : 1);
	struct cc_error err = {0};
	struct message m;

	memcpy(copy, buf, len);
	assert_int_equal(message_get(copy, len, &m, &err), -1);
	assert_int_equal(err.code, CC_E_INVALID);
	free(copy);
}

static void a_request_comes_out_as_it_went_in(void **state)
{
	static const size_t sizes[] = {0, 1, MESSAGE_BODY_MAX};
	struct cc_error err;
	struct message m;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		size_t len = put_request(sizes[i]);

		assert_int_equal(message_get(buf, len, &m, &err), 0);
		assert_int_equal(m.type, MESSAGE_REQUEST);
		assert_int_equal(m.request.op, OP_RELEASE);
		assert_int_equal(m.request.conn, 7);
		assert_true(m.request.paged);
		assert_string_equal(m.request.after, "web:7");
		assert_string_equal(m.request.arg, "pgdata");
		assert_int_equal(m.request.body_len, sizes[i]);
		assert_memory_equal(m.request.body, body, sizes[i]);
	}
}

static void a_request_says_neither_who_asks_nor_what_he_may(void **state)
{
	struct cc_error err;
	struct message m;

	(void)state;
	assert_int_equal(message_get(buf, put_request(3), &m, &err), 0);
	assert_int_equal(m.request.plane, 0);
	assert_int_equal(m.request.peer, 0);
	assert_string_equal(m.request.channel, "");
}

static void connections_come_out_as_they_went_in(void **state)
{
	const struct connection in = {UINT64_C(1) << 40, {1, 2, 3}};
	struct cc_error err;
	struct message m;
	size_t len;

	(void)state;
	assert_int_equal(message_get(buf, message_put_connect(buf, &in), &m, &err), 0);
	assert_int_equal(m.type, MESSAGE_CONNECT);
	assert_true(m.connection.id == in.id);
	assert_memory_equal(&m.connection.peer, &in.peer, sizeof(in.peer));
	assert_int_equal(message_get(buf, message_put_closed(buf, in.id), &m, &err), 0);
	assert_int_equal(m.type, MESSAGE_CLOSED);
	assert_true(m.connection.id == in.id);
	len = message_put_connect(buf, &in);
	for (size_t n = 0; n < len; n++)
		assert_bad(n);
	buf[len - 1] = 1;
	assert_bad(len);
	len = message_put_closed(buf, in.id);
	for (size_t n = 0; n < len; n++)
		assert_bad(n);
}

static void what_is_said_of_tls_comes_out_as_it_went_in(void **state)
{
	static unsigned char der[MESSAGE_CERT_MAX + 1];
	struct tls_keys keys = {der, der, der, 700, MESSAGE_CERT_MAX, 1};
	struct introduction in = {.conn = 7, .exporter = {1, 2}, .cert = der, .cert_len = 9};
	const struct barred barred = {UINT64_C(1) << 33, true};
	struct cc_error err;
	struct message m;
	size_t len;

	(void)state;
	len = message_put_tls(buf, &keys);
	assert_int_equal(message_get(buf, len, &m, &err), 0);
	assert_int_equal(m.type, MESSAGE_TLS);
	assert_int_equal(m.tls.ca_len, 700);
	assert_int_equal(m.tls.cert_len, MESSAGE_CERT_MAX);
	assert_ptr_equal(m.tls.key + m.tls.key_len, buf + len);
	assert_bad(len - 1);
	assert_bad(len + 1);
	keys.key_len = 0;
	assert_bad(message_put_tls(buf, &keys));
	keys.key_len = MESSAGE_CERT_MAX + 1;
	assert_bad(message_put_tls(buf, &keys));

	len = message_put_peer(buf, &in);
	assert_int_equal(message_get(buf, len, &m, &err), 0);
	assert_int_equal(m.introduction.conn, 7);
	assert_int_equal(m.introduction.cert_len, 9);
	assert_memory_equal(m.introduction.exporter, in.exporter, sizeof(in.exporter));
	in.cert_len = 0;
	len = message_put_peer(buf, &in);
	assert_int_equal(message_get(buf, len, &m, &err), 0);
	assert_null(m.introduction.cert);
	for (size_t n = 0; n < len; n++)
		assert_bad(n);
	in.cert_len = MESSAGE_CERT_MAX + 1;
	assert_bad(message_put_peer(buf, &in));

	len = message_put_barred(buf, &barred);
	assert_int_equal(message_get(buf, len, &m, &err), 0);
	assert_true(m.barred.conn == barred.conn && m.barred.now);
	for (size_t n = 0; n < len; n++)
		assert_bad(n);
	buf[len - 8] = 2;
	assert_bad(len);
}

static void a_part_comes_out_as_it_went_in(void **state)
{
	struct answer_part part = {.http = 403,
				   .type = TEXT_JSON,
				   .last = true,
				   .text = body,
				   .len = MESSAGE_PART_MAX};
	struct cc_error err;
	struct message m;

	(void)state;
	assert_int_equal(message_get(buf, message_put_part(buf, &part), &m, &err), 0);
	assert_int_equal(m.type, MESSAGE_ANSWER);
	assert_int_equal(m.part.http, 403);
	assert_true(m.part.last);
	assert_int_equal(m.part.len, MESSAGE_PART_MAX);
}

static void plain_messages_have_nothing_behind_them(void **state)
{
	struct cc_error err;
	struct message m;
	size_t len;

	(void)state;
	len = message_put_plain(buf, MESSAGE_READY);
	assert_int_equal(message_get(buf, len, &m, &err), 0);
	assert_int_equal(m.type, MESSAGE_READY);
	len = message_put_plain(buf, MESSAGE_STOP);
	assert_int_equal(message_get(buf, len, &m, &err), 0);
	assert_int_equal(m.type, MESSAGE_STOP);
	buf[8] = 1; /* claims a byte, and has it */
	assert_bad(len + 1);
}

static void every_shorter_message_is_refused(void **state)
{
	size_t len = put_request(5);

	(void)state;
	for (size_t n = 0; n < len; n++)
		assert_bad(n);
}

static void longer_messages_are_refused(void **state)
{
	size_t len = put_request(5);

	(void)state;
	assert_bad(len + 1);
	assert_bad(MESSAGE_MAX);
	/* A body larger than the largest, with a head that says so. */
	len = put_request(MESSAGE_BODY_MAX);
	{
		uint32_t claim = (uint32_t)(len + 1 - 12);

		memcpy(buf + 8, &claim, sizeof(claim));
	}
	assert_bad(len + 1);
}

static void unknown_types_and_heads_are_refused(void **state)
{
	static const unsigned char types[] = {0, MESSAGE_BARRED + 1, 255};
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(types); i++) {
		len = message_put_plain(buf, MESSAGE_READY);
		buf[4] = types[i];
		assert_bad(len);
	}
	for (size_t i = 0; i < 8; i++) {
		len = put_request(0);
		buf[i] ^= 0x80;
		assert_bad(len);
	}
}

static void unknown_operations_are_refused(void **state)
{
	static const uint32_t ops[] = {0, OP_END, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		size_t len = put_request(0);

		memcpy(buf + 12, &ops[i], sizeof(ops[i]));
		assert_bad(len);
	}
}

static void texts_end_and_have_nothing_behind_their_end(void **state)
{
	size_t len = put_request(0);

	(void)state;
	memset(buf + ARG_AT, 'a', OP_ARG_LEN);
	assert_bad(len);
	len = put_request(0);
	buf[ARG_AT + OP_ARG_LEN - 2] = 'a';
	assert_bad(len);
	len = put_request(0);
	memset(buf + AFTER_AT, 'a', OP_AFTER_LEN);
	assert_bad(len);
	len = put_request(0);
	buf[AFTER_AT + OP_AFTER_LEN - 2] = 'a';
	assert_bad(len);
}

static void parts_with_impossible_values_are_refused(void **state)
{
	static const struct answer_part bad[] = {
		{.http = 99, .type = TEXT_JSON, .text = ""},
		{.http = 600, .type = TEXT_JSON, .text = ""},
		{.http = 200, .type = (enum text_type)0, .text = ""},
		{.http = 200, .type = (enum text_type)3, .text = ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_bad(message_put_part(buf, &bad[i]));
}

static void packets_keep_their_borders_and_a_cut_one_is_noticed(void **state)
{
	static unsigned char big[MESSAGE_MAX + 1], in[MESSAGE_MAX];
	size_t len = put_request(MESSAGE_BODY_MAX);
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(message_send(pair[0], buf, len, -1, 0), 0);
	assert_int_equal(message_send(pair[0], buf, 12, -1, 0), 0);
	assert_int_equal(message_recv(pair[1], in, NULL), len);
	assert_int_equal(message_recv(pair[1], in, NULL), 12);
	assert_int_equal(message_send(pair[0], big, sizeof(big), -1, 0), 0);
	assert_int_equal(message_recv(pair[1], in, NULL), -1);
	assert_int_equal(errno, EMSGSIZE);
	close(pair[0]);
	assert_int_equal(message_recv(pair[1], in, NULL), 0);
	assert_int_equal(message_send(pair[1], buf, 12, -1, 0), -1);
	close(pair[1]);
}

static void a_descriptor_comes_only_where_one_is_expected(void **state)
{
	static unsigned char in[MESSAGE_MAX];
	size_t len = message_put_plain(buf, MESSAGE_READY);
	int pair[2], pipe_fds[2], passed = -1;
	char c = 0;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(pipe(pipe_fds), 0);
	assert_int_equal(message_send(pair[0], buf, len, pipe_fds[1], 0), 0);
	assert_int_equal(message_recv(pair[1], in, &passed), len);
	assert_int_equal(write(passed, "x", 1), 1);
	assert_int_equal(read(pipe_fds[0], &c, 1), 1);
	close(passed);
	assert_int_equal(message_send(pair[0], buf, len, -1, 0), 0);
	assert_int_equal(message_recv(pair[1], in, &passed), len);
	assert_int_equal(passed, -1);
	assert_int_equal(message_send(pair[0], buf, len, pipe_fds[1], 0), 0);
	assert_int_equal(message_recv(pair[1], in, NULL), -1);
	assert_int_equal(errno, EMSGSIZE);
	/* It was not kept: the pipe has no writer any more. */
	close(pipe_fds[1]);
	assert_int_equal(read(pipe_fds[0], &c, 1), 0);
	close(pipe_fds[0]);
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_comes_out_as_it_went_in),
		cmocka_unit_test(a_request_says_neither_who_asks_nor_what_he_may),
		cmocka_unit_test(connections_come_out_as_they_went_in),
		cmocka_unit_test(what_is_said_of_tls_comes_out_as_it_went_in),
		cmocka_unit_test(a_part_comes_out_as_it_went_in),
		cmocka_unit_test(plain_messages_have_nothing_behind_them),
		cmocka_unit_test(every_shorter_message_is_refused),
		cmocka_unit_test(longer_messages_are_refused),
		cmocka_unit_test(unknown_types_and_heads_are_refused),
		cmocka_unit_test(unknown_operations_are_refused),
		cmocka_unit_test(texts_end_and_have_nothing_behind_their_end),
		cmocka_unit_test(parts_with_impossible_values_are_refused),
		cmocka_unit_test(packets_keep_their_borders_and_a_cut_one_is_noticed),
		cmocka_unit_test(a_descriptor_comes_only_where_one_is_expected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
