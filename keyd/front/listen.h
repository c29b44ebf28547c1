/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen.h - the listening Unix socket.
 */
#ifndef KEYD_LISTEN_H
#define KEYD_LISTEN_H

#include "error.h"

/**
 * listen_unix - listens at @path, mode 0600; its directory is made with mode 0711 if there is none,
 * and must be root's and writable for nobody else. A socket nobody listens on is replaced;
 * CC_E_BUSY if somebody does. Return: non-blocking descriptor, -1 on error.
 */
int listen_unix(const char *path, struct cc_error *err);

#endif
