// SPDX-License-Identifier: Apache-2.0
/* Where keyd listens for agents of other hosts, and what it takes from whoever starts it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "keyd/front/listen_net.h"

static void an_address_with_a_port_is_listened_on(void **state)
{
	static const char *const good[] = {"127.0.0.1:0", "[::1]:0", "[::]:0"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		cc_auto_close int fd = -1;
		struct cc_error err;
		int on = 0;
		socklen_t len = sizeof(on);

		if (listen_net(good[i], &fd, &err))
			fail_msg("%s", err.text);
		assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		/* accepted ones inherit it: nothing of keyd sets it later */
		assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
		assert_int_equal(on, 1);
	}
}

static void anything_else_is_refused_by_name(void **state)
{
	static const char *const bad[] = {
		"",
		"8443",
		":8443",
		"127.0.0.1",
		"127.0.0.1:",
		"::1:8443",
		"[::1:8443",
		"[]:8443",
		"keyd.example:1",
		"127.0.0.1:x",
		"1.2.3:4:5",
		"127.0.0.1:99999999",
		"127.0.0.1:65537",
		"[127.0.0.1",
		"/run/keyd.sock",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct cc_error err = {0};
		int fd = -1;

		if (listen_net(bad[i], &fd, &err) == 0)
			fail_msg("\"%s\" is taken", bad[i]);
		assert_int_equal(fd, -1);
		assert_int_equal(err.code, CC_E_USAGE);
	}
}

static void nothing_passed_is_no_socket(void **state)
{
	struct cc_error err;
	int fd = 7;

	(void)state;
	unsetenv("LISTEN_FDS");
	assert_int_equal(listen_net(NULL, &fd, &err), 0);
	assert_int_equal(fd, -1);
}

static void only_a_listening_tcp_socket_is_adopted(void **state)
{
	cc_auto_close int unix_fd = socket(AF_UNIX, SOCK_STREAM, 0);
	cc_auto_close int udp = socket(AF_INET, SOCK_DGRAM, 0);
	cc_auto_close int mute = socket(AF_INET, SOCK_STREAM, 0);
	struct cc_error err = {0};

	(void)state;
	assert_int_equal(listen_net_adopt(unix_fd, &err), -1);
	assert_int_equal(err.code, CC_E_USAGE);
	assert_int_equal(listen_net_adopt(udp, &err), -1);
	assert_int_equal(listen_net_adopt(mute, &err), -1);
	assert_int_equal(listen(mute, 1), 0);
	assert_int_equal(listen_net_adopt(mute, &err), 0);
	assert_true(fcntl(mute, F_GETFL) & O_NONBLOCK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_with_a_port_is_listened_on),
		cmocka_unit_test(anything_else_is_refused_by_name),
		cmocka_unit_test(nothing_passed_is_no_socket),
		cmocka_unit_test(only_a_listening_tcp_socket_is_adopted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
