/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen_net.h - the listening socket for TLS: made by systemd, which has the network that keyd's
 * unit has not, or by keyd itself.
 */
#ifndef KEYD_LISTEN_NET_H
#define KEYD_LISTEN_NET_H

#include "error.h"

/**
 * listen_net - the socket.
 * @address: "192.0.2.7:8443", "[2001:db8::7]:8443", numeric, where to listen; NULL: what systemd
 * passed (sd_listen_fds(3)), if anything
 * @fd: out, non-blocking, close-on-exec; -1 where there is none
 */
int listen_net(const char *address, int *fd, struct cc_error *err);

/* Makes a listening TCP socket that came from elsewhere fit for keyd; CC_E_USAGE if it is none. */
int listen_net_adopt(int fd, struct cc_error *err);

#endif
