// SPDX-License-Identifier: Apache-2.0
/* Where keyd serves agents follows from where it serves administrators. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "agents_socket.h"
#include "paths.h"

static void it_is_beside_keyds_own_and_never_the_same(void **state)
{
	static const struct {
		const char *socket, *agents;
	} paths[] = {
		{CC_KEYD_SOCKET, "/run/container-crypt/keyd-agents.sock"},
		{"/tmp/a.sock/keyd", "/tmp/a.sock/keyd-agents"},
		{"keyd", "keyd-agents"},
		{".sock", ".sock-agents"},
		{"x.sock", "x-agents.sock"},
	};
	char out[CC_SOCKET_PATH_LEN];
	struct cc_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_equal(cc_agents_socket(paths[i].socket, out, &err), 0);
		assert_string_equal(out, paths[i].agents);
	}
}

static void one_that_no_socket_can_have_is_refused(void **state)
{
	char path[CC_SOCKET_PATH_LEN], out[CC_SOCKET_PATH_LEN];
	struct cc_error err;

	(void)state;
	memset(path, 'a', sizeof(path));
	path[CC_SOCKET_PATH_LEN - 1 - strlen("-agents")] = '\0';
	assert_int_equal(cc_agents_socket(path, out, &err), 0);
	assert_int_equal(strlen(out), CC_SOCKET_PATH_LEN - 1);
	path[CC_SOCKET_PATH_LEN - 1 - strlen("-agents")] = 'a';
	path[CC_SOCKET_PATH_LEN - strlen("-agents")] = '\0';
	assert_int_equal(cc_agents_socket(path, out, &err), -1);
	assert_int_equal(err.code, CC_E_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_beside_keyds_own_and_never_the_same),
		cmocka_unit_test(one_that_no_socket_can_have_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
