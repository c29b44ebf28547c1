// SPDX-License-Identifier: Apache-2.0
#include "agents_socket.h"

#include <stdio.h>
#include <string.h>

#define SUFFIX ".sock"

int cc_agents_socket(const char *socket, char out[static CC_SOCKET_PATH_LEN], struct cc_error *err)
{
	const size_t suffix = sizeof(SUFFIX) - 1;
	size_t len = strlen(socket), stem = len;
	int n;

	if (len > suffix && !strcmp(socket + len - suffix, SUFFIX))
		stem -= suffix;
	n = snprintf(out, CC_SOCKET_PATH_LEN, "%.*s-agents%s", (int)stem, socket, socket + stem);
	if (n < CC_SOCKET_PATH_LEN)
		return 0;
	return cc_fail(err, CC_E_USAGE,
		       "socket path %s with \"-agents\" in it is longer than %d bytes", socket,
		       CC_SOCKET_PATH_LEN - 1);
}
