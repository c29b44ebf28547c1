/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve.h - `keyd serve`: starts the fronts, becomes the custodian, serves until told to stop.
 *
 * The process that was started is the custodian; the fronts, one a plane, are its children, forked
 * before any key is in memory. When one of them is gone the others end as well: whoever supervises
 * keyd starts all again.
 */
#ifndef KEYD_SERVE_H
#define KEYD_SERVE_H

#include "error.h"

/*
 * Paths as in paths.h; agents are served beside @socket, see agents_socket.h; @anchor as
 * anchor_dir(); @user as confine_find_user(). @tls: a listening TCP socket for agents of other
 * hosts (front/listen_net.h), which is taken over; 0 for none.
 */
struct serve_options {
	const char *socket;
	const char *state_dir;
	const char *anchor;
	const char *kek;
	const char *user;
	int tls;
};

/* Return: 0 after SIGTERM or SIGINT; -1 with the reason. */
int serve(const struct serve_options *opts, struct cc_error *err);

#endif
