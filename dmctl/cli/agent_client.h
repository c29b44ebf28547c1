/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_client.h - requests to the host agent's socket (docs/api.md, "The agent's socket").
 */
#ifndef CC_AGENT_CLIENT_H
#define CC_AGENT_CLIENT_H

#include <sys/types.h>

#include "json.h"

/**
 * agent_request - sends @request (borrowed) and waits for the last answer.
 * @answer: out, new reference, also of an error object; NULL where none came; may be NULL
 * Return: 0; -1 with the agent's error object, or CC_E_UNREACHABLE and what to start.
 */
int agent_request(const char *socket_path, const json_t *request, json_t **answer,
		  struct cc_error *err);

/**
 * agent_bindings - all that is bound on this host, page after page.
 * @bindings: out, array, new reference
 */
int agent_bindings(const char *socket_path, json_t **bindings, struct cc_error *err);

/* The process of the agent that listens there, or -1. */
pid_t agent_pid(const char *socket_path);

/* One message of the agent's, borrowed. Return: false: no more is wanted. */
typedef bool agent_said_fn(void *arg, const json_t *message);

/**
 * agent_follow - sends @request (borrowed) and hands on what the agent says, until it ends
 * that with {"ok":true}, @said has had enough, or time is over.
 * @until_ms: by boottime_ms(); UINT64_MAX: never
 * Return: 0; 1 when time is over; -1 as agent_request().
 */
int agent_follow(const char *socket_path, const json_t *request, uint64_t until_ms,
		 agent_said_fn *said, void *arg, struct cc_error *err);

/* A binding or an event is of that container: by its name, its id or the beginning of that. */
bool agent_is_of_container(const json_t *obj, const char *container);

/* Tells the agent that keyd's volumes changed. Without an agent it does nothing. */
void agent_refresh(const char *socket_path);

#endif
