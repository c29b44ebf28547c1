/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bind.h - binding a volume to a container (docs/architecture.md, "The life of a docker run"). Runs
 * in a worker process of the agent, which holds the volume's lock.
 */
#ifndef CC_BIND_H
#define CC_BIND_H

#include "agent/agent_message.h"

/**
 * bind_volume - does what an AGENT_HOOK or AGENT_BIND request asks.
 * @answer: out, the success answer of the agent's socket; new reference
 *
 * Whatever fails, all earlier steps are undone in reverse before it returns; when an undo fails the
 * binding's file stays, in state "removing", for a later unbind_volume(). A volume that is bound to
 * this very container already is success.
 */
int bind_volume(const struct agent_message *request, json_t **answer, struct cc_error *err);

#endif
