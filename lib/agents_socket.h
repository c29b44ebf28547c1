/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agents_socket.h - where keyd serves agents, when its own socket is known.
 */
#ifndef CC_AGENTS_SOCKET_H
#define CC_AGENTS_SOCKET_H

#include "error.h"

#define CC_SOCKET_PATH_LEN 108 /* sun_path, unix(7) */

/**
 * cc_agents_socket - the path beside keyd's own: "/run/container-crypt/keyd.sock" gives
 * "/run/container-crypt/keyd-agents.sock".
 * Return: 0; -1 with CC_E_USAGE when that is too long for a socket.
 */
int cc_agents_socket(const char *socket, char out[static CC_SOCKET_PATH_LEN], struct cc_error *err);

#endif
