/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer_check.h - who may ask the agent, by its own socket and by that of the volume plugin.
 */
#ifndef CC_PEER_CHECK_H
#define CC_PEER_CHECK_H

#include "error.h"

/**
 * peer_check - whoever connected to @fd may ask the agent: root, a process of the host.
 * Return: 0; -1 with CC_E_PERM and why not, or CC_E_INTERNAL.
 */
int peer_check(int fd, struct cc_error *err);

#endif
