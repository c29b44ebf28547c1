/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_key.h - an agent's key, new for each group of tests.
 */
#ifndef CC_AGENT_KEY_TEST_H
#define CC_AGENT_KEY_TEST_H

#include "lib_test.h"

#include "jwk.h"
#include "secret.h"

#define HASH43 "IUrCNxHSRZQYHv4pl1q7RaPUQiWg7LWiMUBD6xpXUmc"

static json_t *agent, *agent_public;

/* A cmocka setup and teardown for the group. */
static inline int agent_new(void **state)
{
	struct cc_error err = {0};

	(void)state;
	if (cc_secret_heap_init(&err))
		return -1;
	agent = cc_jwk_new("host1", false, &err);
	agent_public = cc_jwk_public(agent, &err);
	return agent_public ? 0 : -1;
}

static inline int agent_forget(void **state)
{
	(void)state;
	json_decref(agent);
	json_decref(agent_public);
	return 0;
}

#endif
