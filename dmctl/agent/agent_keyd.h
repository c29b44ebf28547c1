/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_keyd.h - a connection to keyd that waits for a change (GET /v1/changes), and is made anew
 * for as long as the agent lives.
 */
#ifndef CC_AGENT_KEYD_H
#define CC_AGENT_KEYD_H

#include <event2/event.h>
#include <stdbool.h>

#include "error.h"

struct keyd_link;

/**
 * keyd_heard_fn - something may have changed.
 * @connected: the connection has just been made: of what changed before nothing is known. Else keyd
 *             answered; what the answer is does not matter.
 */
typedef void keyd_heard_fn(void *arg, bool connected);

/**
 * keyd_link_open - starts to listen at keyd_client_socket().
 * @heard: may be called before this returns
 * Return: free with keyd_link_close(); NULL with CC_E_NOMEM.
 */
struct keyd_link *keyd_link_open(struct event_base *base, keyd_heard_fn *heard, void *arg,
				 struct cc_error *err);

/* NULL is fine. */
void keyd_link_close(struct keyd_link *k);

#endif
