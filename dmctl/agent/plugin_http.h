/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin_http.h - the volume plugin's socket, in the agent's loop: submits each request of an
 * engine to the queue, so that a worker does it, and hands the answer back.
 *
 * Errors are HTTP 500 with {"Err": "…"}: Docker shows that text for any status, Podman only for
 * others than 200.
 */
#ifndef CC_PLUGIN_HTTP_H
#define CC_PLUGIN_HTTP_H

#include <event2/event.h>

#include "error.h"

#define PLUGIN_SOCKET_NAME "container-crypt.sock"

struct plugin;
struct queue;

/**
 * plugin_open - makes the socket container-crypt.sock in @dir, which is made when it is missing.
 * Return: NULL with @err filled when that fails.
 */
struct plugin *plugin_open(struct event_base *base, const char *dir, struct queue *queue,
			   struct cc_error *err);

/* Removes the socket and drops the requests that wait. NULL is fine. */
void plugin_close(struct plugin *p);

#endif
