/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer.h - who is at the other end of a Unix socket.
 */
#ifndef CC_PEER_H
#define CC_PEER_H

#include "error.h"

/**
 * peer_check - who connected to @fd may ask the agent: root, a process of the host.
 * Return: 0; -1 with CC_E_PERM and why not, or CC_E_INTERNAL.
 */
int peer_check(int fd, struct cc_error *err);

#endif
