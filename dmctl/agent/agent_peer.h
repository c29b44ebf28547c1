/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_peer.h - the agent's socket (docs/api.md, "The agent's socket"): takes one request from
 * each connection, submits it to the queue and sends the answer back.
 */
#ifndef CC_AGENT_PEER_H
#define CC_AGENT_PEER_H

#include <event2/event.h>

#include "error.h"

struct events;
struct peers;
struct queue;

/**
 * peers_listen - makes the socket @path and listens. The caller holds the agent's lock: a socket
 * that is there already is a dead one.
 * @path: borrowed
 * @events: what those are told who follow
 * Return: free with peers_free(); NULL with @err filled.
 */
struct peers *peers_listen(struct event_base *base, const char *path, struct queue *queue,
			   struct events *events, struct cc_error *err);

/* Removes the socket. Who has a connection still gets an answer. NULL is fine. */
void peers_unlisten(struct peers *all);

/* The same, and hangs up on everybody. NULL is fine. */
void peers_free(struct peers *all);

#endif
